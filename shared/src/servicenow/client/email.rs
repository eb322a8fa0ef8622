//! E-mails that an instance sends.

use http::Method;
use serde::Serialize;

use super::call::Call;
use super::columns::one_row;
use super::error::CallError;
use super::instance::TenantInstance;
use crate::domain::record::RecordRef;

/// An e-mail that an instance is to send. It has no `Debug`: its texts may hold secrets of the recipient.
#[derive(Clone, Copy)]
pub struct Email<'a> {
    /// The one recipient's address.
    pub to: &'a str,
    /// One line.
    pub subject: &'a str,
    /// The plain text.
    pub text: &'a str,
    /// The HTML text.
    pub html: &'a str,
    /// The record on which ServiceNow shows the e-mail.
    pub record: &'a RecordRef,
}

impl TenantInstance<'_> {
    /// Hands an e-mail to the instance, which sends it later: success does not prove that it was sent.
    ///
    /// The service account needs the role `email_api_send` and an access rule made for it (docs/vendors.md#e-mails);
    /// otherwise the e-mail is `Refused` with 403.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn send_email(&self, email: &Email<'_>) -> Result<(), CallError> {
        #[derive(Serialize)]
        struct Body<'a> {
            to: [&'a str; 1],
            subject: &'a str,
            text: &'a str,
            html: &'a str,
            table_name: &'a str,
            table_record_id: &'a str,
        }
        let body = Body {
            to: [email.to],
            subject: email.subject,
            text: email.text,
            html: email.html,
            table_name: email.record.table.as_str(),
            table_record_id: email.record.sys_id.as_str(),
        };
        let call = Call::json(Method::POST, "api/now/v1/email".to_owned(), &body);
        let accepted = one_row(&self.call(&call).await?)?;
        if accepted.get("id").is_none_or(String::is_empty) {
            return Err(CallError::unknown("the e-mail's id is missing"));
        }
        Ok(())
    }
}
