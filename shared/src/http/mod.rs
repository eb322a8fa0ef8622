//! The one HTTP client: it calls the vendors, and it carries the AWS SDK (decision 0001).

mod opening;
mod retry_after;

use std::error::Error;
use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpClient, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

pub(crate) use self::retry_after::retry_after;

/// The time-out of connecting, TLS included.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// The longest response of a vendor that is read, in bytes.
pub const LONGEST_ANSWER: usize = 8 * 1024 * 1024;

/// The longest response of a token endpoint that is read, in bytes.
pub const LONGEST_TOKEN_ANSWER: usize = 4 * 1024 * 1024;

/// The longest response of AWS that is read, in bytes. SQS returns at most ten messages of 1 MiB, DynamoDB 16 MiB.
const LONGEST_AWS_ANSWER: usize = 20 * 1024 * 1024;

/// Builds the client: ring, bundled roots, no redirects, no cookies, no proxies, a time-out on connecting.
///
/// It connects at the first request, or before it with `open_connections`. The certificate authorities in `ca_file` (PEM)
/// are trusted as well.
///
/// # Errors
/// When the file cannot be read, or the build lacks TLS.
pub fn client(ca_file: Option<&Path>) -> Result<reqwest::Client, ClientError> {
    let mut roots = rustls::RootCertStore {
        roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
    };
    if let Some(file) = ca_file {
        add_authorities(&mut roots, file)?;
    }
    let tls = rustls::ClientConfig::builder_with_provider(Arc::new(
        rustls::crypto::ring::default_provider(),
    ))
    .with_safe_default_protocol_versions()
    .map_err(|error| ClientError(error.to_string()))?
    .with_root_certificates(roots)
    .with_no_client_auth();
    reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .connect_timeout(CONNECT_TIMEOUT)
        .pool_idle_timeout(Duration::from_secs(50))
        .tcp_nodelay(true)
        .connector_layer(opening::Opening::default())
        .build()
        .map_err(|error| ClientError(error.to_string()))
}

fn add_authorities(roots: &mut rustls::RootCertStore, file: &Path) -> Result<(), ClientError> {
    let unreadable = |error: String| ClientError(format!("{}: {error}", file.display()));
    let authorities = CertificateDer::pem_file_iter(file)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| unreadable(error.to_string()))?;
    if authorities.is_empty() {
        return Err(unreadable("it holds no certificate".to_owned()));
    }
    for authority in authorities {
        roots
            .add(authority)
            .map_err(|error| unreadable(error.to_string()))?;
    }
    Ok(())
}

/// The HTTP client could not be built.
#[derive(Debug, thiserror::Error)]
#[error("HTTP client: {0}")]
pub struct ClientError(String);

