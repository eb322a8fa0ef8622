//! Which hosts a tenant's instance may have (docs/architecture.md#rule-9).

use url::{Host, Url};

/// The domains that ServiceNow serves instances from.
pub const DOMAINS: [&str; 2] = ["service-now.com", "servicenowservices.com"];

/// An instance that may be called: `https`, without path, user, query or fragment, and on a host that is in a
/// ServiceNow domain or that the operator allowed by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instance(Url);

impl Instance {
    /// Reads a tenant's `instance` and its `allow_host`.
    ///
    /// With `allow_loopback` (`ALLOW_LOOPBACK=1`, only for tests) a loopback address is allowed too, also over `http`.
    ///
    /// # Errors
    /// The rule that the URL breaks.
    pub fn parse(
        instance: &str,
        allow_host: Option<&str>,
        allow_loopback: bool,
    ) -> Result<Self, InstanceError> {
        let url = Url::parse(instance.trim()).map_err(|_| InstanceError::NotAUrl)?;
        let host = url.host_str().ok_or(InstanceError::NotAUrl)?;
        let loopback = allow_loopback && is_loopback(&url);
        if url.scheme() != "https" && !(loopback && url.scheme() == "http") {
            return Err(InstanceError::NotHttps);
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(InstanceError::NamesAUser);
        }
        if url.path() != "/" || url.query().is_some() || url.fragment().is_some() {
            return Err(InstanceError::MoreThanAHost);
        }
        let allowed = loopback
            || in_servicenow_domain(host)
            || allow_host.is_some_and(|allowed| host.eq_ignore_ascii_case(allowed.trim()));
        if allowed {
            Ok(Self(url))
        } else {
            Err(InstanceError::ForeignHost(host.to_owned()))
        }
    }

    /// The instance's URL; its path is `/`.
    pub const fn base(&self) -> &Url {
        &self.0
    }
}

/// Why an instance may not be called.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InstanceError {
    /// It cannot be read as a URL with a host.
    #[error("is not a URL like https://acme.service-now.com")]
    NotAUrl,
    /// Another scheme.
    #[error("must start with https://")]
    NotHttps,
    /// A user or password before the host.
    #[error("must not hold a user name or password")]
    NamesAUser,
    /// A path, query or fragment after the host.
    #[error("must end after the host: no path, query or fragment")]
    MoreThanAHost,
    /// A host outside the ServiceNow domains that `allow_host` does not name.
    #[error(
        "has the host {0}, which is in no ServiceNow domain (service-now.com, servicenowservices.com); \
             if it is right, write allow_host = \"{0}\" beside it"
    )]
    ForeignHost(String),
}

/// Whether a URL's host is this machine: `localhost`, `127.0.0.0/8` or `::1`.
pub fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

fn in_servicenow_domain(host: &str) -> bool {
    DOMAINS.into_iter().any(|domain| {
        host.strip_suffix(domain)
            .and_then(|rest| rest.strip_suffix('.'))
            .is_some_and(|name| !name.is_empty())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(instance: &str) -> InstanceError {
        Instance::parse(instance, Some("tickets.acme.test"), false).expect_err(instance)
    }

    #[test]
    fn an_instance_is_https_in_a_servicenow_domain_or_on_the_allowed_host() {
        for accepted in [
            "https://acme.service-now.com",
            "https://acme.service-now.com/",
            "https://ACME.Service-Now.com:443",
            "https://acme.servicenowservices.com",
            "https://tickets.acme.test",
        ] {
            let instance = Instance::parse(accepted, Some("Tickets.acme.test"), false);
            assert_eq!(instance.expect(accepted).base().path(), "/");
        }
    }

    #[test]
    fn a_host_that_only_looks_like_servicenow_is_refused() {
        for refused in [
            "https://service-now.com",
            "https://evilservice-now.com",
            "https://acme.service-now.com.evil.test",
            "https://acme.service-now.com.",
            "https://sub.tickets.acme.test",
            "https://169.254.169.254",
            "https://127.0.0.1",
        ] {
            assert!(
                matches!(error(refused), InstanceError::ForeignHost(_)),
                "{refused}"
            );
        }
    }

    #[test]
    fn an_instance_has_nothing_but_scheme_host_and_port() {
        assert_eq!(error("acme"), InstanceError::NotAUrl);
        assert_eq!(
            error("http://acme.service-now.com"),
            InstanceError::NotHttps
        );
        assert_eq!(error("http://127.0.0.1:8080"), InstanceError::NotHttps);
        assert_eq!(
            error("https://acme.service-now.com@evil.test"),
            InstanceError::NamesAUser
        );
        for more in ["/now", "?a=b", "#top"] {
            let instance = format!("https://acme.service-now.com{more}");
            assert_eq!(error(&instance), InstanceError::MoreThanAHost, "{more}");
        }
    }

    #[test]
    fn loopback_is_allowed_for_tests_and_no_other_http_host() {
        for accepted in [
            "http://127.0.0.1:8080",
            "http://localhost:8080",
            "http://[::1]:8080",
        ] {
            assert!(Instance::parse(accepted, None, true).is_ok(), "{accepted}");
        }
        assert_eq!(
            Instance::parse("http://10.0.0.1:8080", None, true),
            Err(InstanceError::NotHttps)
        );
    }
}
