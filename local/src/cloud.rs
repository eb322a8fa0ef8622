//! One process tree: the embedded AWS with the resources of `template.yaml`, the functions behind their triggers, and
//! the simulators of ServiceNow and Rescue.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::net::{Ipv4Addr, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use admin::stack::{Operator, Stack};
use admin::tenant::{Applied, ApplyOptions};
use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region, SharedCredentialsProvider};
use shared::aws::direct::DirectClient;
use shared::aws::sdk::SdkConfig;
use shared::domain::clock::Clock;
use shared::domain::secret::Secret;
use shared::domain::secret_name::SecretName;
use shared::environment::DEFAULT_SECRET_PREFIX;

use crate::aws::iam::{self, Permissions};
use crate::aws::{self, Aws, ClockMover, REGION, Resources, RotationFunction, arn};
use crate::lambda::{Function, FunctionError, Gateway, GatewayError, Lambda, Poller, Route};
use crate::sandbox_link::SandboxLink;
use crate::schedules::Schedules;
use crate::state_file::{load, save};
use crate::template::{self, Event, STACK, Template};
use crate::{rescue, servicenow};

/// The deployment template, read at build time.
pub const TEMPLATE: &str = include_str!("../../template.yaml");

/// As which caller the operator's command line and the sandbox reach the embedded AWS.
pub(crate) const OPERATOR: &str = "local";

/// How many processes one function may have at a time, unless the options say otherwise.
const PROCESSES: usize = 4;

/// Where the functions' programs are.
#[derive(Clone, Debug)]
pub enum Programs {
    /// This program starts itself as `function NAME`.
    Itself,
    /// Binaries named like the functions, in this folder.
    Folder(PathBuf),
}

/// How to start the cloud.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where the functions' programs are.
    pub programs: Programs,
    /// The folder that keeps everything for the next start.
    pub data: Option<PathBuf>,
    /// Where its parts listen; `None` takes free ports.
    pub ports: Option<Ports>,
    /// Whether the pollers run; otherwise call [`Poller::poll_once`].
    pub delivering: bool,
    /// Whether due rotations and schedules run; otherwise call [`Aws::tick`] and [`Cloud::run_schedule`].
    pub rotating: bool,
    /// `AWS_LAMBDA_LOG_LEVEL` of the functions.
    pub log_level: String,
    /// How many processes one function may have at a time.
    pub processes: usize,
}

impl Options {
    /// Free ports, no data folder, running pollers, rotations and schedules.
    pub fn new(programs: Programs) -> Self {
        Self {
            programs,
            data: None,
            ports: None,
            delivering: true,
            rotating: true,
            log_level: "INFO".to_owned(),
            processes: PROCESSES,
        }
    }
}

/// Five ports in a row of this machine, one for each part that listens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ports {
    /// The HTTP API, and the first of them.
    pub api: u16,
    /// The embedded AWS.
    pub aws: u16,
    /// The simulator of the instance.
    pub servicenow: u16,
    /// The simulator of Rescue.
    pub rescue: u16,
    /// The sandbox.
    pub sandbox: u16,
}

impl std::str::FromStr for Ports {
    type Err = String;

    fn from_str(first: &str) -> Result<Self, String> {
        let first = first.parse().ok();
        let first = first.filter(|first| (1..=65_531).contains(first));
        let api: u16 = first.ok_or("the first of five ports in a row is 1 to 65531")?;
        Ok(Self {
            api,
            aws: api + 1,
            servicenow: api + 2,
            rescue: api + 3,
            sandbox: api + 4,
        })
    }
}

impl Ports {
    /// Checks before the start that all of them are free.
    fn free(self) -> Result<(), Error> {
        for (port, part) in [
            (self.api, "the HTTP API"),
            (self.aws, "the embedded AWS"),
            (self.servicenow, "the simulator of ServiceNow"),
            (self.rescue, "the simulator of Rescue"),
            (self.sandbox, "the sandbox"),
        ] {
            TcpListener::bind((Ipv4Addr::LOCALHOST, port)).map_err(|source| Error::Port {
                port,
                part,
                first: self.api,
                source,
            })?;
        }
        Ok(())
    }
}

