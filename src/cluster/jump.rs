//! The jump host: how workers are reached that only a neighbor can connect to.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::name::{HostName, Invalid, Port, Slug, UserName};

/// The workers that jump.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum JumpMode {
    /// Workers at a private address.
    #[default]
    Auto,
    /// Every worker.
    Always,
    /// No worker.
    Never,
}

/// The host that a fleet's workers jump through. There is one for all of them, and it never jumps
/// itself, so no loop is possible: a loop of jumps is a fork bomb to ssh.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Jump<'a> {
    /// A control node of the same fleet, by the last part of its alias.
    ControlNode(Slug<'a>),
    /// A host that the user named.
    Via(JumpHost),
}

/// A jump host that the user named: `[USER@]HOST[:PORT]`, where `HOST` is an address, a DNS name
/// or an alias of their own ssh config.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JumpHost {
    user: Option<UserName<'static>>,
    host: Box<str>,
    port: Option<Port>,
}

impl JumpHost {
    /// The login name, where one was given.
    #[must_use]
    pub fn user(&self) -> Option<&UserName<'static>> {
        self.user.as_ref()
    }

    /// The port, where one was given.
    #[must_use]
    pub fn port(&self) -> Option<Port> {
        self.port
    }

    /// The host as ssh takes it for an argument: an IPv6 address without brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }
}

/// `--bastion`: the host that leads to whatever else would be reached directly, or `none`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BastionArg(pub Option<JumpHost>);

impl FromStr for BastionArg {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        if text == "none" { Ok(Self(None)) } else { text.parse().map(|host| Self(Some(host))) }
    }
}

impl fmt::Display for BastionArg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            None => f.write_str("none"),
            Some(host) => host.fmt(f),
        }
    }
}

impl FromStr for JumpHost {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let (user, place) = match text.rsplit_once('@') {
            Some((user, place)) => (Some(user.parse()?), place),
            None => (None, text),
        };
        let (host, port) = split_port(place)?;
        if host.eq_ignore_ascii_case("none") {
            return Err(Invalid::because("`none` means no jump to ssh; use `--jump never`"));
        }
        let port = port.map(str::parse).transpose()?;
        let address = match host.parse::<HostName<'static>>() {
            Ok(host) => Some(host).filter(|host| host.address().is_some()),
            Err(reason) if host.contains(':') => return Err(reason),
            Err(_) => None,
        };
        // An alias that differs only in case is another one to ssh.
        let host = match &address {
            Some(address) => address.as_str(),
            None => check_alias(host)?,
        };
        Ok(Self { user, host: host.into(), port })
    }
}

/// `HOST:PORT`, `[IPV6]:PORT`, or a host alone; an IPv6 address with a port needs its brackets.
fn split_port(place: &str) -> Result<(&str, Option<&str>), Invalid> {
    if let Some(rest) = place.strip_prefix('[') {
        let (host, behind) =
            rest.split_once(']').ok_or_else(|| Invalid::because("`[` without `]`"))?;
        return match behind.strip_prefix(':') {
            Some(port) => Ok((host, Some(port))),
            None if behind.is_empty() => Ok((host, None)),
            None => Err(Invalid::because("only `:PORT` may follow `]`")),
        };
    }
    match place.split_once(':') {
        Some((host, port)) if !port.contains(':') => Ok((host, Some(port))),
        _ => Ok((place, None)),
    }
}

fn check_alias(alias: &str) -> Result<&str, Invalid> {
    let fits = alias.starts_with(|c: char| c.is_ascii_alphanumeric())
        && alias.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-'))
        && alias.len() <= 253;
    if !fits {
        return Err(Invalid::because(
            "a jump host is [USER@]HOST[:PORT], with a host of letters, digits, `.`, `_` and `-`",
        ));
    }
    Ok(alias)
}

impl fmt::Display for JumpHost {
    /// As `ProxyJump` takes it: raw, and an IPv6 address in brackets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(user) = &self.user {
            write!(f, "{user}@")?;
        }
        let is_ipv6 = self.host.contains(':');
        let (before, behind) = if is_ipv6 { ("[", "]") } else { ("", "") };
        write!(f, "{before}{}{behind}", self.host)?;
        if let Some(port) = self.port {
            write!(f, ":{port}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_jump_host_as_proxy_jump_takes_it() {
        for (given, emitted) in [
            ("bastion", "bastion"),
            ("Bastion-EU", "Bastion-EU"),
            ("me@gate.example.com:2222", "me@gate.example.com:2222"),
            ("::1", "[::1]"),
            ("me@[2001:DB8::1]:22", "me@[2001:db8::1]:22"),
            ("203.0.113.1:2200", "203.0.113.1:2200"),
            ("0x7f.1", "0x7f.1"),
        ] {
            assert_eq!(given.parse::<JumpHost>().unwrap().to_string(), emitted, "{given}");
        }
    }

    #[test]
    fn what_is_no_jump_host() {
        for text in [
            "",
            "@h",
            "none",
            "NONE",
            "-oProxyCommand=x",
            "a b",
            "h:0",
            "h:",
            "h:99999",
            "h\n",
            "$(id)",
            "me@@h@",
            "%h",
            "[::1",
            "[::1]x",
            "a,b",
            "fe80::1%eth0",
            "a;b@h",
            "ssh://h",
        ] {
            assert!(text.parse::<JumpHost>().is_err(), "{text:?}");
        }
    }
}
