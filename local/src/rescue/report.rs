//! Reports: what they show is state of the user who asks, and a user gets one in a minute
//! (docs/vendors.md#session-report).

use std::time::Duration;

use shared::domain::clock::Timestamp;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;
use time::{PrimitiveDateTime, Time};

use super::api::{ApiCall, ApiResult, caller, no_such_page, text};
use super::journal::JournalEntry;
use super::organization::{self, ACCOUNT_ID, TECHNICIANS_ID};
use super::post::escaped;
use super::session::formatted;
use super::state::RescueState;

/// The time between two reports of a user.
const ONE_REPORT_EVERY: Duration = Duration::from_secs(60);

/// How a report writes dates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReportDates {
    /// `5/14/2025 10:02:11 AM`.
    UsWithSeconds,
    /// `5/14/2025 10:02 AM`, as the vendor's sample of getSession shows.
    Us,
    /// `5/14/2025 10:02:11`, in 24 hours.
    Us24Hours,
    /// `14/5/2025 10:02`, as a client of the vendor's API sets it.
    DayFirst,
    /// `2025-05-14T10:02:11`.
    Iso,
}

impl ReportDates {
    fn format(self) -> &'static [BorrowedFormatItem<'static>] {
        match self {
            Self::UsWithSeconds => format_description!(
                "[month padding:none]/[day padding:none]/[year] [hour repr:12 padding:none]:[minute]:[second] [period]"
            ),
            Self::Us => format_description!(
                "[month padding:none]/[day padding:none]/[year] [hour repr:12 padding:none]:[minute] [period]"
            ),
            Self::Us24Hours => format_description!(
                "[month padding:none]/[day padding:none]/[year] [hour padding:none]:[minute]:[second]"
            ),
            Self::DayFirst => format_description!(
                "[day padding:none]/[month padding:none]/[year] [hour padding:none]:[minute]"
            ),
            Self::Iso => format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]"),
        }
    }
}

/// How reports look, and who gets them. The vendor publishes few of these facts, so a test chooses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportRules {
    /// The columns come in another order than the vendor's page shows.
    pub shuffled_columns: bool,
    /// A column that no page of the vendor names.
    pub extra_column: Option<String>,
    /// The account's own names of the name field and the custom fields 1 to 5, which are then the names of their columns.
    pub custom_field_names: Option<[String; 6]>,
    /// `setOutput` refuses XML.
    pub refuses_xml: bool,
    /// The account's id is no node of a report.
    pub refuses_account_node: bool,
    /// Technician groups are no nodes of a report; only technicians and channels are.
    pub refuses_group_nodes: bool,
    /// The refusal of a node.
    pub node_refusal: &'static str,
    /// Authcodes give no right to reports.
    pub refuses_authcodes: bool,
    /// API tokens give no right to reports.
    pub refuses_api_tokens: bool,
    /// The refusal of a report less than a minute after the last one.
    pub too_soon: &'static str,
    /// How dates are written.
    pub dates: ReportDates,
    /// Durations are written as `0:28:51`, and not in seconds.
    pub clock_durations: bool,
    /// Sessions that go on are shown, without an end.
    pub shows_open_sessions: bool,
    /// Whether the server has `setReportType` and `setReportTime`.
    pub has_type_and_time: bool,
}

impl Default for ReportRules {
    fn default() -> Self {
        Self {
            shuffled_columns: false,
            extra_column: None,
            custom_field_names: None,
            refuses_xml: false,
            refuses_account_node: false,
            refuses_group_nodes: false,
            node_refusal: "INVALIDPARAM_NODE",
            refuses_authcodes: false,
            refuses_api_tokens: false,
            too_soon: "POLLRATEEXCEEDED",
            dates: ReportDates::UsWithSeconds,
            clock_durations: true,
            shows_open_sessions: false,
            has_type_and_time: true,
        }
    }
}

