//! A sandbox for tests, whose functions never run.

use shared::aws::tenants::WebhookUrls;
use shared::domain::secret::Secret;
use std::sync::Arc;

use super::Sandbox;
use crate::app::App;
use crate::cloud::{Cloud, Options, Programs};
use crate::demo_tenant::{TENANT, file};

/// A sandbox with the demo tenant, without its secrets.
pub(super) async fn sandbox() -> Arc<Sandbox> {
    let options = Options {
        delivering: false,
        rotating: false,
        ..Options::new(Programs::Folder("/nonexistent".into()))
    };
    let cloud = Cloud::start(options).await.expect("the cloud starts");
    let applied = cloud.apply(&file(&cloud), &[]).await;
    applied.expect("the tenant is created");
    let secret = || Secret::from("none");
    let app = App::new(&cloud.gateway.url(), TENANT, secret());
    let urls = WebhookUrls {
        started: secret(),
        ended: secret(),
    };
    Arc::new(Sandbox::new(Arc::new(cloud), app, urls, "rescue-connector"))
}
