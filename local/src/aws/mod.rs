//! The embedded AWS: one loopback endpoint that the AWS SDKs talk to by `AWS_ENDPOINT_URL`.
//!
//! DynamoDB is an embedded engine, SQS and Secrets Manager are written by hand
//! (`docs/decisions/0003-own-sqs-and-secrets-manager.md`), CloudFormation is one call. Every call is kept in a journal,
//! and faults can be scripted. The given [`Clock`] drives deduplication, visibility, retention, rotation and
//! recovery windows. Long polls wait in real time. After [`Aws::enforce`], a function may do what its role in the
//! template allows.

pub(crate) mod arn;
mod clock;
mod cloudformation;
mod dynamodb;
mod error;
pub mod iam;
mod journal;
mod refusal;
mod request;
mod resources;
mod secrets_manager;
mod sqs;
mod sts;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock};

use axum::Json;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, State};
use axum::response::{Html, IntoResponse as _, Response};
use axum::routing::get;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header};
use serde_json::json;
use shared::domain::clock::Clock;
use tokio::net::TcpListener;
use uuid::Uuid;

pub(crate) use self::clock::CLOCK_PATH;
pub use self::clock::ClockMover;
pub use self::error::Error;
pub use self::journal::{AwsCall, CallJournal, Effect, InjectedAwsFault, Mark, Service};
use self::refusal::AwsRefusal;
use self::request::{Request, caller, form};
pub use self::resources::{QueueNames, Resources};
pub use self::secrets_manager::{ROTATION_RETRY, RotationFunction};
pub(crate) use self::sqs::MessageRef;
pub use self::sqs::{DEDUPLICATION_WINDOW, MessageState, MessageView, QueueView};
use crate::lock::lock;
use crate::sandbox_link::{SandboxLink, first_page};
use crate::state_file::unusable;
use crate::template::{self, Template};
pub use crate::template::{ACCOUNT, REGION};

/// Answers a GET with the outputs of the stack as a JSON object, for the command line of this program.
pub(crate) const OUTPUTS_PATH: &str = "/stack-outputs";

const LARGEST_REQUEST: usize = 16 * 1024 * 1024;

/// How to start the embedded AWS.
#[derive(Clone, Debug)]
pub struct Options {
    /// The loopback port; `None` takes a free one.
    pub port: Option<u16>,
    /// The folder that keeps everything for the next start; `None` keeps it in memory.
    pub data: Option<PathBuf>,
    /// The clock of every service except DynamoDB, whose engine uses the machine's.
    pub clock: Clock,
}

/// A handle to the embedded AWS. Cloning shares it; it serves until the process or its runtime ends.
#[derive(Clone)]
pub struct Aws(Arc<Inner>);

struct Inner {
    endpoint: String,
    clock: Clock,
    journal: CallJournal,
    faults: journal::InjectedAwsFaults,
    dynamodb: dynamodb::DynamoDb,
    sqs: sqs::Sqs,
    secrets: secrets_manager::SecretsManager,
    stacks: Mutex<cloudformation::Stacks>,
    permissions: OnceLock<iam::Permissions>,
    clock_mover: OnceLock<ClockMover>,
    sandbox: OnceLock<SandboxLink>,
}

