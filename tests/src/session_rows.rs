//! The table of sessions, and the rows that a session has in it.

use std::collections::BTreeMap;

use local::rescue::Session;

use crate::World;
use crate::settings::with_line;

/// The table that the app brings.
pub const SESSION_TABLE: &str = "x_rescue_conn_session";

/// The columns of a row, as stored.
pub type Row = BTreeMap<String, String>;

/// The tenant file with the app's table of sessions.
pub fn with_session_table(file: &str) -> String {
    let line = format!("session_table = \"{SESSION_TABLE}\"");
    with_line(file, "sessions", &line)
}

/// A value of a row; empty when it has none.
pub fn value<'a>(row: &'a Row, column: &str) -> &'a str {
    row.get(column).map_or("", String::as_str)
}

impl World {
    /// The demo's world with the app's table of sessions.
    pub async fn with_session_table() -> Self {
        Self::with_settings(|file| with_session_table(&file)).await
    }

    /// The rows of a session.
    pub fn session_rows(&self, session: &Session) -> Vec<Row> {
        let mut rows = self.servicenow().records(SESSION_TABLE);
        rows.retain(|row| value(row, "session") == session.id);
        rows
    }

    /// The only row of a session.
    ///
    /// # Panics
    /// When the session has none or several.
    pub fn session_row(&self, session: &Session) -> Row {
        let mut rows = self.session_rows(session);
        assert_eq!(rows.len(), 1, "{rows:?}");
        rows.remove(0)
    }
}
