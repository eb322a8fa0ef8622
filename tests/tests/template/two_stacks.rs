//! Two stacks in one account and region: nothing of one is read, written or watched by the other.

use std::collections::{BTreeMap, BTreeSet};

use local::cloud::TEMPLATE;
use local::template::{Template, document};
use serde_json::{Value, json};

use super::path;

/// What CloudFormation would create, by logical id: properties with every reference followed.
struct Stack(BTreeMap<String, Rendered>);

struct Rendered {
    kind: String,
    properties: Value,
}

/// Properties that name a resource in its account and region. Without one, CloudFormation makes a unique name.
const NAMES: [&str; 14] = [
    "AlarmName",
    "AliasName",
    "BucketName",
    "DashboardName",
    "FunctionName",
    "GroupName",
    "LogGroupName",
    "ManagedPolicyName",
    "MetricNamespace",
    "QueueName",
    "RoleName",
    "ScheduleName",
    "TableName",
    "TopicName",
];

impl Stack {
    /// A stack with every parameter at its default.
    fn render(name: &str) -> Self {
        let given = BTreeMap::from([("AWS::StackName".to_owned(), name.to_owned())]);
        let template = Template::parse_with(TEMPLATE, &given).expect("understood");
        let mut scope = template.scope().clone();
        for id in template.resources.keys() {
            let generated = format!("{name}-{id}-generated");
            scope.set_reference(id, &generated);
            for attribute in ["Arn", "QueueName", "QueueUrl"] {
                scope.set_attribute(id, attribute, &format!("{generated}.{attribute}"));
            }
        }
        let written = document(TEMPLATE).expect("YAML");
        let globals = &written["Globals"]["Function"];
        let render = |(id, kind): (String, String)| {
            let mut properties = written["Resources"][&id]["Properties"].clone();
            if kind == "AWS::Serverless::Function" {
                let shared = globals["Environment"]["Variables"].as_object();
                let own = properties["Environment"]["Variables"].as_object_mut();
                own.expect("variables").extend(
                    shared
                        .into_iter()
                        .flatten()
                        .map(|(k, v)| (k.clone(), v.clone())),
                );
            }
            let properties = scope.resolve(&properties);
            let properties = properties.unwrap_or_else(|error| panic!("{id}: {error}"));
            (id, Rendered { kind, properties })
        };
        Self(template.resources.into_iter().map(render).collect())
    }

    fn of_kind<'s>(&'s self, kind: &'s str) -> impl Iterator<Item = (&'s String, &'s Value)> {
        let resources = self.0.iter().filter(move |(_, one)| one.kind == kind);
        resources.map(|(id, one)| (id, &one.properties))
    }

    /// The metrics that alarms watch: namespace, name and dimensions.
    fn watched(&self) -> BTreeSet<String> {
        let alarms = self.of_kind("AWS::CloudWatch::Alarm");
        let watched = alarms.flat_map(|(_, alarm)| {
            let several = alarm["Metrics"].as_array().cloned().unwrap_or_default();
            let several = several
                .into_iter()
                .map(|one| one["MetricStat"]["Metric"].clone())
                .filter(|metric| !metric.is_null());
            let one = alarm["MetricName"].is_string().then(|| alarm.clone());
            several.chain(one)
        });
        watched
            .map(|metric| {
                assert!(metric["Namespace"].is_string(), "{metric}");
                let parts = ["Namespace", "MetricName", "Dimensions"];
                json!(parts.map(|part| metric[part].clone())).to_string()
            })
            .collect()
    }

    /// The metrics and log groups of the dashboard.
    fn shown(&self) -> BTreeSet<String> {
        let (_, dashboard) = self
            .of_kind("AWS::CloudWatch::Dashboard")
            .next()
            .expect("one");
        let body = dashboard["DashboardBody"].as_str().expect("a body");
        let body: Value = serde_json::from_str(body).expect("JSON");
        let widgets = body["widgets"].as_array().expect("widgets").clone();
        let shown = widgets.into_iter().flat_map(|widget| {
            let properties = &widget["properties"];
            let lines = [&properties["metrics"], &properties["alarms"]];
            let lines = lines.into_iter().filter_map(Value::as_array).flatten();
            lines
                .chain([&properties["query"]])
                .filter(|shown| !shown.is_null())
                .cloned()
                .collect::<Vec<_>>()
        });
        // What is computed from other lines of its graph names no metric of its own.
        shown
            .map(|line| line.to_string())
            .filter(|line| !line.contains("SUM(METRICS("))
            .collect()
    }

    /// Every name that the template gives.
    fn names(&self) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        for one in self.0.values() {
            let mut open = vec![&one.properties];
            while let Some(value) = open.pop() {
                let inner = value.as_object().into_iter().flatten();
                for (name, value) in inner {
                    let named = NAMES.contains(&name.as_str());
                    found.extend(value.as_str().filter(|_| named).map(str::to_owned));
                    open.push(value);
                }
                open.extend(value.as_array().into_iter().flatten());
            }
            if one.kind == "AWS::Events::Rule" {
                found.extend(one.properties["Name"].as_str().map(str::to_owned));
            }
        }
        found
    }

    /// Resources that the roles reach, except what has no name.
    fn reached(&self) -> BTreeSet<String> {
        let mut reached = BTreeSet::new();
        for (_, role) in self.of_kind("AWS::IAM::Role") {
            for policy in role["Policies"].as_array().expect("policies") {
                let statements = policy["PolicyDocument"]["Statement"].as_array();
                for statement in statements.expect("statements") {
                    let on = &statement["Resource"];
                    let on = on
                        .as_array()
                        .map_or(std::slice::from_ref(on), Vec::as_slice);
                    reached.extend(on.iter().filter(|on| *on != "*").map(Value::to_string));
                }
            }
        }
        reached
    }
}

