//! The number of calls that a request to each function makes, counted by the called services.

use std::collections::BTreeMap;
use std::time::Duration;

use local::aws::Service;
use local::cloud::Options;
use local::demo_tenant::{self, COMPANY_ID, SSO_PASSWORD, TECHNICIAN, TENANT};
use local::rescue::{Phase, Technician};
use local::simulator::RecordedRequest;
use serde_json::json;
use shared::domain::secret_name::SecretName;

use crate::reconciliation::{COMPARED_AFTER, RECONCILE_SESSIONS, reconciling};
use crate::settings::without_notifications;
use crate::settings_app::SettingsApp;
use crate::tokens::demo;
use crate::{World, request};

/// The calls of one request to a function: service and operation, such as `DynamoDB GetItem`, and how often.
pub type Operations = BTreeMap<String, usize>;

/// The calls of one function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Calls {
    /// The function.
    pub function: &'static str,
    /// In a new process.
    pub cold: Operations,
    /// In a process that has handled a request.
    pub warm: Operations,
}

impl Calls {
    /// The services of [`SERVICES`] that are called, cold or warm.
    pub fn services(&self) -> Vec<&'static str> {
        let called = |service: &str| total(&self.cold, service) + total(&self.warm, service) > 0;
        SERVICES.into_iter().filter(|name| called(name)).collect()
    }
}

/// The services that the functions call.
pub const SERVICES: [&str; 5] = ["DynamoDB", "SQS", "Secrets Manager", "ServiceNow", "Rescue"];

/// The number of calls to a service.
pub fn total(operations: &Operations, service: &str) -> usize {
    let of_it = |name: &str| {
        name.strip_prefix(service)
            .is_some_and(|rest| rest.starts_with(' '))
    };
    operations
        .iter()
        .filter(|(name, _)| of_it(name))
        .map(|(_, count)| count)
        .sum()
}

/// Counts the calls of every function: of the first request to a new process, and of the next one.
///
/// Another process has shared access token and authcode before. E-mails and notes about PINs are switched off.
///
/// # Panics
/// When the world does not start or a request fails.
pub async fn count(options: Options) -> Vec<Calls> {
    let world = World::with_options(options, without_notifications).await;
    vec![
        session_details(&world).await,
        deliver_session(&world).await,
        generate_pin(&world).await,
        receive_token(&world).await,
        tenant_settings(&world).await,
        rotate_tokens(&world).await,
        reconcile_sessions(&world).await,
    ]
}

async fn session_details(world: &World) -> Calls {
    let incident = world.incident();
    measure(world, "session-details", async |_| {
        world.post(&world.session(&incident), Phase::End).await;
    })
    .await
}

async fn deliver_session(world: &World) -> Calls {
    world.deliver().await;
    let mut session = world.session(&world.incident());
    world.post_and_deliver(&session, Phase::Start).await;
    let mut posts = Vec::new();
    for text in ["one", "two"] {
        session.say("Ana Ruiz", text);
        posts.push(session.clone());
    }
    measure(world, "deliver-session", async |nth| {
        world.post(&posts[nth], Phase::End).await;
        assert_eq!(world.deliver().await, 1);
    })
    .await
}

async fn generate_pin(world: &World) -> Calls {
    let mut requests = Vec::new();
    for _ in 0..3 {
        requests.push(request(&world.incident()));
    }
    let generate = async |nth: usize| {
        world.pin(&requests[nth]).await;
        // Rescue gives one PIN per second; an earlier request would be repeated.
        tokio::time::sleep(Duration::from_millis(1100)).await;
    };
    generate(2).await;
    measure(world, "generate-pin", generate).await
}

async fn receive_token(world: &World) -> Calls {
    let token = world.refresh_token();
    let hand_over = async |nth: usize| {
        let expires_in = 8_640_000 + 60_000 * nth;
        let body = json!({"refresh_token": token, "expires_in": expires_in});
        let answer = world.hand_over(&body).await;
        assert_eq!(answer.status, 200, "{answer:?}");
    };
    hand_over(0).await;
    measure(world, "receive-token", async |nth| hand_over(nth + 1).await).await
}

