//! Changes a tenant's settings by a JSON Merge Patch (RFC 7396).

use json_patch::jsonptr::PointerBuf;
use serde_json::{Map, Value};

use super::document::{differences, document, pointer};
use super::rules::{Rules, SettingFault};
use crate::domain::tenant::TenantFile;

/// The settings that only the operator of the stack may change: they decide which hosts are called and which references
/// count.
const OPERATOR_ONLY: [&str; 5] = [
    "tenant",
    "servicenow.instance",
    "servicenow.allow_host",
    "rescue.base_url",
    "sessions.require_signed_tracking",
];

/// ServiceNow may narrow this list; only the operator may widen it.
const TECHNICIAN_DOMAINS: &str = "rescue.technician_domains";

/// The settings after a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettingsChange {
    /// The settings.
    pub file: TenantFile,
    /// The settings that differ from before, sorted.
    pub pointers: Vec<String>,
}

/// Why a change is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChangeError {
    /// The settings that only the operator may change.
    OperatorOnly(Vec<String>),
    /// Everything that would be wrong with the settings.
    Invalid(Vec<SettingFault>),
}

/// Who changes settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Author {
    /// The operator of the stack, with the command line.
    Operator,
    /// An administrator in ServiceNow.
    ServiceNow,
}

/// The settings with a patch applied. `null` gives a setting its default.
///
/// # Errors
/// As [`ChangeError`] says.
pub fn change(
    file: &TenantFile,
    patch: &Map<String, Value>,
    author: Author,
    rules: Rules,
) -> Result<SettingsChange, ChangeError> {
    let before = document(file);
    let mut patched = Value::Object(before.clone());
    json_patch::merge(&mut patched, &Value::Object(patch.clone()));
    let Value::Object(patched) = patched else {
        return Err(ChangeError::Invalid(Vec::new()));
    };
    // What a patch leaves out gets its default; settings that are wrong are compared as they are.
    let after: Result<TenantFile, _> = serde_json::from_value(Value::Object(patched.clone()));
    if author == Author::ServiceNow {
        let compared = after.as_ref().map_or_else(|_| patched.clone(), document);
        let reserved = operator_only(&before, &compared);
        if !reserved.is_empty() {
            return Err(ChangeError::OperatorOnly(reserved));
        }
    }
    let mut faults = rules.faults(&patched);
    if patched.get("tenant") != before.get("tenant") {
        faults.push(SettingFault {
            pointer: pointer("tenant"),
            about_name: false,
            message: "is the tenant's name, which never changes".to_owned(),
        });
    }
    if !faults.is_empty() {
        return Err(ChangeError::Invalid(faults));
    }
    let after = after.map_err(|error| {
        ChangeError::Invalid(vec![SettingFault {
            pointer: PointerBuf::root(),
            about_name: false,
            message: error.to_string(),
        }])
    })?;
    let changed = differences(&before, &document(&after));
    Ok(SettingsChange {
        pointers: changed
            .into_iter()
            .map(|(pointer, ..)| pointer.to_string())
            .collect(),
        file: after,
    })
}

/// The operator's settings that a patch would change.
fn operator_only(before: &Map<String, Value>, after: &Map<String, Value>) -> Vec<String> {
    let (before, after) = (Value::Object(before.clone()), Value::Object(after.clone()));
    let values = |path: &str| {
        let pointer = pointer(path);
        let [before, after] = [&before, &after].map(|document| pointer.resolve(document).ok());
        (before, after)
    };
    let fixed = OPERATOR_ONLY.into_iter().filter(|path| {
        let (before, after) = values(path);
        before != after
    });
    let widened = [TECHNICIAN_DOMAINS].into_iter().filter(|path| {
        let (before, after) = values(path);
        widens(before, after)
    });
    fixed
        .chain(widened)
        .map(|path| pointer(path).to_string())
        .collect()
}