/// What two stacks have in common.
fn shared(find: impl Fn(&Stack) -> BTreeSet<String>) -> Vec<String> {
    let [one, other] = ["rescue-connector", "Production"].map(|name| find(&Stack::render(name)));
    assert!(!one.is_empty(), "nothing was found to compare");
    assert_eq!(one.len(), other.len());
    one.intersection(&other).cloned().collect()
}

#[test]
fn no_two_stacks_share_an_alarms_metric() {
    assert_eq!(shared(Stack::watched), Vec::<String>::new());
}

#[test]
fn a_dashboard_shows_metrics_alarms_and_logs_of_its_own_stack_only() {
    assert_eq!(shared(Stack::shown), Vec::<String>::new());
}

#[test]
fn no_two_stacks_give_a_resource_the_same_name() {
    assert_eq!(shared(Stack::names), Vec::<String>::new());
}

/// The names of secrets begin with the stack's name, or with the parameter `SecretPrefix`.
#[test]
fn no_two_stacks_reach_the_same_table_queue_secret_key_or_log() {
    assert_eq!(shared(Stack::reached), Vec::<String>::new());
}

#[test]
fn no_rule_of_one_stack_matches_an_event_of_another() {
    let patterns = |stack: &Stack| -> BTreeSet<String> {
        let rules = stack.of_kind("AWS::Events::Rule");
        rules
            .map(|(_, rule)| rule["EventPattern"].to_string())
            .collect()
    };
    assert_eq!(shared(patterns), Vec::<String>::new());
}

/// Variables that hold the same in every stack would lead two stacks to the same place.
#[test]
fn every_variable_of_a_function_leads_to_its_own_stack() {
    let variables = |stack: &Stack| -> BTreeSet<String> {
        let functions = stack.of_kind("AWS::Serverless::Function");
        functions
            .flat_map(|(id, function)| {
                let variables = function["Environment"]["Variables"].as_object();
                let variables = variables.expect("variables").iter();
                // A number names no resource.
                let names = variables.filter(|(name, _)| *name != "POSTS_PER_MINUTE");
                names.map(move |(name, value)| format!("{id} {name}={value}"))
            })
            .collect()
    };
    assert_eq!(shared(variables), Vec::<String>::new());
}

/// An export is a name that all stacks of an account share.
#[test]
fn no_output_is_exported() {
    let written = document(TEMPLATE).expect("YAML");
    for (name, output) in written["Outputs"].as_object().expect("outputs") {
        assert_eq!(output["Export"], Value::Null, "{name}");
    }
}

/// The configuration for a second stack has another name, and takes the secrets' prefix from it.
#[test]
fn the_stacks_of_samconfig_have_names_of_their_own_and_no_prefix_of_anothers_secrets() {
    let config = std::fs::read_to_string(path("infra/samconfig.toml")).expect("readable");
    let named = |line: &&str| line.starts_with("stack_name");
    let names: Vec<&str> = config.lines().filter(named).collect();
    let distinct: BTreeSet<&&str> = names.iter().collect();
    assert_eq!((names.len(), distinct.len()), (2, 2), "{names:?}");
    assert!(!config.contains("SecretPrefix="));
}
