//! The function process that the tests of this folder start: this test binary with one test selected.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use lambda_runtime::{Diagnostic, LambdaEvent, service_fn};
use serde_json::{Value, json};

use super::function::Function;

const MARK: &str = "FUNCTION_PROCESS";
const INIT: &str = "FUNCTION_INIT";

/// A function that echoes what it gets, and obeys `do` in it. Of a queue's records those fail that begin with `fail`.
pub(crate) fn function() -> Function {
    let program = std::env::current_exe().expect("the test binary has a path");
    let arguments = [
        "lambda::testing::function_process",
        "--exact",
        "--ignored",
        "--nocapture",
    ];
    Function {
        name: "echo".to_owned(),
        command: std::iter::once(program.into())
            .chain(arguments.map(Into::into))
            .collect(),
        environment: BTreeMap::from([(MARK.to_owned(), "1".to_owned())]),
        timeout: Duration::from_secs(30),
        memory_mb: 128,
        max_environments: 2,
    }
}

/// The same, with an init that goes another way: `exit`, `report`.
pub(crate) fn function_with_init(init: &str) -> Function {
    let mut function = function();
    function
        .environment
        .insert(INIT.to_owned(), init.to_owned());
    function
}

#[test]
#[ignore = "it is the function that other tests start, and does nothing by itself"]
fn function_process() {
    if std::env::var_os(MARK).is_none() {
        return;
    }
    match std::env::var(INIT).as_deref() {
        Ok("exit") => {
            eprintln!("TENANTS_TABLE is missing");
            std::process::exit(1);
        }
        Ok("report") => {
            report_init_error();
            std::process::exit(1);
        }
        Ok(_) | Err(_) => {}
    }
    let ended = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime")
        .block_on(lambda_runtime::run(service_fn(handle)));
    assert!(ended.is_err(), "the runtime only ends with its API");
}

async fn handle(event: LambdaEvent<Value>) -> Result<Value, Diagnostic> {
    let LambdaEvent { payload, context } = event;
    if let Some(records) = payload["Records"].as_array() {
        let failed = records.iter().filter(|record| {
            let body = record["body"].as_str();
            body.is_some_and(|body| body.starts_with("fail"))
        });
        let failed = failed.map(|record| json!({"itemIdentifier": record["messageId"]}));
        return Ok(json!({"batchItemFailures": failed.collect::<Vec<_>>()}));
    }
    let from_query = &payload["queryStringParameters"]["do"];
    match payload["do"].as_str().or(from_query.as_str()) {
        Some("fail") => {
            return Err(Diagnostic {
                error_type: "tenant-misconfigured".to_owned(),
                error_message: "no company id".to_owned(),
            });
        }
        Some("crash") => std::process::exit(3),
        Some("hang") => std::future::pending().await,
        Some("fill") => return Ok("x".repeat(6 * 1024 * 1024 + 200).into()),
        Some("environment") => {
            return Ok(std::env::vars()
                .collect::<BTreeMap<_, _>>()
                .into_iter()
                .collect());
        }
        Some("print") => {
            tokio::time::sleep(Duration::from_millis(100)).await;
            println!("to standard output");
            eprintln!("to standard error");
        }
        Some("meet") => {
            let folder = payload["folder"].as_str().unwrap_or_default();
            let _ = std::fs::write(format!("{folder}/{}", std::process::id()), "");
            while std::fs::read_dir(folder).map_or(0, Iterator::count) < 2 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        }
        Some(_) | None => {}
    }
    Ok(json!({
        "event": payload,
        "process": std::process::id(),
        "request_id": context.request_id,
        "deadline": context.deadline,
        "arn": context.invoked_function_arn,
        "trace": context.xray_trace_id,
    }))
}

fn report_init_error() {
    let api = std::env::var("AWS_LAMBDA_RUNTIME_API").expect("set by Lambda");
    let body = r#"{"errorType":"configuration","errorMessage":"SESSIONS_TABLE is missing"}"#;
    let answer = exchange(
        &api,
        format!(
            "POST /2018-06-01/runtime/init/error HTTP/1.1\r\nhost: {api}\r\nconnection: close\r\n\
             content-length: {}\r\n\r\n{body}",
            body.len()
        ),
    );
    assert!(answer.starts_with("HTTP/1.1 202"), "{answer}");
}

/// Sends a request as it is and reads the answer to its end.
pub(crate) fn exchange(address: &str, request: impl AsRef<[u8]>) -> String {
    let mut stream = TcpStream::connect(address).expect("it listens");
    stream.write_all(request.as_ref()).expect("it reads");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("it answers");
    String::from_utf8_lossy(&answer).into_owned()
}
