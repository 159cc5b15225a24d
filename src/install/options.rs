//! The options that `install` remembers with a cluster: data, so that each can be changed alone.

use std::fmt::{self, Display};
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::cluster::{Bastion, JumpMode, JumpVia, Only};
use crate::name::{Invalid, LocalPath, Slug, UserName};
use crate::render::login::{HostKeys, Layout};
use crate::render::ssh_option::SshOption;
use crate::text::duration;

/// Remembered options. A field is called as the option is, and only options that were given are
/// set.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
#[expect(missing_docs, reason = "each is the option of its name")]
pub struct SavedOptions {
    pub role: Option<String>,
    #[serde(with = "word")]
    pub only: Option<Only>,
    #[serde(with = "texts")]
    pub node: Vec<glob::Pattern>,
    pub include_inactive: bool,
    #[serde(with = "text")]
    pub prefix: Option<Slug<'static>>,
    #[serde(with = "text")]
    pub user: Option<UserName<'static>>,
    #[serde(with = "word")]
    pub jump: Option<JumpMode>,
    #[serde(with = "text")]
    pub jump_via: Option<JumpVia>,
    #[serde(with = "text")]
    pub bastion: Option<Bastion>,
    #[serde(with = "word")]
    pub layout: Option<Layout>,
    #[serde(with = "text")]
    pub identity_file: Option<KeyFile>,
    #[serde(with = "text")]
    pub certificate_file: Option<LocalPath<'static>>,
    #[serde(with = "word")]
    pub host_keys: Option<HostKeys>,
    #[serde(with = "text")]
    pub known_hosts: Option<LocalPath<'static>>,
    #[serde(with = "ssh_options")]
    pub ssh_option: Vec<SshOption>,
    #[serde(with = "text")]
    pub live: Option<MaxAge>,
    #[serde(with = "text")]
    pub short: Option<Slug<'static>>,
    /// The file with the token that a refresh by ssh needs.
    #[serde(with = "text")]
    pub token_file: Option<LocalPath<'static>>,
}

/// `--identity-file`: a file, or `none` to leave the choice to ssh and its agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyFile {
    /// ssh chooses.
    None,
    /// This file.
    File(LocalPath<'static>),
}

impl FromStr for KeyFile {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        if text == "none" { Ok(Self::None) } else { Ok(Self::File(text.parse()?)) }
    }
}

impl Display for KeyFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("none"),
            Self::File(path) => path.fmt(f),
        }
    }
}

/// How old the hosts of a cluster may be when somebody connects: `--live`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MaxAge(Duration);

impl MaxAge {
    /// The shortest one, which is also how often an unknown name is looked for.
    pub const MIN: Self = Self(Duration::from_secs(15));
    /// `--live` without a value.
    pub const DEFAULT: &str = "5m";

    /// The duration.
    #[must_use]
    pub fn get(self) -> Duration {
        self.0
    }
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
        all_fields(&Self::default()).into_iter().map(|(name, _)| name).collect()
    }

    /// The first word of the aliases.
    #[must_use]
    pub fn prefix(&self) -> Slug<'static> {
        self.prefix.clone().unwrap_or_else(Slug::prime)
    }

    /// The options that are set, by name.
    #[must_use]
    pub fn set(&self) -> Map<String, Value> {
        let is_set = |value: &Value| match value {
            Value::Null | Value::Bool(false) => false,
            Value::Array(values) => !values.is_empty(),
            _ => true,
        };
        all_fields(self).into_iter().filter(|(_, value)| is_set(value)).collect()
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

fn all_fields(options: &SavedOptions) -> Map<String, Value> {
    match serde_json::to_value(options) {
        Ok(Value::Object(map)) => map,
        _ => Map::new(),
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

/// A change of remembered options.
#[derive(Clone, Debug, Default)]
pub struct OptionChange {
    /// The options of a cluster that has none yet.
    pub fresh: SavedOptions,
    /// Options given now; each replaces the remembered one.
    pub given: SavedOptions,
    /// The names of options to forget.
    pub unset: Vec<String>,
    /// Whether to forget all of them.
    pub reset: bool,
}

impl OptionChange {
    /// The options of a cluster afterwards; `old` are those that it has.
    pub fn apply(&self, old: Option<&SavedOptions>) -> Result<SavedOptions, serde_json::Error> {
        let mut options = old.filter(|_| !self.reset).unwrap_or(&self.fresh).set();
        options.retain(|name, _| !self.unset.contains(name));
        options.extend(self.given.set());
        serde_json::from_value(Value::Object(options))
    }
}

/// A value as its text.
mod text {
    use std::fmt::Display;
    use std::str::FromStr;

    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[expect(clippy::ref_option, reason = "serde calls it so")]
    pub fn serialize<T: Display, S: Serializer>(
        value: &Option<T>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        value.as_ref().map(ToString::to_string).serialize(to)
    }

    pub fn deserialize<'de, T, D>(from: D) -> Result<Option<T>, D::Error>
    where
        T: FromStr<Err: Display>,
        D: Deserializer<'de>,
    {
        let text = Option::<String>::deserialize(from)?;
        text.map(|text| text.parse().map_err(D::Error::custom)).transpose()
    }
}

/// Several values as their texts.
mod texts {
    use std::fmt::Display;
    use std::str::FromStr;

    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};

    pub fn serialize<T: Display, S: Serializer>(values: &[T], to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(values.iter().map(ToString::to_string))
    }

    pub fn deserialize<'de, T, D>(from: D) -> Result<Vec<T>, D::Error>
    where
        T: FromStr<Err: Display>,
        D: Deserializer<'de>,
    {
        let texts = Vec::<String>::deserialize(from)?;
        texts.iter().map(|text| text.parse().map_err(D::Error::custom)).collect()
    }
}

/// Options of ssh as they are typed.
mod ssh_options {
    use serde::Serializer;

    pub use super::texts::deserialize;
    use crate::render::ssh_option::SshOption;

    pub fn serialize<S: Serializer>(options: &[SshOption], to: S) -> Result<S::Ok, S::Error> {
        let typed = |option: &SshOption| format!("{}={}", option.keyword(), option.value());
        to.collect_seq(options.iter().map(typed))
    }
}

/// One of a few words, as it is typed.
mod word {
    use clap::ValueEnum;
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[expect(clippy::ref_option, reason = "serde calls it so")]
    pub fn serialize<T: ValueEnum, S: Serializer>(
        value: &Option<T>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        let word = value.as_ref().and_then(ValueEnum::to_possible_value);
        word.as_ref().map(clap::builder::PossibleValue::get_name).serialize(to)
    }

    pub fn deserialize<'de, T: ValueEnum, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Option<T>, D::Error> {
        let word = Option::<String>::deserialize(from)?;
        word.map(|word| T::from_str(&word, false).map_err(D::Error::custom)).transpose()
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
            reset: false,
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
