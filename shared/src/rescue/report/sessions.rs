//! A report's rows as sessions, with the variables that Post-to-URL would have had (docs/vendors.md#session-report).

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use super::error::UnreadableAnswer;
use super::table::{Cell, Table};
use super::times::{self, DateOrder, WrittenDate};
use super::{Period, ReportFormat};
use crate::domain::clock::Timestamp;
use crate::domain::session::{Fields, SessionId, documented_name};

/// A session that ended, as Rescue's own report shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportedSession {
    /// Rescue's id of the session.
    pub session_id: SessionId,
    /// When it ended.
    pub ended_at: Timestamp,
    /// When it started.
    pub started_at: Option<Timestamp>,
    /// The technician's node.
    pub technician_id: Option<String>,
    /// The technician's name.
    pub technician_name: Option<String>,
    /// The channel's node; `None` for a session of none.
    pub channel_id: Option<String>,
    /// The channel's name.
    pub channel_name: Option<String>,
    /// The columns with a value: under the names of Post-to-URL's variables, the others under their own in lower case.
    /// Durations are seconds, moments are like `2025-05-14 10:02:11 UTC`.
    pub fields: Fields,
}

/// The sessions of one node and one period.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SessionReport {
    /// One entry for each session that ended in the period, in the order of the report.
    pub sessions: Vec<ReportedSession>,
    /// How many sessions ended outside the period. Rescue was asked for more than the period.
    pub outside: usize,
    /// How many rows have no end: sessions that go on.
    pub not_ended: usize,
    /// How many rows repeat a session. The one with the latest end is kept.
    pub repeated: usize,
    /// The rows that are no session.
    pub unreadable: UnreadableRows,
    /// What Rescue did not let the connector set. The report may be incomplete.
    pub skipped: Vec<SkippedStep>,
    /// The format that Rescue answered in.
    pub format: ReportFormat,
}

/// How many rows could not be read, by reason. Nothing of them is used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UnreadableRows {
    /// The values cannot be assigned to columns, such as a text with `|`.
    pub columns: usize,
    /// No usable session id.
    pub session_id: usize,
    /// An end that is no date and time.
    pub end_time: usize,
}

impl UnreadableRows {
    /// How many there are.
    pub const fn total(&self) -> usize {
        self.columns + self.session_id + self.end_time
    }
}

