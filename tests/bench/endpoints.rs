//! The services that the programs call: the embedded AWS and the simulators, with the demo's tenant, in this process.
//! Every event is new, and the effect of every event is checked.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use local::aws::REGION;
use local::cloud::{Options, Programs, TEMPLATE};
use local::demo_tenant::{self, CLIENT_ID, CLIENT_SECRET, SERVICE_ACCOUNT, TECHNICIAN, TENANT};
use local::rescue::Technician;
use local::template::Template;
use shared::aws::secret_store::{TenantSecrets, TokenSecret};
use shared::aws::tenants::KeyScope;
use shared::domain::clock::Timestamp;
use shared::domain::secret::Secret;
use shared::domain::secret_name::SecretName;
use shared::domain::tenant::TenantId;
use tests::World;
use tests::settings::with_line;
use uuid::Uuid;

use crate::error::BenchResult;
use crate::figures::{Kind, Transport};
use crate::process::label;
use crate::programs::Program;
use crate::tls::{Authority, Front};

/// The tenant with a rotation. A token that is handed over ends its tenant's rotation, so this is not the demo's.
const ROTATED: &str = "rotated";
/// Longer than a benchmark, so that no token expires in it.
const ACCESS_TOKEN_LIFE: Duration = Duration::from_secs(24 * 3600);
const REFRESH_TOKEN_LIFE: Duration = Duration::from_secs(100 * 24 * 3600);
/// Tenant settings without e-mails and notes about PINs.
const WITHOUT_NOTIFICATIONS: &str =
    "\n[notifications]\nemail_technician = false\nemail_customer = false\npin_note = false\n";

/// The running endpoints of one transport. They end when they are dropped.
pub(crate) struct Endpoints {
    pub(crate) world: World,
    /// The key that signs a `Tracking0` of the demo's tenant.
    pub(crate) tracking_key: Secret,
    /// An API key of the demo's tenant with the scope `settings`.
    pub(crate) settings_key: Secret,
    pub(crate) tenant: TenantId,
    /// The name of `ROTATED`'s token secret and the id of its pending version.
    pub(crate) rotation: (String, String),
    /// By function name.
    settings: BTreeMap<String, Settings>,
    authority: Option<PathBuf>,
    fronts: Option<Fronts>,
}

/// A function's configuration of the template.
#[derive(Clone, Debug, Default)]
pub(crate) struct Settings {
    /// Its environment variables.
    pub(crate) variables: BTreeMap<String, OsString>,
    /// How far ahead the deadline of an invocation is.
    pub(crate) timeout: Duration,
}

/// One TLS port for each service, so that a process makes one handshake for each service, as in AWS.
struct Fronts {
    dynamodb: Front,
    sqs: Front,
    secrets_manager: Front,
    rescue: Front,
    servicenow: Front,
}

impl Fronts {
    async fn start(authority: &Authority, world: &World) -> BenchResult<Self> {
        let aws = world.cloud.aws.endpoint();
        Ok(Self {
            dynamodb: Front::start(authority, aws).await?,
            sqs: Front::start(authority, aws).await?,
            secrets_manager: Front::start(authority, aws).await?,
            rescue: Front::start(authority, &world.cloud.rescue.url()).await?,
            servicenow: Front::start(authority, &world.cloud.servicenow.url()).await?,
        })
    }
}

impl Endpoints {
    /// Starts the services. Only the benchmark starts the programs in `folder`.
    pub(crate) async fn start(
        transport: Transport,
        authority: &Authority,
        folder: &Path,
    ) -> BenchResult<Self> {
        let options = Options {
            delivering: false,
            rotating: false,
            ..Options::new(Programs::Folder(folder.to_owned()))
        };
        let without_notifications = |file: String| file + WITHOUT_NOTIFICATIONS;
        let world = World::with_options(options, without_notifications).await;
        let fronts = match transport {
            Transport::Plain => None,
            Transport::Tls => Some(Fronts::start(authority, &world).await?),
        };
        prepare_simulators(&world);
        let file = tenant_file(&world, fronts.as_ref());
        world.cloud.apply(&reconciled(&file), &[]).await?;
        let settings = settings(&world, fronts.as_ref())?;
        Ok(Self {
            tracking_key: tracking_key(&world).await?,
            settings_key: world.api_key_for(KeyScope::Settings).await,
            tenant: TenantId::parse(TENANT).ok_or("no tenant's name")?,
            rotation: begin_rotation(&world, &file).await?,
            settings,
            authority: fronts.is_some().then(|| authority.file.clone()),
            world,
            fronts,
        })
    }