/// What a user's report shows.
#[derive(Clone, Debug)]
pub(super) struct ReportSettings {
    area: u8,
    summary: bool,
    /// Minutes east of UTC.
    zone: i64,
    /// In the zone of the report; `None` for today.
    dates: Option<(PrimitiveDateTime, PrimitiveDateTime)>,
    /// In the zone of the report.
    times: (Time, Time),
    xml: bool,
    delimiter: String,
    last_report: Option<Timestamp>,
}

impl Default for ReportSettings {
    /// Settings that no caller wants, so that a client has to set all of them. The vendor does not publish its own values.
    fn default() -> Self {
        Self {
            area: 2,
            summary: true,
            zone: -300,
            dates: None,
            times: (time::macros::time!(9:00), time::macros::time!(17:00)),
            xml: false,
            delimiter: ";".to_owned(),
            last_report: None,
        }
    }
}

/// The answer to a call that is about reports; `None` for another path.
pub(super) fn answer(state: &mut RescueState, call: &ApiCall<'_>, path: &str) -> Option<ApiResult> {
    let method = path.strip_prefix("/api/")?.strip_suffix(".aspx")?;
    let rules = &state.rules.report;
    let may_be_missing = matches!(method, "setreporttype" | "setreporttime");
    if may_be_missing && !rules.has_type_and_time {
        return Some(Ok(no_such_page()));
    }
    Some(match method {
        "gethierarchy_v2" => hierarchy(state, call),
        "setreportarea_v8" => set(state, call, "area", set_area),
        "setreporttype" => set(state, call, "type", set_type),
        "setreporttime" => set_times(state, call),
        "setreportdate_v2" => set_dates(state, call),
        "settimezone" => set(state, call, "timezone", set_zone),
        "setoutput" => {
            let refused = rules.refuses_xml;
            set(state, call, "output", |settings, value| match value {
                "XML" if !refused => settings.become_xml(true),
                "TEXT" => settings.become_xml(false),
                _ => Err("ERROR"),
            })
        }
        "setdelimiter" => set(state, call, "delimiter", |settings, value| {
            value.clone_into(&mut settings.delimiter);
            Ok(())
        }),
        "getreport_v2" => report(state, call),
        _ => return None,
    })
}

/// The SSO id of a caller who may get reports.
fn reader(state: &mut RescueState, call: &ApiCall<'_>) -> Result<String, &'static str> {
    let caller = caller(state, call)?;
    let rules = &state.rules.report;
    let refused = match call.given("authcode") {
        Some(code) if state.api_tokens.contains_key(code) => rules.refuses_api_tokens,
        Some(_) => rules.refuses_authcodes,
        None => false,
    };
    match refused {
        true => Err("NOTLOGGEDIN"),
        false => Ok(caller.sso_id),
    }
}

fn hierarchy(state: &mut RescueState, call: &ApiCall<'_>) -> ApiResult {
    caller(state, call)?;
    let flag = |name| match call.given(name) {
        None | Some("false") => Ok(false),
        Some("true") => Ok(true),
        Some(_) => Err("ERROR"),
    };
    let only = match flag("isnode")? {
        true => Some(call.given("node").ok_or("INVALIDPARAM_NODE")?),
        false => None,
    };
    let nodes = organization::listed(state, only, !flag("filteroffline")?);
    if nodes.is_empty() {
        return Err("INVALIDPARAM_NODE");
    }
    Ok(text(&format!("OK{}{nodes}", state.rules.separator)))
}

/// Changes one setting of the caller, and answers its value.
fn set(
    state: &mut RescueState,
    call: &ApiCall<'_>,
    parameter: &str,
    change: impl FnOnce(&mut ReportSettings, &str) -> Result<(), &'static str>,
) -> ApiResult {
    let reader = reader(state, call)?;
    let value = call.given(parameter).ok_or("ERROR")?;
    change(state.report_settings.entry(reader).or_default(), value)?;
    Ok(text(&format!("OK{}{value}", state.rules.separator)))
}

fn set_area(settings: &mut ReportSettings, value: &str) -> Result<(), &'static str> {
    let area = value.parse().ok().filter(|area| *area <= 10);
    settings.area = area.ok_or("ERROR")?;
    Ok(())
}

