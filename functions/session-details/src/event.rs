//! The HTTP event → a typed command: take a post, or check a URL. Rejects what is neither.

use shared::api::request::HttpRequest;
use shared::aws::queue::Post;
use shared::domain::clock::Timestamp;
use shared::domain::error::{ErrorCode, Problem};
use shared::domain::secret::Secret;
use shared::domain::session::{Digest, Event, Source};
use shared::domain::tenant::TenantId;
use shared::rescue::post_to_url::{self, ParseError, SessionIdError};

/// One request, before its sender is authenticated.
#[derive(Debug)]
pub(crate) struct Command {
    pub(crate) tenant: TenantId,
    pub(crate) key: Secret,
    pub(crate) action: Action,
}

#[derive(Debug)]
pub(crate) enum Action {
    /// `GET`: check tenant and key.
    Check,
    /// `POST`: take a post.
    Accept(Delivery),
}

/// A post as it arrived.
#[derive(Debug)]
pub(crate) struct Delivery {
    pub(crate) event: Option<Event>,
    pub(crate) content_type: Option<String>,
    pub(crate) bytes: Vec<u8>,
}

impl Command {
    /// Reads a request.
    ///
    /// # Errors
    /// `not-found` for every malformed path and method, so that an unauthenticated caller learns nothing.
    pub(crate) fn read(request: HttpRequest) -> Result<Self, Problem> {
        let tenant = request.path("tenant").and_then(TenantId::parse);
        let tenant = tenant.ok_or_else(not_found)?;
        let key = request.path("key").map(Secret::from);
        let key = key.ok_or_else(not_found)?;
        let action = match request.method() {
            "GET" => Action::Check,
            "POST" => Action::Accept(Delivery {
                event: request
                    .query("event")
                    .and_then(|event| Event::parse(&event)),
                content_type: request.header("content-type").map(str::to_owned),
                bytes: request.body,
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
    /// Parses the body. The URL's `event` wins over the content.
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
            source: Source::Post,
        })
    }
}

/// The one refusal of an unknown tenant, a wrong key and a wrong path.
pub(crate) fn not_found() -> Problem {
    Problem::new(
        ErrorCode::NotFound,
        "Check the URL against the one that was printed when the tenant was created.",
    )
}

/// A transient failure; asks the sender to post again.
pub(crate) fn send_again(code: ErrorCode) -> Problem {
    Problem::new(code, "Send the same post again; a repeat does no harm.")
}

fn malformed(error: ParseError) -> Problem {
    let detail = format!(
        "{error}. Choose HTML form, XML or JSON for \"Exporting session data\" in the Rescue Administration Center."
    );
    Problem::new(ErrorCode::MalformedBody, detail)
}

fn without_session(error: SessionIdError) -> Problem {
    match error {
        SessionIdError::Missing => Problem::new(
            ErrorCode::MissingSessionId,
            "Send the variable SessionID, as Rescue does for every session.",
        ),
        SessionIdError::Invalid => Problem::new(
            ErrorCode::InvalidSessionId,
            "Send 1 to 64 of A-Z a-z 0-9 _ - as SessionID.",
        ),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, proptest};
    use serde_json::{Value, json};

    use super::*;

    fn read(event: Value) -> Result<Command, Problem> {
        Command::read(HttpRequest::new(event, &lambda_http::Context::default()))
    }

    fn posted(query: &str) -> Value {
        json!({
            "rawQueryString": query,
            "headers": {"content-type": "text/xml"},
            "pathParameters": {"tenant": "acme", "key": "k-1"},
            "requestContext": {"http": {"method": "POST"}},
            "body": "YT0x",
            "isBase64Encoded": true,
        })
    }

    #[test]
    fn what_is_wrong_with_a_body_and_what_to_do_are_two_sentences() {
        let detail = malformed(ParseError::Empty).detail;
        assert!(detail.starts_with("the body is empty. Choose "), "{detail}");
    }

    fn event(query: &str) -> Option<Event> {
        let command = read(posted(query)).expect("a command");
        let Action::Accept(delivery) = command.action else {
            panic!("not a post");
        };
        assert_eq!(delivery.bytes, b"a=1");
        assert_eq!(delivery.content_type.as_deref(), Some("text/xml"));
        delivery.event
    }

    #[test]
    fn odd_characters_in_the_query_hide_no_event() {
        for query in [
            "event=ended",
            "x=a b&event=ended",
            "x=\"<y>\"&event=ended",
            "<&event=ended&event=started",
            "%&%zz&=&event=e%6eded",
            "\u{1}{}|\\^`#&event=ended",
        ] {
            assert_eq!(event(query), Some(Event::Ended), "{query:?}");
        }
        assert_eq!(event(""), None);
    }

    #[test]
    fn a_method_that_the_route_does_not_have_is_not_found() {
        let mut event = posted("");
        event["requestContext"]["http"]["method"] = json!("PUT");
        assert_eq!(read(event).err(), Some(not_found()));
    }

    proptest! {
        #[test]
        fn no_event_panics_the_reader(
            [method, tenant, key, query, host, proto, body] in any::<[String; 7]>(),
            is_base64 in any::<bool>(),
        ) {
            let event = json!({
                "rawQueryString": query,
                "rawPath": key,
                "headers": {"host": host, "x-forwarded-proto": proto, "content-type": host},
                "pathParameters": {"tenant": tenant, "key": key},
                "requestContext": {"http": {"method": method}, "domainName": host},
                "body": body,
                "isBase64Encoded": is_base64,
            });
            if let Ok(Command { tenant, action: Action::Accept(delivery), .. }) = read(event) {
                delivery.parse(tenant, Timestamp::from_millis(0)).ok();
            }
            read(posted(&query)).expect("a query refuses no post");
        }
    }
}
