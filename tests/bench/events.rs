//! The events of the invocations, each a new one, and their expected results.

use hyper::body::Bytes;
use local::demo_tenant::{CLIENT_ID, CUSTOMER, SERVICE_ACCOUNT, TENANT};
use local::rescue::{Format, Phase, Session};
use serde_json::{Value, json};
use shared::aws::queue::Post;
use shared::domain::record::{RecordRef, SysId, TableName};
use shared::domain::record_tables::RecordTables;
use shared::domain::session::{Digest, Event as Moment, Source};
use shared::domain::tracking;
use shared::rescue::post_to_url;
use uuid::Uuid;

use crate::endpoints::{self, Endpoints};
use crate::error::BenchResult;
use crate::programs::Program;

/// Bytes of chat in a post of about 4 KB.
const CHAT: usize = 3_200;
/// Bytes of a very long chat.
const LARGE_CHAT: usize = 2 * 1024 * 1024;

/// An event and its expected result.
#[derive(Clone, Debug)]
pub(crate) struct Event {
    pub(crate) payload: Bytes,
    expected: Expected,
}

#[derive(Clone, Debug)]
enum Expected {
    /// Status 200, from a bare handler.
    Ok,
    /// The post of this session is accepted.
    Accepted(String),
    /// A PIN.
    Pin,
    /// The token is stored.
    Stored,
    /// The status of the demo's tenant.
    Status,
    /// One note on this incident, and no batch item failure.
    Note(String),
    /// `null`: the rotation step has no result.
    Done,
    /// No batch item failure.
    Sent,
}

impl Endpoints {
    /// An event for a program:
    ///
    /// * `session-details` and the floors: the end of a new session, a post of about 4 KB;
    /// * `deliver-session`: one such post, of a session that a PIN tied to an incident without notes;
    /// * `generate-pin`: a new PIN request for an incident, without e-mails and note;
    /// * `receive-token`: a refresh token that was never handed over;
    /// * `tenant-settings`: the status of a tenant;
    /// * `rotate-tokens`: `testSecret` of a pending version. It calls Secrets Manager, DynamoDB and ServiceNow and can be
    ///   repeated. `createSecret` and `finishSecret` can not: only Secrets Manager starts a new rotation;
    /// * `reconcile-sessions`: the schedule, with one tenant concerned. A report can not be repeated: Rescue makes one in a
    ///   minute.
    pub(crate) fn event(&self, program: &Program) -> BenchResult<Event> {
        match program.function.as_str() {
            "bare" | "one-call" => Ok(Event {
                expected: Expected::Ok,
                ..self.post(CHAT)
            }),
            "session-details" => Ok(self.post(CHAT)),
            "deliver-session" => self.batch(CHAT),
            "generate-pin" => Ok(self.pin_request(program)),
            "receive-token" => Ok(self.hand_over()),
            "tenant-settings" => Ok(self.status()),
            "rotate-tokens" => Ok(self.rotation_step()),
            "reconcile-sessions" => Ok(schedule()),
            other => Err(format!("no event is known for {other}").into()),
        }
    }

    /// An event with 2 MB of chat, for a function that takes posts.
    pub(crate) fn large_event(&self, program: &Program) -> BenchResult<Option<Event>> {
        Ok(match program.function.as_str() {
            "session-details" => Some(self.post(LARGE_CHAT)),
            "deliver-session" => Some(self.batch(LARGE_CHAT)?),
            _ => None,
        })
    }

    /// Fails when the answer or its effect is not the expected one.
    pub(crate) fn check(&self, event: &Event, answer: &[u8]) -> BenchResult<()> {
        let answer: Value = match answer {
            [] => Value::Null,
            answer => serde_json::from_slice(answer)?,
        };
        let body = || {
            let text = answer["body"].as_str().unwrap_or_default();
            serde_json::from_str::<Value>(text).unwrap_or_default()
        };
        let ok = answer["statusCode"] == 200;
        let right = match &event.expected {
            Expected::Ok => ok,
            Expected::Accepted(session) => {
                ok && body()["status"] == "accepted" && body()["session_id"] == session.as_str()
            }
            Expected::Pin => {
                let pin = body()["pin"].as_str().unwrap_or_default().to_owned();
                answer["statusCode"] == 201
                    && pin.len() == 6
                    && pin.bytes().all(|digit| digit.is_ascii_digit())
            }
            Expected::Stored => ok && body()["status"] == "stored",
            Expected::Status => ok && body()["tenant"] == TENANT,
            Expected::Note(incident) => {
                let notes = self.world.cloud.servicenow.work_notes("incident", incident);
                let failures = answer["batchItemFailures"].as_array();
                failures.is_none_or(Vec::is_empty) && notes.len() == 1
            }
            Expected::Done => answer.is_null(),
            Expected::Sent => answer == json!({"batchItemFailures": []}),
        };
        if right {
            return Ok(());
        }
        let mut answer = answer.to_string();
        answer.truncate(answer.floor_char_boundary(1000));
        Err(format!(
            "a wrong answer, {answer} where {:?} is expected",
            event.expected
        )
        .into())
    }

