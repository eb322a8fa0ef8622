//! Everything that can make a command fail, each in words that say what to do.

use std::error::Error as _;
use std::path::PathBuf;

use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use shared::aws::tenants::StorageError;
use shared::domain::session::SessionId;
use shared::domain::tenant::TenantId;
use shared::environment::WrongEnvironment;
use shared::http::ClientError;

use crate::secret_text::SecretFault;
use crate::tenant_file::SyntaxFaults;

/// Why a command failed. Its text is for the operator and holds no secret.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    /// The tenant file has faults.
    #[error("{} is not a tenant file:\n{faults}", path.display())]
    TenantFile {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        faults: SyntaxFaults,
    },
    /// A file cannot be read.
    #[error("{} cannot be read: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// No item in the tenants' table.
    #[error("there is no tenant {0}; `rescue-connector tenant apply FILE` creates one")]
    NoSuchTenant(TenantId),
    /// The item was not written by this version of the connector.
    #[error("the item of tenant {0} in the tenants' table cannot be read")]
    UnreadableTenant(TenantId),
    /// Somebody else changed the tenant between reading and writing.
    #[error(
        "tenant {0} was changed by somebody else in the meantime; nothing was written, look at it, then apply again or \
         repeat the command"
    )]
    Conflict(TenantId),
    /// Posts of a tenant that is to be deleted are not delivered yet.
    #[error(
        "tenant {tenant} is switched off but not deleted: after {waited} s {}. Repeat the command later, or delete it \
         with --now: what is not delivered then becomes dead letters",
        undelivered(tenant, *posts)
    )]
    StillDelivering {
        /// The tenant.
        tenant: TenantId,
        /// How many posts.
        posts: usize,
        /// How long they were waited for, in seconds.
        waited: u64,
    },
    /// Two keys of a kind are live.
    #[error(
        "tenant {tenant} has two live {kind} keys already ({ids}); retire the old one first: \
         `rescue-connector keys retire {tenant} ID`"
    )]
    TwoKeys {
        /// The tenant.
        tenant: TenantId,
        /// `webhook` or `api`.
        kind: &'static str,
        /// What they are called by.
        ids: String,
    },
    /// A tenant that is new to this stack has a secret that another stack renews.
    #[error(
        "secret {secret} is another stack's, whose function {function} renews it; nothing was written. Stacks in one \
         account and region need a SecretPrefix each. If that stack is gone: `aws secretsmanager cancel-rotate-secret \
         --secret-id {secret}`, then apply again"
    )]
    SecretOfAnotherStack {
        /// The secret's name.
        secret: String,
        /// The function's ARN.
        function: String,
    },
    /// No live key is called so.
    #[error("tenant {tenant} has no live key {key}; it has {live}")]
    NoSuchKey {
        /// The tenant.
        tenant: TenantId,
        /// What was asked for.
        key: String,
        /// The keys that it has, separated by commas.
        live: String,
    },
    /// The ledger knows no post of a session.
    #[error(
        "the ledger knows no session {session} of tenant {tenant}: it was never tried, or that was more than 90 days ago; \
         `rescue-connector sessions list {tenant}` lists what it knows"
    )]
    NoSuchSession {
        /// The tenant.
        tenant: TenantId,
        /// The session.
        session: SessionId,
    },
    /// ServiceNow shows no record of a number, or several.
    #[error(
        "ServiceNow shows the service account of tenant {tenant} {} called {number}. Check the number, and that the account \
         may read the column number of table {table}.",
        if *.several { "several records" } else { "no record" }
    )]
    NoSuchRecord {
        /// The tenant.
        tenant: TenantId,
        /// The number.
        number: String,
        /// The table that its prefix names.
        table: &'static str,
        /// Whether there are several.
        several: bool,
    },
    /// A record cannot be looked up.
    #[error(
        "{number} cannot be looked up in ServiceNow: {reason}. `rescue-connector doctor {tenant}` says what to do."
    )]
    ServiceNow {
        /// The tenant.
        tenant: TenantId,
        /// The number.
        number: String,
        /// What happened.
        reason: String,
    },
    /// The dead-letter queue shows no such message.
    #[error(
        "the dead-letter queue shows no letter {0}; it is gone, or somebody else is looking at it: try again in a minute"
    )]
    NoSuchDeadLetter(String),
    /// Several files of a folder describe one tenant.
    #[error("another file of the folder describes tenant {0} too; neither was applied")]
    SameTenant(TenantId),
    /// A folder has no tenant files.
    #[error("{} has no *.toml files", .0.display())]
    EmptyFolder(PathBuf),
    /// The operator was asked and declined, or could not be asked.
    #[error("nothing was changed: {0}")]
    NotConfirmed(&'static str),
    /// A secret that `tenant apply` makes is not there.
    #[error("secret {0} does not exist; apply the tenant file again, which creates it")]
    NoSecret(String),
    /// A secret holds something else than the connector writes.
    #[error(
        "secret {0} does not hold a JSON object; put one there (at least {{}}) before anything else"
    )]
    MalformedSecret(String),
    /// A text was given as a secret that cannot be one.
    #[error("{} Nothing was changed.{}", .0, .0.way_out())]
    SecretText(#[from] SecretFault),
    /// A secret was set, and what follows failed.
    #[error("the secret is set, but deliveries that wait may go on waiting for up to an hour: {0}")]
    StillPaused(#[source] Box<Self>),
    /// No rotation schedule is on the token secret.
    #[error(
        "nothing was changed: secret {0} has no rotation schedule; apply the tenant with a stack that has \
         RotateTokensFunctionArn"
    )]
    NoRotation(String),
    /// The stack does not say which function renews tokens.
    #[error(
        "the function that renews refresh tokens is not known (output RotateTokensFunctionArn of the stack); name the \
         stack with --stack"
    )]
    NoRotationFunction,
    /// A pending version that the connector did not make stands in the way of every rotation.
    #[error(
        "nothing was changed: version {version} of secret {secret} has the label AWSPENDING, and no rotation of this \
         connector made it, so that Secrets Manager begins no other. Take the label away, then repeat the command: `{}`",
        crate::token::unblock(secret, version)
    )]
    ForeignPending {
        /// The secret's name.
        secret: String,
        /// The version's id.
        version: String,
    },
    /// The tenant's grant needs no refresh token.
    #[error("nothing was changed: the grant of tenant {0} needs no refresh token")]
    NoToken(TenantId),
    /// There is no refresh token that could be renewed.
    #[error(
        "nothing was changed: tenant {0} has no refresh token yet; hand one over from ServiceNow, or \
         `rescue-connector secrets set {0} refresh-token`"
    )]
    NoTokenYet(TenantId),
    /// An earlier rotation is not over.
    #[error(
        "an earlier rotation of tenant {0}'s token is not over. Secrets Manager tries it again by itself, and the wish \
         to renew the token is kept; see the log of rotate-tokens for what it failed at"
    )]
    RotationBusy(TenantId),
    /// A rotation was begun and is not over.
    #[error(
        "the token of tenant {tenant} is not renewed after {waited} s; the old one stays in use. See the log of \
         rotate-tokens for the reason, and `rescue-connector token status {tenant}`; Secrets Manager tries again by \
         itself"
    )]
    RotationUnfinished {
        /// The tenant.
        tenant: TenantId,
        /// How long it was waited for, in seconds.
        waited: u64,
    },
    /// The credentials table cannot be read or written.
    #[error("the credentials table cannot be used: {0}")]
    Lease(#[from] StorageError),
    /// A function is renewing the tenant's token.
    #[error("nothing was changed: the tenant's token is being renewed; try again in a minute")]
    TokenInUse,
    /// A variable of the environment is wrong.
    #[error("{0}")]
    Environment(#[from] WrongEnvironment),
    /// The SDK found no region.
    #[error("no AWS region: set AWS_REGION, or choose a profile that has one with AWS_PROFILE")]
    NoRegion,
    /// CloudFormation knows no such stack.
    #[error(
        "there is no stack {0} in this region; name it with --stack, choose another region with AWS_REGION, \
         or set the variables of the functions (TENANTS_TABLE, …)"
    )]
    NoStack(String),
    /// The stack's outputs lack names.
    #[error(
        "stack {stack} has no output {missing}; deploy the current template, or set {variables}"
    )]
    NoOutput {
        /// The stack.
        stack: String,
        /// The outputs, separated by commas.
        missing: String,
        /// The variables that would do instead.
        variables: String,
    },
    /// An AWS call failed.
    #[error("{action} on {resource} failed: {reason}{advice}")]
    Aws {
        /// The action as IAM names it.
        action: &'static str,
        /// The table, secret or stack.
        resource: String,
        /// The service's error code.
        reason: String,
        /// What to do, after a semicolon.
        advice: String,
    },
    /// The HTTP client cannot be built.
    #[error(transparent)]
    HttpClient(#[from] ClientError),
    /// The terminal or standard input failed.
    #[error("the terminal, or the file or program in its place, failed: {0}")]
    Terminal(#[from] std::io::Error),
    /// Keys were made, and standard output took no more.
    #[error(
        "standard output took no more ({0}), so keys that were made may not have been shown, and they are stored nowhere: \
         `rescue-connector keys rotate TENANT webhook` and `… api` make new ones. Of a folder, the files behind that one \
         were not applied: run the command again"
    )]
    KeysNotShown(#[source] std::io::Error),
    /// The system gives no random bytes.
    #[error("no random bytes from the system: {0}")]
    Random(#[from] getrandom::Error),
    /// A value has no JSON form.
    #[error("a setting cannot be written as JSON: {0}")]
    Json(#[from] serde_json::Error),
}

impl AdminError {
    /// The same failure of a command whose answer may hold keys that are shown only once.
    pub(crate) fn with_keys(self) -> Self {
        match self {
            Self::Terminal(error) => Self::KeysNotShown(error),
            other => other,
        }
    }

    /// A failed call of `action` (as IAM names it) on `resource`.
    pub(crate) fn aws<E, R>(action: &'static str, resource: &str, error: &SdkError<E, R>) -> Self
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

    /// The same where only the service's error code is left.
    pub(crate) fn failed(action: &'static str, resource: &str, reason: String) -> Self {
        let advice = format!("; {}", advice(action, resource, &reason));
        Self::Aws {
            action,
            resource: resource.to_owned(),
            reason,
            advice,
        }
    }
}

fn undelivered(tenant: &TenantId, posts: usize) -> String {
    match posts {
        0 => "functions may still take posts".to_owned(),
        posts => format!(
            "{posts} of its posts still wait (`rescue-connector sessions list {tenant} --state waiting`)"
        ),
    }
}

fn advice(action: &str, resource: &str, reason: &str) -> String {
    let advice = match reason {
        "no AWS credentials" => "sign in to AWS, or choose a profile with AWS_PROFILE",
        "AccessDenied" | "AccessDeniedException" | "UnauthorizedOperation" => {
            return format!("your role needs the permission {action} on {resource}");
        }
        "ResourceNotFoundException"
        | "QueueDoesNotExist"
        | "AWS.SimpleQueueService.NonExistentQueue" => "is the stack deployed in this region?",
        "ExpiredToken"
        | "ExpiredTokenException"
        | "UnrecognizedClientException"
        | "InvalidClientTokenId" => "your AWS credentials are no longer valid, sign in again",
        reason
            if reason.contains("connection")
                || reason.contains("time-out")
                || reason.starts_with("the host") =>
        {
            "check the network and the region (AWS_REGION)"
        }
        _ => {
            "try again; if it stays, look at that resource in the AWS console and at the AWS Health Dashboard"
        }
    };
    advice.to_owned()
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
    use super::*;

    #[test]
    fn a_missing_permission_is_named_as_iam_names_it() {
        let advice = advice("dynamodb:GetItem", "table tenants", "AccessDeniedException");
        assert_eq!(
            advice,
            "your role needs the permission dynamodb:GetItem on table tenants"
        );
    }
}