fn set_type(settings: &mut ReportSettings, value: &str) -> Result<(), &'static str> {
    settings.summary = match value {
        "LISTALL" => false,
        "SUMMARY" => true,
        _ => return Err("ERROR"),
    };
    Ok(())
}

fn set_zone(settings: &mut ReportSettings, value: &str) -> Result<(), &'static str> {
    let minutes = value
        .parse()
        .ok()
        .filter(|zone| (-840..=840).contains(zone));
    settings.zone = minutes.ok_or("ERROR")?;
    Ok(())
}

fn set_times(state: &mut RescueState, call: &ApiCall<'_>) -> ApiResult {
    let reader = reader(state, call)?;
    let format = format_description!("[hour padding:none]:[minute]:[second]");
    let read = |name| {
        let text = call.given(name).ok_or("ERROR")?;
        Time::parse(text, &format).map_err(|_| "INVALIDFORMAT")
    };
    let times = (read("btime")?, read("etime")?);
    state.report_settings.entry(reader).or_default().times = times;
    Ok(text(&format!("OK{}", state.rules.separator)))
}

fn set_dates(state: &mut RescueState, call: &ApiCall<'_>) -> ApiResult {
    let reader = reader(state, call)?;
    let read = |name| {
        let text = call.given(name).ok_or("ERROR")?;
        let format = ReportDates::Us24Hours.format();
        PrimitiveDateTime::parse(text, &format).map_err(|_| "INVALIDFORMAT")
    };
    let dates = (read("bdate")?, read("edate")?);
    if dates.1 < dates.0 {
        return Err("INVALIDDATERANGE");
    }
    state.report_settings.entry(reader).or_default().dates = Some(dates);
    Ok(text(&format!("OK{}", state.rules.separator)))
}

/// Whose sessions a report shows.
enum Subject {
    Account,
    Group(String),
    Technician(String),
    Channel(String),
    /// No session is one of an external technician.
    External,
}

