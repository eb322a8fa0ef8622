//! The column of the connector: posts, dead letters and log lines.

mod dead_letters;
mod posts;
mod queued;

use std::cmp::Reverse;
use std::sync::Arc;
use std::time::Duration;

use askama::Template;
use axum::Router;
use axum::routing::post;
use shared::domain::clock::Timestamp;

use super::Sandbox;
use super::log::Logged;
use super::panel::{FUNCTION, Panel, Selection};
use crate::multicall::MulticallError;

/// How many log lines are shown.
const LINES: usize = 100;

pub(super) fn routes() -> Router<Arc<Sandbox>> {
    Router::new()
        .route("/connector/redrive", post(dead_letters::redrive))
        .route("/connector/redrive-all", post(dead_letters::redrive_all))
}

pub(super) async fn panels(
    sandbox: &Sandbox,
    selection: &Selection,
) -> Result<Vec<Panel>, MulticallError> {
    Ok(vec![
        Panel::render("panel-posts", &posts::read(sandbox, selection).await?)?,
        Panel::render(
            "panel-dead-letters",
            &dead_letters::read(sandbox, selection)?,
        )?,
        Panel::render("panel-log", &log(sandbox, selection))?,
    ])
}

#[derive(Template)]
#[template(path = "sandbox/log.html")]
struct Log {
    /// Each function's name, its link, and whether its lines alone are shown. The first is all functions.
    functions: Vec<(String, String, bool)>,
    lines: Vec<Logged>,
    now: Timestamp,
}

fn log(sandbox: &Sandbox, selection: &Selection) -> Log {
    let selected = selection.get(FUNCTION);
    let link = |name: &str| selection.link(&[(FUNCTION, name)]);
    let all = ("All".to_owned(), link(""), selected.is_none());
    let each = sandbox.cloud.functions.keys();
    let each = each.map(|name| (name.clone(), link(name), selected == Some(name)));
    Log {
        functions: std::iter::once(all).chain(each).collect(),
        lines: sandbox.log.newest(selected, LINES),
        now: sandbox.cloud.clock.now(),
    }
}

/// The name of a queue by its name in the template.
fn queue<'a>(sandbox: &'a Sandbox, id: &str) -> Result<&'a str, MulticallError> {
    let queue = sandbox.cloud.resources.queues.get(id);
    let queue = queue.ok_or_else(|| format!("there is no queue {id}"))?;
    Ok(&queue.name)
}

/// The end of a window, as [`newest_of`] returned it.
fn end_of_window(selection: &Selection, key: &str) -> Option<Timestamp> {
    let millis = selection.get(key)?.parse().ok()?;
    Some(Timestamp::from_millis(millis))
}

/// Cuts entries to the newest `rows`, the newest first, and returns the exclusive end of the next window if there is one.
/// It begins with the first entry that is cut off, and repeats entries of the same millisecond.
fn newest_of<T>(
    entries: &mut Vec<T>,
    rows: usize,
    moment: impl Fn(&T) -> Timestamp,
) -> Option<Timestamp> {
    entries.sort_by_key(|entry| Reverse(moment(entry)));
    let next = entries.get(rows).map(moment);
    entries.truncate(rows);
    next.map(|next| next.plus(Duration::from_millis(1)))
}

/// A moment in UTC: `12:16:33` today, else `27 Nov 12:16`.
fn shown_on(today: Timestamp, moment: Timestamp) -> String {
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let (today, text) = (today.to_string(), moment.to_string());
    let part = |range| text.get(range).unwrap_or_default();
    if today.get(..10) == text.get(..10) {
        return part(11..19).to_owned();
    }
    let month: usize = part(5..7).parse().unwrap_or_default();
    let month = MONTHS.get(month.wrapping_sub(1)).unwrap_or(&"");
    format!("{} {month} {}", part(8..10), part(11..16))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_date_is_left_out_of_todays_times() {
        let moment = |text| Timestamp::parse(text).expect("a moment");
        let now = moment("2026-11-28T23:59:59.999Z");
        for (text, expected) in [
            ("2026-11-28T00:00:00.1Z", "00:00:00"),
            ("2026-11-27T23:59:59Z", "27 Nov 23:59"),
        ] {
            assert_eq!(shown_on(now, moment(text)), expected);
        }
    }

    #[test]
    fn windows_lose_no_entry_also_of_one_millisecond() {
        let all = [9, 7, 7, 7, 5, 3].map(Timestamp::from_millis);
        let window = |end: Option<Timestamp>| {
            let in_window = |moment: &Timestamp| end.is_none_or(|end| *moment < end);
            let mut entries: Vec<_> = all.into_iter().filter(in_window).rev().collect();
            let next = newest_of(&mut entries, 3, |moment| *moment);
            let millis: Vec<i64> = entries.into_iter().map(Timestamp::as_millis).collect();
            (millis, next)
        };
        let (first, next) = window(None);
        assert_eq!(first, [9, 7, 7]);
        let (second, next) = window(next);
        assert_eq!(second, [7, 7, 7]);
        let (third, next) = window(next);
        assert_eq!((third, next), (vec![5, 3], None));
    }
}
