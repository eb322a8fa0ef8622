//! The sandbox: a page on which people play with the local stack.
//!
//! Three columns show ServiceNow, Rescue and the connector; a strip above them makes things fail and lets time pass. Each
//! part is a *panel*: HTML that is rendered here and sent again over server-sent events when it has changed. Buttons are
//! forms; their answer is a sentence, and what the page selects from then on.

mod action;
mod connector;
mod live;
mod log;
mod mischief;
mod panel;
mod rescue;
mod server;
mod servicenow;
pub(crate) mod shell;
#[cfg(test)]
mod testing;

use std::fmt::Display;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

use shared::aws::tenants::WebhookUrls;

use self::log::FunctionLog;
use self::mischief::PassingTime;
use self::rescue::Console;
use crate::app::App;
use crate::cloud::Cloud;

pub(crate) use self::server::{Server, new_token};

/// How many calls, requests and lines the parts of the stack remember, so that a long run needs no more memory than a
/// short one.
const REMEMBERED: usize = 2_000;

/// How many session ids Rescue's simulator has before they get a ninth digit, and some to spare.
const SESSION_IDS: i64 = 29_000_000;

/// What the page shows and its buttons work on.
pub(crate) struct Sandbox {
    pub(crate) cloud: Arc<Cloud>,
    /// The demo tenant as its ServiceNow reaches the connector.
    app: App,
    /// The demo tenant's webhook URLs.
    webhook_urls: WebhookUrls,
    /// What starts the operator's command line in a terminal, such as `cargo run -- cli`.
    cli: String,
    servicenow: servicenow::Column,
    console: Mutex<Console>,
    log: FunctionLog,
    time: PassingTime,
    /// Grows with every change that neither a simulator nor the embedded AWS sees.
    changes: AtomicUsize,
    /// The page's whole address.
    address: OnceLock<String>,
}

impl Sandbox {
    pub(crate) fn new(cloud: Arc<Cloud>, app: App, webhook_urls: WebhookUrls, cli: &str) -> Self {
        cloud.aws.journal().keep(REMEMBERED);
        cloud.servicenow.keep_requests(REMEMBERED);
        cloud.rescue.keep_requests(REMEMBERED);
        for lambda in cloud.functions.values() {
            lambda.keep_output(REMEMBERED);
        }
        // A data folder keeps what was posted for the sessions of an earlier run.
        let seconds = cloud.clock.now().as_secs().rem_euclid(SESSION_IDS);
        cloud
            .rescue
            .number_sessions_after(u32::try_from(seconds).unwrap_or(0));
        Self {
            servicenow: servicenow::Column::new(&cloud, &app),
            cloud,
            app,
            webhook_urls,
            cli: cli.to_owned(),
            console: Mutex::default(),
            log: FunctionLog::default(),
            time: PassingTime::default(),
            changes: AtomicUsize::new(0),
            address: OnceLock::new(),
        }
    }

    /// Shows a line that a function wrote.
    pub(crate) fn logged(&self, function: &str, line: &str) {
        self.log.push(self.cloud.clock.now(), function, line);
        self.changed();
    }

    /// The page's whole address, with a slash at the end; empty until it is served.
    fn address(&self) -> &str {
        self.address.get().map_or("", String::as_str)
    }

    /// The command that does what a form of the page does.
    fn form_command(&self, action: &str, fields: &[(&str, &str)]) -> String {
        let address = shell::quoted(&format!("{}{action}", self.address()));
        let fields = fields.iter().map(|(name, value)| {
            let field = shell::quoted(&format!("{name}={value}"));
            format!(" --data-urlencode {field}")
        });
        format!("curl -X POST {address}{}", fields.collect::<String>())
    }

    /// Has the page rendered again.
    fn changed(&self) {
        self.changes.fetch_add(1, Ordering::Relaxed);
    }
}

/// A moment of ServiceNow or of the connector, for people: to the second, in UTC.
fn moment(at: impl Display) -> String {
    let text = at.to_string().replace('T', " ");
    text.chars().take(19).collect()
}
