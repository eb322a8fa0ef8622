//! E-mails and the work note about a PIN: sent at most once, and reported. Their failure never fails the PIN.

use std::future::Future;

use serde_json::{Value, json};
use shared::domain::error::Problem;
use shared::domain::record::RecordRef;
use shared::domain::record_tables::RecordTables;
use shared::domain::tenant::TenantFile;
use shared::domain::time_budget::TimeBudget;
use shared::servicenow::client::{CallError, Columns, DisplayValue, Email, ServiceNowClient};
use shared::servicenow::query::Email as Address;
use shared::telemetry::{self, Metric};

use crate::event::PinRequestBody;
use crate::mail::{self, PinMail, Rendered};
use crate::problems;

/// Whether a notification was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
enum NotificationStatus {
    Sent,
    Failed(String),
    /// It may have been sent; why that is not known.
    Unknown(String),
}

/// The status of each notification that is wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Notifications {
    technician: Option<NotificationStatus>,
    customer: Option<NotificationStatus>,
    note: Option<NotificationStatus>,
}

fn technician_wanted(tenant: &TenantFile, request: &PinRequestBody) -> bool {
    tenant.notifications.email_technician && request.notify_technician
}

fn customer_wanted(tenant: &TenantFile, request: &PinRequestBody) -> bool {
    tenant.notifications.email_customer && request.notify_customer
}

/// Whether there is any e-mail to send or note to write.
pub(crate) fn wanted(tenant: &TenantFile, request: &PinRequestBody) -> bool {
    technician_wanted(tenant, request)
        || customer_wanted(tenant, request)
        || tenant.notifications.pin_note
}

impl Notifications {
    /// Puts the statuses into an answer.
    pub(crate) fn write_into(&self, answer: &mut Value) {
        let entry = |status: &NotificationStatus| match status {
            NotificationStatus::Sent => json!({ "status": "sent" }),
            NotificationStatus::Failed(detail) => json!({ "status": "failed", "detail": detail }),
            NotificationStatus::Unknown(detail) => json!({ "status": "unknown", "detail": detail }),
        };
        let to = |to: &str, status: &Option<NotificationStatus>| {
            status.as_ref().map(|status| {
                let mut entry = entry(status);
                entry["to"] = json!(to);
                entry
            })
        };
        let mails = [
            to("technician", &self.technician),
            to("customer", &self.customer),
        ];
        answer["notifications"] = mails.into_iter().flatten().collect();
        if let Some(note) = &self.note {
            answer["note"] = entry(note);
        }
    }
}

/// What the record says; the request may leave it open.
#[derive(Debug, Default)]
pub(crate) struct RecordContext {
    number: Option<String>,
    customer_name: Option<String>,
    customer_email: Option<String>,
}

/// The recipient of the customer's e-mail. A name belongs to the address that it came with.
struct Customer<'a> {
    name: Option<&'a str>,
    address: Option<&'a str>,
}

impl<'a> Customer<'a> {
    fn of(request: &'a PinRequestBody, context: &'a RecordContext) -> Self {
        let name = request.customer_name.as_deref();
        match (&request.customer_email, &context.customer_email) {
            (Some(address), _) => Self {
                name,
                address: Some(address),
            },
            (None, address) => Self {
                name: context.customer_name.as_deref().or(name),
                address: address.as_deref(),
            },
        }
    }
}

/// Sends the notifications of one request about one record.
pub(crate) struct Notifier<'a> {
    pub(crate) servicenow: &'a ServiceNowClient,
    pub(crate) tenant: &'a TenantFile,
    pub(crate) tables: &'a RecordTables,
    pub(crate) request: &'a PinRequestBody,
    pub(crate) record: &'a RecordRef,
}