impl Aws {
    /// Starts serving on loopback.
    ///
    /// # Errors
    /// When the port is taken or the data folder cannot be used.
    pub async fn start(options: Options) -> Result<Self, Error> {
        let data = options.data.as_deref();
        if let Some(folder) = data {
            std::fs::create_dir_all(folder).map_err(|error| unusable(folder, error))?;
        }
        let listener = TcpListener::bind(("127.0.0.1", options.port.unwrap_or(0))).await?;
        let endpoint = format!("http://{}", listener.local_addr()?);
        let file = |name: &str| data.map(|folder| folder.join(name));
        let aws = Self(Arc::new(Inner {
            dynamodb: dynamodb::DynamoDb::start(data).await?,
            sqs: sqs::Sqs::start(&endpoint, options.clock.clone(), file("queues.json"))?,
            secrets: secrets_manager::SecretsManager::start(
                options.clock.clone(),
                file("secrets.json"),
            )?,
            stacks: Mutex::default(),
            permissions: OnceLock::new(),
            clock_mover: OnceLock::new(),
            sandbox: OnceLock::new(),
            journal: CallJournal::default(),
            faults: journal::InjectedAwsFaults::default(),
            clock: options.clock,
            endpoint,
        }));
        let router = Router::new()
            .route(OUTPUTS_PATH, get(outputs))
            .route(CLOCK_PATH, get(clock::shown).post(clock::moved))
            .fallback(serve)
            .layer(DefaultBodyLimit::max(LARGEST_REQUEST))
            .with_state(aws.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(aws)
    }

    /// `http://127.0.0.1:…`, the value for `AWS_ENDPOINT_URL`.
    pub fn endpoint(&self) -> &str {
        &self.0.endpoint
    }

    /// Answers `GET /` with a link to the sandbox.
    pub(crate) fn set_sandbox(&self, link: SandboxLink) {
        self.0.sandbox.set(link).ok();
    }

    fn first_page(&self, headers: &HeaderMap) -> Option<Response> {
        let host = headers.get(header::HOST)?.to_str().ok();
        let sandbox = self.0.sandbox.get()?.shown_to(host)?;
        Some(Html(first_page("Embedded AWS", sandbox)).into_response())
    }

    /// Every call that came in over the endpoint.
    pub fn journal(&self) -> &CallJournal {
        &self.0.journal
    }

    /// Scripts a fault. Faults that match the same call happen one after the other.
    pub fn inject(&self, fault: InjectedAwsFault) {
        self.0.faults.add(fault);
    }

    /// The faults that are still to happen, each with the number of calls that it has taken.
    pub(crate) fn faults(&self) -> Vec<(InjectedAwsFault, u32)> {
        self.0.faults.all()
    }

    /// Removes the faults that have not happened yet.
    pub fn clear_faults(&self) {
        self.0.faults.clear();
    }

    /// From now on refuses calls that the calling function's role does not allow. Other callers may make every call.
    pub fn enforce(&self, permissions: iam::Permissions) {
        self.0.permissions.set(permissions).ok();
    }

    /// The enforced permissions.
    pub fn permissions(&self) -> Option<&iam::Permissions> {
        self.0.permissions.get()
    }

    /// A copy of a queue, read without a call; `None` when there is no queue of that name.
    pub fn queue(&self, name: &str) -> Option<QueueView> {
        self.0.sqs.view(name)
    }

    /// Reads the messages of a queue, the newest first, without a call and without copying them; `None` when there is no
    /// queue of that name. Calls of SQS wait meanwhile.
    pub(crate) fn read_queue<T>(
        &self,
        name: &str,
        read: impl FnOnce(&mut dyn ExactSizeIterator<Item = MessageRef<'_>>) -> T,
    ) -> Option<T> {
        self.0.sqs.read(name, read)
    }

    /// Sets how rotation functions are invoked.
    pub fn set_rotation_function(&self, function: RotationFunction) {
        self.0.secrets.set_rotation_function(function);
    }

    /// Runs every secret's rotation that is due or has to be tried again, and returns when all have ended.
    /// Call it regularly and after moving the clock. `RotateSecret` with an immediate rotation calls it as well.
    pub async fn tick(&self) {
        self.0.secrets.tick().await;
    }

    /// Adds or replaces one output of a stack, for `DescribeStacks`.
    pub fn set_output(&self, stack: &str, name: &str, value: &str) {
        let mut stacks = lock(&self.0.stacks);
        let outputs = stacks.entry(stack.to_owned()).or_default();
        outputs.insert(name.to_owned(), value.to_owned());
    }

    /// Creates the tables and queues of a template unless they exist, and publishes the stack's outputs that can be
    /// resolved; [`Aws::set_output`] adds the others.
    ///
    /// # Errors
    /// When a table or queue cannot be created.
    pub async fn provision(&self, template: &Template) -> Result<Resources, Error> {
        let mut scope = template.scope().clone();
        for (id, kind) in &template.resources {
            scope.set_reference(id, id);
            scope.set_attribute(id, "Arn", &plain_arn(id, kind));
        }
        let mut tables = BTreeMap::new();
        for table in &template.tables {
            self.0.dynamodb.provision(table)?;
            scope.set_reference(&table.logical_id, &table.name);
            scope.set_attribute(&table.logical_id, "Arn", &arn::table(&table.name));
            tables.insert(table.logical_id.clone(), table.name.clone());
        }
        let queues = self.provision_queues(template)?;
        for (id, queue) in &queues {
            scope.set_reference(id, &queue.url);
            scope.set_attribute(id, "QueueUrl", &queue.url);
            scope.set_attribute(id, "QueueName", &queue.name);
            scope.set_attribute(id, "Arn", &queue.arn);
        }
        for function in &template.functions {
            scope.set_reference(&function.logical_id, &function.name);
            let arn = arn::function(&function.name);
            scope.set_attribute(&function.logical_id, "Arn", &arn);
        }
        for (name, output) in &template.outputs {
            if let Ok(Some(value)) = output.resolve(&scope) {
                self.set_output(template::STACK, name, &value);
            }
        }
        Ok(Resources {
            tables,
            queues,
            scope,
        })
    }

    fn provision_queues(&self, template: &Template) -> Result<BTreeMap<String, QueueNames>, Error> {
        let sqs = &self.0.sqs;
        let failed = |name: &str, refusal: AwsRefusal| {
            Error::Provision(format!("queue {name}: {}", refusal.message))
        };
        let mut queues = BTreeMap::new();
        for queue in &template.queues {
            sqs.provision(&queue.name, queue.attributes.clone())
                .map_err(|refusal| failed(&queue.name, refusal))?;
            let names = QueueNames {
                name: queue.name.clone(),
                url: sqs.url(&queue.name),
                arn: arn::queue(&queue.name),
            };
            queues.insert(queue.logical_id.clone(), names);
        }
        // Policies come last: they may point at any queue.
        for queue in &template.queues {
            let Some(redrive) = &queue.redrive else {
                continue;
            };
            let target = queues
                .get(&redrive.target)
                .ok_or_else(|| template::Error::Unresolved(redrive.target.clone()))?;
            let policy = json!({
                "deadLetterTargetArn": target.arn,
                "maxReceiveCount": redrive.max_receive_count,
            });
            let attributes = BTreeMap::from([("RedrivePolicy".to_owned(), policy.to_string())]);
            sqs.provision(&queue.name, attributes)
                .map_err(|refusal| failed(&queue.name, refusal))?;
        }
        Ok(queues)
    }

    async fn answer(&self, request: &Request, headers: &HeaderMap, body: Bytes) -> Response {
        let inner = &self.0;
        if !headers.contains_key(header::AUTHORIZATION) {
            let refusal = AwsRefusal::new(
                "MissingAuthenticationTokenException",
                "Missing Authentication Token",
            );
            return request.refuse(&refusal.status(StatusCode::FORBIDDEN));
        }
        let outcome = match request.service {
            Service::DynamoDb => {
                return match inner.dynamodb.forward(headers, body.into()).await {
                    Ok(response) => response,
                    Err(refusal) => request.refuse(&refusal),
                };
            }
            Service::Sts => return sts::caller_identity(&caller(headers)),
            Service::CloudFormation => {
                let stacks = lock(&inner.stacks);
                return cloudformation::answer(&stacks, &form(&body), inner.clock.now());
            }
            Service::Sqs => {
                inner
                    .sqs
                    .call(&request.operation, request.json.clone())
                    .await
            }
            Service::SecretsManager => inner.secrets.call(&request.operation, request.json.clone()),
        };
        let at_once = request.json["RotateImmediately"].as_bool() != Some(false);
        if request.service == Service::SecretsManager
            && request.operation == "RotateSecret"
            && at_once
        {
            let aws = self.clone();
            tokio::spawn(async move { aws.tick().await });
        }
        match outcome {
            Ok(answer) => request.respond(StatusCode::OK, &answer),
            Err(refusal) => request.refuse(&refusal),
        }
    }
}

/// A plausible ARN for every other resource, used in environment variables only.
fn plain_arn(id: &str, kind: &str) -> String {
    let service = kind.split("::").nth(1).unwrap_or("unknown").to_lowercase();
    format!("arn:aws:{service}:{REGION}:{ACCOUNT}:{id}")
}

async fn outputs(State(aws): State<Aws>) -> Json<BTreeMap<String, String>> {
    let stacks = lock(&aws.0.stacks);
    Json(stacks.get(template::STACK).cloned().unwrap_or_default())
}

async fn serve(
    State(aws): State<Aws>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let Some(request) = Request::parse(&headers, &body) else {
        let is_first = method == Method::GET && uri.path() == "/";
        if let Some(page) = is_first.then(|| aws.first_page(&headers)).flatten() {
            return page;
        }
        let mut response = Response::new(Body::from(r#"{"__type":"UnknownOperationException"}"#));
        *response.status_mut() = StatusCode::NOT_FOUND;
        return response;
    };
    let call = AwsCall {
        caller: caller(&headers),
        service: request.service,
        operation: request.operation.clone(),
        request: request.json.clone(),
        status: None,
        at: aws.0.clock.now(),
    };
    let denied = aws.permissions().and_then(|all| all.denies(&call));
    let effect = match denied {
        Some(_) => None,
        None => aws.0.faults.take(&call),
    };
    let index = aws.0.journal.begin(call);
    if let Some(message) = denied {
        let response = request.refuse(&AwsRefusal::new("AccessDeniedException", &message));
        aws.0.journal.answered(index, response.status().as_u16());
        return response;
    }
    let mut response = match &effect {
        Some(Effect::Refuse { status, error }) => {
            let status = StatusCode::from_u16(*status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            request.refuse(&AwsRefusal::new(error, "This fault was scripted.").status(status))
        }
        Some(Effect::DropBefore) => cut_connection(),
        Some(Effect::Hang(duration)) => {
            tokio::time::sleep(*duration).await;
            aws.answer(&request, &headers, body).await
        }
        Some(Effect::DropAfter) => {
            aws.answer(&request, &headers, body).await;
            cut_connection()
        }
        None => aws.answer(&request, &headers, body).await,
    };
    aws.0.journal.answered(index, response.status().as_u16());
    if let Ok(id) = HeaderValue::try_from(Uuid::new_v4().to_string()) {
        response
            .headers_mut()
            .entry(HeaderName::from_static("x-amzn-requestid"))
            .or_insert(id);
    }
    response
}

/// Ends the task that serves this connection, and so the connection, without a panic message.
fn cut_connection() -> ! {
    std::panic::resume_unwind(Box::new("the connection is cut by a scripted fault"))
}