fn subject(state: &RescueState, call: &ApiCall<'_>) -> Result<Subject, &'static str> {
    let rules = &state.rules.report;
    let refused = rules.node_refusal;
    let node = call.given("node").ok_or(refused)?;
    let subject = match call.given("nodetype").unwrap_or("NODE") {
        "CHANNEL" => {
            let mut channels = state.channels.iter();
            let known = channels.any(|channel| channel.node_id == node);
            known.then(|| Subject::Channel(node.to_owned()))
        }
        "EXTERNALROOT" | "EXTERNALTECH" | "EXTERNALGROUP" => Some(Subject::External),
        "NODE" if node == ACCOUNT_ID => (!rules.refuses_account_node).then_some(Subject::Account),
        "NODE" => {
            let (mut groups, mut technicians) = (state.groups.iter(), state.technicians.iter());
            if node == TECHNICIANS_ID || groups.any(|group| group.node_id == node) {
                (!rules.refuses_group_nodes).then(|| Subject::Group(node.to_owned()))
            } else {
                let known = technicians.any(|known| known.node_id == node && !known.deleted);
                known.then(|| Subject::Technician(node.to_owned()))
            }
        }
        _ => return Err("ERROR"),
    };
    subject.ok_or(refused)
}

fn report(state: &mut RescueState, call: &ApiCall<'_>) -> ApiResult {
    let reader = reader(state, call)?;
    let subject = subject(state, call)?;
    let settings = state.report_settings.entry(reader).or_default();
    let last = settings.last_report;
    if last.is_some_and(|last| call.now.since(last) < ONE_REPORT_EVERY) {
        return Err(state.rules.report.too_soon);
    }
    settings.last_report = Some(call.now);
    let settings = settings.clone();
    let (columns, rows) = if settings.area != 0 {
        (other_columns(), Vec::new())
    } else {
        let entries = state.journal.entries().iter();
        let shown: Vec<&JournalEntry> = entries
            .filter(|entry| {
                settings.shows(entry, call.now)
                    && (entry.ended_at.is_some() || state.rules.report.shows_open_sessions)
                    && subject.has(state, entry)
            })
            .collect();
        if settings.summary {
            let total = shown.iter().map(|entry| entry.session.lasted.as_secs());
            let row = vec![shown.len().to_string(), total.sum::<u64>().to_string()];
            let columns = ["Number of Sessions", "Total Time"];
            (columns.map(str::to_owned).to_vec(), vec![row])
        } else {
            let rows = shown.iter().map(|entry| row(state, &settings, entry));
            (columns(&state.rules.report), rows.collect())
        }
    };
    let order = order(columns.len(), state.rules.report.shuffled_columns);
    let body = match settings.xml {
        true => as_xml(&columns, &rows, &order),
        false => as_text(&columns, &rows, &order, &settings.delimiter),
    };
    Ok(text(&format!("OK{}{body}", state.rules.separator)))
}

impl Subject {
    fn has(&self, state: &RescueState, entry: &JournalEntry) -> bool {
        let session = &entry.session;
        match self {
            Self::Account => true,
            Self::Group(id) => organization::is_in_group(state, &session.technician, id),
            Self::Technician(id) => session.technician.node_id == *id,
            Self::Channel(id) => session.channel_id.as_ref() == Some(id),
            Self::External => false,
        }
    }
}

impl ReportSettings {
    fn become_xml(&mut self, xml: bool) -> Result<(), &'static str> {
        self.xml = xml;
        Ok(())
    }

    /// A moment in the zone of the report.
    fn local(&self, at: Timestamp) -> Timestamp {
        Timestamp::from_millis(at.as_millis() + self.zone * 60_000)
    }

    /// The start of a session counts, here: the vendor does not say which moment does.
    fn shows(&self, entry: &JournalEntry, now: Timestamp) -> bool {
        let seconds = self.local(entry.session.picked_up_at).as_secs();
        let today = self.local(now).as_secs().div_euclid(86_400);
        let in_dates = match &self.dates {
            Some((begin, end)) => {
                let unix = |date: &PrimitiveDateTime| date.assume_utc().unix_timestamp();
                (unix(begin)..=unix(end)).contains(&seconds)
            }
            None => seconds.div_euclid(86_400) == today,
        };
        let since_midnight = |time: Time| {
            let (hour, minute, second) = time.as_hms();
            i64::from(hour) * 3600 + i64::from(minute) * 60 + i64::from(second)
        };
        let (begin, end) = (since_midnight(self.times.0), since_midnight(self.times.1));
        in_dates && (begin..=end).contains(&seconds.rem_euclid(86_400))
    }
}

/// The columns of another area.
fn other_columns() -> Vec<String> {
    let columns = [
        "Technician Name",
        "Technician ID",
        "Login Time",
        "Logout Time",
    ];
    columns.map(str::to_owned).to_vec()
}

/// The columns of the session report. The vendor's page shows those up to "Waiting Time", a public client the others.
fn columns(rules: &ReportRules) -> Vec<String> {
    let standard = [
        "Name",
        "Custom field 1",
        "Custom field 2",
        "Custom field 3",
        "Custom field 4",
        "Custom field 5",
    ];
    let custom = rules.custom_field_names.clone();
    let custom = custom.unwrap_or_else(|| standard.map(str::to_owned));
    let before = [
        "Start Time",
        "End Time",
        "Last Action Time",
        "Technician Name",
        "Technician ID",
        "Session ID",
        "Session Type",
        "Status",
    ];
    let after = [
        "Tracking ID",
        "Customer IP",
        "Device ID",
        "Incident Tools Used",
        "Resolved Unresolved",
        "Channel ID",
        "Channel Name",
        "Calling Card",
        "Connecting Time",
        "Waiting Time",
        "Total Time",
        "Active Time",
        "Work Time",
        "Hold Time",
        "Time in Transfer",
        "Rebooting Time",
        "Reconnecting Time",
        "Platform",
        "Technician Email",
        "Browser Type",
    ];
    let mut columns: Vec<String> = before.map(str::to_owned).to_vec();
    columns.extend(custom);
    columns.extend(after.map(str::to_owned));
    columns.extend(rules.extra_column.clone());
    columns
}

