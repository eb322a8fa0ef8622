//! The demo that `cargo run` plays: what happens to posts in all of Rescue's formats, also after failures, and how a tenant is
//! set up from ServiceNow.
mod checks;
mod missed_sessions;
mod pin_button;
mod sessions;
mod set_up;
mod token_life;

use std::time::Duration;

use comfy_table::{ColumnConstraint, Width, presets};
use shared::aws::tenants::WebhookUrls;

use crate::app::App;
use crate::cloud::{Cloud, Options, Programs};
use crate::demo_tenant::{self, TENANT};
use crate::multicall::MulticallError;
use crate::terminal::{line, paragraph, table};

const BOLD: anstyle::Style = anstyle::Style::new().bold();

/// The demo fails when a post takes longer than this to reach its record.
const PATIENCE: Duration = Duration::from_secs(30);

/// Plays the demo, prints the records' work notes and checks how many there are.
///
/// # Errors
/// When the cloud does not start, a check fails, or standard output is closed.
pub async fn play() -> Result<(), MulticallError> {
    title("Starting the embedded cloud")?;
    let cloud = Cloud::start(Options::new(Programs::Itself)).await?;
    let applied = demo_tenant::provision(&cloud).await?;
    let keys = applied.webhook_urls.zip(applied.api_key);
    let (urls, api_key) = keys.ok_or("the demo's tenant was there already")?;
    say(
        "DynamoDB, SQS, Secrets Manager, the functions, a ServiceNow instance and Rescue run in this process tree.",
    )?;
    say("Tenant \"demo\" was created with the code of the operator's command line.")?;
    say("Rescue has its two webhook URLs, ServiceNow has the API key of the PIN button.")?;
    let app = App::new(&cloud.gateway.url(), TENANT, api_key);
    let demo = Demo {
        cloud,
        tenant: Tenant { urls, app },
    };
    let outcome = demo.play().await;
    demo.cloud.shutdown().await;
    outcome
}

struct Demo {
    cloud: Cloud,
    /// The tenant whose settings are in a file.
    tenant: Tenant,
}

/// What Rescue and ServiceNow know of a tenant.
struct Tenant {
    urls: WebhookUrls,
    app: App,
}

impl Demo {
    async fn play(&self) -> Result<(), MulticallError> {
        self.pin_button().await?;
        let printer = self.sessions().await?;
        let set_up = self.set_up().await?;
        self.missed_sessions(&set_up.tenant).await?;
        self.token_life(&printer, &set_up).await?;
        self.show()?;
        let dead_letters = self.queue("SessionsDlq")?.messages.len();
        if dead_letters != 0 {
            return Err(format!("{dead_letters} dead letters").into());
        }
        title(&paragraph(
            "Two tenants, three PINs, fifteen posts and a repeat, two failures, two sessions that Rescue never posted, 300 days: \
             every note is there, once.",
            admin::terminal_width(),
        ))?;
        line("  Try it yourself: cargo run -- up")?;
        Ok(())
    }

    /// Prints every record with its work notes, and the list of sessions.
    fn show(&self) -> Result<(), MulticallError> {
        title("What the records show")?;
        let instance = &self.cloud.servicenow;
        let mut table = table(presets::UTF8_FULL_CONDENSED, admin::terminal_width());
        table.set_header(["Record", "Work notes"]);
        for class in ["incident", "problem"] {
            for row in instance.records(class) {
                let value = |name: &str| row.get(name).cloned().unwrap_or_default();
                let notes = instance.work_notes(class, &value("sys_id"));
                let record = format!("{}\n{}", value("number"), value("short_description"));
                table.add_row([record, notes.join("\n\n")]);
            }
        }
        if let Some(record) = table.column_mut(0) {
            record.set_constraint(ColumnConstraint::UpperBoundary(Width::Fixed(22)));
        }
        line(table)?;
        self.show_sessions()
    }

    /// Prints the rows of the demo tenant's sessions as a list in ServiceNow shows them.
    fn show_sessions(&self) -> Result<(), MulticallError> {
        const SESSIONS: &str = "x_rescue_conn_session";
        title("What the list of sessions shows")?;
        let instance = &self.cloud.servicenow;
        let mut table = table(presets::UTF8_FULL_CONDENSED, admin::terminal_width());
        let columns = [
            "session",
            "record",
            "technician",
            "work_time",
            "state",
            "pin",
        ];
        table.set_header([
            "Session",
            "Record",
            "Technician",
            "Work time",
            "State",
            "PIN",
        ]);
        let rows = instance.records(SESSIONS);
        for row in &rows {
            let sys_id = row.get("sys_id").map_or("", String::as_str);
            table.add_row(columns.map(|column| instance.displayed(SESSIONS, sys_id, column)));
        }
        line(table)?;
        if rows.is_empty() {
            return Err("no session has a row".into());
        }
        Ok(())
    }
}

fn title(text: &str) -> std::io::Result<()> {
    line(format_args!("\n{BOLD}{text}{BOLD:#}"))
}

fn say(text: &str) -> std::io::Result<()> {
    line(paragraph(text, admin::terminal_width()))
}
