//! One attempt at a post: resolve the record, then write to it or create it.

use shared::aws::ledger::SessionEnd;
use shared::aws::queue::Barrier;
use shared::aws::storage_error::StorageError;
use shared::domain::error::ErrorCode;
use shared::domain::session::Source;
use shared::domain::tenant::Publish;
use shared::rescue::report;

use crate::attempt::{Attempt, Resolved};
use crate::failure::AttemptFailure;
use crate::missed;

/// How a post ends that needs no further attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AttemptEnd {
    Delivered,
    Ignored,
    Unmatched(ErrorCode),
}

/// Runs the attempt to its end.
///
/// # Errors
/// [`AttemptFailure`]. `effects` and `details` of the attempt hold what was done until then.
pub(crate) async fn deliver(attempt: &mut Attempt<'_>) -> Result<AttemptEnd, AttemptFailure> {
    // A missed session counts as one also where nothing is published.
    if came_after_switching_off(attempt)
        || (attempt.post.source == Source::Report && was_posted(attempt).await?)
        || attempt.file().sessions.publish == Publish::None
    {
        return Ok(AttemptEnd::Ignored);
    }
    match attempt.resolve().await? {
        Resolved::Record(record) => {
            attempt.step("record resolved", &record.to_string());
            attempt.write(record).await?;
        }
        Resolved::Nothing(reason) => match attempt.table_for_new_records().cloned() {
            None => {
                attempt.write_row(None).await?;
                return Ok(AttemptEnd::Unmatched(reason));
            }
            Some(table) => attempt.create(&table, None).await?,
        },
    }
    Ok(AttemptEnd::Delivered)
}

/// Whether Rescue itself has posted the end of a session whose post was made from the report. If not, the session counts as
/// missed, once.
async fn was_posted(attempt: &Attempt<'_>) -> Result<bool, StorageError> {
    let (ledger, post) = (&attempt.function.ledger, attempt.post);
    let end = ledger.session_end(&post.tenant, &post.session_id).await?;
    if end == SessionEnd::Posted {
        return Ok(true);
    }
    let barrier = Barrier::new(post.tenant.clone(), post.session_id.clone());
    if ledger.pass_barrier(&barrier).await? {
        missed::count(&post.tenant, &post.session_id);
    }
    Ok(false)
}

/// Posts that were accepted before their tenant was switched off are still delivered.
fn came_after_switching_off(attempt: &Attempt<'_>) -> bool {
    let post = attempt.post;
    // A post from the report is made hours after the end of its session.
    let ended_at = match post.source {
        Source::Post => None,
        Source::Report => post.fields.find("ClosingTime").and_then(report::moment),
    };
    let accepted_at = ended_at.unwrap_or(post.received_at);
    let received_after = |then| accepted_at >= then;
    !attempt.file().enabled && attempt.tenant.disabled_at.is_none_or(received_after)
}
