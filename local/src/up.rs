//! `cargo run -- up`: keeps the embedded cloud running, for trying things by hand.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anstream::println;
use shared::secret::Secret;

use crate::cloud::{Cloud, Options, Programs};
use crate::demo_tenant::{self, CUSTOMER, TECHNICIAN, TENANT};
use crate::multicall::Failure;
use crate::rescue::Rules;

/// Runs until Ctrl-C.
///
/// # Errors
/// When the cloud does not start.
pub async fn run(
    data: Option<PathBuf>,
    port: u16,
    log_level: String,
    unlimited_pins: bool,
    unlimited_posts: bool,
) -> Result<(), Failure> {
    if let Some(folder) = &data {
        std::fs::create_dir_all(folder)?;
    }
    let options = Options {
        data: data.clone(),
        port: Some(port),
        log_level,
        ..Options::new(Programs::Itself)
    };
    let cloud = Cloud::start(options).await?;
    for lambda in cloud.functions.values() {
        lambda.echo(true);
    }
    if unlimited_pins {
        let none = |rules: &mut Rules| rules.one_pin_every = Duration::ZERO;
        cloud.rescue.configure(none);
    }
    if unlimited_posts {
        cloud.lift_posts_quota();
    }
    let applied = demo_tenant::provision(&cloud).await?;
    let new = applied.webhook_urls.map(|urls| urls.ended);
    let url = remembered(new, data.as_deref(), "demo-webhook-url")?;
    let api_key = remembered(applied.api_key, data.as_deref(), "demo-api-key")?;
    show(&cloud, url.expose(), api_key.expose());
    tokio::select! {
        ended = tokio::signal::ctrl_c() => ended?,
        () = print_new_notes(&cloud) => {}
    }
    cloud.shutdown().await;
    Ok(())
}

/// A key that was just made, or the one of an earlier start. The demo's are kept beside the demo's data; a real one is
/// shown once and stored nowhere.
fn remembered(new: Option<Secret>, data: Option<&Path>, name: &str) -> Result<Secret, Failure> {
    let file = data.map(|folder| folder.join(name));
    match (new, file) {
        (Some(key), None) => Ok(key),
        (Some(key), Some(file)) => {
            std::fs::write(file, key.expose())?;
            Ok(key)
        }
        (None, Some(file)) => Ok(Secret::from(std::fs::read_to_string(file)?)),
        (None, None) => Err("the demo's tenant was there already".into()),
    }
}

/// Shows every note that appears on an incident from now on.
async fn print_new_notes(cloud: &Cloud) {
    let mut seen = BTreeMap::new();
    let mut first = true;
    loop {
        for row in cloud.servicenow.records("incident") {
            let value = |name: &str| row.get(name).cloned().unwrap_or_default();
            let notes = cloud.servicenow.work_notes("incident", &value("sys_id"));
            let known = seen.insert(value("sys_id"), notes.len()).unwrap_or(0);
            for note in notes.iter().skip(known).filter(|_| !first) {
                println!("\n{} shows a new work note:\n{note}", value("number"));
            }
        }
        first = false;
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
}

fn show(cloud: &Cloud, ended: &str, api_key: &str) {
    let incidents = cloud.servicenow.records("incident");
    let number = match incidents.first().and_then(|row| row.get("number")) {
        Some(number) => number.clone(),
        None => {
            cloud
                .servicenow
                .add_incident(&[("short_description", "Printer does not print")])
                .number
        }
    };
    let started = ended.replace("event=ended", "event=started");
    println!("HTTP API     {}", cloud.gateway.url());
    println!("AWS          {}", cloud.aws.endpoint());
    println!("ServiceNow   {}", cloud.servicenow.url());
    println!("Rescue       {}", cloud.rescue.url());
    println!();
    println!("The command line works on it with these variables:");
    println!(
        "  export AWS_ENDPOINT_URL={} AWS_REGION=us-east-1",
        cloud.aws.endpoint()
    );
    println!("  export AWS_ACCESS_KEY_ID=local AWS_SECRET_ACCESS_KEY=local ALLOW_LOOPBACK=1");
    println!("  export RESCUE_ENDPOINT_URL={}", cloud.rescue.url());
    println!("  cargo run -p admin -- tenant show demo");
    println!("  cargo run -p admin -- doctor demo --technician {TECHNICIAN}");
    println!();
    println!("A technician starts and ends a session on {number}:");
    println!("  curl -i '{started}' -d 'SessionID=70112233&TechName=Ana+Ruiz&CField1={number}'");
    println!(
        "  curl -i '{ended}' -d 'SessionID=70112233&TechName=Ana+Ruiz&CField1={number}&WorkTime=1502&Note=Done'"
    );
    println!();
    let pins = format!(
        "{}/integration/api/servicenow/pincodes/{TENANT}",
        cloud.gateway.url()
    );
    println!("An agent presses the PIN button on {number}:");
    println!("  curl -i '{pins}' -H 'Authorization: Bearer {api_key}' \\");
    println!(
        "       -d '{{\"technician\": {{\"email\": \"{TECHNICIAN}\"}}, \"record\": {{\"table\": \"incident\", \"number\": \"{number}\"}}, \
         \"customer\": {{\"name\": \"Paul Martin\", \"email\": \"{CUSTOMER}\"}}}}'"
    );
    println!();
    println!("New work notes appear below. Ctrl-C ends it.");
}
