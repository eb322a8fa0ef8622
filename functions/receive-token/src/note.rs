//! What a requested item's work notes say about a hand-over: once, however often it is repeated.

use std::time::Duration;

use sha2::{Digest as _, Sha256};
use shared::domain::clock::Timestamp;
use shared::domain::record::SysId;
use shared::domain::tenant::{Language, TenantFile};
use shared::domain::time_budget::TimeBudget;
use shared::servicenow::client::{CallError, Columns, DisplayValue};

use crate::ReceiveToken;

/// The requested items' table.
const TABLE: &str = "sc_req_item";
/// The journal that customers do not read.
const COLUMN: &str = "work_notes";
/// Outlives a write whose outcome is unknown (docs/vendors.md#refusals).
const LEASE: Duration = Duration::from_secs(80);

/// What happened, for people.
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
        let (stored, refused) = words(language);
        match self {
            Self::Stored { expires_at } => {
                let date = expires_at.to_string();
                stored.replace("{}", date.get(..10).unwrap_or_default())
            }
            Self::Refused => refused.to_owned(),
        }
    }
}

const fn words(language: Language) -> (&'static str, &'static str) {
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

/// Names one outcome of one token for one item. The token cannot be told from it.
fn marker(file: &TenantFile, fingerprint: &str, item: &SysId, outcome: HandOverOutcome) -> String {
    let parts = [
        file.tenant.as_str(),
        fingerprint,
        item.as_str(),
        outcome.name(),
    ];
    let digest = hex::encode(Sha256::digest(parts.join("#")));
    format!("(Rescue · {})", digest.get(..16).unwrap_or(&digest))
}

/// Writes the note unless it is there. Whatever goes wrong is logged and nothing else.
pub(crate) async fn write(
    function: &ReceiveToken,
    file: &TenantFile,
    item: &SysId,
    fingerprint: &str,
    outcome: HandOverOutcome,
    deadline: Timestamp,
) {
    let marker = marker(file, fingerprint, item, outcome);
    let tenant = &file.tenant;
    // Two copies of one request must not both look and then both write.
    let key = format!("{tenant}#lease#note#{marker}");
    let owner = uuid::Uuid::new_v4().to_string();
    let credentials = &function.credentials;
    if !matches!(credentials.take_lease(&key, &owner, LEASE).await, Ok(true)) {
        tracing::info!(%tenant, %item, "another request is writing this note");
        return;
    }
    let text = format!("{} {marker}", outcome.text(file.language));
    match once(function, file, item, &marker, text, deadline).await {
        Ok(written) => tracing::info!(%tenant, %item, written, "the requested item has its note"),
        Err(CallError::Unknown { reason, .. }) => {
            tracing::warn!(%tenant, %item, reason, "nobody knows whether the requested item has its note");
            return;
        }
        Err(error) => tracing::warn!(%tenant, %item, %error, "the requested item has no note"),
    }
    credentials.release_lease(&key, &owner).await;
}

async fn once(
    function: &ReceiveToken,
    file: &TenantFile,
    item: &SysId,
    marker: &str,
    text: String,
    deadline: Timestamp,
) -> Result<bool, CallError> {
    let row = (TABLE, item);
    let budget = TimeBudget::until(function.clock.clone(), deadline);
    let instance = function.servicenow.for_tenant(file, budget);
    let found = instance.read_row(row, &[COLUMN], DisplayValue::Shown);
    let columns = found.await?.ok_or(CallError::NotFound)?;
    let notes = columns
        .get(COLUMN)
        .ok_or_else(|| CallError::Misconfigured("its work notes cannot be read back".to_owned()))?;
    if notes.contains(marker) {
        return Ok(false);
    }
    let columns = Columns::from([(COLUMN.to_owned(), text)]);
    let written = instance.update_row(row, &columns, marker);
    written.await?.note_seen()?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_language_names_the_day_on_which_a_token_expires() {
        let expires_at = Timestamp::from_millis(1_747_216_931_007);
        for language in [
            Language::En,
            Language::Fr,
            Language::De,
            Language::Es,
            Language::It,
            Language::Pt,
            Language::Nl,
        ] {
            let text = HandOverOutcome::Stored { expires_at }.text(language);
            assert!(text.contains("2025-05-14"), "{text}");
            assert!(!HandOverOutcome::Refused.text(language).contains("{}"));
        }
    }
}
