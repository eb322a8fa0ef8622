//! The demo that `cargo run` plays: what happens to posts in all of Rescue's formats, also after failures.

use std::time::Duration;

use comfy_table::{ColumnConstraint, Width, presets};
use serde_json::{Value, json};
use shared::domain::secret::Secret;

use crate::cloud::{Cloud, Options, Programs};
use crate::demo_tenant::{self, CLIENT_ID, CUSTOMER, SERVICE_ACCOUNT, TECHNICIAN, TENANT};
use crate::multicall::MulticallError;
use crate::rescue::{Format, Phase, Session};
use crate::simulator::{FaultAction, InjectedFault, RequestMatcher};
use crate::terminal::{line, paragraph, table};

const BOLD: anstyle::Style = anstyle::Style::new().bold();

/// The demo fails when a post takes longer than this to reach its record.
const PATIENCE: Duration = Duration::from_secs(30);

/// How many days the demo moves the clock to show that the token is renewed without an operator, and in which steps.
const DAYS: u64 = 300;
const STEP: u64 = 10;

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
    let demo = Demo {
        cloud,
        started: urls.started,
        ended: urls.ended,
        api_key,
    };
    let outcome = demo.play().await;
    demo.cloud.shutdown().await;
    outcome
}

struct Demo {
    cloud: Cloud,
    started: Secret,
    ended: Secret,
    api_key: Secret,
}

impl Demo {
    async fn play(&self) -> Result<(), MulticallError> {
        let instance = &self.cloud.servicenow;
        let printer = instance.add_incident(&[("short_description", "Printer does not print")]);
        let mail = instance.add_incident(&[("short_description", "No e-mail since this morning")]);

        self.button().await?;

        title("2. A session on an incident, start as HTML form, end as XML")?;
        let mut session = self.session()?.with_field("CField1", &printer.number);
        session.say("Ana Ruiz", "Hello, what can I do for you?");
        session.say("Paul Martin", "My printer is [code]<b>broken</b>[/code]");
        self.post(&session, Format::Form, Phase::Start).await?;
        session.say("Ana Ruiz", "I have reinstalled the driver.");
        let session = session.with_note("Reinstalled the printer driver.");
        let end = self.post(&session, Format::Xml, Phase::End).await?;
        self.delivered().await?;
        self.expect_notes("incident", &printer.sys_id, 2)?;
        say(&format!(
            "{} has both work notes. Markup in the chat arrived as plain text.",
            printer.number
        ))?;

        title("3. Rescue posts the end once more")?;
        self.send_again(&end).await?;
        self.delivered().await?;
        self.expect_notes("incident", &printer.sys_id, 2)?;
        say("The connector answers 200 and writes nothing.")?;

        title("4. A session that names no record, as JSON")?;
        let session = self
            .session()?
            .with_field("CField2", CUSTOMER)
            .with_note("Reset the password.");
        self.post(&session, Format::JsonFlat, Phase::Start).await?;
        self.post(&session, Format::JsonWrapped, Phase::End).await?;
        self.delivered().await?;
        let created = self.created_for(&session)?;
        self.expect_notes("incident", &created.1, 2)?;
        say(&format!(
            "The connector created {} with the customer as caller and the technician assigned.",
            created.0
        ))?;

        title("5. ServiceNow writes the note, but its response is lost")?;
        let patches = || InjectedFault::on(RequestMatcher::of("PATCH", &mail.sys_id));
        instance.fault(patches().then(FaultAction::CommitThenDrop));
        let session = self
            .session()?
            .with_field("CField1", &mail.number)
            .with_note("Rebuilt the mailbox profile.");
        self.post(&session, Format::JsonWrapped, Phase::End).await?;
        self.postponed().await?;
        say(
            "The connector does not know whether the note was written. It waits until ServiceNow has ended the request.",
        )?;
        say("(The demo moves the clock forward by 75 seconds.)")?;
        self.cloud.travel(Duration::from_secs(75));
        self.delivered().await?;
        self.expect_notes("incident", &mail.sys_id, 1)?;
        say(
            "The connector read the record before it wrote, found its note, and wrote no second one.",
        )?;

        title("6. ServiceNow is down for a while")?;
        instance.fault(patches().then(FaultAction::status(503)));
        let session = self
            .session()?
            .with_field("CField1", &mail.number)
            .with_note("Called back: it works.");
        self.post(&session, Format::Form, Phase::End).await?;
        self.postponed().await?;
        say("The post waits in the queue. Rescue has already received its 200.")?;
        say("(The demo moves the clock forward by 35 seconds.)")?;
        self.cloud.travel(Duration::from_secs(35));
        self.delivered().await?;
        self.expect_notes("incident", &mail.sys_id, 2)?;

        self.token(&printer.number, &printer.sys_id).await?;

        self.show()?;
        let dead_letters = self.queue("SessionsDlq")?.messages.len();
        if dead_letters != 0 {
            return Err(format!("{dead_letters} dead letters").into());
        }
        title(&paragraph(
            "One PIN, nine posts and a repeat, two failures, 300 days: every note is there, once.",
            admin::terminal_width(),
        ))?;
        line("  Try it yourself: cargo run -- up")?;
        Ok(())
    }