async fn tenant_settings(world: &World) -> Calls {
    let app = SettingsApp::of_the_demo(world).await;
    measure(world, "tenant-settings", async |_| {
        app.status().await;
    })
    .await
}

async fn rotate_tokens(world: &World) -> Calls {
    measure(world, "rotate-tokens", async |_| {
        let rotated =
            admin::token::rotate(&world.cloud.stack, &demo(), Duration::from_secs(60)).await;
        rotated.expect("the token is renewed");
        // The token is current before the last step ends; this waits for that step.
        world.rotate().await;
    })
    .await
}

/// Two tenants with nothing missing, each in a Rescue account of its own: Rescue makes one report in a minute for each user.
async fn reconcile_sessions(world: &World) -> Calls {
    let technician = |nth: usize| format!("technician{nth}@acme.test");
    for nth in 0..2 {
        let (company_id, sso_id) = (format!("99000{nth}"), technician(nth));
        let rescue = &world.cloud.rescue;
        rescue.set_company(&company_id, SSO_PASSWORD);
        rescue.set_technician(Technician::new(&format!("990{nth}"), &sso_id, &sso_id));
        let file = demo_tenant::file(&world.cloud)
            .replace(
                &format!("tenant = \"{TENANT}\""),
                &format!("tenant = \"reconciled{nth}\""),
            )
            .replace(COMPANY_ID, &company_id);
        let file = reconciling(&file, "watch").replace(TECHNICIAN, &sso_id);
        let secrets = [(SecretName::SsoPassword, SSO_PASSWORD)];
        let applied = world.cloud.apply(&file, &secrets).await;
        applied.expect("the tenant is applied");
    }
    world.cloud.travel(COMPARED_AFTER);
    world.reconcile().await;
    world.cloud.travel(Duration::from_secs(6 * 3600));
    world.run_schedule().await;
    measure(world, RECONCILE_SESSIONS, async |_| {
        assert_eq!(world.reconcile_poller().poll_once().await, 1);
    })
    .await
}

/// Counts the calls of a function in its first request after a start, and in its second one.
async fn measure(world: &World, function: &'static str, request: impl AsyncFn(usize)) -> Calls {
    world.function(function).kill().await;
    let mut counted = Vec::new();
    for nth in 0..2 {
        let (aws, servicenow, rescue) = (
            world.cloud.aws.journal().mark(),
            world.cloud.servicenow.mark(),
            world.cloud.rescue.mark(),
        );
        request(nth).await;
        let mut operations = Operations::new();
        let mut add = |name: String| *operations.entry(name).or_insert(0) += 1;
        for call in world.cloud.aws.journal().since(aws) {
            if call.caller == function {
                add(format!("{} {}", name(call.service), call.operation));
            }
        }
        for request in world.cloud.servicenow.since(servicenow) {
            add(format!("ServiceNow {}", servicenow_operation(&request)));
        }
        for request in world.cloud.rescue.since(rescue) {
            let page = request.path.rsplit('/').next().unwrap_or_default();
            add(format!("Rescue {}", page.trim_end_matches(".aspx")));
        }
        counted.push(operations);
    }
    let warm = counted.pop().unwrap_or_default();
    let cold = counted.pop().unwrap_or_default();
    Calls {
        function,
        cold,
        warm,
    }
}

const fn name(service: Service) -> &'static str {
    match service {
        Service::DynamoDb => "DynamoDB",
        Service::Sqs => "SQS",
        Service::SecretsManager => "Secrets Manager",
        Service::CloudFormation => "CloudFormation",
        Service::Sts => "STS",
    }
}

/// The method and the API, without the record.
fn servicenow_operation(request: &RecordedRequest) -> String {
    let mut parts = request.path.split('/').filter(|part| !part.is_empty());
    let api = match (parts.next(), parts.next(), parts.next()) {
        (Some("api"), Some("now"), Some("v1" | "v2")) => parts.next(),
        (Some("api"), Some("now"), api) => api,
        (first, _, _) => first,
    };
    format!("{} {}", request.method, api.unwrap_or_default())
}
