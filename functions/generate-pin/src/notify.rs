//! E-mails and the work note about a PIN: sent at most once, and reported, never a reason to refuse the PIN.

use std::future::Future;

use serde_json::{Value, json};
use shared::domain::clock::Timestamp;
use shared::domain::error::Problem;
use shared::domain::record::{RecordRef, Table};
use shared::domain::tenant::TenantFile;
use shared::domain::time_budget::TimeBudget;
use shared::servicenow::client::{CallError, Columns, DisplayValue, Email};
use shared::servicenow::query::Email as Address;
use shared::telemetry::{self, Metric};

use crate::event::PinRequestBody;
use crate::mail::{self, PinMail, Rendered};
use crate::pin_request::PinRequest;
use crate::problems;

/// What became of one message.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Outcome {
    Sent,
    Failed(String),
    /// It may have been sent; why that is not known.
    Unknown(String),
}

/// What became of each message that was wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Notified {
    technician: Option<Outcome>,
    customer: Option<Outcome>,
    note: Option<Outcome>,
}

fn technician_wanted(tenant: &TenantFile, request: &PinRequestBody) -> bool {
    tenant.notifications.email_technician && request.notify_technician
}

fn customer_wanted(tenant: &TenantFile, request: &PinRequestBody) -> bool {
    tenant.notifications.email_customer && request.notify_customer
}

/// Whether anything is to be sent or written.
pub(crate) fn wanted(tenant: &TenantFile, request: &PinRequestBody) -> bool {
    technician_wanted(tenant, request)
        || customer_wanted(tenant, request)
        || tenant.notifications.pin_note
}

impl Notified {
    /// The state until the outcome is known, and for ever where the work ends first.
    pub(crate) fn unknown(tenant: &TenantFile, request: &PinRequestBody) -> Self {
        let unknown = may_have_been_sent("the request ended before the answer came");
        Self::all(tenant, request, &unknown)
    }

    /// The state where sending it could have meant sending it twice.
    pub(crate) fn not_sent(asked: &PinRequest<'_>, record: &RecordRef) -> Self {
        let reason = "not sent: the connector could not make sure that it is sent only once";
        let failed = Outcome::Failed(reason.to_owned());
        let notified = Self::all(asked.tenant, &asked.request, &failed);
        notified.report(asked, record);
        notified
    }

    /// Logs and counts the messages that were not sent as far as is known.
    fn report(&self, asked: &PinRequest<'_>, record: &RecordRef) {
        let id = &asked.tenant.tenant;
        let messages = [
            ("technician", &self.technician),
            ("customer", &self.customer),
            ("note", &self.note),
        ];
        for (to, outcome) in messages {
            let reason = match outcome {
                None | Some(Outcome::Sent) => continue,
                Some(Outcome::Failed(reason) | Outcome::Unknown(reason)) => reason,
            };
            telemetry::count(Metric::NotificationFailed, Some(id));
            tracing::warn!(tenant = %id, %record, to, reason, "a message about a PIN was not sent");
        }
    }

