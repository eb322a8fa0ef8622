//! The column ServiceNow: what an agent and an administrator see and do in the instance.

mod mails;
mod pin;
mod reading;
mod records;
mod sentences;
mod sessions;
mod settings;
mod status;

use std::sync::Arc;

use axum::Router;
use axum::routing::post;

use self::pin::Pins;
use self::settings::Settings;
use self::status::Status;
use super::Sandbox;
use super::panel::{Panel, SKIPPED, Selection, VIEW};
use crate::app::App;
use crate::cloud::Cloud;
use crate::multicall::MulticallError;
use crate::simulator::with_links;

/// What the column remembers beside the instance.
pub(super) struct Column {
    pins: Pins,
    settings: Settings,
    status: Status,
}

impl Column {
    pub(super) fn new(cloud: &Cloud, app: &App) -> Self {
        Self {
            pins: Pins::default(),
            settings: Settings::new(cloud, app),
            status: Status::new(cloud, app),
        }
    }
}

pub(super) fn routes() -> Router<Arc<Sandbox>> {
    Router::new()
        .route("/servicenow/incident", post(records::add))
        .route("/servicenow/close", post(records::close))
        .route("/servicenow/reopen", post(records::reopen))
        .route("/servicenow/pin", post(pin::press))
        .route("/servicenow/settings", post(settings::save))
        .route("/servicenow/read", post(status::read_again))
        .route("/servicenow/test", post(status::test))
}

pub(super) async fn panels(
    sandbox: &Sandbox,
    selection: &Selection,
) -> Result<Vec<Panel>, MulticallError> {
    let panel = match selection.get(VIEW) {
        Some(sessions::VIEW) => sessions::panel(sandbox, selection),
        Some(settings::VIEW) => settings::panel(sandbox, selection),
        Some(status::VIEW) => status::panel(sandbox, selection),
        Some(mails::VIEW) => mails::panel(sandbox, selection),
        _ => records::panel(sandbox, selection),
    };
    Ok(vec![panel?])
}

/// The id of the column's panel.
const PANEL: &str = "panel-servicenow";

/// A link to another view.
struct Tab {
    title: &'static str,
    link: String,
    is_current: bool,
    has_problem: bool,
}

fn tabs(sandbox: &Sandbox, selection: &Selection) -> Vec<Tab> {
    let current = selection.get(VIEW).unwrap_or_default();
    [
        ("Records", ""),
        ("Sessions", sessions::VIEW),
        ("Settings", settings::VIEW),
        ("Status", status::VIEW),
        ("E-mails", mails::VIEW),
    ]
    .into_iter()
    .map(|(title, view)| Tab {
        title,
        link: selection.link(&[(VIEW, view), (SKIPPED, "")]),
        is_current: view == current,
        has_problem: view == status::VIEW && status::has_problem(sandbox),
    })
    .collect()
}

/// A part of a list, the newest first.
struct Window<T> {
    rows: Vec<T>,
    /// Links to the rest of it.
    newest: Option<String>,
    older: Option<String>,
}

impl<T> Window<T> {
    /// `read` gets how many rows are left out, and how many are wanted.
    fn of(selection: &Selection, size: usize, read: impl FnOnce(usize, usize) -> Vec<T>) -> Self {
        let skipped = selection.get(SKIPPED).and_then(|text| text.parse().ok());
        let skipped: usize = skipped.unwrap_or(0);
        let mut rows = read(skipped, size + 1);
        let has_older = rows.len() > size;
        rows.truncate(size);
        let leaving_out = |count: usize| selection.link(&[(SKIPPED, &count.to_string())]);
        Self {
            rows,
            newest: (skipped > 0).then(|| selection.link(&[(SKIPPED, "")])),
            older: has_older.then(|| leaving_out(skipped.saturating_add(size))),
        }
    }
}

/// A text as HTML with its addresses as links that leave the page open.
fn linked(text: &str) -> String {
    let new_tab = "<a target=\"_blank\" rel=\"noopener noreferrer\" href=";
    with_links(text).replace("<a href=", new_tab)
}

/// The name of a column or setting in words.
fn label(name: &str) -> String {
    let words = name.trim_end_matches("_id").replace('_', " ");
    let mut letters = words.chars();
    let first = letters.next().map(|first| first.to_uppercase());
    first.into_iter().flatten().chain(letters).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_links_to_older_rows_as_long_as_there_are_some() {
        let rows = |skipped, count| (0..5).skip(skipped).take(count).collect::<Vec<_>>();
        let selected = |skipped: &str| {
            let pairs = [(SKIPPED.to_owned(), skipped.to_owned())];
            Window::of(&Selection::of(pairs.into()), 2, rows)
        };
        let first = selected("");
        assert_eq!((first.rows, first.newest), (vec![0, 1], None));
        assert_eq!(first.older.as_deref(), Some("?skipped=2"));
        let last = selected("4");
        assert_eq!((last.rows, last.older), (vec![4], None));
        assert_eq!(last.newest.as_deref(), Some("?"));
        let wrong = selected("18446744073709551615");
        assert_eq!((wrong.rows, wrong.older), (vec![], None));
    }

    #[test]
    fn addresses_in_a_text_are_links_and_markup_stays_text() {
        assert_eq!(
            linked("<a href=x> https://a.test/?a=1&b=2"),
            "&lt;a href=x&gt; <a target=\"_blank\" rel=\"noopener noreferrer\" \
             href=\"https://a.test/?a=1&amp;b=2\">https://a.test/?a=1&amp;b=2</a>"
        );
    }
}
