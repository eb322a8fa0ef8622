//! Failed connections: each cause has its own text, without a URL.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_dynamodb::config::{Credentials, Region, SharedCredentialsProvider};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::PrivateKeyDer;
use shared::aws::direct::DirectClient;
use shared::http::transport_reason;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::acme;

/// A failed AWS call names the operation, the table or secret, and the cause.
#[tokio::test(flavor = "multi_thread")]
async fn an_aws_call_without_a_connection_names_the_cause() {
    let untrusted = TlsServer::start("localhost", false).await;
    let closed = closed_port().await;
    for (endpoint, said) in [
        (
            format!("http://127.0.0.1:{closed}"),
            "the connection is refused",
        ),
        (
            format!("https://localhost:{}", untrusted.port),
            "no TLS connection, the certificate is not trusted",
        ),
    ] {
        let http = shared::http::client(None).expect("a client");
        let keys = Credentials::new("local", "local", None, None, "local");
        let sdk = shared::aws::sdk::settings(&http)
            .region(Region::from_static("eu-west-1"))
            .endpoint_url(endpoint)
            .credentials_provider(SharedCredentialsProvider::new(keys))
            .build();
        let clock = shared::domain::clock::Clock::system(0);
        let dynamodb = DirectClient::dynamodb(&sdk);
        let table = shared::aws::credentials::CredentialsTable::new(
            dynamodb,
            "kept".to_owned(),
            clock.clone(),
        );
        let failed = table.access_token(&acme()).await.expect_err("no table");
        assert_eq!(
            failed.to_string(),
            format!("DynamoDB GetItem, table kept: {said}")
        );
        assert_eq!(failed.reason(), said);
        let secrets = DirectClient::secrets_manager(&sdk);
        let secret_store =
            shared::aws::secret_store::SecretStore::new(secrets, "prefix".to_owned(), clock);
        let failed = secret_store.token(&acme()).await.expect_err("no secret");
        assert_eq!(
            failed.to_string(),
            format!("Secrets Manager GetSecretValue, secret prefix/acme/token: {said}")
        );
    }
}

async fn closed_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .await
        .expect("a port");
    listener.local_addr().expect("an address").port()
}

/// A loopback server with a certificate for that name, perhaps expired, and clients that do and do not trust its authority.
struct TlsServer {
    port: u16,
    trusting: reqwest::Client,
}

impl TlsServer {
    async fn start(name: &str, expired: bool) -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        let authority = params.self_signed(&key).expect("a certificate");
        let issuer = Issuer::new(params, key);
        let mut params = CertificateParams::new([name.to_owned()]).expect("a name");
        if expired {
            params.not_after = rcgen::date_time_ymd(2020, 1, 1);
        }
        let key = KeyPair::generate().expect("a key");
        let certificate = params.signed_by(&key, &issuer).expect("a certificate");
        let private = PrivateKeyDer::try_from(key.serialize_der()).expect("a key");
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], private)
            .expect("a configuration");
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .await
            .expect("a port");
        let port = listener.local_addr().expect("an address").port();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                // The test needs only the handshake.
                drop(acceptor.accept(stream).await);
            }
        });
        let file = std::env::temp_dir().join(format!("authority-{}.pem", uuid::Uuid::new_v4()));
        std::fs::write(&file, authority.pem()).expect("a file");
        let trusting = shared::http::client(Some(&file)).expect("a client");
        std::fs::remove_file(&file).expect("removed");
        Self { port, trusting }
    }
}

/// The text for a failed request.
async fn reason(client: &reqwest::Client, url: String) -> &'static str {
    let request = client.get(url.as_str()).timeout(Duration::from_secs(2));
    let error = request.send().await.expect_err("no answer");
    transport_reason(&error)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_cause_of_a_failed_connection_has_its_own_text() {
    let client = shared::http::client(None).expect("a client");
    let right = TlsServer::start("localhost", false).await;
    let other = TlsServer::start("other.acme.test", false).await;
    let expired = TlsServer::start("localhost", true).await;
    let closed = closed_port().await;
    let plain = local::servicenow::Simulator::start(local::servicenow::Options::new(
        shared::domain::clock::Clock::system(0),
    ))
    .expect("an instance");
    let no_such_name = format!("http://{}.test/", "a".repeat(64));
    let https = |port: u16| format!("https://localhost:{port}/");
    let cases = [
        (&client, no_such_name, "the host name is not found"),
        (&client, https(closed), "the connection is refused"),
        (
            &client,
            https(right.port),
            "no TLS connection, the certificate is not trusted",
        ),
        (
            &other.trusting,
            https(other.port),
            "no TLS connection, the certificate is for another name",
        ),
        (
            &expired.trusting,
            https(expired.port),
            "no TLS connection, the certificate has expired or is not valid yet",
        ),
        (
            &client,
            plain.url().replace("http://127.0.0.1", "https://localhost"),
            "no TLS connection",
        ),
    ];
    for (client, url, said) in cases {
        assert_eq!(reason(client, url.clone()).await, said, "{url}");
    }
    let slow = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .await
        .expect("a port");
    let port = slow.local_addr().expect("an address").port();
    let said = reason(&client, format!("http://localhost:{port}/")).await;
    assert_eq!(said, "time-out");
    let resetting = tokio::spawn(async move {
        let (stream, _) = slow.accept().await.expect("a connection");
        drop(stream);
        let (stream, _) = slow.accept().await.expect("a connection");
        drop(stream);
    });
    let said = reason(&client, format!("http://localhost:{port}/")).await;
    assert!(said.starts_with("the connection"), "{said}");
    resetting.abort();
}
