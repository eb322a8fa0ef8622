//! The HTTP event → a refresh token and its client, lifetime and requested item. Rejects a body without them.

use std::time::Duration;

use shared::api::authorize::unauthorized;
use shared::api::json_object::JsonObject;
use shared::api::request::HttpRequest;
use shared::domain::error::{ErrorCode, Problem};
use shared::domain::record::SysId;
use shared::domain::secret::Secret;
use shared::domain::tenant::{TenantFile, TenantId};
use shared::retry::LONGEST_LIFETIME;
use shared::token::oauth::LONGEST_TOKEN;

/// One request, before its sender is authorised. No `Debug`: the body holds secrets.
pub(crate) struct Command {
    pub(crate) tenant: TenantId,
    pub(crate) key: Secret,
    body: Vec<u8>,
}

/// The body of an authorised sender.
#[derive(Debug)]
pub(crate) struct HandOver {
    pub(crate) refresh_token: Secret,
    /// The OAuth client of the token, where that is not the tenant file's.
    pub(crate) client: Option<(String, Secret)>,
    /// The refresh token's lifetime, where the sender names it.
    pub(crate) expires_in: Option<Duration>,
    /// The requested item whose work notes report the outcome.
    pub(crate) request_item: Option<SysId>,
}

impl Command {
    /// Reads tenant and API key.
    ///
    /// # Errors
    /// `unauthorized` when one of them is missing or malformed.
    pub(crate) fn read(request: HttpRequest) -> Result<Self, Problem> {
        let tenant = request.path("tenant").and_then(TenantId::parse);
        let (tenant, key) = tenant.zip(request.bearer()).ok_or_else(unauthorized)?;
        let body = request.body;
        Ok(Self { tenant, key, body })
    }

    /// Reads the body.
    ///
    /// # Errors
    /// `invalid-request`, which names the member that is wrong.
    pub(crate) fn hand_over(&self, tenant: &TenantFile) -> Result<HandOver, Problem> {
        let body = JsonObject::parse(&self.body)?;
        let secret = |name: &str| match body.text(name)? {
            Some(text) if text.len() > LONGEST_TOKEN => Err(body.wrong(name, "is too long")),
            text => Ok(text.map(Secret::from)),
        };
        let refresh_token =
            secret("refresh_token")?.ok_or_else(|| body.wrong("refresh_token", "is missing"))?;
        let client = match (body.text("client_id")?, secret("client_secret")?) {
            (Some(id), _) if id.len() > LONGEST_TOKEN => {
                return Err(body.wrong("client_id", "is too long"));
            }
            (Some(id), Some(secret)) => Some((id.to_owned(), secret)),
            (Some(id), None) if id != tenant.servicenow.client_id => {
                return Err(body.wrong("client_secret", "has to come with a client_id of its own"));
            }
            (None, Some(_)) => {
                return Err(body.wrong("client_id", "has to come with client_secret"));
            }
            (_, None) => None,
        };
        // In a whole answer of the token endpoint, `expires_in` is the access token's (RFC 6749, section 5.1).
        let expires_in = if body.has("access_token") {
            None
        } else {
            body.count("expires_in")?.map(Duration::from_secs)
        };
        if expires_in.is_some_and(|life| life > LONGEST_LIFETIME) {
            return Err(body.wrong("expires_in", "has to be ten years of seconds at most"));
        }
        let item = body.object("request_item")?;
        let request_item = match item.text("sys_id")? {
            Some(text) => Some(
                SysId::parse(text)
                    .ok_or_else(|| item.wrong("sys_id", "has to be 32 hexadecimal digits"))?,
            ),
            None => None,
        };
        Ok(HandOver {
            refresh_token,
            client,
            expires_in,
            request_item,
        })
    }
}

/// A store does not answer; a repeat may succeed.
pub(crate) fn storage_unavailable() -> Problem {
    Problem::new(
        ErrorCode::StorageUnavailable,
        "The old token stays. Hand the same token over again in half a minute; a repeat does no harm.",
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, proptest};
    use serde_json::json;

    use super::*;

    proptest! {
        #[test]
        fn no_event_panics_the_reader(
            [tenant, key, query, host, body] in any::<[String; 5]>(),
            is_base64 in any::<bool>(),
        ) {
            let event = |authorization: &str| json!({
                "rawQueryString": query,
                "rawPath": tenant,
                "headers": {"host": host, "x-forwarded-proto": query, "authorization": authorization},
                "pathParameters": {"tenant": "acme"},
                "requestContext": {"http": {"method": "POST"}, "domainName": host},
                "body": body,
                "isBase64Encoded": is_base64,
            });
            let read = |event| Command::read(HttpRequest::new(event, &lambda_http::Context::default()));
            read(event(&key)).ok();
            read(event("Bearer k-1")).expect("no oddity refuses a request");
        }
    }
}
