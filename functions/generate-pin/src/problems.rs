//! What each failure means for the agent (infra/openapi.yaml): one code, and what to do about it.

use shared::aws::secret_store::SecretStoreError;
use shared::domain::error::{ErrorCode, Problem};
use shared::domain::record::{RecordRef, SysId, TableName};
use shared::domain::tenant::TenantFile;
use shared::rescue::api::{RescueError, RescueRefusal};
use shared::rescue::authcodes::SignInError;
use shared::servicenow::client::{CallError, FoundRecord};
use shared::token::access::AccessError;

use crate::event::PinRequestBody;

/// Why signing in failed.
pub(crate) fn of_sign_in(
    error: SignInError,
    tenant: &TenantFile,
    request: &PinRequestBody,
) -> Problem {
    let sso_id = &request.sso_id;
    match error {
        SignInError::Rescue(RescueError::Refused(refusal)) => match refusal {
            RescueRefusal::Invalid => {
                let detail = format!(
                    "Rescue does not sign in the SSO id \"{sso_id}\". Either no enabled technician has it as Single Sign-On \
                     ID (Administration Center, Organization tab; it has to equal the e-mail address of your ServiceNow \
                     user), or the company-wide SSO password changed (Global Settings, Single Sign-On): then the \
                     connector's administrator sets sso-password again; or the company id is another one (same page): \
                     then the administrator corrects rescue.company_id ({} now).",
                    tenant.rescue.company_id
                );
                Problem::new(ErrorCode::TechnicianNotRecognised, detail)
            }
            RescueRefusal::Error => Problem::new(
                ErrorCode::RescueSignInRefused,
                "Rescue answered ERROR to two sign-ins. It is either a passing fault of Rescue: press again in a minute; \
                 or a Rescue administrator ticked \"Deny access to the requestAuthCode endpoint\" (Global Settings): \
                 then untick it, or generate an API token there and set it as rescue-api-token.",
            ),
            RescueRefusal::InvalidSecretAuthCode => Problem::new(
                ErrorCode::RescueSignInRefused,
                "Rescue refuses the tenant's API token. Generate a new one (Global Settings) and set it as \
                 rescue-api-token.",
            ),
            RescueRefusal::InvalidParamCompany => misconfigured(&format!(
                "Rescue takes {} for no company id, which is digits alone: correct rescue.company_id (Global Settings, \
                 Single Sign-On)",
                tenant.rescue.company_id
            )),
            other => refused(&other, request),
        },
        SignInError::Rescue(error) => of_pin(&error, request),
        SignInError::NotSet(name) => misconfigured(&format!(
            "neither {name} nor rescue-api-token is set: set one of them in the connector's settings"
        )),
        SignInError::Storage(reason) => storage(&reason),
        SignInError::Busy => {
            unavailable("another request's sign-in as this technician takes too long")
        }
    }
}

/// Why Rescue gave no PIN.
pub(crate) fn of_pin(error: &RescueError, request: &PinRequestBody) -> Problem {
    match error {
        RescueError::Refused(refusal) => refused(refusal, request),
        RescueError::Page(status) => Problem::new(
            ErrorCode::RescueUnavailable,
            format!(
                "Rescue answered with a web page (HTTP status {status}) instead of its API's text. Either it is under \
                 maintenance (see its status page), or something between the connector and Rescue answers in its place, \
                 or the tenant's rescue.account or rescue.base_url names another host than the one that technicians \
                 sign in at."
            ),
        ),
        RescueError::Unavailable(reason) => unavailable(reason),
        RescueError::Misconfigured(error) => misconfigured(&format!("rescue.base_url {error}")),
    }
}

fn refused(refusal: &RescueRefusal, request: &PinRequestBody) -> Problem {
    let sso_id = &request.sso_id;
    match refusal {
        RescueRefusal::NoTechConsoleRunning => Problem::new(
            ErrorCode::TechnicianConsoleNotRunning,
            "Start the Rescue Technician Console, sign in there, and press the button again.",
        ),
        RescueRefusal::NotTechnician => Problem::new(
            ErrorCode::NotATechnician,
            format!(
                "The Rescue user \"{sso_id}\" has no technician licence. Ask your Rescue administrator for one."
            ),
        ),
        RescueRefusal::UserIsDeleted | RescueRefusal::UserDeletedOrDisabled => Problem::new(
            ErrorCode::TechnicianDisabled,
            format!(
                "The technician \"{sso_id}\" is disabled or deleted in Rescue. Ask your Rescue administrator to enable it."
            ),
        ),
        RescueRefusal::OutOfPinCodes => Problem::new(
            ErrorCode::OutOfPinCodes,
            "Rescue has no free PIN at the moment. Press again in half a minute.",
        ),
        RescueRefusal::PollRateExceeded => Problem::new(
            ErrorCode::PinRateExceeded,
            "Too many PINs are being made for this technician; Rescue gives one per second. Press again in a few seconds.",
        ),
        RescueRefusal::InvalidSecretAuthCode => contested(request),
        RescueRefusal::IpRestricted(code) => Problem::new(
            ErrorCode::RescueSignInRefused,
            format!(
                "Rescue takes no calls from the connector's address ({code}). Ask your Rescue administrator to add the \
                 connector's addresses to the account's allowed IP addresses (Global Settings), or to lift the restriction."
            ),
        ),
        RescueRefusal::Invalid
        | RescueRefusal::Error
        | RescueRefusal::InvalidParamCompany
        | RescueRefusal::NotLoggedIn
        | RescueRefusal::Other(_) => unavailable(&format!("it answered {}", refusal.code())),
    }
}

