//! What is deployed runs: the programs that `sam build` made, on the embedded cloud.

use std::path::PathBuf;
use std::process::Command;

use local::cloud::{Options, Programs};
use local::demo_tenant::{CLIENT_ID, SERVICE_ACCOUNT};
use local::rescue::Phase;
use serde_json::json;
use tests::{World, request};

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

/// Bytes. 2.5 MB zipped are allowed (docs/benchmarks.md), and code shrinks to less than a half.
const LARGEST: u64 = 7_000_000;

/// A program for another processor, without its entry point, or packed under another function's name ends here and not
/// after a deployment.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "plays what sam build made: sam build --config-file infra/samconfig.toml"]
async fn the_programs_of_sam_build_take_a_post_deliver_it_give_a_pin_and_keep_a_token() {
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

    world.pin(&request(&incident)).await;
    // The work note that a PIN was made.
    assert_eq!(world.notes(&incident).len(), 1);

    let session = world.session(&incident);
    world.post(&session, Phase::Start).await;
    world.post(&session, Phase::End).await;
    world.deliver().await;
    assert_eq!(world.notes(&incident).len(), 3);

    let servicenow = &world.cloud.servicenow;
    let token = servicenow.issue_refresh_token(CLIENT_ID, SERVICE_ACCOUNT);
    let answer = world.hand_over(&json!({"refresh_token": token})).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let handed_over = world.current_token().await;
    world.rotate_tomorrow().await;
    assert_ne!(
        world.current_token().await.version_id,
        handed_over.version_id
    );
    world.assert_nothing_is_pending().await;
}