/// Whether a list of domains admits something that it did not admit before; an empty list admits everything.
fn widens(before: Option<&Value>, after: Option<&Value>) -> bool {
    let domains = |list: Option<&Value>| -> Vec<String> {
        let entries = list.and_then(Value::as_array).into_iter().flatten();
        let texts = entries.map(|entry| entry.as_str().unwrap_or_default());
        texts.map(|domain| domain.trim().to_lowercase()).collect()
    };
    let (before, after) = (domains(before), domains(after));
    !before.is_empty() && (after.is_empty() || !after.iter().all(|domain| before.contains(domain)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{Just, Strategy, any, prop, prop_oneof, proptest};
    use serde_json::json;

    use super::*;
    use crate::settings::KEYS;

    const RULES: Rules = Rules {
        may_be_incomplete: true,
        allow_loopback: false,
    };

    fn file() -> TenantFile {
        let document = json!({
            "tenant": "acme",
            "rescue": {"company_id": "112938", "technician_domains": ["acme.test", "acme.example"]},
            "servicenow": {"instance": "https://acme.service-now.com", "client_id": "abc"},
        });
        serde_json::from_value(document).expect("a tenant file")
    }

    fn changed(patch: &Value, author: Author) -> Result<SettingsChange, ChangeError> {
        change(
            &file(),
            patch.as_object().expect("an object"),
            author,
            RULES,
        )
    }

    #[test]
    fn a_patch_changes_what_it_names_and_null_gives_the_default() {
        let patch = json!({
            "language": "de",
            "rescue": {"company_id": null, "technician_domains": ["acme.test"]},
            "sessions": {"columns": {"WorkTime": "time_worked"}, "reauthorization_wait": "1 hour"},
            "servicenow": {"instance": "https://acme.service-now.com"},
        });
        let change = changed(&patch, Author::ServiceNow).expect("valid");
        let expected = [
            "/language",
            "/rescue/company_id",
            "/rescue/technician_domains",
            "/sessions/columns/WorkTime",
            "/sessions/reauthorization_wait",
        ];
        assert_eq!(change.pointers, expected);
        assert_eq!(change.file.rescue.company_id, "");
        let back = super::change(&change.file, &document(&file()), Author::Operator, RULES);
        assert_eq!(back.map(|back| back.file.language), Ok(file().language));
    }

    #[test]
    fn a_table_is_switched_on_changed_and_switched_off() {
        let pointers = |file: &TenantFile, patch: &Value| {
            let patch = patch.as_object().expect("an object");
            let change = change(file, patch, Author::ServiceNow, RULES).expect("valid");
            (change.pointers, change.file)
        };
        let on = json!({"tables": {"problem": {}}, "sessions": {"console_sessions": "problem"}});
        let (changed, with_problems) = pointers(&file(), &on);
        assert_eq!(changed, ["/sessions/console_sessions", "/tables/problem"]);
        assert_eq!(with_problems.record_tables().iter().count(), 3);
        let again = pointers(&with_problems, &json!({"tables": {"problem": {}}}));
        assert!(again.0.is_empty(), "{:?}", again.0);
        let open = json!({"tables": {"problem": {"open_state": "102"}}});
        let (changed, other) = pointers(&with_problems, &open);
        assert_eq!(changed, ["/tables/problem", "/tables/problem/open_state"]);
        let off = json!({"tables": {"problem": null}, "sessions": {"console_sessions": null}});
        let (changed, without) = pointers(&other, &off);
        assert_eq!(
            changed,
            ["/sessions/console_sessions", "/tables/problem/open_state"]
        );
        assert_eq!(without, file());
        let typed = json!({"sessions": {"columns": {"WorkTime": {"column": "time_worked", "as": "duration"}}}});
        let (changed, _) = pointers(&file(), &typed);
        assert_eq!(
            changed,
            [
                "/sessions/columns/WorkTime/as",
                "/sessions/columns/WorkTime/column"
            ]
        );
        let used = json!({"tables": {"problem": null}}).as_object().cloned();
        let refused = change(
            &with_problems,
            &used.expect("an object"),
            Author::ServiceNow,
            RULES,
        );
        assert!(matches!(refused, Err(ChangeError::Invalid(faults)) if faults.len() == 1));
    }

    #[test]
    fn everything_that_would_be_wrong_is_named_at_once_and_nothing_is_changed() {
        let patch = json!({
            "langauge": "de",
            "rescue": {"company_id": 7},
            "sessions": {"publish": "selected", "reference_fields": ["CField1", "a^b"]},
        });
        let Err(ChangeError::Invalid(faults)) = changed(&patch, Author::ServiceNow) else {
            panic!("valid")
        };
        let mut pointers: Vec<_> = faults
            .iter()
            .map(|fault| fault.pointer.to_string())
            .collect();
        pointers.sort();
        let expected = [
            "/langauge",
            "/rescue/company_id",
            "/sessions/publish",
            "/sessions/reference_fields/1",
        ];
        assert_eq!(pointers, expected);
    }

    #[test]
    fn only_the_operator_changes_which_hosts_are_called_and_which_references_count() {
        for (pointer, patch) in [
            ("/tenant", json!({"tenant": "other"})),
            (
                "/servicenow/instance",
                json!({"servicenow": {"instance": "https://evil.service-now.com"}}),
            ),
            (
                "/servicenow/allow_host",
                json!({"servicenow": {"allow_host": "evil.test"}}),
            ),
            (
                "/rescue/base_url",
                json!({"rescue": {"base_url": "https://evil.test"}}),
            ),
            (
                "/sessions/require_signed_tracking",
                json!({"sessions": {"require_signed_tracking": false}}),
            ),
            (
                "/rescue/technician_domains",
                json!({"rescue": {"technician_domains": ["acme.test", "evil.test"]}}),
            ),
            (
                "/rescue/technician_domains",
                json!({"rescue": {"technician_domains": []}}),
            ),
            (
                "/rescue/technician_domains",
                json!({"rescue": {"technician_domains": null}}),
            ),
        ] {
            let refused = changed(&patch, Author::ServiceNow);
            assert_eq!(
                refused,
                Err(ChangeError::OperatorOnly(vec![pointer.to_owned()])),
                "{patch}"
            );
        }
        let renamed = changed(&json!({"tenant": "other"}), Author::Operator);
        assert!(matches!(renamed, Err(ChangeError::Invalid(faults)) if faults.len() == 1));
        for unchanged in [
            json!({"sessions": null}),
            json!({"rescue": {"technician_domains": ["ACME.test"]}}),
        ] {
            let change = changed(&unchanged, Author::ServiceNow);
            assert!(change.is_ok(), "{unchanged}: {change:?}");
        }
        let operator = changed(
            &json!({"sessions": {"require_signed_tracking": false}}),
            Author::Operator,
        );
        assert!(operator.is_ok_and(|change| !change.file.sessions.require_signed_tracking));
    }

    #[test]
    fn domains_are_not_narrowed_past_the_technician_of_the_report() {
        let patch = |patch: Value| {
            let mut file = file();
            file.rescue.report_technician = "ana.ruiz@acme.test".to_owned();
            let patch = patch.as_object().expect("an object");
            change(&file, patch, Author::ServiceNow, RULES)
        };
        let narrowed = json!({"rescue": {"technician_domains": ["acme.example"]}});
        let Err(ChangeError::Invalid(faults)) = patch(narrowed) else {
            panic!("narrowed")
        };
        let named: Vec<_> = faults
            .iter()
            .map(|fault| (fault.pointer.to_string(), fault.message.as_str()))
            .collect();
        let fault = "is outside rescue.technician_domains";
        assert_eq!(named, [("/rescue/report_technician".to_owned(), fault)]);
        let other = json!({"rescue": {
            "technician_domains": ["acme.example"], "report_technician": "bo.lind@acme.example", "reconcile": "watch",
        }});
        let change = patch(other).expect("both are changed");
        assert_eq!(
            change.pointers,
            [
                "/rescue/reconcile",
                "/rescue/report_technician",
                "/rescue/technician_domains"
            ]
        );
    }

    /// A merge patch that names the settings, with values that are right, wrong, or missing.
    fn patches() -> impl Strategy<Value = Value> {
        let value = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i32>().prop_map(Value::from),
            prop_oneof![
                Just("https://evil.test"),
                Just("evil.test"),
                Just("acme.test"),
                Just("all"),
                Just("112938"),
            ]
            .prop_map(Value::from),
            prop::collection::vec(
                prop_oneof![Just("acme.test"), Just("ACME.example "), Just("evil.test")],
                0..3
            )
            .prop_map(|domains| json!(domains)),
            Just(json!({})),
            Just(json!({"a": {"b": null}})),
        ];
        let names = KEYS.map(|(path, _)| path).to_vec();
        let tables = ["rescue", "servicenow", "sessions", "sessions.new_record"];
        let names: Vec<&str> = names.into_iter().chain(tables).collect();
        prop::collection::vec((prop::sample::select(names), value), 0..6).prop_map(|entries| {
            let mut patch = json!({});
            for (path, value) in entries {
                let part = path
                    .rsplit('.')
                    .fold(value, |inner, name| json!({name: inner}));
                merge_all(&mut patch, part);
            }
            patch
        })
    }

    /// As a merge, but keeps `null`.
    fn merge_all(target: &mut Value, part: Value) {
        match (target, part) {
            (Value::Object(target), Value::Object(part)) => {
                for (name, value) in part {
                    merge_all(target.entry(name).or_insert(Value::Null), value);
                }
            }
            (target, part) => *target = part,
        }
    }

    proptest! {
        #[test]
        fn no_patch_from_servicenow_changes_an_operators_setting(patch in patches()) {
            if let Ok(change) = changed(&patch, Author::ServiceNow) {
                let (before, after) = (file(), change.file);
                assert_eq!(before.tenant, after.tenant);
                assert_eq!(before.servicenow.instance, after.servicenow.instance);
                assert_eq!(before.servicenow.allow_host, after.servicenow.allow_host);
                assert_eq!(before.rescue.base_url, after.rescue.base_url);
                assert!(after.sessions.require_signed_tracking);
                let domains = &after.rescue.technician_domains;
                assert!(!domains.is_empty());
                assert!(domains.iter().all(|domain| domain.to_lowercase().trim() != "evil.test"), "{domains:?}");
            }
        }
    }
}
