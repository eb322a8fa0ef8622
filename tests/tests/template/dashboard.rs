//! The dashboard, the alarms and docs/observability.md name the metrics that the code counts.

use std::collections::BTreeSet;

use local::cloud::TEMPLATE;
use local::template::document;
use serde_json::{Value, json};
use tests::World;

use super::documentation::marked;
use super::permissions::play;
use super::{functions, path, properties, template, text};

/// The namespace of the connector's own metrics, as the template writes it.
const NAMESPACE: &str = "RescueConnector/${AWS::StackName}";

fn namespace() -> Value {
    json!({ "Fn::Sub": NAMESPACE })
}

/// The body as CloudWatch gets it, with references unresolved.
fn body() -> Value {
    let dashboard = properties("Dashboard");
    let body = dashboard["DashboardBody"]["Fn::Sub"].as_str();
    serde_json::from_str(&body.expect("a body").replace("${!", "${")).expect("JSON")
}

/// The widgets of a type.
fn widgets(kind: &str) -> Vec<Value> {
    let body = body();
    let widgets = body["widgets"].as_array().expect("widgets");
    let widgets: Vec<Value> = widgets
        .iter()
        .filter(|widget| widget["type"] == kind)
        .map(|widget| widget["properties"].clone())
        .collect();
    assert!(!widgets.is_empty(), "no {kind}");
    widgets
}

/// Every line of a graph: `[namespace, metric, dimension, value, …]`, or one expression.
fn lines() -> Vec<Vec<Value>> {
    let lines = widgets("metric").into_iter().flat_map(|widget| {
        let lines = widget["metrics"].as_array().cloned();
        lines.expect("metrics")
    });
    lines
        .map(|line| line.as_array().cloned().expect("an array"))
        .collect()
}

/// The metrics of a line, when it looks for those of this namespace that have a reason.
fn searched(line: &[Value]) -> Option<String> {
    let search = line[0]["expression"].as_str()?;
    let rest = search.strip_prefix(&format!("SEARCH('{{\"{NAMESPACE}\",Reason}} MetricName=\""))?;
    let (name, rest) = rest.split_once('"')?;
    assert_eq!(rest, "', 'Sum', 300)", "{search}");
    Some(name.to_owned())
}

fn named(line: &[Value]) -> Option<String> {
    if line[0] != NAMESPACE {
        return None;
    }
    assert!(!line[2].is_string(), "a dimension: {line:?}");
    line[1].as_str().map(str::to_owned)
}

/// What the source of the functions and of the shared crate counts.
struct Counted {
    plain: BTreeSet<String>,
    by_reason: BTreeSet<String>,
}

fn counted() -> Counted {
    let mut source = String::new();
    let mut folders = vec![path("shared/src"), path("functions")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("readable") {
            let entry = entry.expect("readable").path();
            if entry.is_dir() {
                folders.push(entry);
            } else if entry.extension().is_some_and(|extension| extension == "rs") {
                source += &std::fs::read_to_string(&entry).expect("text");
            }
        }
    }
    let source: String = source.split_whitespace().collect();
    let after = |start: &str| -> BTreeSet<String> {
        let names = source.split(start).skip(1);
        let names = names.filter_map(|rest| {
            let end = rest.find(|c: char| !c.is_alphanumeric())?;
            Some(rest[..end].to_owned())
        });
        names.collect()
    };
    let mut plain = after("count(Metric::");
    plain.extend(after("metrics::histogram!(\""));
    // Metrics of the access log: a request that the gateway refuses reaches no function.
    let filters = template().resources.into_iter();
    for (id, _) in filters.filter(|(_, kind)| kind == "AWS::Logs::MetricFilter") {
        let filter = properties(&id);
        let metric = &filter["MetricTransformations"][0];
        assert_eq!(metric["MetricNamespace"], namespace(), "{id}");
        plain.extend(metric["MetricName"].as_str().map(str::to_owned));
    }
    Counted {
        plain,
        by_reason: after("count_reason(Metric::"),
    }
}

/// The names that `telemetry.rs` defines.
fn defined() -> BTreeSet<String> {
    let source = text("shared/src/telemetry.rs");
    let (_, names) = source.split_once("fn name(self)").expect("the names");
    let (names, _) = names.split_once("\n}").expect("an end");
    let names = names.split('"').skip(1).step_by(2);
    names.map(str::to_owned).collect()
}

