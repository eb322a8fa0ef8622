//! What is deployed runs: the programs that `sam build` made, on the embedded cloud.

use std::path::PathBuf;

use local::cloud::{Options, Programs};
use local::demo_tenant::{CUSTOMER, TECHNICIAN, TENANT};
use local::rescue::Phase;
use serde_json::{Value, json};
use shared::secret::Secret;
use tests::World;

use super::{path, template};

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

/// Design 6: the zipped binary has 2.5 MB, which a packed one never exceeds by a factor of three.
const LARGEST: u64 = 8 * 1024 * 1024;

/// Every function is started by an event of its own: a program for another processor, without its entry point, or
/// linked against what the runtime does not have ends here and not after a deployment.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs the programs of sam build; .ci/artefacts makes them"]
async fn the_programs_of_sam_build_take_a_post_deliver_it_and_give_a_pin() {
    let programs = built();
    for function in template().functions {
        let binary = function.binary.expect("BuildProperties.Binary");
        let size = std::fs::metadata(programs.join(&binary))
            .expect("built")
            .len();
        assert!(size < LARGEST, "{binary} has {size} bytes");
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

    // Whatever it thinks of this token, it is the function that answers: the gateway's own errors have no code.
    let (status, answer) = call(&world, "token", &json!({"refresh_token": ""})).await;
    assert_eq!(status, 400, "{answer}");
    assert_eq!(answer["code"], "invalid-request", "{answer}");
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