    /// From the PIN button over PIN, e-mails and session to the notes on the same record.
    async fn button(&self) -> Result<(), MulticallError> {
        title("1. The button on an incident: PIN, e-mails, session, notes on the same incident")?;
        let description = [("short_description", "VPN disconnects every hour")];
        let vpn = self.cloud.servicenow.add_incident(&description);
        let request = json!({
            "technician": {"email": TECHNICIAN},
            "record": {"table": "incident", "sys_id": vpn.sys_id, "number": vpn.number},
            "customer": {"name": "Paul Martin", "email": CUSTOMER},
        });
        // Twice at once, as a double click sends it.
        let request_pin = || self.call("pincodes", &request);
        let (first, second) = tokio::join!(request_pin(), request_pin());
        let (answer, repeat) = (first?, second?);
        if answer["pin"] != repeat["pin"] {
            return Err("a double click gave two PINs".into());
        }
        let pin = answer["pin"].as_str().ok_or("an answer without a PIN")?;
        say(&format!(
            "The agent double-clicks on {}: one PIN, {pin}, made by Rescue for {TECHNICIAN}.",
            vpn.number
        ))?;
        for mail in self.cloud.servicenow.mails() {
            let (to, subject) = (mail.to.concat(), mail.subject);
            say(&format!("E-mail to {to}: \"{subject}\""))?;
        }
        if self.cloud.servicenow.mails().len() != 2 {
            return Err("agent and customer did not get one e-mail each".into());
        }
        let session = self.cloud.rescue.enter_pin(pin);
        let mut session = session.ok_or("Rescue does not know the PIN")?;
        say(
            "The customer opens the link and a session starts; Rescue posts its start and its end.",
        )?;
        session.say("Ana Ruiz", "Hello, I am looking at your VPN client.");
        self.post(&session, Format::JsonFlat, Phase::Start).await?;
        let session = session.with_note("Updated the VPN client.");
        self.post(&session, Format::JsonFlat, Phase::End).await?;
        self.delivered().await?;
        self.expect_notes("incident", &vpn.sys_id, 3)?;
        say(&format!(
            "By the signed tracking field, both notes are on {}, after the note about the PIN.",
            vpn.number
        ))?;
        Ok(())
    }

    /// One token hand-over; 300 days later a session still reaches its record.
    async fn token(&self, number: &str, sys_id: &str) -> Result<(), MulticallError> {
        title("7. One token hand-over lasts: 300 days later")?;
        let instance = &self.cloud.servicenow;
        let token = instance.issue_refresh_token(CLIENT_ID, SERVICE_ACCOUNT);
        let request = json!({ "refresh_token": token });
        let answer = self.call("token", &request).await?;
        say(&format!(
            "ServiceNow hands over a refresh token: {}, {} days left.",
            answer["status"].as_str().unwrap_or_default(),
            answer["days_left"]
        ))?;
        let before = instance.grants();
        for _ in 0..DAYS / STEP {
            self.cloud.travel(Duration::from_secs(STEP * 24 * 3600));
            self.cloud.aws.tick().await;
        }
        let grants = instance.grants();
        let renewed = grants.password - before.password;
        if renewed == 0 || grants.refused != before.refused {
            return Err("the refresh token was not renewed".into());
        }
        say(&format!(
            "Secrets Manager's schedule ran {} times. Each run tested the token, {renewed} of them renewed it.",
            DAYS / STEP
        ))?;
        let session = self.session()?.with_field("CField1", number);
        let session = session.with_note("Checked the printer again, 300 days later.");
        self.post(&session, Format::JsonFlat, Phase::End).await?;
        self.delivered().await?;
        self.expect_notes("incident", sys_id, 3)?;
        say(&format!("A new session still reaches {number}."))?;
        Ok(())
    }

    /// One call of the HTTP API, as ServiceNow sends it.
    async fn call(&self, route: &str, request: &Value) -> Result<Value, MulticallError> {
        let api = self.cloud.gateway.url();
        let answer = shared::http::client(None)?
            .post(format!("{api}/integration/api/servicenow/{route}/{TENANT}"))
            .bearer_auth(self.api_key.expose())
            .json(request)
            .send()
            .await?;
        let (status, body) = (answer.status(), answer.text().await?);
        if !status.is_success() {
            return Err(format!("{route} was answered {status} {body}").into());
        }
        Ok(serde_json::from_str(&body)?)
    }

