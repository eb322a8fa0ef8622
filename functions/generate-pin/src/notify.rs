//! E-mails and the work note about a PIN: sent at most once, and reported, never a reason to refuse the PIN.

use serde_json::{Value, json};
use shared::clock::Timestamp;
use shared::error::Problem;
use shared::record::{RecordRef, Table};
use shared::servicenow::client::{CallError, Columns, Display, Email};
use shared::servicenow::query::Email as Address;
use shared::telemetry::{self, Metric};
use shared::tenant::TenantFile;

use crate::event::PinRequest;
use crate::mail::{self, PinMail, Rendered};
use crate::{Asked, problems};

/// What became of one message.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Outcome {
    Sent,
    Failed(String),
    Unknown,
}

/// What became of each message that was wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Notified {
    technician: Option<Outcome>,
    customer: Option<Outcome>,
    note: Option<Outcome>,
}

fn technician_wanted(tenant: &TenantFile, request: &PinRequest) -> bool {
    tenant.notifications.email_technician && request.notify_technician
}

fn customer_wanted(tenant: &TenantFile, request: &PinRequest) -> bool {
    tenant.notifications.email_customer && request.notify_customer
}

/// Whether anything is to be sent or written.
pub(crate) fn wanted(tenant: &TenantFile, request: &PinRequest) -> bool {
    technician_wanted(tenant, request)
        || customer_wanted(tenant, request)
        || tenant.notifications.pin_note
}

impl Notified {
    /// The state while nobody knows yet.
    pub(crate) fn unknown(tenant: &TenantFile, request: &PinRequest) -> Self {
        Self::all(tenant, request, &Outcome::Unknown)
    }

    /// The state where sending it could have meant sending it twice.
    pub(crate) fn not_sent(tenant: &TenantFile, request: &PinRequest) -> Self {
        let reason = "not sent: the connector could not make sure that it is sent only once";
        Self::all(tenant, request, &Outcome::Failed(reason.to_owned()))
    }

    fn all(tenant: &TenantFile, request: &PinRequest, outcome: &Outcome) -> Self {
        let given = |wanted: bool| wanted.then(|| outcome.clone());
        Self {
            technician: given(technician_wanted(tenant, request)),
            customer: given(customer_wanted(tenant, request)),
            note: given(tenant.notifications.pin_note),
        }
    }

    /// Puts the outcomes into an answer.
    pub(crate) fn write_into(&self, body: &mut Value) {
        let entry = |outcome: &Outcome| match outcome {
            Outcome::Sent => json!({ "status": "sent" }),
            Outcome::Failed(detail) => json!({ "status": "failed", "detail": detail }),
            Outcome::Unknown => json!({ "status": "unknown" }),
        };
        let to = |to: &str, outcome: &Option<Outcome>| {
            outcome.as_ref().map(|outcome| {
                let mut entry = entry(outcome);
                entry["to"] = json!(to);
                entry
            })
        };
        let mails = [
            to("technician", &self.technician),
            to("customer", &self.customer),
        ];
        body["notifications"] = mails.into_iter().flatten().collect();
        if let Some(note) = &self.note {
            body["note"] = entry(note);
        }
    }
}

/// What the record says that the request did not.
#[derive(Debug, Default)]
struct Seen {
    number: Option<String>,
    customer_name: Option<String>,
    customer_email: Option<String>,
}

