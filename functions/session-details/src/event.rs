//! The HTTP event → what Rescue, or a person with a browser, wants. Every rejection of this function lives here.

use lambda_http::http::{Method, header};
use lambda_http::{Body, Request, RequestExt as _};
use shared::clock::Timestamp;
use shared::error::{Code, Problem};
use shared::queue::Post;
use shared::rescue::post_to_url::{self, ParseError, SessionIdError};
use shared::secret::Secret;
use shared::session::{Digest, Event};
use shared::tenant::TenantId;

/// One request, of a sender that is not known yet.
#[derive(Debug)]
pub(crate) struct Command {
    pub(crate) tenant: TenantId,
    pub(crate) key: Secret,
    pub(crate) action: Action,
}

/// What the request asks for.
#[derive(Debug)]
pub(crate) enum Action {
    /// `GET`: whether tenant and key are right.
    Check,
    /// `POST`: take a post.
    Accept(Delivery),
}

/// A post as it came.
#[derive(Debug)]
pub(crate) struct Delivery {
    event: Option<Event>,
    content_type: Option<String>,
    pub(crate) bytes: Vec<u8>,
}

impl Command {
    /// Reads a request.
    ///
    /// # Errors
    /// `not-found` for whatever no tenant can have sent: what is wrong with it is nobody's business.
    pub(crate) fn read(request: Request) -> Result<Self, Problem> {
        let path = request.path_parameters();
        let tenant = path
            .first("tenant")
            .and_then(TenantId::parse)
            .ok_or_else(not_found)?;
        let key = path.first("key").map(Secret::from).ok_or_else(not_found)?;
        let action = match *request.method() {
            Method::GET => Action::Check,
            Method::POST => Action::Accept(Delivery {
                event: request
                    .query_string_parameters()
                    .first("event")
                    .and_then(Event::parse),
                content_type: request
                    .headers()
                    .get(header::CONTENT_TYPE)
                    .and_then(|value| value.to_str().ok())
                    .map(str::to_owned),
                bytes: match request.into_body() {
                    Body::Text(text) => text.into_bytes(),
                    Body::Binary(bytes) => bytes,
                    _ => Vec::new(),
                },
            }),
            _ => return Err(not_found()),
        };
        Ok(Self {
            tenant,
            key,
            action,
        })
    }
}

impl Delivery {
    /// Reads the post. The URL's `event` wins over the content.
    ///
    /// # Errors
    /// `malformed-body`, `missing-session-id`, `invalid-session-id`.
    pub(crate) fn parse(&self, tenant: TenantId, received_at: Timestamp) -> Result<Post, Problem> {
        let fields =
            post_to_url::parse(self.content_type.as_deref(), &self.bytes).map_err(malformed)?;
        let session_id = post_to_url::session_id(&fields).map_err(without_session)?;
        let event = self.event.unwrap_or_else(|| Event::from_content(&fields));
        let digest = Digest::of(&tenant, &session_id, event, &fields);
        Ok(Post {
            tenant,
            session_id,
            event,
            received_at,
            digest,
            fields,
        })
    }
}

/// Wrong tenant, wrong key, wrong path: one and the same answer.
pub(crate) fn not_found() -> Problem {
    Problem::new(
        Code::NotFound,
        "Check the URL against the one that was printed when the tenant was created.",
    )
}

fn malformed(error: ParseError) -> Problem {
    let detail = format!(
        "{error} Choose HTML form, XML or JSON for \"Exporting session data\" in the Rescue Administration Center."
    );
    Problem::new(Code::MalformedBody, detail)
}

fn without_session(error: SessionIdError) -> Problem {
    match error {
        SessionIdError::Missing => Problem::new(
            Code::MissingSessionId,
            "Send the variable SessionID, as Rescue does for every session.",
        ),
        SessionIdError::Invalid => Problem::new(
            Code::InvalidSessionId,
            "Send 1 to 64 of A-Z a-z 0-9 _ - as SessionID.",
        ),
    }
}