    /// The variables and the time-out of a program.
    pub(crate) fn settings(&self, program: &Program) -> Settings {
        let function = match program.function.as_str() {
            "bare" | "one-call" => "session-details",
            function => function,
        };
        let mut settings = self.settings.get(function).cloned().unwrap_or_default();
        let variables = &mut settings.variables;
        // The journal of the embedded AWS names callers by access key.
        variables.insert("AWS_ACCESS_KEY_ID".to_owned(), caller(program).into());
        if let Some(authority) = &self.authority {
            let names: &[&str] = match program.kind {
                Kind::Floor | Kind::Ours => &["TEST_CA_FILE"],
                Kind::Node => &["NODE_EXTRA_CA_CERTS"],
                Kind::Python => &["AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"],
            };
            let names = names.iter().map(|name| (*name).to_owned());
            variables.extend(names.map(|name| (name, authority.into())));
        }
        variables.extend(program.variables.iter().cloned());
        settings
    }

    /// How often any program has done the work of this program's function. `None` where `check` sees the effect instead.
    pub(crate) fn done(&self, program: &Program) -> Option<usize> {
        let cloud = &self.world.cloud;
        match program.function.as_str() {
            "session-details" | "one-call" => Some(self.world.queued().len()),
            "generate-pin" => Some(cloud.rescue.pins().len()),
            "reconcile-sessions" => Some(self.world.queue("ReconcileQueue").messages.len()),
            "rotate-tokens" => Some(cloud.servicenow.requests_matching("GET", "/api/now/").len()),
            _ => None,
        }
    }

    /// Empties the queues, the journal and the simulators' recorded requests, which would grow without end.
    pub(crate) async fn forget(&self) -> BenchResult<()> {
        let stack = &self.world.cloud.stack;
        let cloud = &self.world.cloud;
        let reconciled = &cloud.resources.queues["ReconcileQueue"].url;
        for url in [&stack.sessions_queue_url, reconciled] {
            stack.sqs.purge_queue().queue_url(url).send().await?;
        }
        cloud.aws.journal().clear();
        cloud.rescue.forget_requests();
        cloud.servicenow.forget_requests();
        Ok(())
    }

    pub(crate) fn transport(&self) -> Transport {
        match self.fronts {
            None => Transport::Plain,
            Some(_) => Transport::Tls,
        }
    }
}

/// The access key that a program signs with.
pub(crate) fn caller(program: &Program) -> String {
    label(program).replace(' ', "-").replace(['(', ')'], "")
}

/// The technician of a program's PINs. Each kind has its own: a sign-in to Rescue ends the technician's previous one.
pub(crate) fn technician(kind: Kind) -> &'static str {
    match kind {
        Kind::Floor | Kind::Ours => TECHNICIAN,
        Kind::Node => "noah.berg@acme.test",
        Kind::Python => "paula.lind@acme.test",
    }
}

fn prepare_simulators(world: &World) {
    let (rescue, servicenow) = (&world.cloud.rescue, &world.cloud.servicenow);
    rescue.configure(|rules| rules.one_pin_every = Duration::ZERO);
    for (node_id, kind) in [("4455668", Kind::Node), ("4455669", Kind::Python)] {
        let email = technician(kind);
        rescue.set_technician(Technician::new(node_id, email, email));
    }
    servicenow.set_lifespans(CLIENT_ID, ACCESS_TOKEN_LIFE, REFRESH_TOKEN_LIFE);
}

fn tenant_file(world: &World, fronts: Option<&Fronts>) -> String {
    let file = demo_tenant::file(&world.cloud) + WITHOUT_NOTIFICATIONS;
    match fronts {
        None => file,
        Some(fronts) => file.replace(&world.cloud.servicenow.url(), &fronts.servicenow.url()),
    }
}

/// The tenant file of the one tenant that the schedule sends a message for. Another tenant has the same Rescue account.
fn reconciled(file: &str) -> String {
    with_line(
        file,
        "rescue",
        "reconcile = \"watch\"\nreport_nodes = [\"4455667\"]",
    )
}

