//! What the chapters do in Rescue, and what they check; a check that fails ends the demo.

use std::time::Duration;

use serde_json::json;

use super::{Demo, PATIENCE, Tenant, say};
use crate::aws::{MessageView, QueueView};
use crate::demo_tenant::TECHNICIAN;
use crate::multicall::MulticallError;
use crate::rescue::{Format, Payload, Phase, Session};
use crate::servicenow::Created;

impl Demo {
    pub(super) fn session(&self) -> Result<Session, MulticallError> {
        let session = self.cloud.rescue.start_session(TECHNICIAN);
        let session = session.ok_or("the demo's technician is missing")?;
        Ok(session.with_customer("Paul Martin"))
    }

    /// The session that starts when the customer enters a PIN for an incident.
    pub(super) async fn session_of_pin(
        &self,
        tenant: &Tenant,
        incident: &Created,
    ) -> Result<Session, MulticallError> {
        let request = json!({
            "technician": {"email": TECHNICIAN},
            "record": {"table": "incident", "sys_id": incident.sys_id, "number": incident.number},
        });
        let answer = tenant.app.post("pincodes", &request).await?;
        let pin = answer["pin"].as_str().ok_or("an answer without a PIN")?;
        let session = self.cloud.rescue.enter_pin(pin);
        say(&format!(
            "The PIN button on {} gives PIN {pin}; its session starts.",
            incident.number
        ))?;
        session.ok_or_else(|| "Rescue does not know the PIN".into())
    }

    pub(super) async fn post(
        &self,
        tenant: &Tenant,
        session: &Session,
        format: Format,
        phase: Phase,
    ) -> Result<Payload, MulticallError> {
        let (url, moment) = match phase {
            Phase::Start => (&tenant.urls.started, "starts"),
            Phase::End => (&tenant.urls.ended, "ends"),
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

    pub(super) async fn send_again(&self, payload: &Payload) -> Result<(), MulticallError> {
        // After SQS's deduplication window, so that the ledger finds the repeat.
        self.cloud.travel(Duration::from_secs(400));
        let posted = self
            .cloud
            .rescue
            .send(self.tenant.urls.ended.expose(), payload)
            .await?;
        if posted.status == 200 {
            Ok(())
        } else {
            Err(format!("answered {}", posted.status).into())
        }
    }

    /// Waits until the queue is empty.
    pub(super) async fn delivered(&self) -> Result<(), MulticallError> {
        self.wait_until("SessionsQueue", "posts are still in the queue", |queue| {
            queue.messages.is_empty()
        })
        .await
    }

    /// Waits until every post in the queue is hidden for a later delivery.
    pub(super) async fn postponed(&self) -> Result<(), MulticallError> {
        let later = |queue: &QueueView| !queue.messages.is_empty() && is_hidden_for_later(queue);
        self.wait_until(
            "SessionsQueue",
            "the post was not hidden for a later delivery",
            later,
        )
        .await
    }

    pub(super) async fn wait_until(
        &self,
        queue: &str,
        otherwise: &str,
        condition: impl Fn(&QueueView) -> bool,
    ) -> Result<(), MulticallError> {
        let since = tokio::time::Instant::now();
        while !condition(&self.queue(queue)?) {
            if since.elapsed() > PATIENCE {
                return Err(otherwise.into());
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    }

    pub(super) fn queue(&self, id: &str) -> Result<QueueView, MulticallError> {
        let names = self.cloud.resources.queues.get(id);
        let queue = names.and_then(|names| self.cloud.aws.queue(&names.name));
        queue.ok_or_else(|| format!("there is no queue {id}").into())
    }

    pub(super) fn expect_notes(
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

    /// The record that was created for a session.
    pub(super) fn created_for(&self, session: &Session) -> Result<Created, MulticallError> {
        let correlation = format!("rescue:{}", session.id);
        let value = |row: &std::collections::BTreeMap<String, String>, name: &str| {
            row.get(name).cloned().unwrap_or_default()
        };
        let rows = self.cloud.servicenow.records("incident");
        let rows = rows.iter();
        let mut rows = rows.filter(|row| value(row, "correlation_id") == correlation);
        match (rows.next(), rows.next()) {
            (Some(row), None) => Ok(Created {
                number: value(row, "number"),
                sys_id: value(row, "sys_id"),
            }),
            (None, _) => Err("no record was created".into()),
            (Some(_), Some(_)) => Err("two records were created".into()),
        }
    }
}

/// Whether every message is hidden for a later delivery; one that is processed is hidden for longer.
pub(super) fn is_hidden_for_later(queue: &QueueView) -> bool {
    let hidden = |message: &MessageView| {
        message.hidden_for > Duration::ZERO && message.hidden_for < Duration::from_secs(200)
    };
    queue.messages.iter().all(hidden)
}
