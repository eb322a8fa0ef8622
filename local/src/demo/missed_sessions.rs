//! A technician group without webhook URLs: its sessions are found in Rescue's report, shown, and written.

use std::time::Duration;

use serde_json::{Value, json};

use super::checks::is_hidden_for_later;
use super::{Demo, Tenant, say, title};
use crate::app::App;
use crate::demo_tenant::TECHNICIAN;
use crate::multicall::MulticallError;
use crate::rescue::{Technician, TechnicianGroup};
use crate::servicenow::Created;

const GROUP_ID: &str = "2002";
const GROUP: &str = "Field service";
const MEMBER_ID: &str = "4455668";
const MEMBER_EMAIL: &str = "bo.lind@acme.test";
const MEMBER: &str = "Bo Lind";

/// How long the group's sessions last.
const HALF_AN_HOUR: Duration = Duration::from_secs(30 * 60);

/// The rate of the schedule. A session is compared two hours after its end.
const SCHEDULED_EVERY: Duration = Duration::from_secs(6 * 3600);

/// The second line of a note that was made from the report.
const REMARK: &str = "Rescue never posted the end of this session.";

impl Demo {
    /// Two sessions that Rescue never posts: shown first, written when the administrator wants that, once.
    pub(super) async fn missed_sessions(&self, tenant: &Tenant) -> Result<(), MulticallError> {
        title("9. Rescue never posts two sessions: they are found in its report")?;
        let app = &tenant.app;
        let settings = json!({
            "rescue": {"reconcile": "watch", "report_technician": TECHNICIAN, "report_nodes": [GROUP_ID]},
            "sessions": {"reference_fields": ["CField1"], "fields": ["Note", "TechName", "WorkTime"]},
        });
        app.change_settings(&settings).await?;
        say(&format!(
            "The administrator has the sessions of the technician group {GROUP} compared with Rescue's report, to watch at first."
        ))?;
        let incidents = self.unposted_sessions()?;
        self.compare().await?;
        self.expect_missed(app, 2, 0).await?;
        self.expect_a_note_each(&incidents, 0)?;
        say(&format!(
            "ServiceNow shows 2 missed sessions, both of the technician {MEMBER_ID}, {MEMBER}. No note is written."
        ))?;

        let write = json!({"rescue": {"reconcile": "write"}});
        app.change_settings(&write).await?;
        say("The administrator has such sessions written from now on.")?;
        self.compare().await?;
        self.expect_missed(app, 0, 2).await?;
        self.expect_a_note_each(&incidents, 1)?;
        say(&format!(
            "Both incidents have their note, which says \"{REMARK}\""
        ))?;
        self.compare().await?;
        self.expect_missed(app, 0, 2).await?;
        self.expect_a_note_each(&incidents, 1)?;
        say("The next comparison writes nothing.")?;
        Ok(())
    }

    /// The incidents of two sessions that the group's technician ends.
    fn unposted_sessions(&self) -> Result<[Created; 2], MulticallError> {
        let rescue = &self.cloud.rescue;
        rescue.set_group(TechnicianGroup::new(GROUP_ID, GROUP));
        rescue.set_technician(Technician::new(MEMBER_ID, MEMBER_EMAIL, MEMBER).in_group(GROUP_ID));
        let incidents = ["Scanner does not start", "Door reader is offline"].map(|text| {
            let description = [("short_description", text)];
            self.cloud.servicenow.add_incident(&description)
        });
        let mut sessions = Vec::new();
        for incident in &incidents {
            let session = rescue.start_session(MEMBER_EMAIL);
            let session = session.ok_or("the group's technician is missing")?;
            sessions.push(session.with_field("CField1", &incident.number));
        }
        self.cloud.travel(HALF_AN_HOUR);
        for (session, incident) in sessions.iter().zip(&incidents) {
            rescue.end_session(session);
            say(&format!(
                "{MEMBER} ends session {} on {}. The group has no webhook URLs: nothing is posted.",
                session.id, incident.number
            ))?;
        }
        Ok(incidents)
    }

    /// Lets the schedule compare, and waits until nothing is left to do of that. The clock moves over its pauses.
    async fn compare(&self) -> Result<(), MulticallError> {
        say("(The demo moves the clock forward by six hours: the schedule compares.)")?;
        self.cloud.travel(SCHEDULED_EVERY);
        self.cloud.run_schedule("reconcile-sessions").await?;
        loop {
            self.wait_until(
                "ReconcileQueue",
                "sessions are still compared",
                is_hidden_for_later,
            )
            .await?;
            self.delivered().await?;
            let waiting = self.queue("ReconcileQueue")?.messages;
            let pauses = waiting.iter().map(|message| message.hidden_for);
            let Some(pause) = pauses.max() else {
                return Ok(());
            };
            self.cloud.travel(pause + Duration::from_secs(1));
        }
    }

    /// Checks what ServiceNow shows of the group's sessions.
    async fn expect_missed(
        &self,
        app: &App,
        open: u64,
        written: u64,
    ) -> Result<(), MulticallError> {
        let status = app.status().await?;
        let by_technician = json!([
            {"technician_id": MEMBER_ID, "sessions": open + written, "written": written},
        ]);
        let shown = &status["reconciliation"];
        if status["missed_sessions"] == open
            && shown["missed"] == by_technician
            && shown["failed"] == Value::Null
        {
            Ok(())
        } else {
            Err(format!("the status shows other missed sessions: {status}").into())
        }
    }

    /// Checks that each incident has so many notes, all of them made from the report.
    fn expect_a_note_each(
        &self,
        incidents: &[Created],
        notes: usize,
    ) -> Result<(), MulticallError> {
        for incident in incidents {
            self.expect_notes("incident", &incident.sys_id, notes)?;
            let note = self.last_note(incident);
            if notes > 0 && !note.contains(REMARK) {
                return Err(format!("the note does not say where it comes from: {note}").into());
            }
        }
        Ok(())
    }
}
