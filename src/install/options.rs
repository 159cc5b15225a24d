//! The options for hosts and connections, as they are typed and as `install` saves them: data, so that
//! each can be changed alone.
#![expect(clippy::doc_markdown, reason = "these texts are the help, which is read in a terminal")]

use std::fmt::{self, Display};
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::Args;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

use crate::cluster;
use crate::name::{Invalid, LocalPath, Slug};
use crate::render::connection::{ConfigLayout, HostKeys};
use crate::render::ssh_option::SshOption;
use crate::text::{duration, serialized};

/// Saved options. Only options that were given are set, and written. In the file a path does not
/// depend on the current folder.
#[derive(Args, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(remote = "Self", rename_all = "kebab-case", default)]
pub struct SavedOptions {
    /// Those that all rendering commands take.
    #[command(flatten)]
    #[serde(flatten)]
    pub render: RenderArgs,
    /// Let ssh itself bring hosts up to date that are older than DURATION, and renew a certificate
    /// that is about to expire, before it connects [DURATION: 5m]
    #[arg(long, value_name = "DURATION", num_args = 0..=1, require_equals = true)]
    #[arg(default_missing_value = MaxAge::DEFAULT, help_heading = "Connection options")]
    #[serde(with = "serialized::optional")]
    pub live: Option<MaxAge>,
    /// A short name for the host behind the cluster's alias, so that `ssh NAME` works
    #[arg(long, value_name = "NAME", value_parser = short_name, conflicts_with = "all")]
    #[arg(help_heading = "Connection options")]
    pub short: Option<Slug<'static>>,
    /// The file with the token that a refresh by ssh needs.
    #[arg(skip)]
    pub token_file: Option<LocalPath<'static>>,
}

/// The hosts, and how they are reached: the same for every command that writes for ssh.
#[derive(Args, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub struct RenderArgs {
    /// The hosts, their names, and the way to them.
    #[command(flatten)]
    #[serde(flatten)]
    pub fleet: cluster::Options,
    /// The key to log in with; `none` leaves the choice to ssh and its agent
    #[arg(long, value_name = "PATH", env = "PRIME_SSH_IDENTITY_FILE")]
    #[arg(help_heading = "Connection options")]
    pub identity_file: Option<PathBuf>,
    /// The certificate to log in with
    #[arg(long, value_name = "PATH", env = "PRIME_SSH_CERTIFICATE_FILE")]
    #[arg(help_heading = "Connection options")]
    pub certificate_file: Option<PathBuf>,
    /// Which host keys to trust [default: accept-new]
    #[arg(long, value_name = "WHEN", env = "PRIME_SSH_HOST_KEYS")]
    #[arg(help_heading = "Connection options")]
    pub host_keys: Option<HostKeys>,
    /// The known_hosts file to use
    #[arg(long, value_name = "FILE", env = "PRIME_SSH_KNOWN_HOSTS")]
    #[arg(help_heading = "Connection options")]
    pub known_hosts: Option<PathBuf>,
    /// Write every option into each host's block, or shared options once: faster for thousands of
    /// hosts, needs OpenSSH 8.4 or later [default: flat]
    #[arg(long, value_name = "LAYOUT", env = "PRIME_SSH_LAYOUT")]
    #[arg(help_heading = "Connection options")]
    pub layout: Option<ConfigLayout>,
    /// An ssh option for every host, as in ssh_config(5); repeatable
    /// [env: PRIME_SSH_OPTION, one a line]
    #[arg(long, value_name = "KEY=VALUE", help_heading = "Connection options")]
    #[serde(with = "serialized::list")]
    pub ssh_option: Vec<SshOption>,
}

/// Names that lead to this machine, by `/etc/hosts` nearly everywhere.
const THIS_MACHINE: [&str; 5] =
    ["localhost", "ip6-localhost", "ip6-loopback", "localhost4", "localhost6"];