#[test]
fn what_the_code_counts_is_what_its_list_of_metrics_defines() {
    let Counted { plain, by_reason } = counted();
    let counted: BTreeSet<String> = plain.union(&by_reason).cloned().collect();
    let undefined: Vec<_> = defined().difference(&counted).cloned().collect();
    assert_eq!(undefined, Vec::<String>::new(), "defined and never counted");
    assert_eq!(plain.intersection(&by_reason).count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_function_counts_in_the_namespace_of_its_stack() {
    let world = World::start().await;
    play(&world).await;
    for name in functions() {
        let output = world.function(&name).output();
        let namespaces: BTreeSet<String> = output
            .iter()
            .filter_map(|line| serde_json::from_str::<Value>(line).ok())
            .filter_map(|line| line.pointer("/_aws/CloudWatchMetrics/0/Namespace").cloned())
            .filter_map(|namespace| namespace.as_str().map(str::to_owned))
            .collect();
        let own = ["RescueConnector/rescue-connector".to_owned()];
        assert_eq!(namespaces, own.into(), "{name}");
    }
}

/// A metric with a reason has no value of its own, only one for each reason: a graph of its bare name stays empty.
#[test]
fn the_dashboard_shows_every_metric_in_the_way_it_is_counted_and_no_other() {
    let lines = lines();
    let Counted { plain, by_reason } = counted();
    let named: BTreeSet<String> = lines.iter().filter_map(|line| named(line)).collect();
    assert_eq!(named, plain);
    let searched: BTreeSet<String> = lines.iter().filter_map(|line| searched(line)).collect();
    assert_eq!(searched, by_reason);
}

/// An alarm on a metric that is not counted is never raised.
#[test]
fn every_alarm_on_the_connectors_own_metrics_watches_one_that_is_counted_without_a_reason() {
    let plain = counted().plain;
    let mut watched = 0;
    for (id, kind) in template().resources {
        let alarm = properties(&id);
        if kind == "AWS::CloudWatch::Alarm" && alarm["Namespace"] == namespace() {
            let name = alarm["MetricName"].as_str().expect("a name");
            assert!(plain.contains(name), "{id}: {name}");
            assert_eq!(alarm["Dimensions"], Value::Null, "{id}");
            watched += 1;
        }
    }
    assert!(watched >= 5, "{watched}");
}

#[test]
fn the_documentation_lists_every_metric() {
    let page = text("docs/observability.md");
    let [_, section, _] = marked(&page, "metrics");
    let quoted: BTreeSet<&str> = section.split('`').skip(1).step_by(2).collect();
    let Counted { plain, by_reason } = counted();
    for name in plain.union(&by_reason) {
        assert!(quoted.contains(name.as_str()), "{name}");
    }
    for name in by_reason {
        let place = section.find(&format!("`{name}`")).expect("there");
        let after = &section[place + name.len() + 2..];
        let said = after.trim_start().starts_with("(by `Reason`)");
        assert!(said, "{name} has a reason");
    }
}

#[test]
fn the_dashboard_shows_every_alarm() {
    let shown: BTreeSet<String> = widgets("alarm")
        .iter()
        .flat_map(|widget| widget["alarms"].as_array().cloned().expect("alarms"))
        .filter_map(|arn| {
            let arn = arn.as_str()?.strip_prefix("${")?.strip_suffix(".Arn}")?;
            Some(arn.to_owned())
        })
        .collect();
    let resources = template().resources.into_iter();
    let alarms = resources.filter(|(_, kind)| kind == "AWS::CloudWatch::Alarm");
    assert_eq!(shown, alarms.map(|(id, _)| id).collect());
}

#[test]
fn the_dashboard_shows_errors_and_costs_of_every_function_and_asks_their_logs() {
    let shown = |metric: &str| -> BTreeSet<String> {
        let lines = lines().into_iter();
        let lines = lines.filter(|line| line[0] == "AWS/Lambda" && line[1] == metric);
        lines
            .filter_map(|line| {
                let name = line[3].as_str()?.strip_prefix("${")?.strip_suffix('}')?;
                Some(name.to_owned())
            })
            .collect()
    };
    let template = template();
    let ids: BTreeSet<String> = template
        .functions
        .iter()
        .map(|function| function.logical_id.clone())
        .collect();
    for metric in ["Errors", "Invocations", "Duration"] {
        assert_eq!(shown(metric), ids, "{metric}");
    }
    // Milliseconds at a quarter of a GB.
    assert!(template.functions.iter().all(|one| one.memory_mb == 256));
    let sum = |line: &Vec<Value>| line[0]["expression"] == "SUM(METRICS(\"duration\"))/4000";
    assert!(lines().iter().any(sum));

    let names = functions();
    for widget in widgets("log") {
        let query = widget["query"].as_str().expect("a query");
        for source in query.split("SOURCE '").skip(1) {
            let name = source.split('\'').next().unwrap_or_default();
            let name = name.strip_prefix("/aws/lambda/${AWS::StackName}/");
            let known = name.is_some_and(|name| names.contains(name));
            assert!(known, "{query}");
        }
    }
}

#[test]
fn no_widget_of_the_dashboard_covers_another() {
    let body = body();
    let mut taken = BTreeSet::new();
    for widget in body["widgets"].as_array().expect("widgets") {
        let number = |name: &str| widget[name].as_u64().expect("a number");
        assert!(number("x") + number("width") <= 24, "{widget}");
        for x in number("x")..number("x") + number("width") {
            for y in number("y")..number("y") + number("height") {
                assert!(taken.insert((x, y)), "{widget}");
            }
        }
    }
}

/// A reference to a resource that is not there would fail the first deployment.
#[test]
fn the_dashboard_names_only_resources_of_this_stack() {
    let written = document(TEMPLATE).expect("YAML");
    let resources = written["Resources"].as_object().expect("resources");
    let body = properties("Dashboard")["DashboardBody"]["Fn::Sub"].clone();
    let body = body.as_str().expect("a body");
    for reference in body.split("${").skip(1) {
        let name = reference.split(['}', '.']).next().unwrap_or_default();
        let known = resources.contains_key(name) || name.starts_with("AWS::");
        assert!(known || name.starts_with('!'), "{name}");
    }
}
