//! `cargo run -- cli …`: the operator's command line on the cloud that `cargo run -- up` keeps running.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::process::ExitCode;

use admin::Deployment;
use serde::Deserialize;
use shared::domain::clock::Clock;

use crate::aws::{CLOCK_PATH, OUTPUTS_PATH};
use crate::cloud::{OPERATOR, Ports, sdk_config, stack};
use crate::multicall::MulticallError;

/// What the cloud says of its clock, which may have been moved.
#[derive(Deserialize)]
struct CloudClock {
    ahead_seconds: i64,
}

/// Runs one command on the cloud with these ports.
pub async fn run(ports: Ports, arguments: Vec<OsString>) -> ExitCode {
    let program = std::iter::once(OsString::from("rescue-connector"));
    admin::run_on(deployment(ports), program.chain(arguments)).await
}

/// Reads the stack's outputs from the embedded AWS, as the command line reads them from CloudFormation elsewhere.
async fn deployment(ports: Ports) -> Result<Deployment, MulticallError> {
    let endpoint = format!("http://127.0.0.1:{}", ports.aws);
    let client = shared::http::client(None)?;
    let get = |path: &str| client.get(format!("{endpoint}{path}")).send();
    let answer = get(OUTPUTS_PATH).await;
    let outputs: BTreeMap<String, String> = match answer
        .and_then(reqwest::Response::error_for_status)
    {
        Ok(answer) => answer.json().await.map_err(|_| not_our_cloud(&ports))?,
        Err(error) if error.is_connect() => {
            return Err(format!(
                "no `up` whose first port is {} answers (on port {}). Start it in another terminal with `cargo run -- up`; \
                 when it runs on other ports, name the first of them: `cargo run -- cli --port PORT …`.",
                ports.api, ports.aws
            )
            .into());
        }
        Err(_) => return Err(not_our_cloud(&ports)),
    };
    let clock: CloudClock = match get(CLOCK_PATH).await {
        Ok(answer) => answer.json().await.map_err(|_| not_our_cloud(&ports))?,
        Err(_) => return Err(not_our_cloud(&ports)),
    };
    let sdk = sdk_config(&endpoint, OPERATOR)?;
    Ok(Deployment {
        stack: stack(&outputs, &sdk, Clock::system(clock.ahead_seconds)),
        variables: BTreeMap::from([
            ("ALLOW_LOOPBACK".to_owned(), "1".to_owned()),
            (
                "RESCUE_ENDPOINT_URL".to_owned(),
                format!("http://127.0.0.1:{}", ports.rescue),
            ),
        ]),
    })
}

fn not_our_cloud(ports: &Ports) -> MulticallError {
    format!(
        "what answers on port {} is not the embedded cloud of `cargo run -- up`. Name the first of its ports: \
         `cargo run -- cli --port PORT …`.",
        ports.aws
    )
    .into()
}