/// Parses a name that a person types in place of an alias. It has no dot, which a host of the
/// network may have, and is no number, which may be an address.
fn short_name(text: &str) -> Result<Slug<'static>, Invalid> {
    if text.contains('.') {
        return Err(Invalid::because("a name with a dot may be a host of the network"));
    }
    let name: Slug<'static> = text.parse()?;
    if !text.starts_with(|c: char| c.is_ascii_lowercase()) {
        return Err(Invalid::because("it must start with a letter, or it may be an address"));
    }
    if THIS_MACHINE.contains(&text) {
        return Err(Invalid::because("that is this machine"));
    }
    Ok(name)
}

/// The age that the hosts of a cluster may have when somebody connects: `--live`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MaxAge(Duration);

impl MaxAge {
    /// The shortest one, which is also how often an unknown name is looked for.
    pub const MIN: Self = Self(Duration::from_secs(15));
    /// `--live` without a value.
    pub const DEFAULT: &str = "5m";
}

impl FromStr for MaxAge {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let age = duration::parse(text)?;
        if age < Self::MIN.0 {
            return Err(Invalid::because("at least 15s: each connection may ask the API"));
        }
        Ok(Self(age))
    }
}

impl Display for MaxAge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&duration::typed(self.0))
    }
}

impl SavedOptions {
    /// The name of every option, as it is typed.
    #[must_use]
    pub fn names() -> Vec<String> {
        Self::default().all().into_iter().map(|(name, _)| name).collect()
    }

    /// The first word of the aliases.
    #[must_use]
    pub fn prefix(&self) -> Slug<'static> {
        self.render.fleet.prefix()
    }

    /// The options that are set, by name.
    #[must_use]
    pub fn set(&self) -> Map<String, Value> {
        let is_set = |value: &Value| match value {
            Value::Null | Value::Bool(false) => false,
            Value::Array(values) => !values.is_empty(),
            _ => true,
        };
        self.all().into_iter().filter(|(_, value)| is_set(value)).collect()
    }

    fn all(&self) -> Map<String, Value> {
        match Self::serialize(self, serde_json::value::Serializer) {
            Ok(Value::Object(map)) => map,
            _ => Map::new(),
        }
    }

    /// The differences to `earlier` options, in words; `None` where there are none.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Option<String> {
        let (old, new) = (earlier.set(), self.set());
        let mut parts = Vec::new();
        for (name, value) in &new {
            match old.get(name) {
                None => parts.push(format!("added {}", described(name, value))),
                Some(before) if before != value => {
                    parts.push(format!(
                        "changed {name} from {} to {}",
                        plain(before),
                        plain(value)
                    ));
                }
                Some(_) => {}
            }
        }
        let removed = old.iter().filter(|(name, _)| !new.contains_key(*name));
        parts.extend(removed.map(|(name, value)| format!("removed {}", described(name, value))));
        (!parts.is_empty()).then(|| parts.join(", "))
    }
}

impl Serialize for SavedOptions {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.set().serialize(to)
    }
}

impl<'de> Deserialize<'de> for SavedOptions {
    /// An unknown option is an error, which serde itself does not find beside `flatten`.
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let options = Map::deserialize(from)?;
        let names = Self::names();
        if let Some(unknown) = options.keys().find(|name| !names.contains(name)) {
            return Err(D::Error::custom(format_args!("unknown option `{unknown}`")));
        }
        Self::deserialize(Value::Object(options)).map_err(D::Error::custom)
    }
}

fn described(name: &str, value: &Value) -> String {
    if value == &Value::Bool(true) { name.to_owned() } else { format!("{name} {}", plain(value)) }
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(values) => values.iter().map(plain).collect::<Vec<_>>().join(" "),
        other => other.to_string(),
    }
}

