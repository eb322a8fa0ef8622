//! Connections that are opened, TLS included, before the first request needs them (decision 0015).

use std::any::Any;
use std::collections::HashMap;
use std::error::Error;
use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use reqwest::Url;
use tokio::task::JoinHandle;
use tower_layer::Layer;
use tower_service::Service;

/// A connection that has not been used by then is closed: the server may have done so as well.
const USABLE_FOR: Duration = Duration::from_secs(5);

tokio::task_local! {
    /// Why the client connects. Not set for calls of vendors, whose connections are not opened before.
    static PURPOSE: Purpose;
}

/// With the authority of the URL: the client hides it from the layer.
#[derive(Clone, Debug)]
enum Purpose {
    /// To keep the connection for the first request.
    Open(String),
    /// To send a request.
    Send(String),
}

/// Begins to open a connection to the URL's host. Nothing is sent on it but a TLS handshake.
pub(super) async fn open(client: &reqwest::Client, url: Url) {
    let purpose = Purpose::Open(url.authority().to_owned());
    // The request always fails, with `OnlyOpened`. A failed connection shows in the call that needs it.
    let _ = PURPOSE.scope(purpose, client.get(url).send()).await;
}

/// Sends a request, on the connection that was opened for it, if there is one.
pub(super) async fn send(
    client: &reqwest::Client,
    request: reqwest::Request,
) -> reqwest::Result<reqwest::Response> {
    let purpose = Purpose::Send(request.url().authority().to_owned());
    PURPOSE.scope(purpose, client.execute(request)).await
}

#[derive(Debug, thiserror::Error)]
#[error("the connection was only opened")]
struct OnlyOpened;

/// The layer of the client's connector that keeps opened connections, one for each authority.
#[derive(Clone, Default)]
pub(super) struct Opening(Arc<Mutex<HashMap<String, Opened>>>);

struct Opened {
    since: Instant,
    /// The task that connects. Its type depends on a type of the client that has no public name.
    connecting: Box<dyn Any + Send>,
}

impl Opening {
    fn keep<C: Send + 'static>(&self, authority: String, connecting: JoinHandle<C>) {
        let opened = Opened {
            since: Instant::now(),
            connecting: Box::new(connecting),
        };
        self.lock().insert(authority, opened);
    }

    fn take<C: Send + 'static>(&self, authority: &str) -> Option<JoinHandle<C>> {
        let opened = self.lock().remove(authority)?;
        let usable = opened.since.elapsed() < USABLE_FOR;
        let connecting = usable.then(|| opened.connecting.downcast().ok())?;
        connecting.map(|connecting| *connecting)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Opened>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Opening {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_list().entries(self.lock().keys()).finish()
    }
}

impl<S> Layer<S> for Opening {
    type Service = Connector<S>;

    fn layer(&self, inner: S) -> Connector<S> {
        Connector {
            inner,
            opening: self.clone(),
        }
    }
}

/// Connects, or returns the connection that was opened.
#[derive(Clone, Debug)]
pub(super) struct Connector<S> {
    inner: S,
    opening: Opening,
}

type BoxError = Box<dyn Error + Send + Sync>;

impl<S, T> Service<T> for Connector<S>
where
    S: Service<T, Error = BoxError> + Clone + Send + 'static,
    S::Future: Send + 'static,
    S::Response: Send + 'static,
    T: Send + 'static,
{
    type Response = S::Response;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, target: T) -> Self::Future {
        let opened = match PURPOSE.try_with(Clone::clone) {
            Ok(Purpose::Open(authority)) => {
                self.opening
                    .keep(authority, tokio::spawn(self.inner.call(target)));
                return Box::pin(async { Err(OnlyOpened.into()) });
            }
            Ok(Purpose::Send(authority)) => self
                .opening
                .take::<Result<S::Response, BoxError>>(&authority),
            Err(_) => None,
        };
        let Some(opened) = opened else {
            return Box::pin(self.inner.call(target));
        };
        let mut inner = self.inner.clone();
        Box::pin(async move {
            match opened.await {
                Ok(Ok(connection)) => Ok::<S::Response, BoxError>(connection),
                Ok(Err(_)) | Err(_) => inner.call(target).await,
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::{TcpListener, TcpStream};

    use super::*;

    async fn listener() -> (TcpListener, Url) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("bound").port();
        let url = format!("http://127.0.0.1:{port}/").parse().expect("a URL");
        (listener, url)
    }

    async fn answer(mut stream: TcpStream) {
        let mut request = [0; 1024];
        let read = stream.read(&mut request).await.expect("a request");
        assert!(request[..read].starts_with(b"GET / HTTP/1.1\r\n"));
        let answer = b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n";
        stream.write_all(answer).await.expect("answered");
    }

    async fn status(client: &reqwest::Client, url: &Url) -> u16 {
        let request = client.get(url.clone()).build().expect("a request");
        let answer = send(client, request).await.expect("an answer");
        answer.status().as_u16()
    }

    #[tokio::test]
    async fn the_first_request_is_sent_on_the_connection_that_was_opened_with_nothing_on_it() {
        let (listener, url) = listener().await;
        let client = crate::http::client(None).expect("a client");
        open(&client, url.clone()).await;
        let (stream, _) = listener.accept().await.expect("a connection");
        let silence = stream.try_read(&mut [0; 1]).expect_err("nothing is sent");
        assert_eq!(silence.kind(), std::io::ErrorKind::WouldBlock);
        let (status, ()) = tokio::join!(status(&client, &url), answer(stream));
        assert_eq!(status, 204);
        // The next one connects anew.
        let next = async { answer(listener.accept().await.expect("a connection").0).await };
        let (status, ()) = tokio::join!(self::status(&client, &url), next);
        assert_eq!(status, 204);
    }

    #[tokio::test]
    async fn a_request_connects_itself_when_the_connection_could_not_be_opened() {
        let (first, url) = listener().await;
        drop(first);
        let client = crate::http::client(None).expect("a client");
        open(&client, url.clone()).await;
        let port = url.port().expect("a port");
        tokio::task::yield_now().await;
        let again = TcpListener::bind(("127.0.0.1", port)).await.expect("free");
        let server = async { answer(again.accept().await.expect("a connection").0).await };
        let (status, ()) = tokio::join!(status(&client, &url), server);
        assert_eq!(status, 204);
    }

    #[tokio::test]
    async fn a_request_to_another_host_connects_itself() {
        let ((one, first), (other, second)) = (listener().await, listener().await);
        let client = crate::http::client(None).expect("a client");
        open(&client, first).await;
        let server = async { answer(other.accept().await.expect("a connection").0).await };
        let (status, ()) = tokio::join!(status(&client, &second), server);
        assert_eq!(status, 204);
        one.accept().await.expect("the opened connection");
    }
}
