//! The PIN button: from PIN over e-mails and session to the notes on the same record.

use serde_json::json;

use super::{Demo, say, title};
use crate::demo_tenant::{CUSTOMER, TECHNICIAN};
use crate::multicall::MulticallError;
use crate::rescue::{Format, Phase};

impl Demo {
    /// From the PIN button over PIN, e-mails and session to the notes on the same record.
    pub(super) async fn pin_button(&self) -> Result<(), MulticallError> {
        title("1. The button on an incident: PIN, e-mails, session, notes on the same incident")?;
        let description = [("short_description", "VPN disconnects every hour")];
        let vpn = self.cloud.servicenow.add_incident(&description);
        let request = json!({
            "technician": {"email": TECHNICIAN},
            "record": {"table": "incident", "sys_id": vpn.sys_id, "number": vpn.number},
            "customer": {"name": "Paul Martin", "email": CUSTOMER},
        });
        // Twice at once, as a double click sends it.
        let request_pin = || self.tenant.app.post("pincodes", &request);
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
        self.post(&self.tenant, &session, Format::JsonFlat, Phase::Start)
            .await?;
        let session = session.with_note("Updated the VPN client.");
        self.post(&self.tenant, &session, Format::JsonFlat, Phase::End)
            .await?;
        self.delivered().await?;
        self.expect_notes("incident", &vpn.sys_id, 3)?;
        say(&format!(
            "By the signed tracking field, both notes are on {}, after the note about the PIN.",
            vpn.number
        ))?;
        Ok(())
    }
}