    fn session(&self) -> Result<Session, MulticallError> {
        let session = self.cloud.rescue.start_session(TECHNICIAN);
        let session = session.ok_or("the demo's technician is missing")?;
        Ok(session.with_customer("Paul Martin"))
    }

    async fn post(
        &self,
        session: &Session,
        format: Format,
        phase: Phase,
    ) -> Result<crate::rescue::Payload, MulticallError> {
        let (url, moment) = match phase {
            Phase::Start => (&self.started, "starts"),
            Phase::End => (&self.ended, "ends"),
        };
        let rescue = &self.cloud.rescue;
        let posted = rescue.post(url.expose(), session, format, phase).await?;
        if posted.status != 200 {
            return Err(format!("the post was answered {} {}", posted.status, posted.body).into());
        }
        say(&format!(
            "Session {} {moment}; Rescue posts it as {format}: accepted, with 200.",
            session.id
        ))?;
        Ok(posted.payload)
    }

    async fn send_again(&self, payload: &crate::rescue::Payload) -> Result<(), MulticallError> {
        // After SQS's deduplication window, so that the ledger finds the repeat.
        self.cloud.travel(Duration::from_secs(400));
        let posted = self.cloud.rescue.send(self.ended.expose(), payload).await?;
        if posted.status == 200 {
            Ok(())
        } else {
            Err(format!("answered {}", posted.status).into())
        }
    }

    /// Waits until the queue is empty.
    async fn delivered(&self) -> Result<(), MulticallError> {
        self.wait_until("posts are still in the queue", |queue| {
            queue.messages.is_empty()
        })
        .await
    }

    /// Waits until every post in the queue is hidden for a later delivery.
    async fn postponed(&self) -> Result<(), MulticallError> {
        let later = |queue: &crate::aws::QueueView| {
            let hidden = |message: &crate::aws::MessageView| {
                message.hidden_for > Duration::ZERO && message.hidden_for < Duration::from_secs(200)
            };
            !queue.messages.is_empty() && queue.messages.iter().all(hidden)
        };
        self.wait_until("the post was not hidden for a later delivery", later)
            .await
    }

    async fn wait_until(
        &self,
        otherwise: &str,
        condition: impl Fn(&crate::aws::QueueView) -> bool,
    ) -> Result<(), MulticallError> {
        let since = tokio::time::Instant::now();
        while !condition(&self.queue("SessionsQueue")?) {
            if since.elapsed() > PATIENCE {
                return Err(otherwise.into());
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    }

    fn queue(&self, id: &str) -> Result<crate::aws::QueueView, MulticallError> {
        let names = self.cloud.resources.queues.get(id);
        let queue = names.and_then(|names| self.cloud.aws.queue(&names.name));
        queue.ok_or_else(|| format!("there is no queue {id}").into())
    }

    fn expect_notes(
        &self,
        table: &str,
        sys_id: &str,
        expected: usize,
    ) -> Result<(), MulticallError> {
        let found = self.cloud.servicenow.work_notes(table, sys_id).len();
        if found == expected {
            Ok(())
        } else {
            Err(format!("{found} notes instead of {expected}").into())
        }
    }

    /// Number and `sys_id` of the record that was created for a session.
    fn created_for(&self, session: &Session) -> Result<(String, String), MulticallError> {
        let correlation = format!("rescue:{}", session.id);
        let value = |row: &std::collections::BTreeMap<String, String>, name: &str| {
            row.get(name).cloned().unwrap_or_default()
        };
        let rows = self.cloud.servicenow.records("incident");
        let rows = rows.iter();
        let mut rows = rows.filter(|row| value(row, "correlation_id") == correlation);
        match (rows.next(), rows.next()) {
            (Some(row), None) => Ok((value(row, "number"), value(row, "sys_id"))),
            (None, _) => Err("no record was created".into()),
            (Some(_), Some(_)) => Err("two records were created".into()),
        }
    }

    /// Prints every incident with its work notes.
    fn show(&self) -> Result<(), MulticallError> {
        title("What the records show")?;
        let instance = &self.cloud.servicenow;
        let mut table = table(presets::UTF8_FULL_CONDENSED, admin::terminal_width());
        table.set_header(["Record", "Work notes"]);
        for row in instance.records("incident") {
            let value = |name: &str| row.get(name).cloned().unwrap_or_default();
            let notes = instance.work_notes("incident", &value("sys_id"));
            let record = format!("{}\n{}", value("number"), value("short_description"));
            table.add_row([record, notes.join("\n\n")]);
        }
        if let Some(record) = table.column_mut(0) {
            record.set_constraint(ColumnConstraint::UpperBoundary(Width::Fixed(22)));
        }
        line(table)?;
        Ok(())
    }
}

fn title(text: &str) -> std::io::Result<()> {
    line(format_args!("\n{BOLD}{text}{BOLD:#}"))
}

fn say(text: &str) -> std::io::Result<()> {
    line(paragraph(text, admin::terminal_width()))
}
