//! The HTTP client with which Rescue posts, and with which tests call the simulators.

use std::sync::Arc;
use std::time::Duration;

/// A client as plain as Rescue's Post-to-URL sender: no redirects, no cookies, no retry.
pub(crate) fn plain_client() -> Result<reqwest::Client, Box<dyn std::error::Error + Send + Sync>> {
    let roots: rustls::RootCertStore = webpki_roots::TLS_SERVER_ROOTS.iter().cloned().collect();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let client = reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .pool_max_idle_per_host(0)
        .no_proxy()
        .timeout(Duration::from_secs(30))
        .build()?;
    Ok(client)
}
