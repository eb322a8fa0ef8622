//! The cost of a request with ever more tenants and sessions in the tables.

use std::collections::HashMap;
use std::path::Path;
use std::time::{Duration, Instant};

use ::tests::World;
use aws_sdk_dynamodb::types::{AttributeValue, PutRequest, WriteRequest};
use futures::{StreamExt as _, TryStreamExt as _};
use local::aws::Service;
use local::cloud::{Options, Programs};
use local::demo_tenant::TENANT;
use local::rescue::{Format, Phase, Session};
use local::servicenow::Created;
use shared::aws::credentials::access_token_key;
use shared::aws::tenants::{KeyKind, ManagedTenant, Tenant, TenantKey, WebhookUrls};
use shared::domain::clock::Timestamp;
use shared::domain::tenant::TenantId;

use crate::error::BenchError;
use crate::memory;

/// Which tenants post.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BusyTenants {
    /// Ten tenants, drawn from all: cached values are used again.
    Ten,
    /// Each post comes from a tenant drawn from all: with many tenants, few cached values are used again.
    Any,
}

/// One function with one number of tenants.
#[derive(Clone, Debug)]
pub(crate) struct Growth {
    pub(crate) function: &'static str,
    pub(crate) tenants: usize,
    pub(crate) busy: BusyTenants,
    /// A request to the HTTP API for `session-details`; a batch of one post for `deliver-session`.
    pub(crate) median: Duration,
    pub(crate) p99: Duration,
    /// Calls to DynamoDB for each post.
    pub(crate) dynamodb_calls: f64,
    /// Scans of a table, all posts together.
    pub(crate) scans: usize,
    /// The largest resident set of its process, in bytes.
    pub(crate) peak_memory: u64,
}

/// The numbers of tenants, measured one after the other.
pub(crate) const SIZES: [usize; 3] = [10, 1_000, 100_000];
/// The numbers of a quick run.
pub(crate) const QUICK_SIZES: [usize; 3] = [10, 100, 1_000];

/// Measured posts for each size and choice of tenants.
const POSTS: usize = 400;
/// The tenants of [`BusyTenants::Ten`].
const BUSY: usize = 10;
const RECORDS: usize = 100;
const BATCH: usize = 25;
const AT_ONCE: usize = 4;
/// Tenants that are written before the journal is cleared: it keeps every item until then.
const ROUND: usize = 2_000;

/// Options of a world with the functions of this folder and without deliveries or rotations of its own.
pub(crate) fn options(programs: &Path) -> Options {
    Options {
        delivering: false,
        rotating: false,
        ..Options::new(Programs::Folder(programs.to_owned()))
    }
}

/// Fills the tables with ever more tenants, each with a session in the ledger, and measures posts.
pub(crate) async fn measure(programs: &Path, sizes: &[usize]) -> Result<Vec<Growth>, BenchError> {
    let options = Options {
        processes: 1,
        ..options(programs)
    };
    let world = World::with_options(options, |file| file).await;
    world.cloud.lift_posts_quota();
    let template = Template::of(&world).await?;
    let mut measured = Vec::new();
    let (mut filled, mut post) = (0, 0);
    for &size in sizes {
        template.fill(&world, filled..size).await?;
        filled = size;
        for busy in [BusyTenants::Ten, BusyTenants::Any] {
            let run = Run {
                world: &world,
                template: &template,
                tenants: size,
                busy,
            };
            measured.extend(run.measure(&mut post).await?);
        }
    }
    world.cloud.shutdown().await;
    Ok(measured)
}

type Item = HashMap<String, AttributeValue>;

/// The demo's tenant and one of its sessions. All others are copies of them.
struct Template {
    tenant: Tenant,
    access_token: Item,
    ledger: Vec<Item>,
    session: Session,
    records: Vec<Created>,
}