/// Another system signs in as the same technician, which ends the connector's sign-in.
fn contested(request: &PinRequestBody) -> Problem {
    let detail = format!(
        "Rescue ended the sign-in of \"{}\" right after it was made: another system signs in as the same technician, \
         and each sign-in ends the one before. Switch the other system off for this technician, or let an \
         administrator generate an API token for the connector (rescue-api-token).",
        request.sso_id
    );
    Problem::new(ErrorCode::RescueSignInContested, detail)
}

fn unavailable(reason: &str) -> Problem {
    let detail = format!("Rescue gave no PIN ({reason}). Press again in a moment.");
    Problem::new(ErrorCode::RescueUnavailable, detail)
}

/// A setting of the tenant is wrong.
pub(crate) fn misconfigured(what: &str) -> Problem {
    let detail = format!("Tell the connector's administrator: {what}.");
    Problem::new(ErrorCode::TenantMisconfigured, detail)
}

/// A table or Secrets Manager does not answer.
pub(crate) fn storage(reason: &str) -> Problem {
    tracing::warn!(reason, "storage");
    Problem::new(
        ErrorCode::StorageUnavailable,
        "The connector's own storage does not answer. Press again in half a minute.",
    )
}

/// The tenant's secrets cannot be read.
pub(crate) fn secrets_unreadable(error: SecretStoreError) -> Problem {
    match error {
        SecretStoreError::Missing(_) | SecretStoreError::Malformed(_) => {
            misconfigured(&format!("{error}; apply the tenant again"))
        }
        SecretStoreError::Unavailable(call) => storage(&call.to_string()),
    }
}

/// The technician's e-mail address or SSO id is in none of the tenant's domains.
pub(crate) fn technician_not_allowed() -> Problem {
    Problem::new(
        ErrorCode::TechnicianNotAllowed,
        "Only technicians whose e-mail address and SSO id are in one of the tenant's technician_domains are signed \
         in. Ask the connector's administrator to add the domain, or use your company address.",
    )
}

/// The key was used with another request.
pub(crate) fn key_reused() -> Problem {
    Problem::new(
        ErrorCode::IdempotencyKeyReused,
        "Send another Idempotency-Key with another request; the same key belongs to the same request for 10 minutes.",
    )
}

/// The first request with the key is still running.
pub(crate) fn in_progress() -> Problem {
    Problem::new(
        ErrorCode::PinInProgress,
        "The first press is still being worked on. Press again in a few seconds; a script sends the same request again.",
    )
}

/// No record has that number or row.
pub(crate) fn no_record(named: &str) -> Problem {
    let detail = format!(
        "ServiceNow shows no record {named} to the connector's service account. Save the record first, or give the account \
         read rights on its table."
    );
    Problem::new(ErrorCode::RecordNotFound, detail)
}

/// Looking the record up in ServiceNow failed.
pub(crate) fn lookup_failed(named: &str, error: &CallError) -> Problem {
    match error {
        CallError::NotFound => return no_record(named),
        CallError::Refused { .. } => {
            let detail = format!("{} for {named}.", reason(error));
            return Problem::new(ErrorCode::RecordNotFound, detail);
        }
        CallError::Misconfigured(_) | CallError::Access(AccessError::ReauthorizationNeeded(_)) => {
            return misconfigured(&reason(error));
        }
        CallError::Access(AccessError::Storage(error)) => return storage(&error.to_string()),
        _ => {}
    }
    Problem::new(
        ErrorCode::ServiceNowUnavailable,
        format!(
            "The record could not be looked up ({}). Name it by its sys_id, or press again in half a minute.",
            reason(error)
        ),
    )
}

/// The record, where exactly one was found.
pub(crate) fn only_one(table: &TableName, found: &FoundRecord) -> Option<RecordRef> {
    let [row] = found.rows.as_slice() else {
        return None;
    };
    let sys_id = SysId::parse(row.get("sys_id")?)?;
    Some(RecordRef {
        table: table.clone(),
        sys_id,
    })
}

/// Why a call to ServiceNow failed, for an agent to read.
pub(crate) fn reason(error: &CallError) -> String {
    match error {
        CallError::Throttled { .. } => "ServiceNow limits the rate of requests".to_owned(),
        CallError::Unavailable { reason, .. } => format!("ServiceNow does not answer: {reason}"),
        CallError::Unknown { reason, .. } => format!("ServiceNow's answer got lost: {reason}"),
        CallError::Refused { status, message } => {
            format!("ServiceNow refused it: {status} {message}")
        }
        CallError::NoteNotVisible => error.to_string(),
        CallError::NotFound => "ServiceNow shows no such record".to_owned(),
        CallError::Access(AccessError::ReauthorizationNeeded(_)) => {
            "the connector needs a new ServiceNow token: reauthorization-needed".to_owned()
        }
        CallError::Access(AccessError::Paused(pause)) => {
            format!("calls to ServiceNow are paused: {}", pause.reason)
        }
        CallError::Access(AccessError::Storage(_)) => {
            "the connector's own storage does not answer".to_owned()
        }
        CallError::Access(AccessError::Transient { reason, .. }) => {
            format!("ServiceNow gives no access token: {reason}")
        }
        CallError::Misconfigured(what) => what.clone(),
        CallError::OutOfTime => "no time was left".to_owned(),
    }
}