/// A setting of the report that Rescue refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SkippedStep {
    /// Rescue's method.
    pub step: &'static str,
    /// What it answered.
    pub answer: String,
}

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Column {
    /// A variable of Post-to-URL, as it is.
    Variable(&'static str),
    /// A variable of Post-to-URL, a date and time.
    Moment(&'static str),
    /// A variable of Post-to-URL, a duration.
    Duration(&'static str),
    /// The work time where the report has no other.
    ActiveTime,
    ChannelId,
    ChannelName,
    Unknown,
}

const SESSION_ID: Column = Column::Variable("SessionID");
const TECHNICIAN_ID: Column = Column::Variable("TechID");
const START: Column = Column::Moment("PickupTime");
const END: Column = Column::Moment("ClosingTime");

/// The name and the five custom fields, in the vendor's order.
const CUSTOM_FIELDS: [&str; 6] = [
    "CField0", "CField1", "CField2", "CField3", "CField4", "CField5",
];

/// The columns that are known, by their name without blanks and in lower case.
const COLUMNS: [(&str, Column); 20] = [
    ("sessionid", SESSION_ID),
    ("endtime", END),
    ("starttime", START),
    ("lastactiontime", Column::Moment("LastActionTime")),
    ("technicianid", TECHNICIAN_ID),
    ("technicianname", Column::Variable("TechName")),
    ("technicianemail", Column::Variable("TechEmail")),
    ("name", Column::Variable("CField0")),
    ("customfield1", Column::Variable("CField1")),
    ("customfield2", Column::Variable("CField2")),
    ("customfield3", Column::Variable("CField3")),
    ("customfield4", Column::Variable("CField4")),
    ("customfield5", Column::Variable("CField5")),
    ("trackingid", Column::Variable("Tracking0")),
    ("waitingtime", Column::Duration("WaitingTime")),
    ("worktime", Column::Duration("WorkTime")),
    ("activetime", Column::ActiveTime),
    ("platform", Column::Variable("Platform")),
    ("transmitted", Column::Variable("Transmitted")),
    ("channelid", Column::ChannelId),
];

/// What another caller of the same user may have chosen as the delimiter.
const DELIMITERS: [char; 3] = [';', ',', '\t'];

/// Other columns of this report, and those of the reports that are taken for it most easily, in the same way.
const OTHER_COLUMNS: [&str; 18] = [
    "sessiontype",
    "status",
    "customerip",
    "deviceid",
    "incidenttoolsused",
    "resolvedunresolved",
    "channelname",
    "callingcard",
    "connectingtime",
    "totaltime",
    "holdtime",
    "timeintransfer",
    "rebootingtime",
    "reconnectingtime",
    "browsertype",
    "logintime",
    "logouttime",
    "numberofsessions",
];

impl Column {
    /// What the columns hold, by their names. Of two with one name the first counts.
    fn all(names: &[String]) -> Vec<Self> {
        let names: Vec<String> = names.iter().map(|name| plain(name)).collect();
        let mut columns = Vec::with_capacity(names.len());
        for name in &names {
            let column = match name.as_str() {
                "channelname" => Self::ChannelName,
                name => {
                    let mut known = COLUMNS.iter();
                    let found = known.find(|(known, _)| *known == name);
                    found.map_or(Self::Unknown, |(_, column)| *column)
                }
            };
            let column = match columns.contains(&column) {
                true => Self::Unknown,
                false => column,
            };
            columns.push(column);
        }
        name_custom_fields(&names, &mut columns);
        columns
    }
}

/// Custom fields that the account has renamed have their own names as columns. They are known by their neighbours: exactly
/// six columns stand between "Status" and "Tracking ID", and none of them is known for something else.
fn name_custom_fields(names: &[String], columns: &mut [Column]) {
    let position = |wanted: &str| names.iter().position(|name| name == wanted);
    let (Some(status), Some(tracking)) = (position("status"), position("trackingid")) else {
        return;
    };
    let Some(between) = columns.get_mut(status + 1..tracking) else {
        return;
    };
    let fits = between.len() == CUSTOM_FIELDS.len()
        && between.iter().zip(CUSTOM_FIELDS).all(|(column, field)| {
            matches!(column, Column::Unknown) || *column == Column::Variable(field)
        });
    if fits {
        for (column, field) in between.iter_mut().zip(CUSTOM_FIELDS) {
            *column = Column::Variable(field);
        }
    }
}

/// A column's name in lower case, its letters and digits alone.
fn plain(name: &str) -> String {
    let letters = name.chars().filter(|c| c.is_alphanumeric());
    letters.flat_map(char::to_lowercase).collect()
}

/// The value of a column in a row.
fn value(row: &[Cell], position: usize) -> Option<&str> {
    let mut cells = row.iter();
    let (_, value) = cells.find(|(at, _)| *at == position)?;
    Some(value)
}

impl SessionReport {
    /// Reads an answer that begins with `OK`. The period is the one that the sessions have to have ended in.
    pub(super) fn read(answer: &str, period: Period) -> Result<Self, UnreadableAnswer> {
        let table = Table::read(answer)?;
        let columns = Column::all(&table.columns);
        let position = |wanted: Column, name: &'static str| {
            let mut all = columns.iter();
            let found = all.position(|column| *column == wanted);
            found.ok_or_else(|| UnreadableAnswer::NoColumn {
                name,
                columns: shown(&table.columns),
            })
        };
        let id_position = position(SESSION_ID, "Session ID")?;
        let end_position = position(END, "End Time")?;
        let ends = table
            .rows
            .iter()
            .filter_map(|row| WrittenDate::read(value(row, end_position)?));
        let order = DateOrder::of(&ends.collect::<Vec<_>>(), period.wider());
        let mut report = Self {
            sessions: Vec::new(),
            outside: 0,
            not_ended: 0,
            repeated: 0,
            unreadable: UnreadableRows {
                columns: table.unreadable_rows,
                ..UnreadableRows::default()
            },
            skipped: Vec::new(),
            format: table.format,
        };
        let mut known: HashMap<SessionId, usize> = HashMap::new();
        for row in table.rows {
            let Some(session_id) = value(&row, id_position).and_then(SessionId::parse) else {
                report.unreadable.session_id += 1;
                continue;
            };
            let Some(end) = value(&row, end_position) else {
                report.not_ended += 1;
                continue;
            };
            let end = WrittenDate::read(end).and_then(|end| end.moment(order));
            let Some(ended_at) = end else {
                report.unreadable.end_time += 1;
                continue;
            };
            if !period.contains(ended_at) {
                report.outside += 1;
                continue;
            }
            let session = session(
                session_id.clone(),
                ended_at,
                row,
                (&columns, &table.columns),
                order,
            );
            match known.entry(session_id) {
                Entry::Vacant(entry) => {
                    entry.insert(report.sessions.len());
                    report.sessions.push(session);
                }
                Entry::Occupied(entry) => {
                    report.repeated += 1;
                    if let Some(present) = report.sessions.get_mut(*entry.get())
                        && present.ended_at < ended_at
                    {
                        *present = session;
                    }
                }
            }
        }
        Ok(report)
    }
}

fn session(
    session_id: SessionId,
    ended_at: Timestamp,
    row: Vec<Cell>,
    (columns, names): (&[Column], &[String]),
    order: DateOrder,
) -> ReportedSession {
    let mut session = ReportedSession {
        session_id,
        ended_at,
        started_at: None,
        technician_id: None,
        technician_name: None,
        channel_id: None,
        channel_name: None,
        fields: Fields::default(),
    };
    let mut active_time = None;
    for (position, value) in row {
        let column = columns.get(position).copied().unwrap_or(Column::Unknown);
        let name = names.get(position).map_or("", String::as_str);
        match column {
            Column::Variable(variable) => session.fields.insert(variable, value),
            Column::Moment(variable) => {
                let moment = WrittenDate::read(&value).and_then(|date| date.moment(order));
                if column == START {
                    session.started_at = moment;
                }
                let text = moment.map_or(value, times::shown);
                session.fields.insert(variable, text);
            }
            Column::Duration(variable) => session.fields.insert(variable, in_seconds(value)),
            Column::ActiveTime => active_time = Some((name, value)),
            // A session of no channel has the id 0.
            Column::ChannelId if value == "0" => {}
            Column::ChannelId => {
                session.channel_id = Some(value.clone());
                insert_unknown(&mut session.fields, name, position, value);
            }
            Column::ChannelName => {
                session.channel_name = Some(value.clone());
                insert_unknown(&mut session.fields, name, position, value);
            }
            Column::Unknown => insert_unknown(&mut session.fields, name, position, value),
        }
    }
    if let Some((name, value)) = active_time {
        if session.fields.find("WorkTime").is_none() {
            session.fields.insert("WorkTime", in_seconds(value));
        } else {
            insert_unknown(&mut session.fields, name, 0, value);
        }
    }
    let field = |name: &str| session.fields.find(name).map(str::to_owned);
    session.technician_id = field("TechID").filter(|id| id != "0");
    session.technician_name = field("TechName");
    session
}

/// A duration in seconds; one of another form stays as it is.
fn in_seconds(value: String) -> String {
    times::seconds(&value).map_or(value, |seconds| seconds.to_string())
}

/// Adds a column under its own name, also where Post-to-URL has a variable of that name: a custom field that is called
/// "Notes" is not the technician's notes.
fn insert_unknown(fields: &mut Fields, name: &str, position: usize, value: String) {
    let name = match name.trim() {
        "" => format!("column {}", position + 1),
        name => name.to_owned(),
    };
    if documented_name(&name).is_some() {
        fields.unknown_fields.insert(name.to_lowercase(), value);
    } else {
        fields.insert(&name, value);
    }
}

/// The names of columns, for an error. A first line that is no header may be about a person, so that a name is shown only
/// where Rescue's reports are known to have it. Another delimiter makes one name of all.
fn shown(columns: &[String]) -> String {
    let known = |piece: &str| {
        let name = piece.trim_end_matches(DELIMITERS);
        let delimiter = piece.get(name.len()..).unwrap_or_default();
        let plain = plain(name);
        let mut all = COLUMNS.iter().map(|(name, _)| name).chain(&OTHER_COLUMNS);
        match all.any(|name| *name == plain) {
            true => piece.to_owned(),
            false => format!("…{delimiter}"),
        }
    };
    let names = columns.iter().map(|name| {
        let pieces = name.split_inclusive(DELIMITERS).map(known);
        pieces.collect::<String>()
    });
    let all = names.collect::<Vec<_>>().join(", ");
    let line = all.replace(char::is_control, " ");
    match line.char_indices().nth(300) {
        Some((end, _)) => format!("{}…", line.get(..end).unwrap_or_default()),
        None => line,
    }
}
