//! The tenant file: TOML in, a [`TenantFile`] or every fault with its line and column out.

mod fault;
mod position;
mod render;

use serde_json::{Map, Value};
use shared::domain::tenant::TenantFile;
use shared::settings::Rules;
use toml::de::{DeTable, DeValue};

pub use self::fault::{SyntaxFault, SyntaxFaults};
use self::position::position;
pub use self::render::{settings, to_toml};

/// Reads a tenant file. `allow_loopback` is `ALLOW_LOOPBACK=1`, which only tests set.
///
/// # Errors
/// Names **all** faults at once: unknown keys, wrong types and values, settings that do not go together.
pub fn parse(text: &str, allow_loopback: bool) -> Result<TenantFile, SyntaxFaults> {
    let fault = |error: &toml::de::Error, message: &str| {
        SyntaxFault::new(text, &error.span().unwrap_or(0..0), "", message)
    };
    let document = DeTable::parse(text).map_err(|error| {
        let message = error.message().trim();
        // The TOML parser does not name the duplicate key.
        let key = error.span().and_then(|at| text.get(at)).map(str::trim);
        let message = match key {
            Some(key) if message == "duplicate key" && !key.is_empty() => {
                format!("duplicate key {key}; keep one of the two")
            }
            _ => message.to_owned(),
        };
        SyntaxFaults(vec![fault(&error, &message)])
    })?;
    let rules = Rules {
        may_be_incomplete: false,
        allow_loopback,
    };
    let found = rules.faults(&json_table(document.get_ref()));
    if found.is_empty() {
        return toml::from_str(text)
            .map_err(|error| SyntaxFaults(vec![fault(&error, error.message().trim())]));
    }
    let located = found.iter().map(|found| {
        let (at, key) = position(document.get_ref(), found);
        SyntaxFault::new(text, &at, &key, &found.message)
    });
    let mut faults: Vec<_> = located.collect();
    faults.sort_by_key(|fault| (fault.line, fault.column));
    Err(SyntaxFaults(faults))
}

fn json_table(table: &DeTable<'_>) -> Map<String, Value> {
    let entries = table.iter();
    entries
        .map(|(key, value)| (key.get_ref().to_string(), json_value(value.get_ref())))
        .collect()
}

