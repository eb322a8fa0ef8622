//! A Rescue session, from which posts are made.

use std::collections::BTreeMap;
use std::time::Duration;

use shared::domain::clock::Timestamp;
use time::OffsetDateTime;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;

use super::technician::Technician;

/// A session of a technician with a customer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// Rescue's identifier, 7 or 8 digits.
    pub id: String,
    /// The one technician that Rescue reports.
    pub technician: Technician,
    /// The node id of the channel that the customer came through; `None` for a session of none. Only reports show it.
    pub channel_id: Option<String>,
    /// `CField0` (the customer's name) to `CField5`, and any further variables under their documented names.
    pub fields: BTreeMap<String, String>,
    /// The tracking field.
    pub tracking0: String,
    /// The chat's lines so far.
    pub chat: Vec<String>,
    /// Whether the chat's lines are posted with line breaks between them; both have been seen.
    pub chat_line_breaks: bool,
    /// The technician's notes, posted at the end only.
    pub note: String,
    /// Seconds until the technician picked the session up.
    pub waiting_seconds: u64,
    /// When the technician picked the session up.
    pub picked_up_at: Timestamp,
    /// How long the session lasted from then on.
    pub lasted: Duration,
    /// The part of it, at its end, in which the technician did not work any more.
    pub idle_at_end: Duration,
    /// Bytes transmitted.
    pub transmitted: u64,
    /// The customer's platform.
    pub platform: String,
}

impl Session {
    /// A session that a technician has just picked up, without a customer's name, fields, chat or notes.
    pub fn new(id: &str, technician: Technician, picked_up_at: Timestamp) -> Self {
        Self {
            id: id.to_owned(),
            technician,
            channel_id: None,
            fields: BTreeMap::new(),
            tracking0: String::new(),
            chat: Vec::new(),
            chat_line_breaks: true,
            note: String::new(),
            waiting_seconds: 17,
            picked_up_at,
            lasted: Duration::from_secs(1_769),
            idle_at_end: Duration::from_secs(38),
            transmitted: 1_048_576,
            platform: "Windows 11".to_owned(),
        }
    }

    /// Sets the customer's name, which is `CField0`.
    #[must_use]
    pub fn with_customer(self, name: &str) -> Self {
        self.with_field("CField0", name)
    }

    /// Sets a variable by its documented name, or an unknown one by any name.
    #[must_use]
    pub fn with_field(mut self, name: &str, value: &str) -> Self {
        self.fields.insert(name.to_owned(), value.to_owned());
        self
    }

    /// Sets the tracking field.
    #[must_use]
    pub fn with_tracking0(mut self, tracking0: &str) -> Self {
        tracking0.clone_into(&mut self.tracking0);
        self
    }

    /// Sets the technician's notes.
    #[must_use]
    pub fn with_note(mut self, note: &str) -> Self {
        note.clone_into(&mut self.note);
        self
    }

    /// Adds a line to the chat, a minute after the last one, such as `10:02 AM Ana Ruiz: hello`.
    pub fn say(&mut self, speaker: &str, text: &str) {
        let minutes = u64::try_from(self.chat.len()).unwrap_or(0);
        self.say_at(
            self.picked_up_at.plus(Duration::from_secs(60 * minutes)),
            speaker,
            text,
        );
    }

    /// Adds a line of this time to the chat.
    pub fn say_at(&mut self, at: Timestamp, speaker: &str, text: &str) {
        let format = format_description!("[hour repr:12 padding:none]:[minute] [period]");
        let time = formatted(at, format);
        self.chat.push(format!("{time} {speaker}: {text}"));
    }
}

/// A moment in US style, `5/14/2025 10:02:11 AM`, in UTC.
pub fn us_date(at: Timestamp) -> String {
    formatted(
        at,
        format_description!(
            "[month padding:none]/[day padding:none]/[year] [hour repr:12 padding:none]:[minute]:[second] [period]"
        ),
    )
}

pub(super) fn formatted(at: Timestamp, format: &[BorrowedFormatItem<'_>]) -> String {
    let moment = OffsetDateTime::from_unix_timestamp(at.as_secs());
    let moment = moment.unwrap_or(OffsetDateTime::UNIX_EPOCH);
    moment.format(&format).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_in_us_style() {
        for (millis, expected) in [
            (1_747_216_931_007, "5/14/2025 10:02:11 AM"),
            (0, "1/1/1970 12:00:00 AM"),
            (43_200_000, "1/1/1970 12:00:00 PM"),
        ] {
            let date = us_date(Timestamp::from_millis(millis));
            assert_eq!(date, expected);
        }
    }
}
