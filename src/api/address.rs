//! The address of the API, one that the token may be sent to.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use reqwest::Url;
use rustls::pki_types::ServerName;

use crate::name::Invalid;
use crate::text::sanitize::is_control;

/// The base of every call: `https` to anywhere, plain `http` only to this machine itself, since
/// the token travels with each call.
///
/// A path is kept, for an API behind a reverse proxy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiUrl(Url);

impl ApiUrl {
    /// The address unless someone sets another one.
    pub const DEFAULT: &str = "https://api.primeintellect.ai";

    /// Returns whether it is on this machine: `127.0.0.0/8`, `::1` or `localhost`.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        is_loopback(&self.0)
    }

    /// Returns whether it is plain `http`; it is on this machine then.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        self.0.scheme() == "http"
    }

    /// The address of one call. Each segment is percent-encoded as a whole; `.` and `..` are
    /// passed over, so a caller has to refuse them first.
    pub(super) fn call<'s>(&self, segments: impl IntoIterator<Item = &'s str>) -> Url {
        let mut url = self.0.clone();
        // An http address always has a path, so this cannot fail.
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(segments);
        }
        url
    }

    /// Returns whether the token may go to `url` too: same scheme, host and port.
    pub(super) fn has_origin_of(&self, url: &Url) -> bool {
        self.0.origin() == url.origin()
    }
}

impl FromStr for ApiUrl {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let text = text.trim();
        // The parser drops tabs and line ends wherever they stand.
        if text.chars().any(is_control) {
            return Err(Invalid::because("control character"));
        }
        if !text.contains(':') {
            return Err(no_scheme());
        }
        let mut url = Url::parse(text)
            .map_err(|error| Invalid::because(format!("{error} (like `{}`)", Self::DEFAULT)))?;
        check(&url)?;
        let path = base_path(url.path()).to_owned();
        url.set_path(&path);
        Ok(Self(url))
    }
}

impl fmt::Display for ApiUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_str().trim_end_matches('/'))
    }
}

fn no_scheme() -> Invalid {
    Invalid::because(format!("it should begin with `https://` (like `{}`)", ApiUrl::DEFAULT))
}

fn check(url: &Url) -> Result<(), Invalid> {
    match url.scheme() {
        "https" => {}
        "http" if is_loopback(url) => {}
        "http" => {
            return Err(Invalid::because(
                "plain `http` would show the token to the network: use `https`, or an address of \
                 this machine",
            ));
        }
        _ => return Err(no_scheme()),
    }
    if url.host_str().is_none_or(|host| ServerName::try_from(bare(host)).is_err()) {
        return Err(Invalid::because("its host is neither a name nor an address"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(Invalid::because("it must not contain a user name or password"));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(Invalid::because("it must not contain `?` or `#`"));
    }
    Ok(())
}

/// Returns the part of a path to keep: users of the `prime` CLI have `…/`, `…/api/v1` and
/// `…/api/v1/`.
fn base_path(path: &str) -> &str {
    let path = path.trim_end_matches('/');
    path.strip_suffix("/api/v1").unwrap_or(path).trim_end_matches('/')
}

fn is_loopback(url: &Url) -> bool {
    let host = bare(url.host_str().unwrap_or_default());
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// An IPv6 address without its brackets.
fn bare(host: &str) -> &str {
    host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> String {
        text.parse::<ApiUrl>().unwrap().to_string()
    }

    #[test]
    fn what_the_prime_cli_accepts_is_accepted() {
        for text in [
            "https://api.primeintellect.ai",
            "https://api.primeintellect.ai/",
            "https://api.primeintellect.ai//",
            "https://api.primeintellect.ai/api/v1",
            "https://api.primeintellect.ai/api/v1/",
            " HTTPS://API.primeintellect.ai:443/api/v1\n",
        ] {
            assert_eq!(parsed(text), ApiUrl::DEFAULT, "{text:?}");
        }
        assert_eq!(parsed("https://proxy.example/prime/api/v1/"), "https://proxy.example/prime");
        assert_eq!(parsed("https://proxy.example/api/v1x"), "https://proxy.example/api/v1x");
        assert_eq!(parsed("https://[2001:db8::1]:8443/"), "https://[2001:db8::1]:8443");
    }

    #[test]
    fn plain_http_stays_on_this_machine() {
        for text in [
            "http://127.0.0.1:80",
            "http://127.9.9.9:8080/x",
            "http://[::1]:9",
            "http://localhost:8080",
            "http://LOCALHOST",
        ] {
            let url: ApiUrl = text.parse().unwrap();
            assert!(url.is_loopback() && url.is_plain(), "{text}");
        }
        for text in [
            "http://api.primeintellect.ai",
            "http://10.0.0.1",
            "http://0.0.0.0",
            "http://localhost.example.com",
            "http://127.0.0.1.example.com",
            "http://localhost.",
            "http://[::ffff:127.0.0.1]",
            "http://127.0.0.1@example.com",
        ] {
            assert!(text.parse::<ApiUrl>().is_err(), "{text}");
        }
        let url: ApiUrl = "https://example.com".parse().unwrap();
        assert!(!url.is_loopback() && !url.is_plain());
    }

    #[test]
    fn what_is_no_address_says_why() {
        for (text, why) in [
            ("", "begin with `https://`"),
            ("api.primeintellect.ai", "begin with `https://`"),
            ("localhost:8080", "begin with `https://`"),
            ("ftp://api.primeintellect.ai", "begin with `https://`"),
            ("https://", "empty host"),
            ("http://example.com", "would show the token"),
            ("https://me:secret@example.com", "user name or password"),
            ("https://me@example.com", "user name or password"),
            ("https://example.com/?a=b", "must not contain"),
            ("https://example.com/#a", "must not contain"),
            ("https://exam\nple.com", "control character"),
            ("https://example.com:99999", "port"),
            ("https://a..example.com", "neither a name nor an address"),
            (&format!("https://{}.com", "a".repeat(64)), "neither a name nor an address"),
        ] {
            let error = text.parse::<ApiUrl>().unwrap_err().to_string();
            assert!(error.contains(why), "{text:?}: {error}");
            assert!(!error.contains("secret"));
        }
    }

    #[test]
    fn a_segment_stays_one_segment() {
        let url: ApiUrl = "https://example.com/base".parse().unwrap();
        for (id, encoded) in [
            ("clst01", "clst01"),
            ("a/b", "a%2Fb"),
            ("../../x", "..%2F..%2Fx"),
            ("%2e%2e", "%252e%252e"),
            ("a?b#c", "a%3Fb%23c"),
            ("my cluster", "my%20cluster"),
            ("a\\b;c", "a%5Cb;c"),
            ("größe", "gr%C3%B6%C3%9Fe"),
            ("...", "..."),
        ] {
            let call = url.call(["api", "admin", "clusters", id]);
            assert_eq!(
                call.as_str(),
                format!("https://example.com/base/api/admin/clusters/{encoded}"),
            );
        }
    }

    #[test]
    fn an_origin_is_scheme_host_and_port() {
        let url: ApiUrl = "https://example.com/base".parse().unwrap();
        let same = |other: &str| url.has_origin_of(&Url::parse(other).unwrap());
        assert!(same("https://EXAMPLE.com:443/else/where?x"));
        for other in [
            "http://example.com:443/base",
            "https://example.com:444/base",
            "https://www.example.com/base",
            "https://example.com.evil.example/base",
        ] {
            assert!(!same(other), "{other}");
        }
    }
}