impl Template {
    async fn of(world: &World) -> Result<Self, BenchError> {
        let records: Vec<Created> = (0..RECORDS).map(|_| world.incident()).collect();
        let Some(record) = records.first() else {
            return Err(BenchError::Failed("there is no record".to_owned()));
        };
        let session = world.session(record);
        world.post(&session, Phase::Start).await;
        world.deliver().await;
        let stack = &world.cloud.stack;
        let read = stack.dynamodb.get_item().table_name(&stack.tenants_table);
        let read = read.key("tenant", text(TENANT)).send().await;
        let item = read.map_err(refused)?.item.unwrap_or_default();
        let tenant = Tenant::from_item(&item)
            .ok_or_else(|| BenchError::Failed("the demo's tenant cannot be read".to_owned()))?;
        let key = access_token_key(&tenant.file.tenant);
        let read = stack
            .dynamodb
            .get_item()
            .table_name(&stack.credentials_table);
        let read = read.key("credential", text(&key)).send().await;
        let access_token = read.map_err(refused)?.item.unwrap_or_default();
        let entries = stack.dynamodb.query().table_name(&stack.sessions_table);
        let entries = entries
            .key_condition_expression("#session = :session")
            .expression_attribute_names("#session", "session")
            .expression_attribute_values(":session", text(&format!("{TENANT}#{}", session.id)))
            .send()
            .await;
        let ledger = entries.map_err(refused)?.items.unwrap_or_default();
        if access_token.is_empty() || ledger.len() < 2 {
            return Err(BenchError::Failed(
                "the first post was not delivered".to_owned(),
            ));
        }
        Ok(Self {
            tenant,
            access_token,
            ledger,
            session,
            records,
        })
    }

    /// Adds the tenants of these numbers, each with an access token and a session.
    async fn fill(&self, world: &World, numbers: std::ops::Range<usize>) -> Result<(), BenchError> {
        let stack = &world.cloud.stack;
        let all: Vec<usize> = numbers.collect();
        for round in all.chunks(ROUND) {
            let (mut tenants, mut credentials, mut sessions) = (vec![], vec![], vec![]);
            for &number in round {
                let (tenant, _) = self.tenant(number)?;
                let id = tenant.file.tenant.clone();
                tenants.push(ManagedTenant::from(tenant).to_item().map_err(refused)?);
                let mut token = self.access_token.clone();
                token.insert("credential".to_owned(), text(&access_token_key(&id)));
                credentials.push(token);
                sessions.extend(self.entries(&id, number));
            }
            let tables = [
                (&stack.tenants_table, tenants),
                (&stack.credentials_table, credentials),
                (&stack.sessions_table, sessions),
            ];
            for (table, items) in tables {
                write(world, table, items).await?;
            }
            world.cloud.aws.journal().clear();
        }
        Ok(())
    }

    /// The tenant of a number and its webhook URL for ends.
    fn tenant(&self, number: usize) -> Result<(Tenant, String), BenchError> {
        let id = TenantId::parse(&format!("tenant-{number}"))
            .ok_or_else(|| BenchError::Failed("the tenant's name is invalid".to_owned()))?;
        let mut random = [0; 32];
        let digits = number.to_be_bytes();
        random
            .iter_mut()
            .zip(digits)
            .for_each(|(byte, digit)| *byte = digit);
        let created_at = Timestamp::from_millis(0);
        let (key, secret) = TenantKey::generate(KeyKind::Webhook, Vec::new(), &random, created_at);
        let mut tenant = self.tenant.clone();
        tenant.file.tenant = id.clone();
        tenant.keys = vec![key];
        let path = WebhookUrls::new(None, &id, &secret).ended;
        Ok((tenant, path.expose().to_owned()))
    }

    /// The ledger's items about a tenant's session.
    fn entries(&self, tenant: &TenantId, number: usize) -> Vec<Item> {
        let session = self.session(number);
        let named = self.records.get(number % self.records.len());
        let entries = self.ledger.iter().cloned().map(|mut entry| {
            let mut replace = |name: &str, value: &str| {
                if let Some(place) = entry.get_mut(name) {
                    *place = text(value);
                }
            };
            replace("session", &format!("{tenant}#{}", session.id));
            replace("tenant", tenant.as_str());
            replace("session_id", &session.id);
            if let Some(record) = named {
                replace("sys_id", &record.sys_id);
                replace("number", &record.number);
            }
            entry
        });
        entries.collect()
    }

    /// The session of the tenant of a number.
    fn session(&self, number: usize) -> Session {
        Session {
            id: (20_000_000 + number).to_string(),
            chat: Vec::new(),
            ..self.session.clone()
        }
    }
}

/// Writes items in concurrent batches.
async fn write(world: &World, table: &str, items: Vec<Item>) -> Result<(), BenchError> {
    let requests = items.chunks(BATCH).map(|items| {
        let puts = items.iter().map(|item| {
            let put = PutRequest::builder().set_item(Some(item.clone())).build();
            put.map(|put| WriteRequest::builder().put_request(put).build())
        });
        let puts: Result<Vec<_>, _> = puts.collect();
        let request = world.cloud.stack.dynamodb.batch_write_item();
        async move {
            let request = request.request_items(table, puts.map_err(refused)?);
            let answer = request.send().await.map_err(refused)?;
            let left = answer.unprocessed_items.unwrap_or_default();
            if left.is_empty() {
                Ok(())
            } else {
                Err(BenchError::Cloud(format!("{table} takes no more items")))
            }
        }
    });
    let writing = futures::stream::iter(requests).buffer_unordered(AT_ONCE);
    writing.try_collect::<()>().await
}

