//! Changes of the demo's tenant file.

/// The tenant file with another value of `console_sessions`.
pub fn console_sessions(file: &str, value: &str) -> String {
    let line = |value: &str| format!("console_sessions = \"{value}\"");
    file.replace(&line("incident"), &line(value))
}

/// The tenant file with another line at the beginning of a table.
pub fn with_line(file: &str, table: &str, line: &str) -> String {
    file.replace(&format!("[{table}]"), &format!("[{table}]\n{line}"))
}

/// The tenant file with a PIN's e-mails and note switched off.
pub fn without_notifications(file: String) -> String {
    file + "\n[notifications]\nemail_technician = false\nemail_customer = false\npin_note = false\n"
}
