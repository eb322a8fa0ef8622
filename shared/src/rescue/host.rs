//! Which Rescue host a tenant's account is on (docs/vendors.md#rescue-hosts).

use url::Url;

use crate::domain::instance::is_loopback;
use crate::domain::tenant::{Account, Rescue};
use crate::rescue::pin::Pin;

/// A Rescue host: `https`, without user, path, query or fragment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Host(Url);

impl Host {
    /// The host of a tenant: its `base_url`, or that of its `account`.
    ///
    /// # Errors
    /// Says which rule a `base_url` breaks.
    pub fn of(rescue: &Rescue, allow_loopback: bool) -> Result<Self, HostError> {
        match &rescue.base_url {
            Some(base_url) => Self::parse(base_url, allow_loopback),
            None => Self::parse(
                match rescue.account {
                    Account::Global => "https://secure.logmeinrescue.com",
                    Account::Eu => "https://secure.logmeinrescue.eu",
                    Account::Enterprise => "https://secure.logmeinrescue-enterprise.com",
                },
                false,
            ),
        }
    }

    /// Reads a host. With `allow_loopback` (`ALLOW_LOOPBACK=1`, only for tests) this machine may be called over `http`.
    ///
    /// # Errors
    /// Says which rule the URL breaks.
    pub fn parse(base_url: &str, allow_loopback: bool) -> Result<Self, HostError> {
        let url = Url::parse(base_url.trim()).map_err(|_| HostError::NotAUrl)?;
        let loopback = allow_loopback && is_loopback(&url);
        if url.scheme() != "https" && !(loopback && url.scheme() == "http") {
            return Err(HostError::NotHttps);
        }
        let nothing_else = url.username().is_empty()
            && url.password().is_none()
            && url.path() == "/"
            && url.query().is_none()
            && url.fragment().is_none();
        if nothing_else {
            Ok(Self(url))
        } else {
            Err(HostError::MoreThanAHost)
        }
    }

    /// The page on which a customer enters a PIN, with the PIN filled in (docs/vendors.md#pin-codes).
    pub fn link(&self, pin: &Pin) -> String {
        format!("{}Customer/Code.aspx?Code={}", self.0, pin.expose())
    }

    /// The page of an API method.
    pub(crate) fn page(&self, method: &str) -> String {
        format!("{}API/{method}.aspx", self.0)
    }

    /// Whether it is one of the vendor's hosts in the EU, whose domains end in `.eu`.
    pub(crate) fn is_in_the_eu(&self) -> bool {
        self.0.host_str().is_some_and(|host| host.ends_with(".eu"))
    }

    /// Scheme, host and port.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

/// Why a host may not be called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HostError {
    /// It cannot be read as a URL with a host.
    #[error("is not a URL like https://rescue.acme.test")]
    NotAUrl,
    /// Another scheme.
    #[error("must start with https://")]
    NotHttps,
    /// A user, path, query or fragment beside the host.
    #[error("must end after the host: no user, path, query or fragment")]
    MoreThanAHost,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_leads_to_the_tenants_own_host_and_keeps_leading_zeros() {
        let host = Host::parse("https://secure.logmeinrescue.eu", false).expect("a host");
        let pin = Pin::parse("012345").expect("a PIN");
        assert_eq!(
            host.link(&pin),
            "https://secure.logmeinrescue.eu/Customer/Code.aspx?Code=012345"
        );
    }

    #[test]
    fn a_host_in_the_eu_is_known_by_its_domain() {
        for (host, in_the_eu) in [
            ("https://secure.logmeinrescue.eu", true),
            ("https://secure.logmeinrescue-enterprise.eu", true),
            ("https://secure.logmeinrescue.com", false),
            ("https://eu.acme.test", false),
        ] {
            let read = Host::parse(host, false).expect(host);
            assert_eq!(read.is_in_the_eu(), in_the_eu, "{host}");
        }
    }

    #[test]
    fn a_host_is_https_and_nothing_but_a_host() {
        for (refused, error) in [
            ("rescue", HostError::NotAUrl),
            ("http://rescue.acme.test", HostError::NotHttps),
            ("http://127.0.0.1:9001", HostError::NotHttps),
            ("https://rescue.acme.test/API", HostError::MoreThanAHost),
            ("https://a:b@rescue.acme.test", HostError::MoreThanAHost),
        ] {
            assert_eq!(Host::parse(refused, false), Err(error), "{refused}");
        }
        assert!(Host::parse("http://127.0.0.1:9001", true).is_ok());
        assert_eq!(
            Host::parse("http://rescue.acme.test", true),
            Err(HostError::NotHttps)
        );
    }
}
