//! Serves the page, on loopback alone.
//!
//! Its address holds a key, which keeps the scripts of web sites out; the users of this machine can read it on the first pages
//! of the other parts. Every request has to name this server as its `Host`, which no page of another name can make a
//! browser do (DNS rebinding), and a browser's request that changes something has to come from this page (`Origin`).

use std::collections::BTreeMap;
use std::io;
use std::net::Ipv4Addr;
use std::sync::Arc;

use askama::Template;
use axum::Router;
use axum::extract::{Query, Request, State};
use axum::middleware::{self, Next};
use axum::response::{Html, IntoResponse as _, Redirect, Response};
use axum::routing::get;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use tokio::net::TcpListener;

use super::action::Refused;
use super::panel::{Panel, Selection};
use super::{Sandbox, connector, live, mischief, rescue, servicenow};
use crate::sandbox_link::hosts;

/// Nothing from outside, no script but the page's own, no frame around it.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
                                       connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// The running server of the page. It ends when this is dropped.
pub(crate) struct Server {
    url: String,
    task: tokio::task::AbortHandle,
}

/// A new key of the page's address.
pub(crate) fn new_token() -> String {
    uuid::Uuid::new_v4().simple().to_string()
}

#[derive(Template)]
#[template(path = "sandbox/page.html")]
struct Page {
    panels: BTreeMap<&'static str, String>,
}

impl Page {
    /// A panel's content; the template has it as it is, because its own template has escaped it.
    fn panel(&self, id: &str) -> &str {
        self.panels.get(id).map_or("", String::as_str)
    }
}

impl Server {
    /// Serves on this port, or on a free one.
    ///
    /// # Errors
    /// The port is taken.
    pub(crate) async fn start(
        port: Option<u16>,
        token: String,
        sandbox: Arc<Sandbox>,
    ) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port.unwrap_or(0))).await?;
        let address = listener.local_addr()?;
        let url = format!("http://{address}/{token}/");
        sandbox.address.set(url.clone()).ok();
        let router = router(&token, address.port(), sandbox);
        let task = tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, router).await {
                tracing::error!(%error, "the sandbox ended");
            }
        });
        Ok(Self {
            url,
            task: task.abort_handle(),
        })
    }

    /// The page's whole address.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn router(token: &str, port: u16, sandbox: Arc<Sandbox>) -> Router {
    let with_slash = format!("/{token}/");
    let files = Router::new()
        .route("/sandbox.css", get(async || file("text/css", STYLE)))
        .route("/sandbox.js", get(async || file("text/javascript", SCRIPT)));
    let page = Router::new()
        .route("/events", get(live::events))
        .merge(servicenow::routes())
        .merge(rescue::routes())
        .merge(connector::routes())
        .merge(mischief::routes())
        .merge(files);
    Router::new()
        .route(&format!("/{token}/"), get(page_with_panels))
        .route(
            &format!("/{token}"),
            get(async move || Redirect::permanent(&with_slash)),
        )
        .nest(&format!("/{token}"), page)
        .fallback(async || {
            let hint =
                "The sandbox has another address: the first line that `cargo run -- up` prints.\n";
            (StatusCode::NOT_FOUND, hint)
        })
        .layer(middleware::from_fn(move |request, next| {
            guard(port, request, next)
        }))
        .with_state(sandbox)
}

const STYLE: &str = include_str!("sandbox.css");
const SCRIPT: &str = include_str!("sandbox.js");

fn file(content_type: &'static str, content: &'static str) -> Response {
    ([(header::CONTENT_TYPE, content_type)], content).into_response()
}

/// The page as it is now, so that it shows something at once.
async fn page_with_panels(
    State(sandbox): State<Arc<Sandbox>>,
    Query(pairs): Query<BTreeMap<String, String>>,
) -> Result<Html<String>, Refused> {
    let panels = panels(&sandbox, &Selection::of(pairs)).await;
    let panels = panels.into_iter().map(|panel| (panel.id, panel.html));
    let page = Page {
        panels: panels.collect(),
    };
    Ok(Html(page.render()?))
}