/// A change of saved options.
#[derive(Args, Clone, Debug, Default)]
pub struct OptionChange {
    /// Options given now; each replaces the saved one.
    #[command(flatten)]
    pub given: SavedOptions,
    /// Turn --live off
    #[arg(long, conflicts_with = "live", help_heading = "Connection options")]
    pub no_live: bool,
    /// Remove the short name
    #[arg(long, conflicts_with = "short", help_heading = "Connection options")]
    pub no_short: bool,
    /// Forget a saved option, by its name without the dashes; repeatable
    #[arg(long, value_name = "NAME", value_parser = option_name)]
    #[arg(help_heading = "Saved options")]
    pub unset: Vec<String>,
    /// Forget all saved options
    #[arg(long, help_heading = "Saved options")]
    pub reset: bool,
    /// The options of a cluster that has none yet.
    #[arg(skip)]
    pub fresh: SavedOptions,
}

fn option_name(text: &str) -> Result<String, String> {
    let name = text.trim_start_matches('-');
    let names = SavedOptions::names();
    if names.iter().any(|known| known == name) {
        return Ok(name.to_owned());
    }
    Err(format!("not a saved option; those are {}", names.join(", ")))
}

impl OptionChange {
    /// The options of a cluster afterwards; `old` are those that it has.
    pub fn apply(&self, old: Option<&SavedOptions>) -> Result<SavedOptions, serde_json::Error> {
        let mut options = old.filter(|_| !self.reset).unwrap_or(&self.fresh).set();
        let is_ended = |name: &String| match name.as_str() {
            "live" if self.no_live => true,
            "short" if self.no_short => true,
            _ => self.unset.contains(name),
        };
        options.retain(|name, _| !is_ended(name));
        options.extend(self.given.set());
        serde_json::from_value(Value::Object(options))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(json: &str) -> SavedOptions {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn every_option_reads_as_it_was_written() {
        let all = options(
            r#"{
            "role": "head", "only": "worker", "node": ["a*", "b"], "include-inactive": true,
            "prefix": "lab", "user": "root", "jump": "never", "jump-via": "me@[2001:db8::1]:22",
            "bastion": "gate",
            "layout": "compact", "identity-file": "~/.ssh/id", "certificate-file": "/c",
            "host-keys": "strict", "known-hosts": "~/k", "ssh-option": ["Compression=yes"],
            "live": "5m", "short": "t", "token-file": "/token"
        }"#,
        );
        assert_eq!(all.set().len(), SavedOptions::names().len());
        assert_eq!(options(&Value::Object(all.set()).to_string()), all);
        for text in [r#"{"jump": "over"}"#, r#"{"jumps": "auto"}"#, r#"{"user": "a b"}"#] {
            serde_json::from_str::<SavedOptions>(text).unwrap_err();
        }
    }

    #[test]
    fn ages() {
        for (text, typed) in [("15", "15s"), ("5m", "5m"), ("90s", "90s")] {
            assert_eq!(text.parse::<MaxAge>().unwrap().to_string(), typed);
        }
        for text in ["14s", "0", "x", ""] {
            assert!(text.parse::<MaxAge>().is_err(), "{text}");
        }
    }

    #[test]
    fn options_add_up() {
        let old = options(r#"{"user": "bob", "ssh-option": ["Compression=yes"], "jump": "auto"}"#);
        let change = OptionChange {
            fresh: options(r#"{"identity-file": "none"}"#),
            given: options(r#"{"user": "root", "ssh-option": ["LogLevel=DEBUG"]}"#),
            unset: vec!["jump".to_owned()],
            ..OptionChange::default()
        };
        let new = change.apply(Some(&old)).unwrap();
        assert_eq!(new, options(r#"{"user": "root", "ssh-option": ["LogLevel=DEBUG"]}"#));
        assert_eq!(
            new.since(&old).unwrap(),
            "changed ssh-option from Compression=yes to LogLevel=DEBUG, \
             changed user from bob to root, removed jump auto"
        );
        assert_eq!(new.since(&new), None);
        let reset = OptionChange { reset: true, ..change };
        let new = reset.apply(Some(&old)).unwrap();
        assert_eq!(
            new.since(&SavedOptions::default()).unwrap(),
            "added identity-file none, added ssh-option LogLevel=DEBUG, added user root"
        );
    }
}
