//! The work note of a requested item about a hand-over: written once, however often the hand-over is repeated.

use std::time::Duration;

use sha2::{Digest as _, Sha256};
use shared::aws::secret_store::fingerprint;
use shared::domain::clock::Timestamp;
use shared::domain::record::SysId;
use shared::domain::secret::Secret;
use shared::domain::tenant::{Language, TenantFile};
use shared::domain::time_budget::TimeBudget;
use shared::servicenow::client::{CallError, Columns, DisplayValue};
use shared::token::uninterrupted::run_until;

use crate::event::HandOver;
use crate::service::ReceiveToken;

/// The requested items' table.
const TABLE: &str = "sc_req_item";
/// The journal that customers do not read.
const COLUMN: &str = "work_notes";
/// Outlives a write whose outcome is unknown (docs/vendors.md#answers-that-prove-nothing).
const LEASE: Duration = Duration::from_secs(80);

/// What the note reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HandOverOutcome {
    Stored { expires_at: Timestamp },
    Refused,
}

impl HandOverOutcome {
    const fn name(self) -> &'static str {
        match self {
            Self::Stored { .. } => "stored",
            Self::Refused => "refused",
        }
    }

    fn text(self, language: Language) -> String {
        let (stored, refused) = texts(language);
        match self {
            Self::Stored { expires_at } => {
                let date = expires_at.to_string();
                stored.replace("{}", date.get(..10).unwrap_or_default())
            }
            Self::Refused => refused.to_owned(),
        }
    }
}

const fn texts(language: Language) -> (&'static str, &'static str) {
    match language {
        Language::En => (
            "Rescue: the refresh token works and is stored. It expires on {} unless it is renewed before.",
            "Rescue: ServiceNow refuses the refresh token that was handed over. The one from before stays.",
        ),
        Language::Fr => (
            "Rescue : le jeton d'actualisation fonctionne et est enregistré. Il expire le {} s'il n'est pas renouvelé avant.",
            "Rescue : ServiceNow refuse le jeton d'actualisation transmis. Le précédent reste en place.",
        ),
        Language::De => (
            "Rescue: Das Aktualisierungstoken funktioniert und ist gespeichert. Es läuft am {} ab, wenn es nicht vorher erneuert wird.",
            "Rescue: ServiceNow lehnt das übergebene Aktualisierungstoken ab. Das bisherige bleibt.",
        ),
        Language::Es => (
            "Rescue: el token de actualización funciona y está guardado. Caduca el {} si no se renueva antes.",
            "Rescue: ServiceNow rechaza el token de actualización entregado. Se mantiene el anterior.",
        ),
        Language::It => (
            "Rescue: il token di aggiornamento funziona ed è salvato. Scade il {} se non viene rinnovato prima.",
            "Rescue: ServiceNow rifiuta il token di aggiornamento consegnato. Resta quello precedente.",
        ),
        Language::Pt => (
            "Rescue: o token de atualização funciona e está guardado. Expira em {} se não for renovado antes.",
            "Rescue: o ServiceNow recusa o token de atualização entregue. O anterior mantém-se.",
        ),
        Language::Nl => (
            "Rescue: het vernieuwingstoken werkt en is opgeslagen. Het verloopt op {} als het niet eerder wordt vernieuwd.",
            "Rescue: ServiceNow weigert het overhandigde vernieuwingstoken. Het vorige blijft.",
        ),
    }
}

/// Identifies one outcome of one token for one item, without giving the token away.
fn marker(file: &TenantFile, token: &Secret, item: &SysId, outcome: HandOverOutcome) -> String {
    let fingerprint = fingerprint(token);
    let parts = [
        file.tenant.as_str(),
        &fingerprint,
        item.as_str(),
        outcome.name(),
    ];
    let digest = hex::encode(Sha256::digest(parts.join("#")));
    format!("(Rescue · {})", digest.get(..16).unwrap_or(&digest))
}

/// Writes the outcome into the work notes of the hand-over's requested item, where it has one. A failure is logged.
pub(crate) async fn write(
    function: &ReceiveToken,
    file: &TenantFile,
    hand_over: &HandOver,
    outcome: HandOverOutcome,
    budget: TimeBudget,
) {
    let Some(item) = &hand_over.request_item else {
        return;
    };
    let note = Note {
        function,
        file,
        item,
        marker: marker(file, &hand_over.refresh_token, item, outcome),
        text: outcome.text(file.language),
        budget: budget.clone(),
    };
    let access = &function.access;
    let written = run_until(|| budget.left(), || access.is_obtaining(), note.write()).await;
    if written.is_none() {
        tracing::warn!(tenant = %file.tenant, %item, "the requested item's note took too long");
    }
}

struct Note<'a> {
    function: &'a ReceiveToken,
    file: &'a TenantFile,
    item: &'a SysId,
    marker: String,
    text: String,
    budget: TimeBudget,
}

impl Note<'_> {
    async fn write(&self) {
        let (tenant, item, marker) = (&self.file.tenant, self.item, &self.marker);
        // Two copies of one request must not both look for the marker and then both write.
        let key = format!("{tenant}#lease#note#{marker}");
        let owner = uuid::Uuid::new_v4().to_string();
        let credentials = &self.function.credentials;
        if !matches!(credentials.take_lease(&key, &owner, LEASE).await, Ok(true)) {
            tracing::info!(%tenant, %item, "another request is writing this note");
            return;
        }
        match self.write_unless_there().await {
            Ok(written) => {
                tracing::info!(%tenant, %item, written, "the requested item has its note");
            }
            Err(CallError::Unknown { reason, .. }) => {
                tracing::warn!(%tenant, %item, reason, "the requested item may have its note");
                return;
            }
            Err(error) => tracing::warn!(%tenant, %item, %error, "the requested item has no note"),
        }
        credentials.release_lease(&key, &owner).await;
    }

    async fn write_unless_there(&self) -> Result<bool, CallError> {
        let (row, marker) = ((TABLE, self.item), &self.marker);
        let client = &self.function.servicenow;
        let instance = client.for_tenant(self.file, self.budget.clone());
        let found = instance.read_row(row, &[COLUMN], DisplayValue::Shown);
        let columns = found.await?.ok_or(CallError::NotFound)?;
        let notes = columns.get(COLUMN).ok_or_else(|| {
            CallError::Misconfigured("its work notes cannot be read back".to_owned())
        })?;
        if notes.contains(marker) {
            return Ok(false);
        }
        let columns = Columns::from([(COLUMN.to_owned(), format!("{} {marker}", self.text))]);
        let written = instance.update_row(row, &columns, marker);
        written.await?.note_seen()?;
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_language_names_the_day_on_which_a_token_expires() {
        let expires_at = Timestamp::from_millis(1_747_216_931_007);
        for language in Language::ALL {
            let text = HandOverOutcome::Stored { expires_at }.text(language);
            assert!(text.contains("2025-05-14"), "{text}");
            assert!(!HandOverOutcome::Refused.text(language).contains("{}"));
        }
    }
}