struct Run<'a> {
    world: &'a World,
    template: &'a Template,
    tenants: usize,
    busy: BusyTenants,
}

impl Run<'_> {
    /// Posts and delivers one by one, in new processes with empty caches. `post` numbers all posts.
    async fn measure(&self, post: &mut usize) -> Result<[Growth; 2], BenchError> {
        for function in ["session-details", "deliver-session"] {
            self.world.function(function).kill().await;
        }
        let mut draws = Draws(0x9e37_79b9_7f4a_7c15);
        let ten: Vec<usize> = (0..BUSY).map(|_| draws.below(self.tenants)).collect();
        for &tenant in &ten {
            *post += 1;
            self.one(tenant, *post).await?;
        }
        let journal = self.world.cloud.aws.journal();
        journal.clear();
        let (mut accepted, mut delivered) = (Vec::new(), Vec::new());
        for nth in 0..POSTS {
            let tenant = match self.busy {
                BusyTenants::Ten => ten.get(nth % BUSY).copied().unwrap_or(0),
                BusyTenants::Any => draws.below(self.tenants),
            };
            *post += 1;
            let (accepting, delivering) = self.one(tenant, *post).await?;
            accepted.push(accepting);
            delivered.push(delivering);
        }
        let calls = journal.calls();
        let growth = |function: &'static str, mut times: Vec<Duration>| {
            times.sort_unstable();
            let of_it = calls
                .iter()
                .filter(|call| call.caller == function && call.service == Service::DynamoDb);
            let operations: Vec<&str> = of_it.map(|call| call.operation.as_str()).collect();
            Growth {
                function,
                tenants: self.tenants,
                busy: self.busy,
                median: percentile(&times, 50),
                p99: percentile(&times, 99),
                dynamodb_calls: operations.len() as f64 / POSTS as f64,
                scans: operations.iter().filter(|name| **name == "Scan").count(),
                peak_memory: memory::peak(&self.world.function(function).processes()),
            }
        };
        Ok([
            growth("session-details", accepted),
            growth("deliver-session", delivered),
        ])
    }

    /// Posts for a tenant and delivers the post. Returns the times of both.
    async fn one(&self, tenant: usize, post: usize) -> Result<(Duration, Duration), BenchError> {
        let (_, path) = self.template.tenant(tenant)?;
        let url = format!("{}{path}", self.world.cloud.gateway.url());
        let mut session = self.template.session(tenant);
        session.say("Ana Ruiz", &format!("post {post}"));
        let rescue = &self.world.cloud.rescue;
        // The simulator posts each line of a session's chat once. Under a new id it posts this one.
        let fresh = Session {
            id: format!("{post}-{}", session.id),
            ..session.clone()
        };
        let mut payload = rescue.payload(&fresh, Format::JsonFlat, Phase::End);
        payload.body = payload.body.replace(&fresh.id, &session.id);
        let begun = Instant::now();
        let posted = rescue.send(&url, &payload).await.map_err(refused)?;
        let accepted = begun.elapsed();
        if posted.status != 200 {
            return Err(BenchError::Failed(format!(
                "a post is refused: {}",
                posted.body
            )));
        }
        let mark = self.world.cloud.servicenow.mark();
        let begun = Instant::now();
        let messages = self.world.poller().poll_once().await;
        let delivered = begun.elapsed();
        let calls = self.world.cloud.servicenow.since(mark).len();
        self.world.cloud.servicenow.forget_requests();
        if (messages, calls) != (1, 1) {
            let what = format!("{messages} messages and {calls} calls to ServiceNow for one post");
            return Err(BenchError::Failed(what));
        }
        Ok((accepted, delivered))
    }
}

/// The value below which this percentage of the values is.
fn percentile(sorted: &[Duration], percent: usize) -> Duration {
    let place = (sorted.len() * percent / 100).min(sorted.len().saturating_sub(1));
    sorted.get(place).copied().unwrap_or_default()
}

/// Pseudo-random numbers, the same in every run (xorshift).
struct Draws(u64);

impl Draws {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap_or(0) % limit.max(1)
    }
}

fn text(value: &str) -> AttributeValue {
    AttributeValue::S(value.to_owned())
}

fn refused(error: impl std::fmt::Debug) -> BenchError {
    BenchError::Cloud(format!("{error:?}"))
}
