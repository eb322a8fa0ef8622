//! The delivery ledger: the state of each post, and the record that a session belongs to.
//!
//! A claim is a conditional write with an owner and a lease; every later write is conditional on the owner (decision
//! 0002). The ledger holds ids, states, reasons and times, and no text of a person.

mod posts;
mod recent;
mod records;
mod reported;
mod table;
mod waiting;

pub use self::posts::{ClaimedPost, EntryDetails, PostClaim, PostProgress, PostState};
pub use self::recent::{PostCounts, RecentPosts};
pub use self::records::{CreationClaim, LedgerSession, SessionRow};
pub use self::reported::SessionEnd;
pub use self::table::{BY_TENANT, ENTRY_LIFETIME, Ledger};
pub use self::waiting::{NextPage, ReceiptHandlePage};