    fn session(&self, chat: usize) -> Session {
        let mut session = self.world.console_session().with_field("CField2", CUSTOMER);
        add_chat(&mut session, chat);
        session.with_note("Replaced the toner; the customer prints again.")
    }

    fn post(&self, chat: usize) -> Event {
        let session = self.session(chat);
        let post = (self.world.cloud.rescue).payload(&session, Format::JsonFlat, Phase::End);
        let url = self.world.ended.expose();
        let (base, query) = url.split_once('?').unwrap_or((url, ""));
        let key = base.rsplit('/').next().unwrap_or_default();
        let route = "POST /integration/api/servicenow/sessiondetails/{tenant}/{key}";
        let mut event = http(
            route,
            &format!("/integration/api/servicenow/sessiondetails/{TENANT}/{key}"),
            json!({"tenant": TENANT, "key": key}),
            &post.body,
        );
        event["rawQueryString"] = json!(query);
        event["queryStringParameters"] = json!({"event": "ended"});
        Event::new(&event, Expected::Accepted(session.id))
    }

    fn batch(&self, chat: usize) -> BenchResult<Event> {
        let incident = self.world.incident();
        let record = RecordRef {
            table: TableName::incident(),
            sys_id: SysId::parse(&incident.sys_id).ok_or("a sys_id")?,
        };
        let tracking = tracking::sign(
            &self.tracking_key,
            &self.tenant,
            &RecordTables::default(),
            &record,
        );
        let tracking = tracking.ok_or("a table of the tenant")?;
        let session = self.session(chat).with_tracking0(&tracking);
        let sent = (self.world.cloud.rescue).payload(&session, Format::JsonFlat, Phase::End);
        let fields = post_to_url::parse(Some(sent.content_type), sent.body.as_bytes())?;
        let session_id = post_to_url::session_id(&fields)?;
        let now = self.world.cloud.clock.now();
        let digest = Digest::of(&self.tenant, &session_id, Moment::Ended, &fields);
        let group = format!("{TENANT}#{}", session_id.as_str());
        let deduplication = digest.as_str().to_owned();
        let post = Post {
            source: Source::Post,
            tenant: self.tenant.clone(),
            session_id,
            event: Moment::Ended,
            received_at: now,
            digest,
            fields,
        };
        let sent_at = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)?
            .as_millis()
            .to_string();
        let id = Uuid::new_v4().to_string();
        let event = json!({"Records": [{
            "messageId": id,
            "receiptHandle": id,
            "body": post.encode().ok_or("the post does not fit into a message")?,
            "attributes": {
                "ApproximateReceiveCount": "1",
                "ApproximateFirstReceiveTimestamp": sent_at,
                "SentTimestamp": sent_at,
                "SenderId": "session-details",
                "SequenceNumber": "18849496460467696128",
                "MessageGroupId": group,
                "MessageDeduplicationId": deduplication,
            },
            "messageAttributes": {},
            "md5OfBody": "",
            "eventSource": "aws:sqs",
            "eventSourceARN": "arn:aws:sqs:us-east-1:000000000000:sessions.fifo",
            "awsRegion": "us-east-1",
        }]});
        Ok(Event::new(&event, Expected::Note(incident.sys_id)))
    }

    fn pin_request(&self, program: &Program) -> Event {
        let body = json!({
            "technician": {"email": endpoints::technician(program.kind)},
            "record": {"table": "incident", "sys_id": Uuid::new_v4().simple().to_string(), "number": "INC0012345"},
            "customer": {"name": "Paul Martin", "email": CUSTOMER},
        });
        let mut event = http(
            "POST /integration/api/servicenow/pincodes/{tenant}",
            &format!("/integration/api/servicenow/pincodes/{TENANT}"),
            json!({"tenant": TENANT}),
            &body.to_string(),
        );
        event["headers"]["authorization"] = self.bearer();
        event["headers"]["idempotency-key"] = json!(Uuid::new_v4().to_string());
        Event::new(&event, Expected::Pin)
    }

    fn hand_over(&self) -> Event {
        let servicenow = &self.world.cloud.servicenow;
        let token = servicenow.issue_refresh_token(CLIENT_ID, SERVICE_ACCOUNT);
        let mut event = http(
            "POST /integration/api/servicenow/token/{tenant}",
            &format!("/integration/api/servicenow/token/{TENANT}"),
            json!({"tenant": TENANT}),
            &json!({"refresh_token": token}).to_string(),
        );
        event["headers"]["authorization"] = self.bearer();
        Event::new(&event, Expected::Stored)
    }

    fn status(&self) -> Event {
        let mut event = http(
            "GET /integration/api/servicenow/status/{tenant}",
            &format!("/integration/api/servicenow/status/{TENANT}"),
            json!({"tenant": TENANT}),
            "",
        );
        event["headers"]["authorization"] = json!(format!("Bearer {}", self.settings_key.expose()));
        Event::new(&event, Expected::Status)
    }

    fn rotation_step(&self) -> Event {
        let (secret, version) = &self.rotation;
        let event = json!({
            "Step": "testSecret",
            "SecretId": secret,
            "ClientRequestToken": version,
        });
        Event::new(&event, Expected::Done)
    }

    fn bearer(&self) -> Value {
        json!(format!("Bearer {}", self.world.api_key.expose()))
    }
}

