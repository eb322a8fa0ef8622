//! Changes of the demo's tenant file.

/// The tenant file with another value of `console_sessions`.
///
/// # Panics
/// When the file is not the demo's.
pub fn console_sessions(file: &str, value: &str) -> String {
    let line = |value: &str| format!("console_sessions = \"{value}\"");
    replaced(file, &line("incident"), &line(value))
}

/// The tenant file with another line at the beginning of a table.
///
/// # Panics
/// When the file does not have the table.
pub fn with_line(file: &str, table: &str, line: &str) -> String {
    let name = format!("[{table}]");
    replaced(file, &name, &format!("{name}\n{line}"))
}

fn replaced(file: &str, from: &str, to: &str) -> String {
    assert!(file.contains(from), "no {from} in the tenant file");
    file.replace(from, to)
}

/// The tenant file with a PIN's e-mails and note switched off.
pub fn without_notifications(file: String) -> String {
    file + "\n[notifications]\nemail_technician = false\nemail_customer = false\npin_note = false\n"
}

/// The tenant file with a row for each session, and with problems beside incidents and cases.
pub fn with_rows_and_problems(file: &str) -> String {
    let line = "session_table = \"x_rescue_conn_session\"";
    with_line(file, "sessions", line) + "\n[tables.problem]\n"
}
