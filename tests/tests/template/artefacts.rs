//! What is deployed runs: the programs that `sam build` made, on the embedded cloud.

use std::path::PathBuf;
use std::process::Command;

use local::cloud::{Options, Programs};
use local::demo_tenant::{CUSTOMER, TECHNICIAN, TENANT};
use local::rescue::Phase;
use serde_json::{Value, json};
use shared::secret::Secret;
use tests::World;

use super::{WORKING, path, template};

/// The build under the names that the embedded cloud looks for.
fn built() -> PathBuf {
    let folder = path("target/built");
    std::fs::create_dir_all(&folder).expect("a folder");
    for function in template().functions {
        let program = path(&format!(".aws-sam/build/{}/bootstrap", function.logical_id));
        let name = folder.join(function.binary.expect("BuildProperties.Binary"));
        std::fs::copy(&program, name).unwrap_or_else(|error| {
            panic!("{}: {error}; run sam build first", program.display());
        });
    }
    folder
}

/// Bytes. Design 6 allows 2.5 MB zipped, and code shrinks to less than a half.
const LARGEST: u64 = 7_000_000;

/// A program for another processor, without its entry point, or packed under another function's name ends here and not
/// after a deployment.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "plays what sam build made: sam build --config-file infra/samconfig.toml"]
async fn the_programs_of_sam_build_take_a_post_deliver_it_and_give_a_pin() {
    let programs = built();
    for function in template().functions {
        let binary = function.binary.expect("BuildProperties.Binary");
        let program = programs.join(&binary);
        let size = std::fs::metadata(&program).expect("built").len();
        assert!(size < LARGEST, "{binary} has {size} bytes");
        // Without its environment it ends by itself; one for another system would not start.
        let ended = Command::new(&program).env_clear().output();
        let ended = ended.unwrap_or_else(|error| panic!("{binary}: {error}"));
        assert!(
            ended.status.code().is_some_and(|code| code != 0),
            "{binary}: {ended:?}"
        );
    }
    let options = Options {
        programs: Programs::Folder(programs),
        ..World::options()
    };
    let world = World::with_options(options, |file| file).await;
    let incident = world.incident();

    let request = json!({
        "technician": {"email": TECHNICIAN},
        "record": {"table": "incident", "sys_id": incident.sys_id},
        "customer": {"name": "Paul Martin", "email": CUSTOMER},
    });
    let (status, pin) = call(&world, "pincodes", &request).await;
    assert_eq!(status, 201, "{pin}");
    assert_eq!(pin["pin"].as_str().map(str::len), Some(6), "{pin}");
    // The work note that a PIN was made.
    assert_eq!(world.notes(&incident).len(), 1);

    let session = world.session(&incident);
    world.post(&session, Phase::Start).await;
    world.post(&session, Phase::End).await;
    world.deliver().await;
    assert_eq!(world.notes(&incident).len(), 3);

    if WORKING.contains(&"receive-token") {
        // An empty token is none, and it is the function that says so: the gateway's own errors have no code.
        let (status, answer) = call(&world, "token", &json!({"refresh_token": ""})).await;
        assert_eq!(status, 400, "{answer}");
        assert_eq!(answer["code"], "invalid-request", "{answer}");
    }
}

async fn call(world: &World, route: &str, body: &Value) -> (u16, Value) {
    let api = world.cloud.gateway.url();
    let url = format!("{api}/integration/api/servicenow/{route}/{TENANT}");
    let client = shared::http::client().expect("a client");
    let key: &Secret = &world.api_key;
    let request = client
        .post(url)
        .bearer_auth(key.expose())
        .header("content-type", "application/json")
        .body(body.to_string());
    let answer = request.send().await.expect("the HTTP API answers");
    let status = answer.status().as_u16();
    let text = answer.text().await.expect("a body");
    (status, serde_json::from_str(&text).expect("JSON"))
}