/// Why a response body was not read.
#[derive(Debug, thiserror::Error)]
pub enum BodyError {
    /// It is longer than the limit.
    #[error("the answer is too long")]
    TooLong,
    /// The connection failed.
    #[error("{}", transport_reason(.0))]
    Transport(#[from] reqwest::Error),
}

impl BodyError {
    /// Whether it was a time-out.
    pub fn is_timeout(&self) -> bool {
        matches!(self, Self::Transport(error) if error.is_timeout())
    }
}

/// Reads a response body of `limit` bytes at most.
///
/// # Errors
/// [`BodyError::TooLong`] as soon as it is known, without reading the rest.
pub async fn body(mut answer: reqwest::Response, limit: usize) -> Result<Vec<u8>, BodyError> {
    let announced = answer.content_length().unwrap_or(0);
    let announced = usize::try_from(announced).unwrap_or(usize::MAX);
    if announced > limit {
        return Err(BodyError::TooLong);
    }
    let mut body = Vec::with_capacity(announced);
    while let Some(chunk) = answer.chunk().await? {
        if chunk.len() > limit - body.len() {
            return Err(BodyError::TooLong);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// Why there is no response, in a few words without URL and colon.
pub fn transport_reason(error: &reqwest::Error) -> &'static str {
    let mut cause = error.source();
    while let Some(error) = cause {
        if let Some(reason) = known_cause(error) {
            return reason;
        }
        // `source()` of an I/O error skips the error that it wraps.
        let held = error.downcast_ref().and_then(std::io::Error::get_ref);
        cause = match held {
            Some(held) => Some(held),
            None => error.source(),
        };
    }
    match (error.is_connect(), error.is_timeout()) {
        (true, true) => "no connection in time",
        (true, false) => "no connection",
        (false, true) => "time-out",
        (false, false) => "the connection broke",
    }
}

fn known_cause(error: &(dyn Error + 'static)) -> Option<&'static str> {
    if let Some(error) = error.downcast_ref::<rustls::Error>() {
        return Some(match error {
            rustls::Error::InvalidCertificate(why) => untrusted(why),
            _ => "no TLS connection",
        });
    }
    let Some(error) = error.downcast_ref::<std::io::Error>() else {
        // The client's type for it is private; a test checks the text.
        return (error.to_string() == "dns error").then_some("the host name is not found");
    };
    match error.kind() {
        ErrorKind::ConnectionRefused => Some("the connection is refused"),
        ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted | ErrorKind::BrokenPipe => {
            Some("the connection was reset")
        }
        ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable => {
            Some("the host cannot be reached")
        }
        _ => None,
    }
}

const fn untrusted(why: &rustls::CertificateError) -> &'static str {
    use rustls::CertificateError as Why;
    match why {
        Why::UnknownIssuer => "no TLS connection, the certificate is not trusted",
        Why::NotValidForName | Why::NotValidForNameContext { .. } => {
            "no TLS connection, the certificate is for another name"
        }
        Why::Expired
        | Why::ExpiredContext { .. }
        | Why::NotValidYet
        | Why::NotValidYetContext { .. } => {
            "no TLS connection, the certificate has expired or is not valid yet"
        }
        _ => "no TLS connection, the certificate is not valid",
    }
}

/// The most values in a JSON response. A record has a few hundred columns.
const MAX_VALUES: usize = 10_000;

/// Whether a JSON text has so many values that parsing it would take many times its length in memory.
pub(crate) fn has_too_many_values(json: &[u8]) -> bool {
    let (mut in_text, mut escaped, mut values) = (false, false, 0_usize);
    for byte in json {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = in_text,
            b'"' => in_text = !in_text,
            b'{' | b'[' | b',' if !in_text => values += 1,
            _ => {}
        }
    }
    values > MAX_VALUES
}

/// Begins to open a connection to each host, side by side, for the first AWS calls (decision 0015). Never fails: a call that
/// finds no connection makes one.
pub(crate) fn open_connections(client: &reqwest::Client, urls: &[String]) {
    let mut hosts = Vec::new();
    for url in urls
        .iter()
        .filter_map(|url| url.parse::<reqwest::Url>().ok())
    {
        let host = url.authority().to_owned();
        if !hosts.contains(&host) {
            hosts.push(host);
            let client = client.clone();
            tokio::spawn(async move { opening::open(&client, url).await });
        }
    }
}

/// The client for the AWS SDK.
pub fn for_aws(client: reqwest::Client) -> SharedHttpClient {
    http_client_fn(move |settings, _| {
        SharedHttpConnector::new(Connector {
            client: client.clone(),
            read_timeout: settings.read_timeout(),
        })
    })
}

#[derive(Debug)]
struct Connector {
    client: reqwest::Client,
    read_timeout: Option<Duration>,
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let (client, read_timeout) = (self.client.clone(), self.read_timeout);
        HttpConnectorFuture::new(async move {
            let request = request
                .try_into_http1x()
                .map_err(|error| ConnectorError::user(error.into()))?;
            let request =
                request.map(|body| reqwest::Body::from(body.bytes().unwrap_or_default().to_vec()));
            let mut request = reqwest::Request::try_from(request)
                .map_err(|error| ConnectorError::user(error.into()))?;
            *request.timeout_mut() = read_timeout;
            let answer = opening::send(&client, request)
                .await
                .map_err(connector_error)?;
            let mut response = http::Response::builder().status(answer.status());
            if let Some(headers) = response.headers_mut() {
                headers.clone_from(answer.headers());
            }
            let body = match body(answer, LONGEST_AWS_ANSWER).await {
                Ok(body) => body,
                Err(BodyError::Transport(error)) => return Err(connector_error(error)),
                Err(error) => return Err(ConnectorError::other(error.into(), None)),
            };
            let response = response
                .body(SdkBody::from(body))
                .map_err(|error| ConnectorError::other(error.into(), None))?;
            HttpResponse::try_from(response)
                .map_err(|error| ConnectorError::other(error.into(), None))
        })
    }
}

fn connector_error(error: reqwest::Error) -> ConnectorError {
    let error = error.without_url();
    if error.is_timeout() {
        ConnectorError::timeout(error.into())
    } else {
        ConnectorError::io(error.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A client with a `ca_file` of this content.
    fn with_authorities(content: &str) -> Result<reqwest::Client, ClientError> {
        let file = std::env::temp_dir().join(format!("authorities-{}.pem", uuid::Uuid::new_v4()));
        std::fs::write(&file, content).expect("a file");
        let built = client(Some(&file));
        std::fs::remove_file(&file).expect("removed");
        built
    }

    #[test]
    fn values_are_counted_and_texts_are_not() {
        let text = format!(r#"{{"a":"{}\\\"[,"}}"#, ",[{".repeat(20_000));
        assert!(!has_too_many_values(text.as_bytes()));
        let list = format!("[{}0]", "0,".repeat(MAX_VALUES));
        assert!(has_too_many_values(list.as_bytes()));
        assert!(!has_too_many_values(b"\\{"));
    }

    #[test]
    fn an_authority_is_taken_from_a_file() {
        let key = rcgen::KeyPair::generate().expect("a key");
        let mut authority = rcgen::CertificateParams::default();
        authority.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let authority = authority.self_signed(&key).expect("a certificate");
        with_authorities(&authority.pem()).expect("a client");
    }

    #[test]
    fn a_file_without_an_authority_is_an_error_that_names_it() {
        let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        for (content, said) in [
            ("", "no certificate"),
            ("words", "no certificate"),
            (broken, ""),
        ] {
            let error = with_authorities(content).expect_err(content).to_string();
            assert!(
                error.starts_with("HTTP client: ") && error.contains("authorities-"),
                "{error}"
            );
            assert!(error.contains(said), "{error}");
        }
        let missing = Path::new("nowhere/authorities.pem");
        let error = client(Some(missing)).expect_err("no file").to_string();
        assert!(error.contains("nowhere/authorities.pem"), "{error}");
    }
}