/// Sends everything that is wanted, side by side, until the deadline.
///
/// # Errors
/// `record-not-found`, before anything was sent.
pub(crate) async fn send(
    asked: &Asked<'_>,
    record: &RecordRef,
    body: &Value,
    deadline: Timestamp,
) -> Result<Notified, Problem> {
    let (tenant, request) = (asked.tenant, &asked.request);
    let seen = match look(asked, record, deadline).await {
        Ok(Some(seen)) => seen,
        Ok(None) => return Err(problems::no_record(request.record_text())),
        Err(error) => {
            let outcome = report(failed(asked, &error), asked);
            return Ok(Notified::all(tenant, request, &outcome));
        }
    };
    let text = |name: &str| body[name].as_str().unwrap_or_default();
    let number = request.number().or(seen.number.as_deref());
    let address = request.customer_email.as_ref();
    let address = address.or(seen.customer_email.as_ref());
    let name = request.customer_name.as_ref();
    let customer = name.or(seen.customer_name.as_ref()).or(address);
    let mail = PinMail {
        language: tenant.language,
        pin: text("pin"),
        link: text("link"),
        number,
        technician: &request.email,
        customer: customer.map(String::as_str),
    };
    let technician = async {
        if !technician_wanted(tenant, request) {
            return None;
        }
        let rendered = mail::to_technician(&mail);
        Some(send_mail(asked, record, &request.email, &rendered, deadline).await)
    };
    let customer = async {
        if !customer_wanted(tenant, request) {
            return None;
        }
        let Some(address) = address else {
            let reason = "neither the request nor the record's caller has an e-mail address";
            return Some(report(Outcome::Failed(reason.to_owned()), asked));
        };
        let rendered = mail::to_customer(&mail);
        Some(send_mail(asked, record, address, &rendered, deadline).await)
    };
    let note = async {
        if !tenant.notifications.pin_note {
            return None;
        }
        let text = mail::note(tenant.language, &request.email, mail.customer);
        let columns = Columns::from([("work_notes".to_owned(), text)]);
        let client = &asked.function.servicenow;
        let written = client.update(tenant, deadline, record, &columns).await;
        Some(outcome(asked, written))
    };
    let (technician, customer, note) = futures::join!(technician, customer, note);
    Ok(Notified {
        technician,
        customer,
        note,
    })
}

/// Reads what the request leaves open, and whether there is such a record. `None`: there is none.
async fn look(
    asked: &Asked<'_>,
    record: &RecordRef,
    deadline: Timestamp,
) -> Result<Option<Seen>, CallError> {
    let people: &[&str] = match record.table {
        Table::Incident => &["caller_id"],
        Table::Case => &["contact", "consumer"],
    };
    let mut names = vec!["number".to_owned()];
    for person in people {
        names.extend([format!("{person}.name"), format!("{person}.email")]);
    }
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let client = &asked.function.servicenow;
    let row = client
        .read(asked.tenant, deadline, record, &names, Display::Raw)
        .await?;
    Ok(row.map(|row| {
        let value = |name: &str| row.get(name).filter(|value| !value.is_empty()).cloned();
        let of_people = |column: &str| {
            people
                .iter()
                .find_map(|person| value(&format!("{person}.{column}")))
        };
        Seen {
            number: value("number"),
            customer_name: of_people("name"),
            customer_email: of_people("email"),
        }
    }))
}

async fn send_mail(
    asked: &Asked<'_>,
    record: &RecordRef,
    to: &str,
    mail: &Rendered,
    deadline: Timestamp,
) -> Outcome {
    let Some(to) = Address::parse(to) else {
        let reason = "what is there as the e-mail address is none";
        return report(Outcome::Failed(reason.to_owned()), asked);
    };
    let email = Email {
        to: to.as_str(),
        subject: &mail.subject,
        text: &mail.text,
        html: &mail.html,
        record,
    };
    let client = &asked.function.servicenow;
    let sent = client.send_email(asked.tenant, deadline, &email).await;
    outcome(asked, sent)
}

fn outcome(asked: &Asked<'_>, result: Result<(), CallError>) -> Outcome {
    match result {
        Ok(()) => Outcome::Sent,
        Err(CallError::Unknown { .. }) => report(Outcome::Unknown, asked),
        Err(error) => report(failed(asked, &error), asked),
    }
}

fn failed(asked: &Asked<'_>, error: &CallError) -> Outcome {
    problems::count_reauthorization(&asked.tenant.tenant, error);
    Outcome::Failed(problems::reason(error))
}

/// Logs and counts a message that was not sent as far as is known.
fn report(outcome: Outcome, asked: &Asked<'_>) -> Outcome {
    let id = &asked.tenant.tenant;
    telemetry::count(Metric::NotificationFailed, Some(id));
    let reason = match &outcome {
        Outcome::Failed(reason) => reason,
        _ => "outcome-unknown",
    };
    tracing::warn!(tenant = %id, reason, "a message about a PIN was not sent");
    outcome
}