/// Every panel of the page. A column that cannot be read says so in its place, and the others stand.
pub(super) async fn panels(sandbox: &Sandbox, selection: &Selection) -> Vec<Panel> {
    [
        ("panel-mischief", mischief::panels(sandbox)),
        (
            "panel-servicenow",
            servicenow::panels(sandbox, selection).await,
        ),
        ("panel-rescue", rescue::panels(sandbox, selection)),
        ("panel-posts", connector::panels(sandbox, selection).await),
    ]
    .into_iter()
    .flat_map(|(id, panels)| panels.unwrap_or_else(|error| vec![Panel::unreadable(id, &error)]))
    .collect()
}

/// Headers of every answer, refusals included.
const HEADERS: [(header::HeaderName, &str); 5] = [
    (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::CACHE_CONTROL, "no-store"),
    (
        header::HeaderName::from_static("cross-origin-resource-policy"),
        "same-origin",
    ),
];

async fn guard(port: u16, request: Request, next: Next) -> Response {
    let mut response = match check(port, request.method(), request.headers()) {
        Ok(()) => next.run(request).await,
        Err(refusal) => (StatusCode::FORBIDDEN, refusal).into_response(),
    };
    for (name, value) in HEADERS {
        let headers = response.headers_mut();
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

/// Whether a request may come from this page or from a person's own command.
fn check(port: u16, method: &Method, headers: &HeaderMap) -> Result<(), &'static str> {
    let text = |name| headers.get(name).map(HeaderValue::as_bytes);
    let hosts = hosts(port);
    let host = text(header::HOST).and_then(|host| hosts.iter().find(|own| own.as_bytes() == host));
    let host = host.ok_or("The sandbox answers to 127.0.0.1 and localhost alone.\n")?;
    // A command line sends no Origin; browsers send it with every request that is not a GET (Fetch standard, "Origin header").
    let own = format!("http://{host}");
    let foreign = text(header::ORIGIN).is_some_and(|origin| origin != own.as_bytes());
    let site = text(header::HeaderName::from_static("sec-fetch-site"));
    let foreign = foreign || site.is_some_and(|site| site != b"same-origin" && site != b"none");
    if foreign && method != Method::GET {
        return Err("Another site cannot use the sandbox.\n");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use reqwest::Client;

    use super::*;
    use crate::sandbox::testing::sandbox;

    const PORT: u16 = 8404;

    fn answered(method: &Method, headers: &[(&'static str, &'static str)]) -> bool {
        let headers = headers.iter().map(|(name, value)| {
            let name = header::HeaderName::from_static(name);
            (name, HeaderValue::from_static(value))
        });
        check(PORT, method, &headers.collect()).is_ok()
    }

    #[test]
    fn a_request_names_this_server_as_its_host() {
        for host in ["127.0.0.1:8404", "localhost:8404"] {
            assert!(answered(&Method::GET, &[("host", host)]), "{host}");
            assert!(answered(&Method::POST, &[("host", host)]), "{host}");
        }
        for host in [
            "sandbox.attacker.test:8404",
            "127.0.0.1.attacker.test:8404",
            "127.0.0.1:8404.attacker.test",
            "127.0.0.1:8403",
            "127.0.0.1",
            "localhost",
            "0.0.0.0:8404",
            "[::1]:8404",
            "",
        ] {
            assert!(!answered(&Method::GET, &[("host", host)]), "{host}");
            assert!(!answered(&Method::POST, &[("host", host)]), "{host}");
        }
        assert!(!answered(&Method::GET, &[]));
    }

    #[test]
    fn a_browsers_request_that_changes_something_comes_from_the_page_itself() {
        const HOST: (&str, &str) = ("host", "127.0.0.1:8404");
        let posts = |name, value| answered(&Method::POST, &[HOST, (name, value)]);
        assert!(posts("origin", "http://127.0.0.1:8404"));
        assert!(posts("sec-fetch-site", "same-origin"));
        assert!(posts("sec-fetch-site", "none"));
        for origin in [
            "https://attacker.test",
            "http://127.0.0.1:8402",
            "http://127.0.0.1",
            "https://127.0.0.1:8404",
            // The same server under its other name is another origin.
            "http://localhost:8404",
            "null",
            "",
        ] {
            assert!(!posts("origin", origin), "{origin}");
        }
        for site in ["cross-site", "same-site", ""] {
            assert!(!posts("sec-fetch-site", site), "{site}");
        }
        let both = [
            HOST,
            ("origin", "http://127.0.0.1:8404"),
            ("sec-fetch-site", "cross-site"),
        ];
        for method in [Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
            assert!(!answered(&method, &both), "{method}");
        }
        // A link from elsewhere leads to the page; only a person with its key has one.
        assert!(answered(
            &Method::GET,
            &[HOST, ("sec-fetch-site", "cross-site")]
        ));
    }

    async fn started() -> (Server, Client) {
        let server = Server::start(None, new_token(), sandbox().await).await;
        let client = shared::http::client(None).expect("a client");
        (server.expect("a free port"), client)
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn without_the_key_there_is_a_hint_and_nothing_of_the_page() {
        let (server, client) = started().await;
        let whole = server.url();
        let token = whole.trim_end_matches('/').rsplit('/').next();
        let token = token.expect("a key");
        let root = whole.replace(&format!("{token}/"), "");
        let other = new_token();
        for path in [
            String::new(),
            format!("{other}/"),
            format!("{other}/events"),
            format!("{other}/sandbox.js"),
            format!("{}/", &token[1..]),
            format!("{}/", token.to_uppercase() + "0"),
            "events".to_owned(),
            "sandbox.js".to_owned(),
            format!("%2e/{other}/../"),
        ] {
            for request in [
                client.get(root.clone() + &path),
                client.post(root.clone() + &path),
            ] {
                let answer = request.send().await.expect("an answer");
                assert_eq!(answer.status(), 404, "{path}");
                let text = answer.text().await.expect("a text");
                assert!(
                    text.contains("first line that `cargo run -- up` prints"),
                    "{text}"
                );
                assert!(!text.contains('<') && !text.contains(token), "{text}");
            }
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn every_answer_forbids_what_the_page_does_not_need() {
        let (server, client) = started().await;
        let url = server.url().to_owned();
        let foreign = || client.post(&url).header("origin", "https://attacker.test");
        let rebound = || client.get(&url).header("host", "attacker.test");
        for (request, status) in [
            (client.get(&url), 200),
            (client.get(url.clone() + "sandbox.css"), 200),
            (client.get(url.clone() + "sandbox.js"), 200),
            (client.get(url.clone() + "nothing"), 404),
            (foreign(), 403),
            (rebound(), 403),
        ] {
            let answer = request.send().await.expect("an answer");
            assert_eq!(answer.status(), status);
            let header = |name| {
                answer
                    .headers()
                    .get(name)
                    .and_then(|value| value.to_str().ok())
            };
            let policy = header("content-security-policy").expect("a policy");
            for part in [
                "default-src 'none'",
                "script-src 'self'",
                "base-uri 'none'",
                "frame-ancestors 'none'",
                "form-action 'self'",
            ] {
                assert!(policy.contains(part), "{part}: {policy}");
            }
            assert!(
                !policy.contains("unsafe") && !policy.contains('*'),
                "{policy}"
            );
            assert_eq!(header("x-content-type-options"), Some("nosniff"));
            assert_eq!(header("referrer-policy"), Some("no-referrer"));
            assert_eq!(header("cache-control"), Some("no-store"));
            assert_eq!(header("access-control-allow-origin"), None);
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn the_page_loads_nothing_from_another_host_and_runs_no_inline_code() {
        let (server, client) = started().await;
        let page = client.get(server.url()).send().await.expect("an answer");
        let page = page.text().await.expect("a page");
        for part in page.split('<').filter(|part| part.contains('>')) {
            let tag = part.split('>').next().unwrap_or_default();
            assert!(!tag.contains(" style="), "{tag}");
            for event in ["click", "error", "load", "submit", "change"] {
                assert!(!tag.contains(&format!(" on{event}=")), "{tag}");
            }
            assert!(!tag.contains(" src=\"http"), "{tag}");
            assert!(!tag.contains(" action=\"http"), "{tag}");
            assert!(!tag.starts_with("link") || !tag.contains("http"), "{tag}");
            assert!(!tag.starts_with("style"), "{tag}");
            assert!(!tag.starts_with("script") || tag.contains("src="), "{tag}");
        }
        assert!(page.contains("<h1>"), "{page}");
    }
}
