//! Why a command fails. Each message says what happened and what to do.

use std::error::Error as _;
use std::path::PathBuf;

use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use shared::aws::sdk::{FailedCall, advice};
use shared::aws::secret_store::SecretStoreError;
use shared::aws::storage_error::StorageError;
use shared::domain::clock::Timestamp;
use shared::domain::secret_fault::SecretFault;
use shared::domain::session::SessionId;
use shared::domain::tenant::TenantId;
use shared::environment::WrongEnvironment;
use shared::http::ClientError;
use shared::settings::SettingFault;
use shared::token::access::AccessError;

use crate::tenant_file::SyntaxFaults;

/// Why a command failed. Its message is for the operator and holds no secret.
#[derive(Debug, thiserror::Error)]
#[expect(
    missing_docs,
    reason = "each variant's message says what happened and what to do"
)]
pub enum AdminError {
    #[error("{} is not a tenant file:\n{faults}", path.display())]
    TenantFile { path: PathBuf, faults: SyntaxFaults },
    #[error("{} cannot be read: {source}", path.display())]
    File {
        path: PathBuf,
        source: std::io::Error,
    },
    #[error("there is no tenant {0}; `rescue-connector tenant apply FILE` creates one")]
    NoSuchTenant(TenantId),
    #[error(
        "this release cannot read the item of tenant {0} in the tenants table; use the release that wrote it, or a later one"
    )]
    UnreadableTenant(TenantId),
    #[error(
        "another operator changed tenant {0} in the meantime; nothing was written. Look at the tenant, then apply again or \
         repeat the command"
    )]
    Conflict(TenantId),
    #[error(
        "tenant {tenant} is switched off but not deleted: after {waited} s {}. Repeat the command later, or delete it \
         with --now: posts that are not delivered then become dead letters",
        undelivered(tenant, *posts)
    )]
    StillDelivering {
        tenant: TenantId,
        posts: usize,
        waited: u64,
    },
    #[error(
        "tenant {tenant} has two live {kind} keys already ({ids}); retire the old one first: \
         `rescue-connector keys retire {tenant} ID`"
    )]
    TwoKeys {
        tenant: TenantId,
        kind: String,
        ids: String,
    },
    #[error(
        "secret {secret} belongs to another stack, whose function {function} renews it; nothing was written. Stacks in one \
         account and region need different SecretPrefix parameters. If that stack is gone: `aws secretsmanager cancel-rotate-secret \
         --secret-id {secret}`, then apply again"
    )]
    SecretOfAnotherStack { secret: String, function: String },
    #[error(
        "the settings of tenant {0} are changed in ServiceNow. `rescue-connector tenant export {0}` writes them as a file; with \
         --take-over the file is applied, and ServiceNow cannot change settings any more"
    )]
    ManagedInServiceNow(TenantId),
    #[error(
        "there is no tenant {0} yet; name its instance with --instance https://NAME.service-now.com"
    )]
    NeedsInstance(TenantId),
    #[error(
        "the instance of tenant {0} is {1}; leave --instance out, or correct it with `tenant set`"
    )]
    OtherInstance(TenantId, String),
    #[error("--from is not before --to")]
    EmptyPeriod,
    #[error("{0}")]
    Report(String),
    #[error(
        "Rescue makes a report for a user: name a technician's SSO id with --technician or in rescue.report_technician, or set \
         the secret rescue-api-token of \
         tenant {0}"
    )]
    ReportTechnician(TenantId),
    #[error(
        "tenant {other} works with the same Rescue account as {tenant}: name the technicians, technician groups or channels \
         of {tenant} with --node or in rescue.report_nodes, or the other tenant's sessions would count as missed"
    )]
    SharedRescueAccount { tenant: TenantId, other: TenantId },
    #[error(
        "the ledger holds no posts before {0}: sessions that were posted then would be written once more. Begin later, or add \
         --beyond-ledger if none was posted then, such as in the time before the connector"
    )]
    BeyondLedger(Timestamp),
    #[error(
        "nothing was written: tenant {other} works with the same Rescue account as {tenant}. While sessions are compared \
         (rescue.reconcile), rescue.report_nodes has to name the technicians, technician groups or channels of {tenant}, or the \
         other tenant's sessions would count as missed"
    )]
    NeedsReportNodes { tenant: TenantId, other: TenantId },
    #[error("the stack's output ApiUrl is needed for the link; name the stack with --stack")]
    NoApiUrl,
    #[error("{}", faults(.0))]
    InvalidSettings(Vec<SettingFault>),
    #[error("{0:?} is no JSON pointer such as /sessions/publish")]
    Pointer(String),
    #[error("tenant {tenant} has no live key {key}; it has {live}")]
    NoSuchKey {
        tenant: TenantId,
        key: String,
        live: String,
    },
    #[error(
        "the ledger has no session {session} of tenant {tenant}: no delivery was tried within the last 90 days; \
         `rescue-connector sessions list {tenant}` lists the sessions it has"
    )]
    NoSuchSession {
        tenant: TenantId,
        session: SessionId,
    },
    #[error(
        "the service account of tenant {tenant} sees {} with the number {number} in ServiceNow. Check the number, and that the account \
         may read the column number of table {table}.",
        if *.several { "several records" } else { "no record" }
    )]
    NoSuchRecord {
        tenant: TenantId,
        number: String,
        table: String,
        several: bool,
    },
    #[error(
        "{number} is not one record number of a table of {tenant}: numbers begin with {}",
        prefixes.join(", ")
    )]
    UnknownNumber {
        tenant: TenantId,
        number: String,
        prefixes: Vec<String>,
    },
    #[error(
        "{number} cannot be looked up in ServiceNow: {reason}. `rescue-connector doctor {tenant}` says what to do."
    )]
    ServiceNow {
        tenant: TenantId,
        number: String,
        reason: String,
    },
    #[error(
        "the dead-letter queue returns no message {0}: it was deleted, or another consumer has received it; try again in a \
         minute"
    )]
    NoSuchDeadLetter(String),
    #[error("another file of the folder describes tenant {0} too; neither was applied")]
    SameTenant(TenantId),
    #[error("{} has no *.toml files", .0.display())]
    EmptyFolder(PathBuf),
    #[error("nothing was changed: {0}")]
    NotConfirmed(&'static str),
    #[error("secret {0} does not exist; applying the tenant file again creates it")]
    NoSecret(String),
    #[error(
        "secret {0} does not hold a JSON object; put one there (at least {{}}) before anything else"
    )]
    MalformedSecret(String),
    #[error("{} Nothing was changed.{}", .0, .0.way_out())]
    SecretText(#[from] SecretFault),
    #[error("the secret is set, but waiting deliveries may wait for up to another hour: {0}")]
    StillPaused(#[source] Box<Self>),
    #[error(
        "nothing was changed: secret {0} has no rotation schedule; apply the tenant file with a stack that has the output \
         RotateTokensFunctionArn"
    )]
    NoRotation(String),
    #[error(
        "the stack's output RotateTokensFunctionArn, which names the function that renews refresh tokens, is not known; \
         name the stack with --stack"
    )]
    NoRotationFunction,
    #[error(
        "nothing was changed: version {version} of secret {secret} has the label AWSPENDING, and no rotation of this \
         connector created it, so Secrets Manager starts no rotation. Remove the label, then repeat the command: `{}`",
        remove_pending_label(secret, version)
    )]
    ForeignPending { secret: String, version: String },
    #[error("nothing was changed: the grant of tenant {0} needs no refresh token")]
    NoToken(TenantId),
    #[error(
        "nothing was changed: tenant {0} has no refresh token yet; hand one over from ServiceNow, or \
         `rescue-connector secrets set {0} refresh-token`"
    )]
    NoTokenYet(TenantId),
    #[error(
        "an earlier rotation of tenant {0}'s token has not finished. Secrets Manager retries it, and the requested renewal \
         stays recorded; see the log of rotate-tokens for the reason"
    )]
    RotationBusy(TenantId),
    #[error(
        "the token of tenant {tenant} is not renewed after {waited} s; the old one stays in use, and Secrets Manager \
         retries. See the log of rotate-tokens for the reason, and `rescue-connector token status {tenant}`"
    )]
    RotationUnfinished { tenant: TenantId, waited: u64 },
    #[error("the credentials table cannot be used: {0}")]
    Lease(#[from] StorageError),
    #[error("the token was not renewed: {0}")]
    NotRenewed(#[source] AccessError),
    #[error("nothing was changed: the tenant's token is being renewed; try again in a minute")]
    TokenInUse,
    #[error("{0}")]
    Environment(#[from] WrongEnvironment),
    #[error("no AWS region: set AWS_REGION, or choose a profile that has one with AWS_PROFILE")]
    NoRegion,
    #[error(
        "there is no stack {0} in this region; name it with --stack, choose another region with AWS_REGION, \
         or set the variables of the functions (TENANTS_TABLE, …)"
    )]
    NoStack(String),
    #[error(
        "stack {stack} has no output {missing}; deploy the current template, or set {variables}"
    )]
    NoOutput {
        stack: String,
        missing: String,
        variables: String,
    },
    #[error("{action} on {resource} failed: {reason}{advice}")]
    Aws {
        action: String,
        resource: String,
        reason: String,
        advice: String,
    },
    #[error(transparent)]
    HttpClient(#[from] ClientError),
    #[error("the terminal, or the file or program in its place, failed: {0}")]
    Terminal(#[from] std::io::Error),
    #[error(
        "standard output failed ({0}): new keys may not have been shown, and they are stored nowhere. \
         `rescue-connector keys rotate TENANT webhook` and `… api` create new ones. The remaining files of a folder were \
         not applied: run the command again"
    )]
    KeysNotShown(#[source] std::io::Error),
    #[error("the system returned no random bytes: {0}")]
    Random(#[from] getrandom::Error),
    #[error("a setting cannot be written as JSON: {0}")]
    Json(#[from] serde_json::Error),
}

impl AdminError {
    /// The failure of a command whose answer may hold new keys.
    pub(crate) fn with_keys(self) -> Self {
        match self {
            Self::Terminal(error) => Self::KeysNotShown(error),
            other => other,
        }
    }

    /// A failed call of `action` (as IAM names it) on `resource`.
    pub(crate) fn aws<E, R>(action: &str, resource: &str, error: &SdkError<E, R>) -> Self
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
        R: std::fmt::Debug + 'static,
    {
        let mut reason = shared::aws::sdk::reason(error);
        if matches!(error, SdkError::DispatchFailure(_)) && names_credentials(error) {
            "no AWS credentials".clone_into(&mut reason);
        }
        Self::failed(action, resource, reason)
    }

    /// A failed call of which only the reason is known.
    pub(crate) fn failed(action: &str, resource: &str, reason: String) -> Self {
        let advice = format!("; {}", advice(action, resource, &reason));
        Self::Aws {
            action: action.to_owned(),
            resource: resource.to_owned(),
            reason,
            advice,
        }
    }
}

fn faults(faults: &[SettingFault]) -> String {
    let named = faults
        .iter()
        .map(|fault| format!("{}: {}", fault.pointer, fault.message));
    named.collect::<Vec<_>>().join("\n")
}

impl From<SecretStoreError> for AdminError {
    fn from(error: SecretStoreError) -> Self {
        match error {
            SecretStoreError::Missing(secret) => Self::NoSecret(secret),
            SecretStoreError::Malformed(secret) => Self::MalformedSecret(secret),
            SecretStoreError::Unavailable(call) => call.into(),
        }
    }
}

impl From<AccessError> for AdminError {
    fn from(error: AccessError) -> Self {
        match error {
            AccessError::Storage(StorageError::Call(call)) => call.into(),
            error => Self::NotRenewed(error),
        }
    }
}

impl From<FailedCall> for AdminError {
    fn from(call: FailedCall) -> Self {
        Self::failed(&call.action(), &call.resource, call.reason)
    }
}

/// The command that removes the label `AWSPENDING` from a version.
pub(crate) fn remove_pending_label(secret: &str, version: &str) -> String {
    format!(
        "aws secretsmanager update-secret-version-stage --secret-id {secret} --version-stage AWSPENDING \
         --remove-from-version-id {version}"
    )
}

fn undelivered(tenant: &TenantId, posts: usize) -> String {
    match posts {
        0 => "functions may still accept posts".to_owned(),
        posts => format!(
            "{posts} of its posts still wait (`rescue-connector sessions list {tenant} --state waiting`)"
        ),
    }
}

fn names_credentials<E, R>(error: &SdkError<E, R>) -> bool
where
    E: std::error::Error + 'static,
    R: std::fmt::Debug + 'static,
{
    let mut cause = error.source();
    while let Some(error) = cause {
        if error.to_string().contains("credentials") {
            return true;
        }
        cause = error.source();
    }
    false
}

#[cfg(test)]
mod tests {
    use aws_sdk_dynamodb::operation::get_item::GetItemError;
    use aws_sdk_secretsmanager::operation::put_secret_value::PutSecretValueError;
    use aws_smithy_types::error::ErrorMetadata;

    use super::*;

    fn refused<E>(kind: &str, name: &str, error: E) -> FailedCall
    where
        E: ProvideErrorMetadata,
    {
        shared::aws::sdk::failure(kind, name, &SdkError::service_error(error, ()))
    }

    #[test]
    fn a_failure_of_the_token_store_names_the_call_that_failed() {
        let denied = ErrorMetadata::builder()
            .code("AccessDeniedException")
            .build();
        for (call, expected) in [
            (
                refused(
                    "table",
                    "credentials",
                    GetItemError::generic(denied.clone()),
                ),
                "your role needs the permission dynamodb:GetItem on table credentials",
            ),
            (
                refused("secret", "acme: a, b", PutSecretValueError::generic(denied)),
                "your role needs the permission secretsmanager:PutSecretValue on secret acme: a, b",
            ),
        ] {
            let access = AdminError::from(AccessError::Storage(StorageError::Call(call.clone())));
            let stored = AdminError::from(SecretStoreError::Unavailable(call));
            for error in [access.to_string(), stored.to_string()] {
                assert!(error.contains(expected), "{error}");
            }
        }
    }

    #[test]
    fn a_failure_that_is_no_call_names_no_permission() {
        let failure = "the token a b, c: d cannot be written";
        for (failed, expected) in [
            (
                AccessError::Storage(StorageError::Other(failure.to_owned())),
                format!("the token was not renewed: {failure}"),
            ),
            (
                AccessError::ReauthorizationNeeded(failure.to_owned()),
                format!("the token was not renewed: reauthorization-needed: {failure}"),
            ),
        ] {
            assert_eq!(AdminError::from(failed).to_string(), expected);
        }
    }
}