/// Why the cloud could not start.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "each names the part that failed")]
pub enum Error {
    #[error("template.yaml: {0}")]
    Template(#[from] template::Error),
    #[error(
        "port {port} is not free for {part}: {source}. End what listens there, or name five other ports by their first: \
         --port {}.",
        if *first < 60_000 { first + 100 } else { 8400 }
    )]
    Port {
        port: u16,
        part: &'static str,
        first: u16,
        source: std::io::Error,
    },
    #[error("embedded AWS: {0}")]
    Aws(#[from] aws::Error),
    #[error("HTTP API: {0}")]
    Gateway(#[from] GatewayError),
    #[error(transparent)]
    Io(#[from] std::io::Error),
    #[error(transparent)]
    Http(#[from] shared::http::ClientError),
    #[error("tenant: {0}")]
    Admin(#[from] admin::AdminError),
    #[error("tenant file: {0}")]
    TenantFile(#[from] admin::tenant_file::SyntaxFaults),
}

/// A running cloud. It ends when it is dropped.
pub struct Cloud {
    /// The clock of every part; [`Cloud::travel`] moves it.
    pub clock: Clock,
    /// The embedded AWS.
    pub aws: Aws,
    /// What was created from the template.
    pub resources: Resources,
    /// The simulator of the tenants' instance.
    pub servicenow: servicenow::Simulator,
    /// The simulator of Rescue.
    pub rescue: rescue::Simulator,
    /// The functions by the names of their binaries.
    pub functions: BTreeMap<String, Lambda>,
    /// The HTTP API.
    pub gateway: Gateway,
    /// The triggers that read queues, by the names of their functions.
    pub pollers: BTreeMap<String, Poller>,
    /// What the operator's command line works on.
    pub stack: Stack,
    mover: ClockMover,
    schedules: Schedules,
    _rotating: Option<Rotating>,
}

/// Starts due rotations and schedules. It ends when it is dropped.
struct Rotating(tokio::task::JoinHandle<()>);

impl Rotating {
    fn start(aws: Aws, schedules: Schedules) -> Self {
        Self(tokio::spawn(async move {
            loop {
                tokio::time::sleep(STARTED_WITHIN).await;
                tokio::join!(aws.tick(), schedules.tick());
            }
        }))
    }
}

impl Drop for Rotating {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// A due rotation or schedule starts within this time, unless others are running.
const STARTED_WITHIN: Duration = Duration::from_secs(5);

impl Cloud {
    /// Starts everything. No function process runs before its first event.
    ///
    /// # Errors
    /// Names the part that did not start.
    pub async fn start(options: Options) -> Result<Self, Error> {
        let template = Template::parse(TEMPLATE)?;
        if let Some(ports) = options.ports {
            ports.free()?;
        }
        let data = |name: &str| options.data.as_ref().map(|folder| folder.join(name));
        // A clock that went back would hide posts and leases of the last run in the future.
        let clock = Clock::system(load(data(CLOCK_FILE).as_deref())?);
        let aws = Aws::start(aws::Options {
            port: options.ports.map(|ports| ports.aws),
            data: data("aws"),
            clock: clock.clone(),
        })
        .await?;
        let resources = aws.provision(&template).await?;
        let written = template::document(TEMPLATE)?;
        let permissions = Permissions::of(&written, &template, &resources);
        aws.enforce(permissions.map_err(aws::Error::from)?);
        let servicenow = servicenow::Simulator::start(servicenow::Options {
            port: options.ports.map(|ports| ports.servicenow),
            clock: clock.clone(),
            data: data("servicenow.json"),
        })?;
        let rescue = rescue::Simulator::start(rescue::Options {
            port: options.ports.map(|ports| ports.rescue),
            clock: clock.clone(),
        })?;

        let mut functions = BTreeMap::new();
        let mut routes = Vec::new();
        let mut pollers = BTreeMap::new();
        let schedules = Schedules::new(clock.clone());
        let sdk = sdk_config(aws.endpoint(), OPERATOR)?;
        for function in &template.functions {
            let name = function.binary.as_ref().unwrap_or(&function.name).clone();
            let mut environment = resources.environment(function)?;
            environment.extend([
                ("AWS_ENDPOINT_URL".to_owned(), aws.endpoint().to_owned()),
                ("AWS_REGION".to_owned(), REGION.to_owned()),
                // Tells the functions apart in the journal of the embedded AWS.
                ("AWS_ACCESS_KEY_ID".to_owned(), name.clone()),
                ("AWS_LAMBDA_LOG_LEVEL".to_owned(), options.log_level.clone()),
                ("ALLOW_LOOPBACK".to_owned(), "1".to_owned()),
                ("RESCUE_ENDPOINT_URL".to_owned(), rescue.url()),
                (CLOCK_OFFSET.to_owned(), clock.offset_seconds().to_string()),
            ]);
            let lambda = Lambda::start(Function {
                command: command(&options.programs, &name)?,
                name: name.clone(),
                environment,
                timeout: function.timeout,
                memory_mb: function.memory_mb,
                max_environments: options.processes,
            });
            for event in &function.events {
                match event {
                    Event::HttpApi { method, path } => {
                        routes.push(Route::new(&format!("{method} {path}"), lambda.clone())?);
                    }
                    Event::Sqs {
                        queue,
                        batch_size,
                        maximum_concurrency,
                        ..
                    } => {
                        let queue = &resources.queues[queue];
                        let trigger = sdk_config(aws.endpoint(), &iam::trigger_of(&name))?;
                        let poller = Poller::paused(
                            aws_sdk_sqs::Client::new(&trigger),
                            queue.url.clone(),
                            queue.arn.clone(),
                            lambda.clone(),
                            usize::try_from(*batch_size).unwrap_or(10),
                            maximum_concurrency.unwrap_or(2),
                        );
                        if options.delivering {
                            poller.resume();
                        }
                        pollers.insert(name.clone(), poller);
                    }
                    Event::Schedule { every } => schedules.add(lambda.clone(), *every),
                    Event::Other(_) => {}
                }
            }
            functions.insert(name, lambda);
        }
        let gateway = Gateway::start(options.ports.map_or(0, |ports| ports.api), routes).await?;
        let mut outputs = outputs(&resources, gateway.url());
        if let Some(function) = functions.get(ROTATE_TOKENS) {
            let arn = arn::function(function.name());
            outputs.insert("RotateTokensFunctionArn".to_owned(), arn);
        }
        aws.set_rotation_function(rotation(functions.values()));
        let mover = clock_mover(&clock, &functions, data(CLOCK_FILE));
        aws.set_clock_mover(Arc::clone(&mover));
        for (name, value) in &outputs {
            aws.set_output(STACK, name, value);
        }
        let stack = stack(&outputs, &sdk, clock.clone());
        Ok(Self {
            _rotating: options
                .rotating
                .then(|| Rotating::start(aws.clone(), schedules.clone())),
            schedules,
            clock,
            aws,
            resources,
            servicenow,
            rescue,
            functions,
            gateway,
            pollers,
            stack,
            mover,
        })
    }

    /// Has the first page of every part link to the sandbox.
    pub(crate) fn set_sandbox(&self, url: &str) {
        let link_on = |part: &str| SandboxLink::new(url, part);
        self.gateway.set_sandbox(link_on(&self.gateway.url()));
        self.aws.set_sandbox(link_on(self.aws.endpoint()));
        self.servicenow.set_sandbox(link_on(&self.servicenow.url()));
        self.rescue.set_sandbox(link_on(&self.rescue.url()));
    }

    /// Applies a tenant file and sets its secrets, as the command line does.
    ///
    /// # Errors
    /// As the command line's.
    pub async fn apply(
        &self,
        file: &str,
        secrets: &[(SecretName, &str)],
    ) -> Result<Applied, Error> {
        let file = admin::tenant_file::parse(file, true)?;
        let applied = admin::tenant::apply(&self.stack, &file, ApplyOptions::default()).await?;
        for (name, value) in secrets {
            admin::secrets::set(&self.stack, &file.tenant, *name, &Secret::from(*value)).await?;
        }
        Ok(applied)
    }

    /// Moves the clock of every part forward. Idle processes are replaced by new ones with that clock.
    pub fn travel(&self, by: Duration) {
        (self.mover)(by);
    }

    /// Invokes a function as its schedule does, due or not, and returns when it has ended.
    ///
    /// # Errors
    /// The function's failure; `ResourceNotFoundException` for a function without a schedule.
    pub async fn run_schedule(&self, function: &str) -> Result<(), FunctionError> {
        self.schedules.run(function).await
    }

    /// Invokes the functions whose schedules are due, and returns when they have ended.
    pub(crate) async fn run_due_schedules(&self) {
        self.schedules.tick().await;
    }

    /// Lifts the limit of posts per minute and tenant in processes that start from now on.
    pub fn lift_posts_quota(&self) {
        for lambda in self.functions.values() {
            lambda.set_environment("POSTS_PER_MINUTE", u64::MAX.to_string());
        }
    }

    /// Ends every process.
    pub async fn shutdown(&self) {
        for poller in self.pollers.values() {
            poller.stop().await;
        }
        for lambda in self.functions.values() {
            lambda.shutdown().await;
        }
    }
}

fn command(programs: &Programs, function: &str) -> std::io::Result<Vec<OsString>> {
    Ok(match programs {
        Programs::Itself => {
            let program = std::env::current_exe()?.into();
            vec![program, "function".into(), function.into()]
        }
        Programs::Folder(folder) => vec![folder.join(function).into()],
    })
}

/// A client configuration that reaches the embedded AWS as `caller`.
pub(crate) fn sdk_config(endpoint: &str, caller: &str) -> Result<SdkConfig, Error> {
    let credentials = Credentials::new(caller, "local", None, None, "local");
    Ok(SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::from_static(REGION))
        .endpoint_url(endpoint)
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .http_client(shared::http::for_aws(shared::http::client(None)?))
        .build())
}

/// The functions' variable for the seconds by which their clock is ahead of the machine's.
const CLOCK_OFFSET: &str = "CLOCK_OFFSET_SECONDS";

/// The file of the data folder that keeps those seconds.
const CLOCK_FILE: &str = "clock.json";

/// The function that Secrets Manager rotates token secrets with.
const ROTATE_TOKENS: &str = "rotate-tokens";

/// Moves the clock of every part, which keeps its lead over the machine's clock in a file for the next start.
fn clock_mover(
    clock: &Clock,
    functions: &BTreeMap<String, Lambda>,
    file: Option<PathBuf>,
) -> ClockMover {
    let (clock, functions) = (clock.clone(), functions.clone());
    Arc::new(move |by| {
        clock.advance(by);
        let offset = clock.offset_seconds();
        for lambda in functions.values() {
            lambda.set_environment(CLOCK_OFFSET, offset.to_string());
            lambda.recycle();
        }
        if let Err(error) = save(file.as_deref(), &offset) {
            tracing::error!(%error, ?file, "the clock's offset cannot be saved");
        }
    })
}

/// Invokes the function that a secret names, as Secrets Manager does: synchronously, step by step.
fn rotation<'a>(functions: impl Iterator<Item = &'a Lambda>) -> RotationFunction {
    let by_arn: BTreeMap<String, Lambda> = functions
        .map(|lambda| (arn::function(lambda.name()), lambda.clone()))
        .collect();
    Arc::new(move |arn, event| {
        let lambda = by_arn.get(&arn).cloned();
        Box::pin(async move {
            let lambda = lambda.ok_or_else(|| format!("there is no function {arn}"))?;
            let invocation = lambda.invoke(event.into_bytes()).await;
            let result = invocation.result.map(drop);
            result.map_err(|error| error.to_string())
        })
    })
}

/// The stack's outputs, by which the command line finds it.
fn outputs(resources: &Resources, api_url: String) -> BTreeMap<String, String> {
    let table = |id: &str| resources.tables.get(id).cloned().unwrap_or_default();
    let queue = |id: &str| {
        let queue = resources.queues.get(id);
        queue.map(|queue| queue.url.clone()).unwrap_or_default()
    };
    let outputs = [
        ("TenantsTable", table("TenantsTable")),
        ("SessionsTable", table("SessionsTable")),
        ("CredentialsTable", table("CredentialsTable")),
        ("SessionsQueueUrl", queue("SessionsQueue")),
        ("SessionsDlqUrl", queue("SessionsDlq")),
        ("ReconcileQueueUrl", queue("ReconcileQueue")),
        ("SecretPrefix", DEFAULT_SECRET_PREFIX.to_owned()),
        ("ApiUrl", api_url),
    ];
    outputs.map(|(name, value)| (name.to_owned(), value)).into()
}

/// What the operator's command line works on, from the stack's outputs.
pub(crate) fn stack(outputs: &BTreeMap<String, String>, sdk: &SdkConfig, clock: Clock) -> Stack {
    let named = |name: &str| outputs.get(name).cloned().unwrap_or_default();
    Stack {
        tenants_table: named("TenantsTable"),
        sessions_table: named("SessionsTable"),
        credentials_table: named("CredentialsTable"),
        sessions_queue_url: named("SessionsQueueUrl"),
        sessions_dlq_url: named("SessionsDlqUrl"),
        secret_prefix: named("SecretPrefix"),
        api_url: outputs.get("ApiUrl").cloned(),
        rotate_tokens_function_arn: outputs.get("RotateTokensFunctionArn").cloned(),
        dynamodb: aws_sdk_dynamodb::Client::new(sdk),
        secrets: aws_sdk_secretsmanager::Client::new(sdk),
        sqs: aws_sdk_sqs::Client::new(sdk),
        queue_calls: DirectClient::sqs(sdk),
        table_calls: DirectClient::dynamodb(sdk),
        secret_calls: DirectClient::secrets_manager(sdk),
        operator: Operator::default(),
        clock,
    }
}