    fn all(tenant: &TenantFile, request: &PinRequestBody, outcome: &Outcome) -> Self {
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
            Outcome::Unknown(detail) => json!({ "status": "unknown", "detail": detail }),
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

/// What the record says that the request may not.
#[derive(Debug, Default)]
pub(crate) struct RecordContext {
    number: Option<String>,
    customer_name: Option<String>,
    customer_email: Option<String>,
}

/// Whom the customer's e-mail goes to. A name belongs to the address that it came with.
struct Customer<'a> {
    name: Option<&'a str>,
    address: Option<&'a str>,
}

impl<'a> Customer<'a> {
    fn of(request: &'a PinRequestBody, seen: &'a RecordContext) -> Self {
        let name = request.customer_name.as_deref();
        match (&request.customer_email, &seen.customer_email) {
            (Some(address), _) => Self {
                name,
                address: Some(address),
            },
            (None, address) => Self {
                name: seen.customer_name.as_deref().or(name),
                address: address.as_deref(),
            },
        }
    }
}

/// Sends everything that is wanted, side by side, until the deadline.
pub(crate) async fn send(
    asked: &PinRequest<'_>,
    record: &RecordRef,
    seen: &RecordContext,
    body: &Value,
    deadline: Timestamp,
) -> Notified {
    let (tenant, request) = (asked.tenant, &asked.request);
    let text = |name: &str| body[name].as_str().unwrap_or_default();
    let customer = Customer::of(request, seen);
    let mail = PinMail {
        language: tenant.language,
        pin: text("pin"),
        link: text("link"),
        number: request.number().or(seen.number.as_deref()),
        technician: &request.email,
        customer: customer.name.or(customer.address),
    };
    let to_technician = async {
        let rendered = mail::to_technician(&mail);
        send_mail(asked, record, &request.email, &rendered, deadline).await
    };
    let to_customer = async {
        let Some(address) = customer.address else {
            let reason = "neither the request nor the record's caller has an e-mail address";
            return Outcome::Failed(reason.to_owned());
        };
        let rendered = mail::to_customer(&mail);
        send_mail(asked, record, address, &rendered, deadline).await
    };
    let note = async {
        let text = mail::note(tenant.language, &request.email, mail.customer);
        let columns = Columns::from([("work_notes".to_owned(), text.clone())]);
        let budget = TimeBudget::until(asked.function.clock.clone(), deadline);
        let instance = asked.function.servicenow.for_tenant(tenant, budget);
        // A database that stores three bytes a character cuts the note at the first one of four.
        let proof = text.split(|c| c > '\u{ffff}').next().unwrap_or_default();
        let written = instance.update(record, &columns, proof);
        outcome(
            written
                .await
                .and_then(|written| written.note_seen())
                .map(drop),
        )
    };
    let (technician, customer, note) = futures::join!(
        if_wanted(technician_wanted(tenant, request), to_technician),
        if_wanted(customer_wanted(tenant, request), to_customer),
        if_wanted(tenant.notifications.pin_note, note),
    );
    let notified = Notified {
        technician,
        customer,
        note,
    };
    notified.report(asked, record);
    notified
}

async fn if_wanted(wanted: bool, sending: impl Future<Output = Outcome>) -> Option<Outcome> {
    if wanted { Some(sending.await) } else { None }
}

/// Reads what the request leaves open, and whether there is such a record. Nothing is known when ServiceNow does not
/// say: that is no reason to refuse a PIN.
///
/// # Errors
/// `record-not-found`.
pub(crate) async fn look(
    asked: &PinRequest<'_>,
    record: &RecordRef,
) -> Result<RecordContext, Problem> {
    let people: &[&str] = match record.table {
        Table::Incident => &["caller_id"],
        Table::Case => &["contact", "consumer"],
    };
    let mut names = vec!["number".to_owned()];
    for person in people {
        names.extend([format!("{person}.name"), format!("{person}.email")]);
    }
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let budget = TimeBudget::until(asked.function.clock.clone(), asked.look_until());
    let instance = asked.function.servicenow.for_tenant(asked.tenant, budget);
    let row = instance.read(record, &names, DisplayValue::Raw).await;
    let row = match row {
        Ok(Some(row)) => row,
        Ok(None) => return Err(problems::no_record(asked.request.record_text())),
        Err(error) => {
            let id = &asked.tenant.tenant;
            tracing::warn!(tenant = %id, %record, %error, "record not readable before its PIN");
            return Ok(RecordContext::default());
        }
    };
    let value = |name: &str| row.get(name).filter(|value| !value.is_empty()).cloned();
    let person = people
        .iter()
        .find(|person| value(&format!("{person}.email")).is_some());
    let of_person = |column: &str| value(&format!("{}.{column}", person?));
    Ok(RecordContext {
        number: value("number"),
        customer_name: of_person("name"),
        customer_email: of_person("email"),
    })
}

async fn send_mail(
    asked: &PinRequest<'_>,
    record: &RecordRef,
    to: &str,
    mail: &Rendered,
    deadline: Timestamp,
) -> Outcome {
    let Some(to) = Address::parse(to) else {
        let reason = "what is there as the e-mail address is none";
        return Outcome::Failed(reason.to_owned());
    };
    let email = Email {
        to: to.as_str(),
        subject: &mail.subject,
        text: &mail.text,
        html: &mail.html,
        record,
    };
    let budget = TimeBudget::until(asked.function.clock.clone(), deadline);
    let instance = asked.function.servicenow.for_tenant(asked.tenant, budget);
    outcome(instance.send_email(&email).await)
}

fn may_have_been_sent(reason: &str) -> Outcome {
    Outcome::Unknown(format!(
        "ServiceNow did not confirm it ({reason}): it may have been sent. Look at the record's activity before sending \
         it again."
    ))
}

fn outcome(result: Result<(), CallError>) -> Outcome {
    match result {
        Ok(()) => Outcome::Sent,
        Err(CallError::Unknown { reason, .. }) => may_have_been_sent(&reason),
        Err(error) => Outcome::Failed(problems::reason(&error)),
    }
}
