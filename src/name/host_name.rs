//! The host that ssh connects to.

use std::borrow::Cow;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use super::{Invalid, described, unprintable};

/// The host that ssh connects to: the canonical text of an address, or a lower-case DNS name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HostName<'a> {
    text: Cow<'a, str>,
    private: bool,
}

impl<'a> HostName<'a> {
    /// Checks an address or a DNS name; a DNS name loses its trailing dot and its upper case.
    pub fn new(text: impl Into<Cow<'a, str>>) -> Result<Self, Invalid> {
        let text = text.into();
        if text.is_empty() {
            return Err(Invalid::because("empty"));
        }
        if let Some(reason) = unprintable(&text) {
            return Err(reason);
        }
        if let Ok(address) = text.parse::<Ipv4Addr>() {
            check_address(address.into())?;
            let [first, second, ..] = address.octets();
            let private = address.is_private() || (first == 100 && (64..128).contains(&second));
            // What the parser takes is the canonical text: it knows no other form.
            return Ok(Self { text, private });
        }
        if text.contains(':') {
            let address = text.parse::<Ipv6Addr>().map_err(|_| {
                Invalid::because(
                    "not an IPv6 address (no brackets, no zone, and the port has its own field)",
                )
            })?;
            check_address(address.into())?;
            let private = address.is_unique_local();
            return Ok(Self { text: Cow::Owned(address.to_string()), private });
        }
        let text = canonical_dns(text);
        check_dns(&text)?;
        let private = match text.rsplit_once('.') {
            None => true,
            Some((_, last)) => matches!(last, "internal" | "local" | "lan"),
        };
        Ok(Self { text, private })
    }

    /// The address, where it is one and not a DNS name.
    #[must_use]
    pub fn address(&self) -> Option<IpAddr> {
        self.text.parse().ok()
    }

    /// Returns whether it is a place that only a neighbor reaches: RFC 1918, 100.64.0.0/10 (RFC
    /// 6598), unique-local IPv6 (RFC 4193), a single-label name, or one below `.internal`,
    /// `.local`, `.lan`.
    #[must_use]
    pub fn is_private(&self) -> bool {
        self.private
    }

    /// The text that ssh is told.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The same value, independent of the text it was read from.
    #[must_use]
    pub fn into_owned(self) -> HostName<'static> {
        HostName { text: Cow::Owned(self.text.into_owned()), private: self.private }
    }
}

impl FromStr for HostName<'static> {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        Self::new(text.to_owned())
    }
}

impl serde::Serialize for HostName<'_> {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&self.text)
    }
}

impl fmt::Display for HostName<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Refuses an address at which no host can be.
fn check_address(address: IpAddr) -> Result<(), Invalid> {
    let reason = match address {
        _ if address.is_unspecified() => "the unspecified address",
        _ if address.is_multicast() => "a multicast address",
        IpAddr::V4(address) if address.is_link_local() => "a link-local address",
        IpAddr::V4(address) if address.is_broadcast() => "the broadcast address",
        IpAddr::V6(address) if address.is_unicast_link_local() => {
            "a link-local address, which means nothing without a zone"
        }
        IpAddr::V6(address) if address.to_ipv4_mapped().is_some() => "an IPv4 address in IPv6 form",
        _ => return Ok(()),
    };
    Err(Invalid::because(reason))
}

fn canonical_dns(name: Cow<'_, str>) -> Cow<'_, str> {
    if name.ends_with('.') || name.bytes().any(|b| b.is_ascii_uppercase()) {
        return Cow::Owned(name.strip_suffix('.').unwrap_or(&name).to_ascii_lowercase());
    }
    name
}

/// A DNS name whose last label starts with a letter: `0x7f.1` and `2130706433` are addresses to a
/// resolver, in forms that reach odd places.
fn check_dns(name: &str) -> Result<(), Invalid> {
    if name.len() > 253 {
        return Err(Invalid::because("over 253 characters"));
    }
    let inner = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_' || b == b'-';
    let edge = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    for label in name.split('.') {
        let bytes = label.as_bytes();
        let (Some(&first), Some(&last)) = (bytes.first(), bytes.last()) else {
            return Err(Invalid::because("an empty label in a DNS name"));
        };
        if bytes.len() > 63 {
            return Err(Invalid::because("a label of over 63 characters"));
        }
        if let Some(bad) = label.chars().find(|&c| !(c.is_ascii() && inner(c as u8))) {
            return Err(Invalid::because(format!(
                "{} is not allowed in a DNS name",
                described(bad)
            )));
        }
        if !edge(first) || !edge(last) {
            return Err(Invalid::because("a label must start and end with a letter or digit"));
        }
    }
    let last_label = name.rsplit('.').next().unwrap_or_default();
    if !last_label.starts_with(|c: char| c.is_ascii_lowercase()) {
        return Err(Invalid::because(
            "neither an IP address in its usual form nor a DNS name (its last label must start with a letter)",
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn host_names_in_canonical_form() {
        for (given, canonical) in [
            ("203.0.113.10", "203.0.113.10"),
            ("2001:DB8:0::1", "2001:db8::1"),
            ("Node-1.Example.COM.", "node-1.example.com"),
            ("localhost", "localhost"),
            ("a_b.example", "a_b.example"),
            ("1.2.3.4.example.com", "1.2.3.4.example.com"),
        ] {
            assert_eq!(HostName::new(given).unwrap().to_string(), canonical);
        }
    }

    #[test]
    fn host_names_that_ssh_would_take_and_we_refuse() {
        for hostile in [
            "",
            ".",
            "a..b",
            "-oProxyCommand=x",
            "$(id)",
            "a;id",
            "user@h",
            "x'$(:>pwned)'",
            "010.1",
            "0x7f.1",
            "2130706433",
            "0",
            "::ffff:127.0.0.1",
            "0.0.0.0",
            "::",
            "224.0.0.1",
            "ff02::1",
            "169.254.1.1",
            "fe80::1",
            "fe80::1%eth0",
            "[::1]",
            "[::1]:22",
            "1.2.3.4:22",
            "255.255.255.255",
            "h\n",
            "h\tx",
            "h x",
            "h%h",
            "хост",
            "h..",
            "-h",
            "h-",
            "10.0.0.256",
            "127.1",
            "a/b",
            "h\0",
        ] {
            assert!(HostName::new(hostile).is_err(), "{hostile:?}");
        }
        assert!(HostName::new("a".repeat(64)).is_err());
        assert!(HostName::new(format!("{}.example", "a.".repeat(130))).is_err());
    }

    #[test]
    fn private_places() {
        let private = |text: &str| HostName::new(text.to_owned()).unwrap().is_private();
        for text in [
            "10.1.2.3",
            "172.31.0.1",
            "192.168.0.1",
            "100.64.0.1",
            "100.127.255.254",
            "fd00::1",
            "node-1",
            "n.internal",
            "n.local",
            "n.lan",
        ] {
            assert!(private(text), "{text}");
        }
        for text in [
            "203.0.113.10",
            "172.32.0.1",
            "100.128.0.1",
            "100.63.0.1",
            "2001:db8::1",
            "n.example.com",
            "127.0.0.1",
            "internal.example.com",
        ] {
            assert!(!private(text), "{text}");
        }
    }
}