impl Event {
    fn new(event: &Value, expected: Expected) -> Self {
        Self {
            payload: event.to_string().into(),
            expected,
        }
    }
}

/// An event of EventBridge's schedule.
fn schedule() -> Event {
    let event = json!({
        "version": "0",
        "id": Uuid::new_v4().to_string(),
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "account": "000000000000",
        "time": "2026-03-10T05:16:23Z",
        "region": "us-east-1",
        "resources": ["arn:aws:events:us-east-1:000000000000:rule/every-six-hours"],
        "detail": {},
    });
    Event::new(&event, Expected::Sent)
}

/// A JSON request in the payload format 2.0 of an HTTP API.
fn http(route: &str, path: &str, parameters: Value, body: &str) -> Value {
    json!({
        "version": "2.0",
        "routeKey": route,
        "rawPath": path,
        "rawQueryString": "",
        "headers": {
            "accept": "*/*",
            "content-length": body.len().to_string(),
            "content-type": "application/json",
            "host": "api.acme.test",
            "user-agent": "LogMeIn Rescue",
            "x-amzn-trace-id": "Root=1-5e6722a7-cc56xmpl46db7ae02d4da47e",
            "x-forwarded-for": "205.255.255.176",
            "x-forwarded-port": "443",
            "x-forwarded-proto": "https",
        },
        "pathParameters": parameters,
        "requestContext": {
            "accountId": "000000000000",
            "apiId": "local",
            "domainName": "api.acme.test",
            "domainPrefix": "api",
            "http": {
                "method": route.split(' ').next(),
                "path": path,
                "protocol": "HTTP/1.1",
                "sourceIp": "205.255.255.176",
                "userAgent": "LogMeIn Rescue",
            },
            "requestId": Uuid::new_v4().to_string(),
            "routeKey": route,
            "stage": "$default",
            "time": "10/Mar/2026:05:16:23 +0000",
            "timeEpoch": 1_773_119_783_000_i64,
        },
        "body": body,
        "isBase64Encoded": false,
    })
}

/// The chat's words. Their random order compresses like a real chat.
const WORDS: [&str; 32] = [
    "printer", "toner", "the", "a", "is", "not", "please", "restart", "driver", "install", "now",
    "thanks", "wait", "error", "0x8007", "page", "I", "see", "you", "click", "settings", "network",
    "cable", "Wi-Fi", "password", "works", "again", "still", "screen", "window", "left", "update",
];

/// Adds a chat of at least this many bytes.
fn add_chat(session: &mut Session, bytes: usize) {
    let mut random = Uuid::new_v4().as_u128() | 1;
    let mut said = 0;
    while said < bytes {
        let words = (0..12).map(|_| {
            // Xorshift, so that no two chats are equal.
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            WORDS[(random >> 32) as usize % WORDS.len()]
        });
        let line = words.collect::<Vec<_>>().join(" ");
        said += line.len() + 21;
        session.say("Ana Ruiz", &line);
    }
}
