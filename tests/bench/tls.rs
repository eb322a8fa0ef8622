//! TLS in front of the plain endpoints: an authority for the run, and fronts that terminate TLS and pass bytes on. Each
//! program trusts the authority's certificate and verifies as usual.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::PrivateKeyDer;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{AbortHandle, JoinSet};
use tokio_rustls::TlsAcceptor;
use uuid::Uuid;

use crate::error::BenchResult;

/// The certificate authority of the fronts. Its key never leaves this process.
pub(crate) struct Authority {
    /// Its certificate, in PEM. Removed on drop.
    pub(crate) file: PathBuf,
    acceptor: TlsAcceptor,
}

impl Authority {
    /// Makes an authority, and one certificate for 127.0.0.1 and localhost.
    pub(crate) fn new() -> BenchResult<Self> {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params
            .distinguished_name
            .push(DnType::CommonName, "Benchmark authority");
        let key = KeyPair::generate()?;
        let certificate = params.self_signed(&key)?;
        let issuer = Issuer::new(params, key);

        let names = ["127.0.0.1", "localhost"].map(str::to_owned);
        let mut params = CertificateParams::new(names)?;
        params.use_authority_key_identifier_extension = true;
        params
            .distinguished_name
            .push(DnType::CommonName, "Benchmark endpoint");
        let key = KeyPair::generate()?;
        let endpoint = params.signed_by(&key, &issuer)?;

        let private = PrivateKeyDer::try_from(key.serialize_der())?;
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(vec![endpoint.der().clone()], private)?;
        let file = std::env::temp_dir().join(format!("authority-{}.pem", Uuid::new_v4()));
        fs::write(&file, certificate.pem())?;
        Ok(Self {
            file,
            acceptor: TlsAcceptor::from(Arc::new(config)),
        })
    }
}

impl Drop for Authority {
    fn drop(&mut self) {
        // The file is in the folder for temporary files: one that stays does no harm.
        let _ = fs::remove_file(&self.file);
    }
}

/// A TLS port in front of a plain one. Ends on drop.
#[derive(Debug)]
pub(crate) struct Front {
    address: SocketAddr,
    task: AbortHandle,
}

impl Front {
    /// Accepts TLS connections on a free port and passes their bytes on to `http://HOST:PORT`.
    pub(crate) async fn start(authority: &Authority, plain_url: &str) -> BenchResult<Self> {
        let plain = plain_url
            .strip_prefix("http://")
            .ok_or("a plain endpoint has an http:// URL")?
            .trim_end_matches('/')
            .parse()?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let task = tokio::spawn(listen(listener, authority.acceptor.clone(), plain));
        Ok(Self {
            address,
            task: task.abort_handle(),
        })
    }

    /// `https://127.0.0.1:PORT`, without a slash at the end.
    pub(crate) fn url(&self) -> String {
        format!("https://{}", self.address)
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn listen(listener: TcpListener, acceptor: TlsAcceptor, plain: SocketAddr) {
    // Dropped with this task, and so with the front.
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        connections.spawn(pass_on(stream, acceptor.clone(), plain));
        while connections.try_join_next().is_some() {}
    }
}

/// After a failed handshake the program's call fails, and the program reports it.
async fn pass_on(stream: TcpStream, acceptor: TlsAcceptor, plain: SocketAddr) {
    let _ = stream.set_nodelay(true);
    let both = tokio::try_join!(acceptor.accept(stream), TcpStream::connect(plain));
    let Ok((mut stream, mut endpoint)) = both else {
        return;
    };
    let _ = endpoint.set_nodelay(true);
    let _ = copy_bidirectional(&mut stream, &mut endpoint).await;
}