/// The values of a session, one for each of [`columns`].
fn row(state: &RescueState, settings: &ReportSettings, entry: &JournalEntry) -> Vec<String> {
    let JournalEntry { session, ended_at } = entry;
    let rules = &state.rules.report;
    let date = |at: Timestamp| formatted(settings.local(at), rules.dates.format());
    let duration = |seconds: u64| match rules.clock_durations {
        true => format!(
            "{}:{:02}:{:02}",
            seconds / 3600,
            seconds / 60 % 60,
            seconds % 60
        ),
        false => seconds.to_string(),
    };
    let field = |name: &str| session.fields.get(name).cloned().unwrap_or_default();
    let active = ended_at.map_or(Duration::ZERO, |end| end.since(session.picked_up_at));
    let worked = active.saturating_sub(session.idle_at_end);
    let technician = &session.technician;
    let channel = state
        .channels
        .iter()
        .find(|known| Some(&known.node_id) == session.channel_id.as_ref());
    let total = active.as_secs() + session.waiting_seconds;
    let status = match ended_at {
        Some(_) => "Closed by technician",
        None => "Active",
    };
    let mut row = vec![
        date(session.picked_up_at),
        ended_at.map(date).unwrap_or_default(),
        date(session.picked_up_at.plus(worked)),
        technician.name.clone(),
        technician.node_id.clone(),
        session.id.clone(),
        "Standard".to_owned(),
        status.to_owned(),
        field("CField0"),
        field("CField1"),
        field("CField2"),
        field("CField3"),
        field("CField4"),
        field("CField5"),
        session.tracking0.clone(),
        "192.0.2.7".to_owned(),
        String::new(),
        "RC".to_owned(),
        "Resolved".to_owned(),
        channel.map_or("0", |channel| &channel.node_id).to_owned(),
        channel.map_or("", |channel| &channel.name).to_owned(),
        String::new(),
        duration(4),
        duration(session.waiting_seconds),
        duration(total),
        duration(active.as_secs()),
        duration(worked.as_secs()),
        duration(0),
        duration(0),
        duration(0),
        duration(0),
        session.platform.clone(),
        technician.email.clone(),
        String::new(),
    ];
    row.extend(rules.extra_column.as_ref().map(|_| "new".to_owned()));
    row
}

/// The positions of the columns in the order in which they are shown.
fn order(columns: usize, shuffled: bool) -> Vec<usize> {
    let mut order: Vec<usize> = (0..columns).collect();
    if shuffled {
        // Every second one backwards, so that no neighbours stay neighbours.
        order.sort_by_key(|position| (position % 2, columns - position));
    }
    order
}

/// Values are not escaped.
fn as_text(columns: &[String], rows: &[Vec<String>], order: &[usize], delimiter: &str) -> String {
    let mut text = String::new();
    for row in std::iter::once(columns).chain(rows.iter().map(Vec::as_slice)) {
        for value in order.iter().filter_map(|position| row.get(*position)) {
            text.push_str(value);
            text.push_str(delimiter);
        }
        text.push('\n');
    }
    text
}

/// The names of the columns in their order, the values of a row in the vendor's.
fn as_xml(columns: &[String], rows: &[Vec<String>], order: &[usize]) -> String {
    let field = |xml: &mut String, id: usize, value: &str| {
        xml.push_str(&format!("<field id=\"{id}\">{}</field>", escaped(value)));
    };
    let mut xml = "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<report><header>".to_owned();
    for position in order {
        let name = columns.get(*position).map_or("", String::as_str);
        field(&mut xml, *position, name);
    }
    xml.push_str("</header><data>");
    for row in rows {
        xml.push_str("<row>");
        for (position, value) in row.iter().enumerate() {
            field(&mut xml, position, value);
        }
        xml.push_str("</row>\n");
    }
    xml.push_str("</data></report>");
    xml
}
