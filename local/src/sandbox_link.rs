//! The link to the sandbox on the first pages of the other parts.

use shared::domain::secret::Secret;

use crate::markup::{escaped, page};

/// The sandbox's address, as one of the other parts shows it.
///
/// The address holds a key, so a part shows it only to requests that name the part's own address as their `Host`, which no
/// page of another name can make a browser do (DNS rebinding).
#[derive(Clone, Debug)]
pub(crate) struct SandboxLink {
    sandbox: Secret,
    hosts: Vec<String>,
}

impl SandboxLink {
    /// `part` is the base URL of the part, on loopback.
    pub(crate) fn new(sandbox: &str, part: &str) -> Self {
        let port = part.rsplit(':').next().and_then(|port| port.parse().ok());
        Self {
            sandbox: Secret::from(sandbox),
            hosts: port.map(hosts).unwrap_or_default(),
        }
    }

    /// The sandbox's address, for a request with this `Host`.
    pub(crate) fn shown_to(&self, host: Option<&str>) -> Option<&str> {
        let is_own = self.hosts.iter().any(|own| Some(own.as_str()) == host);
        is_own.then(|| self.sandbox.expose())
    }
}

/// What a request to a port of this machine has as its `Host`; clients leave 80 out.
pub(crate) fn hosts(port: u16) -> Vec<String> {
    let names = ["127.0.0.1", "localhost"];
    match port {
        80 => names.map(str::to_owned).into(),
        port => names.map(|name| format!("{name}:{port}")).into(),
    }
}

/// A link to this address.
pub(crate) fn link(sandbox: &str) -> String {
    format!("<a href=\"{}\">Sandbox</a>", escaped(sandbox))
}

/// The first page of a part that has no other pages.
pub(crate) fn first_page(part: &str, sandbox: &str) -> String {
    let body = format!(
        "<p>{}: the page on which this part of the local stack is shown and used.</p>",
        link(sandbox)
    );
    page(part, &body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_is_shown_to_requests_that_name_the_part_itself_and_to_no_others() {
        let link = SandboxLink::new("http://127.0.0.1:8404/key/", "http://127.0.0.1:8401");
        for host in ["127.0.0.1:8401", "localhost:8401"] {
            let shown = link.shown_to(Some(host));
            assert_eq!(shown, Some("http://127.0.0.1:8404/key/"), "{host}");
        }
        for host in [
            "",
            "localhost",
            "127.0.0.1:8404",
            "evil.test:8401",
            "localhost:8401.evil.test",
        ] {
            assert_eq!(link.shown_to(Some(host)), None, "{host}");
        }
        assert_eq!(link.shown_to(None), None);
        assert!(!format!("{link:?}").contains("key"));
    }
}
