//! `cargo run -- up`: keeps the embedded cloud running, to try it by hand.

use std::io::{self, Write as _};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use shared::aws::tenants::WebhookUrls;
use shared::domain::secret::Secret;
use tokio::sync::mpsc;

use crate::app::App;
use crate::aws::CLOCK_PATH;
use crate::cloud::{Cloud, Options, Ports, Programs};
use crate::demo_tenant::{self, CUSTOMER, TECHNICIAN, TENANT};
use crate::events::{event, is_metric_line};
use crate::folder::DataFolder;
use crate::multicall::MulticallError;
use crate::rescue::Rules;
use crate::sandbox::{Sandbox, Server, new_token};
use crate::servicenow::MAILS_PATH;
use crate::terminal::{line, paragraph};

/// The arguments of `up`.
#[derive(Debug)]
pub struct UpOptions {
    /// The folder that keeps everything for the next start.
    pub data: Option<PathBuf>,
    /// Where the parts listen.
    pub ports: Ports,
    /// What the functions log: `ERROR`, `WARN`, `INFO`, `DEBUG` or `TRACE`.
    pub log_level: String,
    /// Whether the functions' JSON lines are written to standard error in place of one readable line per event.
    pub logs: bool,
    /// Whether Rescue's limit of one PIN per second and technician is left out.
    pub unlimited_pins: bool,
    /// Whether the limit of posts per minute and tenant is left out.
    pub unlimited_posts: bool,
    /// Whether the sandbox is opened in the browser.
    pub open: bool,
}

/// Runs until Ctrl-C, or until standard output is closed.
///
/// # Errors
/// When the cloud does not start: a port or the data folder is in use, or cannot be used.
pub async fn run(options: UpOptions) -> Result<(), MulticallError> {
    let folder = options.data.as_deref().map(DataFolder::take).transpose()?;
    let cloud = Options {
        data: options.data.clone(),
        ports: Some(options.ports),
        log_level: options.log_level.clone(),
        ..Options::new(Programs::Itself)
    };
    let cloud = Arc::new(Cloud::start(cloud).await?);
    let (log, lines) = mpsc::unbounded_channel();
    for lambda in cloud.functions.values() {
        lambda.echo(log.clone());
    }
    if options.unlimited_pins {
        let none = |rules: &mut Rules| rules.one_pin_every = Duration::ZERO;
        cloud.rescue.configure(none);
    }
    if options.unlimited_posts {
        cloud.lift_posts_quota();
    }
    // They are stored when the tenant is complete.
    let is_stored = |name| {
        folder
            .as_ref()
            .is_some_and(|folder| folder.stored(name).is_ok())
    };
    let is_complete = is_stored(WEBHOOK_URL) && is_stored(API_KEY);
    let (api_key, urls) = demo_tenant::enrol(&cloud, is_complete).await?.unzip();
    let new = urls.map(|urls| urls.ended);
    let url = stored_key(new, folder.as_ref(), WEBHOOK_URL)?;
    let urls = on_this_address(&url, &cloud.gateway.url());
    let api_key = stored_key(api_key, folder.as_ref(), API_KEY)?;
    let app = App::new(&cloud.gateway.url(), TENANT, api_key.clone());
    let cli = cli(options.ports);
    let sandbox = Arc::new(Sandbox::new(Arc::clone(&cloud), app, urls.clone(), &cli));
    let token = sandbox_token(folder.as_ref())?;
    let server = Server::start(Some(options.ports.sandbox), token, Arc::clone(&sandbox)).await?;
    cloud.set_sandbox(server.url());
    let ended = async {
        show(&cloud, server.url(), &urls, api_key.expose(), &cli)?;
        if options.open {
            open_browser(server.url())?;
        }
        tokio::select! {
            ended = tokio::signal::ctrl_c() => ended,
            ended = print_new_notes(&cloud) => ended,
            ended = print_lines(lines, &options, &cloud, &sandbox) => ended,
        }
    }
    .await;
    cloud.shutdown().await;
    Ok(ended?)
}

/// The files of a data folder that keep the demo tenant's keys.
const WEBHOOK_URL: &str = "demo-webhook-url";
const API_KEY: &str = "demo-api-key";

/// The new key, or the one that an earlier start stored in the data folder. Outside of the demo a key is shown once and
/// stored nowhere.
fn stored_key(
    new: Option<Secret>,
    folder: Option<&DataFolder>,
    name: &str,
) -> Result<Secret, MulticallError> {
    match (new, folder) {
        (Some(key), None) => Ok(key),
        (Some(key), Some(folder)) => {
            folder.store(name, key.expose())?;
            Ok(key)
        }
        (None, Some(folder)) => Ok(Secret::from(folder.stored(name)?)),
        (None, None) => Err("the demo's tenant was there already".into()),
    }
}

/// The webhook URLs on the address that the HTTP API has now: an earlier start may have had other ports.
fn on_this_address(ended: &Secret, api: &str) -> WebhookUrls {
    let path = ended.expose().splitn(4, '/').nth(3);
    let ended = format!("{api}/{}", path.unwrap_or_default());
    WebhookUrls {
        started: Secret::from(ended.replace("event=ended", "event=started")),
        ended: Secret::from(ended),
    }
}

/// The key in the sandbox's address; a data folder keeps it, so that a bookmark stays good.
fn sandbox_token(folder: Option<&DataFolder>) -> Result<String, MulticallError> {
    const NAME: &str = "sandbox-key";
    let Some(folder) = folder else {
        return Ok(new_token());
    };
    let stored = folder.stored(NAME).ok();
    let is_token =
        |token: &String| token.len() == 32 && token.bytes().all(|c| c.is_ascii_hexdigit());
    if let Some(token) = stored.filter(is_token) {
        return Ok(token);
    }
    let token = new_token();
    folder.store(NAME, &token)?;
    Ok(token)
}

