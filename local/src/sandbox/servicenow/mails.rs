//! The e-mails that the instance has sent.

use askama::Template;

use super::{PANEL, Tab, Window, tabs};
use crate::multicall::MulticallError;
use crate::sandbox::Sandbox;
use crate::sandbox::panel::{Panel, Selection};
use crate::sandbox::shell::quoted;
use crate::servicenow::Mail;

pub(super) const VIEW: &str = "mails";

/// How many are shown at a time.
const LISTED: usize = 10;

#[derive(Template)]
#[template(path = "sandbox/servicenow/mails.html")]
struct Mails {
    tabs: Vec<Tab>,
    window: Window<Row>,
    command: String,
}

struct Row {
    subject: String,
    to: String,
    at: String,
    /// Whether it was sent, in the instance's words.
    outcome: String,
    /// Number and form of the record that it is about.
    record: Option<(String, String)>,
    text: String,
}

pub(super) fn panel(sandbox: &Sandbox, selection: &Selection) -> Result<Panel, MulticallError> {
    let instance = &sandbox.cloud.servicenow;
    let row = |mail: Mail| {
        let (table, sys_id) = (mail.table_name, mail.table_record_id);
        let number = instance.displayed(&table, &sys_id, "number");
        let key = format!("{table}:{sys_id}");
        let form = selection.form_link(&key);
        Row {
            subject: mail.subject,
            to: mail.to.join(", "),
            at: mail.at.to_string(),
            outcome: mail.outcome,
            record: (!number.is_empty()).then_some((number, form)),
            text: if mail.text.is_empty() {
                mail.html
            } else {
                mail.text
            },
        }
    };
    let url = format!("{}/simulator/mails", instance.url());
    let mails = Mails {
        tabs: tabs(sandbox, selection),
        window: Window::of(selection, LISTED, |skipped, count| {
            let mails = instance.newest_mails(skipped, count).into_iter();
            mails.map(row).collect()
        }),
        command: format!("curl {}", quoted(&url)),
    };
    Ok(Panel::render(PANEL, &mails)?)
}
