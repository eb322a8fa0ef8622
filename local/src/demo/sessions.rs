//! Posts in all of Rescue's formats, repeats, and failures of ServiceNow.

use std::time::Duration;

use super::{Demo, say, title};
use crate::demo_tenant::CUSTOMER;
use crate::multicall::MulticallError;
use crate::rescue::{Format, Phase};
use crate::servicenow::Created;
use crate::simulator::{FaultAction, InjectedFault, RequestMatcher};

impl Demo {
    /// Chapters 2 to 7. Returns the incident of the first session.
    pub(super) async fn sessions(&self) -> Result<Created, MulticallError> {
        let instance = &self.cloud.servicenow;
        let printer = instance.add_incident(&[("short_description", "Printer does not print")]);
        let mail = instance.add_incident(&[("short_description", "No e-mail since this morning")]);

        title("2. A session on an incident, start as HTML form, end as XML")?;
        let mut session = self.session()?.with_field("CField1", &printer.number);
        session.say("Ana Ruiz", "Hello, what can I do for you?");
        session.say("Paul Martin", "My printer is [code]<b>broken</b>[/code]");
        self.post(&self.tenant, &session, Format::Form, Phase::Start)
            .await?;
        session.say("Ana Ruiz", "I have reinstalled the driver.");
        let session = session.with_note("Reinstalled the printer driver.");
        let end = self
            .post(&self.tenant, &session, Format::Xml, Phase::End)
            .await?;
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
        self.post(&self.tenant, &session, Format::JsonFlat, Phase::Start)
            .await?;
        self.post(&self.tenant, &session, Format::JsonWrapped, Phase::End)
            .await?;
        self.delivered().await?;
        let created = self.created_for(&session)?;
        self.expect_notes("incident", &created.sys_id, 2)?;
        say(&format!(
            "The connector created {} with the customer as caller and the technician assigned.",
            created.number
        ))?;

        title("5. ServiceNow writes the note, but its response is lost")?;
        let patches = || InjectedFault::on(RequestMatcher::of("PATCH", &mail.sys_id));
        instance.fault(patches().then(FaultAction::CommitThenDrop));
        let session = self
            .session()?
            .with_field("CField1", &mail.number)
            .with_note("Rebuilt the mailbox profile.");
        self.post(&self.tenant, &session, Format::JsonWrapped, Phase::End)
            .await?;
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
        self.post(&self.tenant, &session, Format::Form, Phase::End)
            .await?;
        self.postponed().await?;
        say("The post waits in the queue. Rescue has already received its 200.")?;
        say("(The demo moves the clock forward by 35 seconds.)")?;
        self.cloud.travel(Duration::from_secs(35));
        self.delivered().await?;
        self.expect_notes("incident", &mail.sys_id, 2)?;

        title("7. A session on a problem, with its work time in a column")?;
        let problem = instance.add_record(
            "problem",
            &[("short_description", "Printers lose their queue")],
        );
        let session = self
            .session()?
            .with_field("CField1", &problem.number)
            .with_note("Replaced the spooler on three machines.");
        self.post(&self.tenant, &session, Format::JsonFlat, Phase::Start)
            .await?;
        self.post(&self.tenant, &session, Format::JsonFlat, Phase::End)
            .await?;
        self.delivered().await?;
        self.expect_notes("problem", &problem.sys_id, 2)?;
        let worked = instance.displayed("problem", &problem.sys_id, "time_worked");
        if worked.is_empty() {
            return Err(format!("{} has no work time", problem.number).into());
        }
        say(&format!(
            "{} has both work notes, and {worked} of work in the column time_worked.",
            problem.number
        ))?;
        Ok(printer)
    }
}