/// What starts the operator's command line on these ports.
fn cli(ports: Ports) -> String {
    match ports.api {
        DEFAULT_PORT => "cargo run -- cli".to_owned(),
        api => format!("cargo run -- cli --port {api}"),
    }
}

/// A machine without a browser is told so; the stack runs all the same.
fn open_browser(url: &str) -> io::Result<()> {
    match open::that_detached(url) {
        Ok(()) => Ok(()),
        Err(error) => line(format_args!(
            "The browser cannot be opened: {error}. Open the first address yourself."
        )),
    }
}

/// Prints what the functions log.
async fn print_lines(
    mut lines: mpsc::UnboundedReceiver<(String, String)>,
    options: &UpOptions,
    cloud: &Cloud,
    sandbox: &Sandbox,
) -> io::Result<()> {
    let metrics = !matches!(options.log_level.as_str(), "ERROR" | "WARN");
    while let Some((function, text)) = lines.recv().await {
        sandbox.logged(&function, &text);
        if !options.logs {
            if let Some(text) = event(&function, &text) {
                line(admin::wrapped(&with_numbers(cloud, text), 10))?;
            }
        } else if metrics || !is_metric_line(&text) {
            writeln!(io::stderr().lock(), "{function} | {text}")?;
        }
    }
    Ok(())
}

/// A line with the records' numbers in place of their `sys_id`s.
fn with_numbers(cloud: &Cloud, mut text: String) -> String {
    for table in ["incident", "sn_customerservice_case", "problem"] {
        if text.contains(&format!("{table}:")) {
            for row in cloud.servicenow.records(table) {
                if let (Some(number), Some(sys_id)) = (row.get("number"), row.get("sys_id")) {
                    text = text.replace(&format!("{table}:{sys_id}"), number);
                }
            }
        }
    }
    text
}

/// Prints every new work note.
async fn print_new_notes(cloud: &Cloud) -> io::Result<()> {
    let (_, mut told) = cloud.servicenow.work_notes_after(usize::MAX);
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        let (notes, entries) = cloud.servicenow.work_notes_after(told);
        told = entries;
        for (name, note) in notes {
            let note = paragraph(&note, admin::terminal_width());
            line(format_args!("\n{name} shows a new work note:\n{note}\n"))?;
        }
    }
}

/// How often new work notes are looked for.
const LOOK_EVERY: Duration = Duration::from_millis(300);

fn show(
    cloud: &Cloud,
    sandbox: &str,
    urls: &WebhookUrls,
    api_key: &str,
    cli: &str,
) -> io::Result<()> {
    let incidents = cloud.servicenow.records("incident");
    let number = match incidents.first().and_then(|row| row.get("number")) {
        Some(number) => number.clone(),
        None => demo_tenant::add_incident(&cloud.servicenow, "Printer does not print").number,
    };
    let (api, aws) = (cloud.gateway.url(), cloud.aws.endpoint());
    let servicenow = cloud.servicenow.url();
    let (started, ended) = (urls.started.expose(), urls.ended.expose());
    line(format_args!(
        "Sandbox      {sandbox}

HTTP API     {api}
AWS          {aws}
ServiceNow   {servicenow}
Rescue       {}

The sandbox is a page to play with: incidents, PINs, sessions, failures, time.
In a browser are also:
  {servicenow}/ (records)
  {servicenow}{MAILS_PATH} (e-mails)

In another terminal, the operator's command line (its texts: rescue-connector):
  {cli} tenant show {TENANT}
  {cli} doctor {TENANT} --technician {TECHNICIAN}

A technician starts and ends a session on {number}:
  curl -i '{started}' -d 'SessionID=70112233&TechName=Ana+Ruiz&CField1={number}'
  curl -i '{ended}' -d 'SessionID=70112233&TechName=Ana+Ruiz&CField1={number}&WorkTime=1502&Note=Done'
  {cli} sessions show {TENANT} 70112233

An agent presses the PIN button on {number}:
  curl -i '{api}/integration/api/servicenow/pincodes/{TENANT}' -H 'Authorization: Bearer {api_key}' \\
       -d '{{\"technician\": {{\"email\": \"{TECHNICIAN}\"}}, \"record\": {{\"table\": \"incident\", \"number\": \"{number}\"}}, \
         \"customer\": {{\"name\": \"Paul Martin\", \"email\": \"{CUSTOMER}\"}}}}'

A tenant is set up in ServiceNow: the operator's command, and the app's first request (CODE: behind \"{NEW_TENANT}.\"):
  {cli} tenant invite {NEW_TENANT} --instance {servicenow}
  curl -i '{api}/integration/api/servicenow/enrolment/{NEW_TENANT}' -H 'Authorization: Bearer CODE' \\
       -d '{{\"instance\": \"{servicenow}\"}}'

Ten days pass: rotations and schedules that are due run, posts whose wait has ended are delivered:
  curl '{aws}{CLOCK_PATH}' -d '{{\"advance_seconds\": 864000}}'

Events and new work notes appear below. Ctrl-C ends it.",
        cloud.rescue.url(),
    ))
}

/// A name for the tenant that a person may set up.
const NEW_TENANT: &str = "acme";

/// The first of the ports, unless another is named.
pub const DEFAULT_PORT: u16 = 8400;