fn settings(world: &World, fronts: Option<&Fronts>) -> BenchResult<BTreeMap<String, Settings>> {
    let cloud = &world.cloud;
    let template = Template::parse(TEMPLATE)?;
    let mut all = BTreeMap::new();
    for function in &template.functions {
        let mut variables = cloud.resources.environment(function)?;
        let memory = function.memory_mb.to_string();
        let fixed = [
            ("AWS_REGION", REGION),
            ("AWS_SECRET_ACCESS_KEY", "local"),
            ("ALLOW_LOOPBACK", "1"),
            ("AWS_LAMBDA_LOG_LEVEL", "INFO"),
            // The benchmark posts faster than the default allows.
            ("POSTS_PER_MINUTE", "1000000000"),
            ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", &memory),
        ];
        variables.extend(fixed.map(|(name, value)| (name.to_owned(), value.to_owned())));
        let aws = cloud.aws.endpoint();
        let endpoints = match fronts {
            None => vec![
                ("AWS_ENDPOINT_URL", aws.to_owned()),
                ("RESCUE_ENDPOINT_URL", cloud.rescue.url()),
            ],
            Some(fronts) => {
                // The queue's URL contains the host of SQS.
                for value in variables.values_mut() {
                    *value = value.replace(aws, &fronts.sqs.url());
                }
                vec![
                    ("AWS_ENDPOINT_URL_DYNAMODB", fronts.dynamodb.url()),
                    ("AWS_ENDPOINT_URL_SQS", fronts.sqs.url()),
                    (
                        "AWS_ENDPOINT_URL_SECRETS_MANAGER",
                        fronts.secrets_manager.url(),
                    ),
                    ("RESCUE_ENDPOINT_URL", fronts.rescue.url()),
                ]
            }
        };
        let endpoints = endpoints.into_iter();
        variables.extend(endpoints.map(|(name, value)| (name.to_owned(), value)));
        let name = function.binary.as_ref().unwrap_or(&function.name);
        let variables = variables.into_iter();
        let variables = variables.map(|(name, value)| (name, value.into()));
        let settings = Settings {
            variables: variables.collect(),
            timeout: function.timeout,
        };
        all.insert(name.clone(), settings);
    }
    Ok(all)
}

async fn tracking_key(world: &World) -> BenchResult<Secret> {
    let stack = &world.cloud.stack;
    let name = format!("{}/{TENANT}/credentials", stack.secret_prefix);
    let read = stack.secrets.get_secret_value().secret_id(name).send();
    let read = read.await?;
    let text = read.secret_string().ok_or("a secret without a text")?;
    let credentials: TenantSecrets = serde_json::from_str(text)?;
    Ok(credentials.tracking_key.ok_or("no tracking key")?)
}

/// Makes a tenant with a pending token, so that its rotation's third step can be repeated.
async fn begin_rotation(world: &World, file: &str) -> BenchResult<(String, String)> {
    let (cloud, stack) = (&world.cloud, &world.cloud.stack);
    let file = file.replace(
        &format!("tenant = \"{TENANT}\""),
        &format!("tenant = \"{ROTATED}\""),
    );
    let instance = &cloud.servicenow;
    let refresh = || instance.issue_refresh_token(CLIENT_ID, SERVICE_ACCOUNT);
    let secrets = [
        (SecretName::OauthClientSecret, CLIENT_SECRET),
        (SecretName::RefreshToken, &refresh()),
    ];
    cloud.apply(&file, &secrets).await?;
    let now: Timestamp = cloud.clock.now();
    let access = instance.issue_access_token(CLIENT_ID, SERVICE_ACCOUNT);
    let token = TokenSecret {
        refresh_token: Some(Secret::from(refresh())),
        access_token: Some(Secret::from(access)),
        access_token_until: Some(now.plus(ACCESS_TOKEN_LIFE)),
        ..TokenSecret::default()
    };
    let secret = format!("{}/{ROTATED}/token", stack.secret_prefix);
    let version = Uuid::new_v4().to_string();
    let put = stack.secrets.put_secret_value().secret_id(&secret);
    put.client_request_token(&version)
        .secret_string(serde_json::to_string(&token)?)
        .version_stages("AWSPENDING")
        .send()
        .await?;
    Ok((secret, version))
}