impl Notifier<'_> {
    /// Reads what the request leaves open, and whether the record exists. When ServiceNow does not answer, the context
    /// is empty: that is no reason to refuse a PIN.
    ///
    /// # Errors
    /// `record-not-found`.
    pub(crate) async fn read_record(&self, budget: TimeBudget) -> Result<RecordContext, Problem> {
        let table = self.tables.known(&self.record.table);
        let people = table.recipients();
        let mut names = vec!["number".to_owned()];
        for person in &people {
            names.extend([format!("{person}.name"), format!("{person}.email")]);
        }
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let instance = self.servicenow.for_tenant(self.tenant, budget);
        let row = instance.read(self.record, &names, DisplayValue::Raw);
        let row = match row.await {
            Ok(Some(row)) => row,
            Ok(None) => return Err(problems::no_record(self.request.record_text())),
            Err(error) => {
                let (id, record) = (&self.tenant.tenant, self.record);
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

    /// Sends all wanted notifications side by side.
    pub(crate) async fn send(
        &self,
        context: &RecordContext,
        answer: &Value,
        budget: TimeBudget,
    ) -> Notifications {
        let (tenant, request) = (self.tenant, self.request);
        let text = |name: &str| answer[name].as_str().unwrap_or_default();
        let customer = Customer::of(request, context);
        let mail = PinMail {
            language: tenant.language,
            pin: text("pin"),
            link: text("link"),
            number: request.number().or(context.number.as_deref()),
            technician: &request.email,
            customer: customer.name.or(customer.address),
        };
        let to_technician = async {
            let rendered = mail::to_technician(&mail);
            self.send_mail(&request.email, &rendered, &budget).await
        };
        let to_customer = async {
            let Some(address) = customer.address else {
                let reason = "neither the request nor the record's caller has an e-mail address";
                return NotificationStatus::Failed(reason.to_owned());
            };
            let rendered = mail::to_customer(&mail);
            self.send_mail(address, &rendered, &budget).await
        };
        let note = self.write_note(mail.customer, &budget);
        let (technician, customer, note) = futures::join!(
            if_wanted(technician_wanted(tenant, request), to_technician),
            if_wanted(customer_wanted(tenant, request), to_customer),
            if_wanted(tenant.notifications.pin_note, note),
        );
        let notifications = Notifications {
            technician,
            customer,
            note,
        };
        self.report(&notifications);
        notifications
    }

    async fn send_mail(
        &self,
        to: &str,
        mail: &Rendered,
        budget: &TimeBudget,
    ) -> NotificationStatus {
        let Some(to) = Address::parse(to) else {
            let reason = "the e-mail address is malformed";
            return NotificationStatus::Failed(reason.to_owned());
        };
        let email = Email {
            to: to.as_str(),
            subject: &mail.subject,
            text: &mail.text,
            html: &mail.html,
            record: self.record,
        };
        let instance = self.servicenow.for_tenant(self.tenant, budget.clone());
        status(instance.send_email(&email).await)
    }

    async fn write_note(&self, customer: Option<&str>, budget: &TimeBudget) -> NotificationStatus {
        let text = mail::note(self.tenant.language, &self.request.email, customer);
        let columns = Columns::from([("work_notes".to_owned(), text.clone())]);
        // A database that stores three bytes a character cuts the note at the first character of four.
        let proof = text.split(|c| c > '\u{ffff}').next().unwrap_or_default();
        let instance = self.servicenow.for_tenant(self.tenant, budget.clone());
        let written = instance.update(self.record, &columns, proof);
        let seen = written.await.and_then(|written| written.note_seen());
        status(seen.map(drop))
    }

    /// The statuses until they are known. They stay when the time of the request ends before sending does.
    pub(crate) fn unknown(&self) -> Notifications {
        self.all(&may_have_been_sent(
            "the request ended before the answer came",
        ))
    }

    /// The statuses where sending could have meant sending twice.
    pub(crate) fn not_sent(&self) -> Notifications {
        let reason = "not sent: the connector could not make sure that it is sent only once";
        let notifications = self.all(&NotificationStatus::Failed(reason.to_owned()));
        self.report(&notifications);
        notifications
    }

    fn all(&self, status: &NotificationStatus) -> Notifications {
        let (tenant, request) = (self.tenant, self.request);
        let given = |wanted: bool| wanted.then(|| status.clone());
        Notifications {
            technician: given(technician_wanted(tenant, request)),
            customer: given(customer_wanted(tenant, request)),
            note: given(tenant.notifications.pin_note),
        }
    }

    /// Logs and counts the notifications that are not known to be sent.
    fn report(&self, notifications: &Notifications) {
        let (id, record) = (&self.tenant.tenant, self.record);
        for (to, status) in [
            ("technician", &notifications.technician),
            ("customer", &notifications.customer),
            ("note", &notifications.note),
        ] {
            let reason = match status {
                None | Some(NotificationStatus::Sent) => continue,
                Some(NotificationStatus::Failed(reason) | NotificationStatus::Unknown(reason)) => {
                    reason
                }
            };
            telemetry::count(Metric::NotificationFailed, Some(id));
            tracing::warn!(tenant = %id, %record, to, reason, "a message about a PIN was not sent");
        }
    }
}

async fn if_wanted<T>(wanted: bool, sending: impl Future<Output = T>) -> Option<T> {
    if wanted { Some(sending.await) } else { None }
}

fn may_have_been_sent(reason: &str) -> NotificationStatus {
    NotificationStatus::Unknown(format!(
        "ServiceNow did not confirm it ({reason}): it may have been sent. Look at the record's activity before sending \
         it again."
    ))
}

fn status(outcome: Result<(), CallError>) -> NotificationStatus {
    match outcome {
        Ok(()) => NotificationStatus::Sent,
        Err(CallError::Unknown { reason, .. }) => may_have_been_sent(&reason),
        Err(error) => NotificationStatus::Failed(problems::reason(&error)),
    }
}