/// A TOML value as JSON. A number or a date, which no setting takes, becomes null.
fn json_value(value: &DeValue<'_>) -> Value {
    match value {
        DeValue::String(text) => Value::String(text.to_string()),
        DeValue::Boolean(flag) => Value::Bool(*flag),
        DeValue::Array(entries) => entries
            .iter()
            .map(|entry| json_value(entry.get_ref()))
            .collect(),
        DeValue::Table(table) => Value::Object(json_table(table)),
        DeValue::Integer(_) | DeValue::Float(_) | DeValue::Datetime(_) => Value::Null,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::{Value, json};
    use shared::domain::tenant::{Chat, Grant, Publish};
    use shared::settings::{KEYS, ValueKind};

    use super::*;

    const EXAMPLE: &str = include_str!("../../fixtures/acme.toml");

    const SMALLEST: &str = "tenant = \"acme\"\n\
        [rescue]\n\
        company_id = \"112938\"\n\
        [servicenow]\n\
        instance = \"https://acme.service-now.com\"\n\
        client_id = \"abc\"\n";

    fn faults(text: &str) -> Vec<(usize, String, String)> {
        parse(text, false)
            .expect_err(text)
            .0
            .into_iter()
            .map(|fault| (fault.line, fault.key, fault.message))
            .collect()
    }

    fn only_fault(text: &str) -> (usize, String, String) {
        let mut faults = faults(text);
        assert_eq!(faults.len(), 1, "{text}\n{faults:?}");
        faults.remove(0)
    }

    fn with(line: &str, table: &str) -> String {
        if SMALLEST.contains(&format!("[{table}]\n")) {
            SMALLEST.replace(&format!("[{table}]\n"), &format!("[{table}]\n{line}\n"))
        } else {
            format!("{SMALLEST}[{table}]\n{line}\n")
        }
    }

    #[test]
    fn a_duplicate_key_is_named() {
        for (text, expected) in [
            (
                "tenant = \"a1\"\ntenant = \"a2\"\n",
                "line 2, column 1: duplicate key tenant;",
            ),
            (
                "[rescue]\ncompany_id = \"1\"\ncompany_id = \"2\"\n",
                "duplicate key company_id;",
            ),
            ("[rescue]\n[rescue]\n", "duplicate key rescue;"),
        ] {
            let faults = parse(text, false).expect_err("a fault").to_string();
            assert!(faults.contains(expected), "{expected}: {faults}");
        }
    }

    #[test]
    fn the_example_is_read() {
        let file = parse(EXAMPLE, false).expect("no fault");
        assert_eq!(file.tenant.as_str(), "acme");
        assert_eq!(file.rescue.company_id, "112938");
        assert_eq!(file.servicenow.grant, Grant::RefreshToken);
        assert_eq!(file.sessions.publish, Publish::All);
        assert_eq!(file.sessions.chat, Chat::Note);
        let wait = file.sessions.reauthorization_wait.duration();
        assert_eq!(wait, Duration::from_secs(13 * 24 * 3600));
    }

    #[test]
    fn what_is_left_out_has_the_defaults_of_the_example() {
        let (smallest, example) = (parse(SMALLEST, false), parse(EXAMPLE, false));
        let (mut smallest, example) = (smallest.expect("no fault"), example.expect("no fault"));
        smallest.servicenow.client_id = example.servicenow.client_id.clone();
        smallest.servicenow.service_account = example.servicenow.service_account.clone();
        assert_eq!(smallest, example);
    }

    #[test]
    fn a_tenant_file_that_was_written_reads_back_the_same() {
        let full = format!(
            "{}\n[sessions]\npublish = \"selected\"\nfields = [\"Notes\", \"CField7\"]\n\
             reauthorization_wait = \"36h\"\n\
             [sessions.columns]\nWorkTime = {{ column = \"time_worked\", as = \"duration\" }}\n\
             Platform = \"u_platform\"\n\
             [tables.problem]\n\
             [tables.x_acme_visit]\nnumber_prefix = \"VIS\"\ntracking_code = \"vis\"\nclosed_states = [\"3\", \"4\"]\n\
             [sessions.new_record]\ncaller_field = \"CField2\"\ncolumns = {{ category = \"software\" }}\n",
            SMALLEST.replace(
                "[rescue]",
                "[rescue]\nbase_url = \"https://rescue.acme.test\"\nreconcile = \"watch\"\nreconcile_after = \"90m\"\n\
                 report_technician = \"ana.ruiz@acme.test\"\nreport_nodes = [\"2001\", \"2002\"]"
            )
        );
        for text in [EXAMPLE, SMALLEST, &full] {
            let file = parse(text, false).expect("no fault");
            assert_eq!(parse(&to_toml(&file), false), Ok(file));
        }
        let written = to_toml(&parse(&full, false).expect("no fault"));
        assert!(
            written.starts_with("tenant = \"acme\"\nenabled = true\n"),
            "{written}"
        );
        assert!(
            written.contains("\n[sessions.new_record]\ncaller_field = \"CField2\"\n"),
            "{written}"
        );
        let file = parse(&full, false).expect("no fault");
        assert_eq!(
            settings(&file)["sessions"]["reauthorization_wait"],
            "36 hours"
        );
        assert_eq!(settings(&file)["rescue"]["reconcile_after"], "90 minutes");
        assert_eq!(
            settings(&file)["servicenow"]["refresh_token_lifetime"],
            "100 days"
        );
    }

    #[test]
    fn the_known_keys_are_those_of_the_type_that_is_read() {
        let file: TenantFile = toml::from_str(&format!(
            "{}\n[sessions.new_record]\ncaller_field = \"CField2\"\n",
            SMALLEST
                .replace(
                    "[rescue]",
                    "[rescue]\nbase_url = \"https://rescue.acme.test\""
                )
                .replace(
                    "[servicenow]",
                    "[servicenow]\nallow_host = \"tickets.acme.test\""
                )
        ))
        .expect("valid");
        let mut of_the_type = Vec::new();
        let mut open = vec![(String::new(), settings(&file))];
        while let Some((path, value)) = open.pop() {
            match value.as_object() {
                Some(table) if !path.ends_with("columns") && path != ".tables" => open.extend(
                    table
                        .iter()
                        .map(|(key, value)| (format!("{path}.{key}"), value.clone())),
                ),
                _ => of_the_type.push(path.trim_start_matches('.').to_owned()),
            }
        }
        let mut known: Vec<String> = KEYS.iter().map(|(known, _)| (*known).to_owned()).collect();
        of_the_type.sort();
        known.sort();
        assert_eq!(known, of_the_type);
    }

    #[test]
    fn every_accepted_value_is_one_that_the_type_reads() {
        for (path, kind) in KEYS {
            let ValueKind::OneOf(values) = kind else {
                continue;
            };
            for value in values {
                let mut document: Value = settings(&parse(SMALLEST, false).expect("no fault"));
                let pointer = format!("/{}", path.replace('.', "/"));
                *document.pointer_mut(&pointer).expect("has a default") = json!(value);
                let read = serde_json::from_value::<TenantFile>(document);
                assert!(read.is_ok(), "{path} = {value}: {read:?}");
            }
        }
    }

    #[test]
    fn a_syntax_error_has_its_line_and_column() {
        let faults = parse("tenant = \"acme\"\nlanguage = = \"en\"\n", false);
        let fault = faults.expect_err("no TOML").0.remove(0);
        assert_eq!((fault.line, fault.column), (2, 12));
    }

    #[test]
    fn an_unknown_key_is_refused_and_the_nearest_one_named() {
        let (line, key, message) = only_fault(&with("acount = \"eu\"", "rescue"));
        assert_eq!((line, key.as_str()), (3, "rescue.acount"));
        assert_eq!(message, "unknown key; did you mean rescue.account?");
        let (_, _, message) = only_fault(&with("instance = \"x\"", "rescue"));
        assert_eq!(message, "unknown key; did you mean servicenow.instance?");
        let (line, key, message) = only_fault(&with("a = 1", "unknown"));
        assert_eq!((line, key.as_str()), (7, "unknown"));
        assert_eq!(message, "unknown key");
    }

    #[test]
    fn all_faults_are_named_at_once_in_the_order_of_the_lines() {
        let text = "tenant = \"ACME\"\n\
            enabled = \"yes\"\n\
            [rescue]\n\
            company_id = 112938\n\
            [servicenow]\n\
            instance = \"http://acme.service-now.com/x\"\n\
            grant = \"password\"\n\
            refresh_token_lifetime = \"soon\"\n\
            [sessions]\n\
            publish = \"selected\"\n\
            [sessions.columns]\n\
            WorkTime = \"sys_created_on\"\n";
        let found: Vec<(usize, String)> = faults(text)
            .into_iter()
            .map(|(line, key, _)| (line, key))
            .collect();
        let expected = [
            (1, "tenant"),
            (2, "enabled"),
            (4, "rescue.company_id"),
            (5, "servicenow.client_id"),
            (6, "servicenow.instance"),
            (7, "servicenow.grant"),
            (8, "servicenow.refresh_token_lifetime"),
            (10, "sessions.publish"),
            (12, "sessions.columns.WorkTime"),
        ]
        .map(|(line, key)| (line, key.to_owned()));
        assert_eq!(found, expected);
    }

    #[test]
    fn a_missing_table_is_one_fault_per_setting_that_it_must_hold() {
        let keys: Vec<String> = faults("tenant = \"acme\"\n")
            .into_iter()
            .map(|(_, key, _)| key)
            .collect();
        let missing = [
            "rescue.company_id",
            "servicenow.instance",
            "servicenow.client_id",
        ];
        assert_eq!(keys, missing);
    }

    #[test]
    fn each_rule_names_its_key_and_line() {
        let rules = r#"
            rescue | base_url = "http://rescue.acme.test" | rescue.base_url | https
            rescue | base_url = "https://a.test/x" | rescue.base_url | host
            rescue | technician_domains = ["@acme.test"] | rescue.technician_domains | domain
            rescue | technician_domains = "acme.test" | rescue.technician_domains | list
            rescue | reconcile = "on" | rescue.reconcile | off, watch, write
            rescue | reconcile = true | rescue.reconcile | one of
            rescue | reconcile_after = "9m" | rescue.reconcile_after | 10 minutes
            rescue | reconcile_after = "25 hours" | rescue.reconcile_after | 1 day
            rescue | reconcile_after = 2 | rescue.reconcile_after | duration
            rescue | report_technician = " ana.ruiz@acme.test" | rescue.report_technician | blanks
            rescue | report_technician = "ana\truiz" | rescue.report_technician | SSO id
            rescue | report_nodes = "2001" | rescue.report_nodes | list
            rescue | report_nodes = [2001] | rescue.report_nodes | text
            rescue | report_nodes = ["2001", ""] | rescue.report_nodes | digits
            rescue | report_nodes = ["Service desk"] | rescue.report_nodes | digits
            rescue | report_nodes = ["123456789012345678901"] | rescue.report_nodes | node's id
            servicenow | allow_host = "https://a.test" | servicenow.allow_host | host alone
            servicenow | grant = "implicit" | servicenow.grant | one of
            servicenow | grant = "password" | servicenow.grant | service_account
            servicenow | refresh_token_lifetime = "59m" | servicenow.refresh_token_lifetime | 1 hour
            sessions | reauthorization_wait = "14 days" | sessions.reauthorization_wait | 13 days
            sessions | publish = "selected" | sessions.publish | fields
            sessions | fields = ["C Field"] | sessions.fields | variable
            sessions | fields = [1] | sessions.fields | text
            sessions | reference_fields = ["a^b"] | sessions.reference_fields | variable
            sessions.columns | WorkTime = "Time" | sessions.columns.WorkTime | column
            sessions.columns | WorkTime = 1 | sessions.columns.WorkTime | quotes
            sessions.columns | Notes = "work_notes" | sessions.columns.Notes | connector
            sessions.columns | WorkTime = { column = "Time" } | sessions.columns.WorkTime.column | column
            sessions.columns | WorkTime = { as = "duration" } | sessions.columns.WorkTime | column is missing
            sessions.columns | WorkTime = { column = "u_x", as = "date" } | sessions.columns.WorkTime.as | duration
            sessions.columns | WorkTime = { column = "u_x", is = "text" } | sessions.columns.WorkTime.is | unknown
            sessions | console_sessions = "problem" | sessions.console_sessions | incident, sn_customerservice_case
            sessions | session_table = "incident" | sessions.session_table | x_rescue_conn_session
            sessions | session_table = "x_A" | sessions.session_table | table's name
            tables | problem = "on" | tables.problem | table
            tables | x_acme_visit = { number_prefix = "VIS" } | tables.x_acme_visit.tracking_code | missing
            tables | Problem = {} | tables.Problem | table's name
            tables | sys_user = { number_prefix = "U", tracking_code = "us" } | tables.sys_user | ServiceNow's own
            tables | problem = { prefix = "PRB" } | tables.problem.prefix | unknown key
            tables | problem = { number_prefix = "1PRB" } | tables.problem.number_prefix | letters
            tables | problem = { number_prefix = "INC-" } | tables.problem.number_prefix | incident has the same
            tables | problem = { tracking_code = "case" } | tables.problem.tracking_code | sn_customerservice_case
            tables | problem = { tracking_code = "p" } | tables.problem.tracking_code | 2 to 8
            tables | problem = { person = "sys_id" } | tables.problem.person | ServiceNow's own
            tables | problem = { people = "User" } | tables.problem.people | table's name
            tables | problem = { closed_states = ["3", ""] } | tables.problem.closed_states | state
            tables | problem = { closed_states = "3" } | tables.problem.closed_states | list
            tables | problem = { number_prefix = "INC0" } | tables.problem.number_prefix | incident and digits
            tables | problem = { tracking_code = "ritm" } | tables.problem.tracking_code | sc_req_item
            tables | problem = { open_state = "107" } | tables.problem.open_state | closed
            tables | problem = { open_state = "javascript:gs" } | tables.problem.open_state | state
            tables | problem = { person = "assigned_to" } | tables.problem.person | customer
            tables | sysauto_script = { number_prefix = "S", tracking_code = "sc" } | tables.sysauto_script | ServiceNow's own
            tables | problem = { open_state = 2 } | tables.problem.open_state | text
            sessions.new_record | caller_field = "" | sessions.new_record.caller_field | variable
            sessions.new_record | columns = { correlation_id = "x" } | sessions.new_record.columns.correlation_id | connector
            sessions.new_record | columns = { impact = 1 } | sessions.new_record.columns.impact | quotes
            notifications | pin_note = 1 | notifications.pin_note | true or false
        "#;
        for rule in rules.trim().lines() {
            let [table, line, key, says] = rule.trim().split(" | ").collect::<Vec<_>>()[..] else {
                panic!("{rule}")
            };
            let text = with(line, table);
            let (found, found_key, message) = only_fault(&text);
            assert_eq!(found_key, key, "{line}");
            assert!(message.contains(says), "{line}: {message}");
            let expected = text.lines().position(|l| l == line).map(|i| i + 1);
            assert_eq!(Some(found), expected, "{line}");
        }
    }

    #[test]
    fn what_the_session_report_is_read_with_is_accepted_up_to_its_limits() {
        for line in [
            "reconcile = \"watch\"\nreconcile_after = \"10 minutes\"",
            "reconcile = \"write\"\nreconcile_after = \"1 day\"",
            "report_technician = \"ana.ruiz\"",
            "technician_domains = [\"acme.test\"]\nreport_technician = \"ana.ruiz@ACME.test\"",
            "report_nodes = [\"1\", \"12345678901234567890\"]",
        ] {
            let file = parse(&with(line, "rescue"), false);
            assert!(file.is_ok(), "{line}: {file:?}");
        }
        let nodes = |count: usize| format!("report_nodes = {:?}", vec!["2001"; count]);
        assert!(parse(&with(&nodes(200), "rescue"), false).is_ok());
        let (_, key, message) = only_fault(&with(&nodes(201), "rescue"));
        assert_eq!(key, "rescue.report_nodes");
        assert!(message.contains("technician group instead"), "{message}");
        let long = |letters: usize| {
            let sso_id = "a".repeat(letters);
            with(&format!("report_technician = \"{sso_id}\""), "rescue")
        };
        assert!(parse(&long(254), false).is_ok());
        let (_, key, _) = only_fault(&long(255));
        assert_eq!(key, "rescue.report_technician");
    }

    /// A technician outside the domains is not signed in, so the report could never be read.
    #[test]
    fn the_technician_of_the_report_is_inside_the_technician_domains() {
        for technician in ["ana.ruiz@other.test", "ana.ruiz", "@acme.test.other"] {
            let lines = format!(
                "technician_domains = [\"acme.example\", \"acme.test\"]\nreport_technician = \"{technician}\""
            );
            let (line, key, message) = only_fault(&with(&lines, "rescue"));
            assert_eq!((line, key.as_str()), (4, "rescue.report_technician"));
            assert_eq!(message, "is outside rescue.technician_domains");
        }
    }

    #[test]
    fn every_duration_is_shown_as_people_write_it() {
        let settings = settings(&parse(SMALLEST, false).expect("no fault"));
        for (path, kind) in KEYS {
            if matches!(kind, ValueKind::Duration) {
                let shown = &settings.pointer(&format!("/{}", path.replace('.', "/")));
                let text = shown.and_then(Value::as_str).unwrap_or_default();
                assert!(text.contains(' '), "{path}: {text}");
            }
        }
    }

    #[test]
    fn a_table_by_its_old_and_its_new_name_is_one_table() {
        let text = format!("{SMALLEST}[tables.case]\n[tables.sn_customerservice_case]\n");
        let mut found = faults(&text);
        assert_eq!(found.len(), 1, "{found:?}");
        let (_, key, message) = found.remove(0);
        assert_eq!(key, "tables.sn_customerservice_case");
        assert!(message.contains("another entry"), "{message}");
        let file = parse(&format!("{SMALLEST}[tables.case]\n"), false).expect("one");
        assert_eq!(settings(&file)["tables"], json!({"case": {}}));
    }

    #[test]
    fn the_words_of_earlier_releases_for_tables_stay_valid() {
        for word in ["ignore", "incident", "case"] {
            let file = parse(
                &with(&format!("console_sessions = \"{word}\""), "sessions"),
                false,
            );
            let settings = settings(&file.expect(word));
            assert_eq!(settings["sessions"]["console_sessions"], word);
        }
        let file = with("console_sessions = \"sn_customerservice_case\"", "sessions");
        let settings = settings(&parse(&file, false).expect("a table"));
        assert_eq!(settings["sessions"]["console_sessions"], "case");
    }

    #[test]
    fn a_host_outside_the_servicenow_domains_has_to_be_allowed_by_name() {
        let foreign = SMALLEST.replace("acme.service-now.com", "tickets.acme.test");
        let (line, key, message) = only_fault(&foreign);
        assert_eq!((line, key.as_str()), (5, "servicenow.instance"));
        assert!(
            message.contains("allow_host = \"tickets.acme.test\""),
            "{message}"
        );
        let allowed = foreign.replace("client_id", "allow_host = \"tickets.acme.test\"\nclient_id");
        assert!(parse(&allowed, false).is_ok());
    }

    #[test]
    fn this_machine_is_an_instance_for_tests_only() {
        let text = SMALLEST
            .replace("https://acme.service-now.com", "http://127.0.0.1:9000")
            .replace("[rescue]", "[rescue]\nbase_url = \"http://127.0.0.1:9001\"");
        assert_eq!(faults(&text).len(), 2);
        assert!(parse(&text, true).is_ok());
    }
}
