//! What cannot be delivered, as a message of the dead-letter queue.

use std::io::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::aws::queue::codec::{MESSAGE_LIMIT, gunzip, gzip_base64, is_accepted_by_sqs};
use crate::aws::queue::message::Post;
use crate::domain::clock::Timestamp;
use crate::domain::error::ErrorCode;
use crate::domain::session::Event;
use crate::domain::tenant::TenantId;

/// The longest raw body after unpacking, in bytes: API Gateway accepts 10 MB.
const RAW_LIMIT: usize = 64 * 1024 * 1024;

/// A message for the dead-letter queue.
#[derive(Clone, Debug)]
pub struct DeadLetter {
    body: String,
    encoding: &'static str,
    reason: ErrorCode,
    tenant: Option<String>,
    session_id: Option<String>,
    received_at: Timestamp,
    content_type: Option<String>,
    event: Option<Event>,
    detail: Option<String>,
}

/// The longest `Content-Type` that is kept, in bytes. No real one is longer.
const LONGEST_CONTENT_TYPE: usize = 256;

impl DeadLetter {
    /// A message of the sessions queue, unchanged.
    pub fn message(
        body: String,
        reason: ErrorCode,
        post: Option<&Post>,
        received_at: Timestamp,
    ) -> Self {
        Self {
            tenant: post.map(|post| post.tenant.to_string()),
            session_id: post.map(|post| post.session_id.to_string()),
            ..Self::new(body, "message", reason, received_at)
        }
    }

    const fn new(
        body: String,
        encoding: &'static str,
        reason: ErrorCode,
        received_at: Timestamp,
    ) -> Self {
        Self {
            body,
            encoding,
            reason,
            tenant: None,
            session_id: None,
            received_at,
            content_type: None,
            event: None,
            detail: None,
        }
    }

    /// Adds ServiceNow's reason, as far as that names configuration only.
    #[must_use]
    pub fn with_detail(mut self, detail: Option<String>) -> Self {
        self.detail = detail;
        self
    }

    /// The body of an authenticated post that could not be parsed: as text where SQS accepts it, else in base64,
    /// compressed first where it is too long. `None`: it is too long even compressed.
    pub fn raw(
        body: &[u8],
        reason: ErrorCode,
        tenant: &TenantId,
        received_at: Timestamp,
    ) -> Option<Self> {
        let fits = |text: &str| text.len() <= MESSAGE_LIMIT;
        let text = std::str::from_utf8(body)
            .ok()
            .filter(|text| is_accepted_by_sqs(text) && fits(text));
        let (body, encoding) = match text {
            Some(text) => (text.to_owned(), "text"),
            None if body.len() <= MESSAGE_LIMIT / 4 * 3 => (STANDARD.encode(body), "base64"),
            None => {
                let packed = gzip_base64(|encoder| encoder.write_all(body).ok());
                (packed.filter(|text| fits(text))?, "gzip+base64")
            }
        };
        Some(Self {
            tenant: Some(tenant.to_string()),
            ..Self::new(body, encoding, reason, received_at)
        })
    }

    /// Adds the `Content-Type` and the URL's event, which parsing the body again needs. Leaves out a `Content-Type` that
    /// SQS would refuse the message for.
    #[must_use]
    pub fn posted_as(mut self, content_type: Option<&str>, event: Option<Event>) -> Self {
        self.content_type = content_type
            .filter(|text| is_accepted_by_sqs(text) && text.len() <= LONGEST_CONTENT_TYPE)
            .map(str::to_owned);
        self.event = event;
        self
    }

    /// The message body and the message attributes.
    pub(super) fn into_parts(self) -> (String, [(&'static str, Option<String>); 8]) {
        let attributes = [
            ("reason", Some(self.reason.as_str().to_owned())),
            ("encoding", Some(self.encoding.to_owned())),
            ("received_at", Some(self.received_at.to_string())),
            ("tenant", self.tenant),
            ("session_id", self.session_id),
            ("content_type", self.content_type),
            ("event", self.event.map(|event| event.as_str().to_owned())),
            ("detail", self.detail),
        ];
        (self.body, attributes)
    }
}

/// The bytes that [`DeadLetter::raw`] encoded; `None` when the body is not in that encoding.
pub fn raw_body(encoding: &str, body: &str) -> Option<Vec<u8>> {
    match encoding {
        "text" => Some(body.as_bytes().to_vec()),
        "base64" => STANDARD.decode(body).ok(),
        "gzip+base64" => gunzip(body, RAW_LIMIT),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_content_type_that_sqs_would_refuse_is_left_out() {
        let tenant = TenantId::parse("acme").expect("valid");
        let now = Timestamp::from_millis(0);
        let kept = |content_type: &str| {
            let letter =
                DeadLetter::raw(b"odd", ErrorCode::MalformedBody, &tenant, now).expect("fits");
            letter.posted_as(Some(content_type), None).content_type
        };
        assert_eq!(
            kept("text/xml; charset=\"ä\"").as_deref(),
            Some("text/xml; charset=\"ä\"")
        );
        for refused in ["", "a\u{1}b", "a\u{ffff}", &"a".repeat(257)] {
            assert_eq!(kept(refused), None, "{refused:?}");
        }
    }

    #[test]
    fn a_raw_body_is_kept_as_it_came_or_in_base64() {
        let (tenant, now) = (
            TenantId::parse("acme").expect("valid"),
            Timestamp::from_millis(0),
        );
        let raw = |body: &[u8]| {
            DeadLetter::raw(body, ErrorCode::MalformedBody, &tenant, now).expect("fits")
        };
        assert_eq!(
            (raw(b"odd").body.as_str(), raw(b"odd").encoding),
            ("odd", "text")
        );
        assert_eq!(
            (raw(b"\xff\0").body.as_str(), raw(b"\xff\0").encoding),
            ("/wA=", "base64")
        );
        assert_eq!(raw(&vec![0; 3_000_000]).encoding, "gzip+base64");
        for bytes in [b"odd".to_vec(), b"\xff\0".to_vec(), vec![0; 3_000_000]] {
            let letter = raw(&bytes);
            assert_eq!(raw_body(letter.encoding, &letter.body), Some(bytes));
        }
        assert_eq!(raw_body("base64", "?"), None);
    }
}
