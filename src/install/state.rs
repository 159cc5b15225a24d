//! The record of an installed cluster: all that a later `sync` needs to ask for it again.
//!
//! One small JSON file a cluster, for people to read; a damaged one harms that cluster alone.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::options::SavedOptions;
use crate::name::{Id, Slug, id_part};
use crate::render::ssh_config;
use crate::text::digest;

/// The shape of the file that this release writes, and the only one that it reads.
const VERSION: u32 = 3;

/// One installed cluster. The names in the file are for people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// The cluster's id.
    #[serde(rename = "cluster")]
    pub id: Id<'static>,
    /// Its own name: what the API finds it by.
    pub own_name: String,
    /// Its part of the alias. It stays, whatever other clusters come.
    pub name: Slug<'static>,
    /// The source of its description.
    pub source: Source,
    /// The options that it was installed with.
    pub options: SavedOptions,
    /// SHA-256 of the fragment as we wrote it, then of the one before it: between the two writes
    /// of an update, either may be on the disk.
    #[serde(rename = "fragment_sha256")]
    pub fragments: Vec<String>,
}

/// The source of a cluster's description.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Source {
    /// The API, with the settings of the one who installed it.
    Api(ApiSource),
    /// A saved answer, by its absolute path.
    Input(String),
    /// A saved answer on standard input or from a pipe, which cannot be read again.
    Stdin,
}

impl Source {
    /// The API that is asked; none for a saved answer.
    #[must_use]
    pub fn api(&self) -> Option<&ApiSource> {
        if let Self::Api(api) = self { Some(api) } else { None }
    }

    /// The context of the `prime` program's settings.
    #[must_use]
    pub fn context(&self) -> Option<&str> {
        self.api()?.context.as_deref()
    }
}

/// The API, as somebody asked it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ApiSource {
    /// The API's address.
    pub url: String,
    /// The context of the `prime` program's settings, for its token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context: Option<String>,
    /// The team whose clusters were looked for; none for those of all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub team: Option<String>,
}

/// The contents of a state file.
#[derive(Serialize, Deserialize)]
struct Stored<R> {
    version: u32,
    #[serde(flatten)]
    record: R,
}

impl Record {
    /// Reads a state file. Whatever is not as we would write it is damage: the error says which.
    pub fn from_json(text: &[u8]) -> Result<Self, String> {
        let damaged = |error| format!("damaged: {error}");
        let Stored::<Value> { version, record } = serde_json::from_slice(text).map_err(damaged)?;
        if version != VERSION {
            return Err(format!(
                "of version {version}, and this release of prime-ssh reads version {VERSION}"
            ));
        }
        serde_json::from_value(record).map_err(damaged)
    }

    /// The text of the state file.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        let stored = Stored { version: VERSION, record: self };
        pretty(&stored)
    }

    /// The name of this cluster's files, without their ending.
    #[must_use]
    pub fn stem(&self) -> FileStem {
        FileStem::new(&self.name, self.id.as_str())
    }

    /// The cluster's own alias.
    #[must_use]
    pub fn alias(&self) -> String {
        format!("{}.{}", self.options.prefix(), self.name)
    }

    /// The name to type for the host that the alias leads to: the short one, where there is one.
    #[must_use]
    pub fn typed_name(&self) -> String {
        self.options.short.as_ref().map_or_else(|| self.alias(), ToString::to_string)
    }

    /// The patterns of its names.
    #[must_use]
    pub fn patterns(&self) -> String {
        ssh_config::patterns(&self.alias(), self.options.short.as_ref())
    }

    /// Returns whether a person means this cluster by its id, name, alias or short name.
    #[must_use]
    pub fn is_called(&self, word: &str) -> bool {
        [self.id.as_str(), self.name.as_str(), &self.alias(), &self.typed_name()].contains(&word)
    }

    /// Returns whether ssh renews the certificate that the cluster takes: there is an API to ask.
    #[must_use]
    pub fn renews_certificate(&self) -> bool {
        self.options.live.is_some() && self.source.api().is_some()
    }

    /// Returns whether we wrote this fragment: then nobody has edited it since.
    #[must_use]
    pub fn wrote(&self, fragment: &[u8]) -> bool {
        self.fragments.contains(&fingerprint(fragment))
    }
}

/// The subscription to all clusters of a team: `install --all --follow`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Follow {
    /// The API, and the team.
    pub source: ApiSource,
    /// The options that a new cluster gets.
    #[serde(default)]
    pub options: SavedOptions,
    /// Ids of clusters that were uninstalled by name: they stay away.
    #[serde(default)]
    pub excluded: BTreeSet<String>,
}

impl Follow {
    /// Reads the file. One that is damaged is as good as none.
    #[must_use]
    pub fn from_json(text: &[u8]) -> Option<Self> {
        serde_json::from_slice(text).ok()
    }

    /// The text of the file.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        pretty(self)
    }
}

fn pretty(value: &impl Serialize) -> Vec<u8> {
    let mut text = serde_json::to_vec_pretty(value).unwrap_or_default();
    text.push(b'\n');
    text
}

/// The SHA-256 of a fragment, in hex.
#[must_use]
pub fn fingerprint(fragment: &[u8]) -> String {
    digest::hex(fragment, 64)
}

/// The stem of the subscription's files.
const SUBSCRIPTION: &str = "follow";

/// The name of a cluster's files, without their ending: the cluster's name and its id part. The
/// subscription has files, too.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileStem(String);

/// A file of ours that belongs to one cluster, or to the subscription.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FileKind {
    /// The fragment that ssh reads.
    Fragment,
    /// The host keys that ssh has seen.
    KnownHosts,
    /// Those of before `ssh-keygen -R` took one out, where somebody did: it keeps them.
    FormerKnownHosts,
    /// The [`Record`]; the [`Follow`] of the subscription.
    State,
    /// The certificate to log in with. `prime-ssh cert` writes it, under a lock of its own.
    Certificate,
    /// That lock.
    CertificateLock,
    /// The [last refresh](super::refresh), and its result.
    Refresh,
    /// The lock of those who bring the cluster up to date: the others wait for what the first one
    /// gets.
    RefreshLock,
}

impl FileKind {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Fragment,
        Self::KnownHosts,
        Self::FormerKnownHosts,
        Self::State,
        Self::Certificate,
        Self::CertificateLock,
        Self::Refresh,
        Self::RefreshLock,
    ];

    /// Returns whether it is of use for a while only.
    #[must_use]
    pub fn is_trace(self) -> bool {
        matches!(self, Self::CertificateLock | Self::Refresh | Self::RefreshLock)
    }

    fn ending(self) -> &'static str {
        match self {
            Self::Fragment => ".conf",
            Self::KnownHosts => ".known_hosts",
            Self::FormerKnownHosts => ".known_hosts.old",
            Self::State => ".json",
            Self::Certificate => "-cert.pub",
            Self::CertificateLock => "-cert.lock",
            Self::Refresh => ".refresh",
            Self::RefreshLock => ".refresh-lock",
        }
    }
}

impl FileStem {
    /// The stem of a cluster's files.
    #[must_use]
    pub fn new(name: &Slug<'_>, id: &str) -> Self {
        Self(format!("{name}-{}", id_part(id)))
    }

    /// The stem of the subscription's files.
    #[must_use]
    pub fn subscription() -> Self {
        Self(SUBSCRIPTION.to_owned())
    }

    /// Returns whether it is the subscription's.
    #[must_use]
    pub fn is_subscription(&self) -> bool {
        self.0 == SUBSCRIPTION
    }

    /// The name of the cluster, and the id part of its id.
    #[must_use]
    pub fn parts(&self) -> (&str, &str) {
        self.0.rsplit_once('-').unwrap_or_default()
    }

    /// The name of one of the cluster's files.
    #[must_use]
    pub fn file(&self, kind: FileKind) -> String {
        format!("{}{}", self.0, kind.ending())
    }

    /// Finds the cluster, and which of its files has this name; none for a file of someone else.
    #[must_use]
    pub fn of_file(name: &str) -> Option<(Self, FileKind)> {
        let (stem, kind) = FileKind::ALL
            .into_iter()
            .find_map(|kind| Some((name.strip_suffix(kind.ending())?, kind)))?;
        let is_ours = match stem.rsplit_once('-') {
            None => {
                let kinds = [FileKind::State, FileKind::Refresh, FileKind::RefreshLock];
                stem == SUBSCRIPTION && kinds.contains(&kind)
            }
            Some((slug, id_part)) => {
                Slug::new(slug).is_ok() && id_part.len() == 8 && id_part.bytes().all(is_hex)
            }
        };
        is_ours.then(|| (Self(stem.to_owned()), kind))
    }

    /// The name of a copy of the cluster's hosts as a person edited them; a counter other than 0 is
    /// for where the names before are taken.
    #[must_use]
    pub fn kept(&self, edited: &[u8], counter: usize) -> String {
        let (fragment, digest) = (self.file(FileKind::Fragment), digest::hex(edited, DIGEST));
        match counter {
            0 => format!("{fragment}.{digest}.bak"),
            counter => format!("{fragment}.{digest}.{counter}.bak"),
        }
    }

    /// Returns whether a copy of edited hosts has this name.
    #[must_use]
    pub fn is_kept(name: &str) -> bool {
        let is_digest = |part: &str| part.len() == DIGEST && part.bytes().all(is_hex);
        let is_counter = |part: &str| {
            !part.is_empty() && !part.starts_with('0') && part.bytes().all(|b| b.is_ascii_digit())
        };
        let parts: Vec<&str> = name.split('.').collect();
        let (stem, kind) = match parts[..] {
            [stem, kind, digest, "bak"] if is_digest(digest) => (stem, kind),
            [stem, kind, digest, counter, "bak"] if is_digest(digest) && is_counter(counter) => {
                (stem, kind)
            }
            _ => return false,
        };
        let file = Self::of_file(&format!("{stem}.{kind}"));
        file.is_some_and(|(_, kind)| kind == FileKind::Fragment)
    }
}

/// The hex digits that stand for the text of a kept copy, in its name.
const DIGEST: usize = 8;

fn is_hex(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'a'..=b'f')
}

impl fmt::Display for FileStem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record() -> Record {
        Record {
            id: Id::new("clst01").unwrap(),
            own_name: "Train 7".to_owned(),
            name: Slug::new("train").unwrap(),
            source: Source::Api(ApiSource {
                url: "https://api.example".to_owned(),
                context: Some("work".to_owned()),
                team: None,
            }),
            options: serde_json::from_str(r#"{"user": "ubuntu"}"#).unwrap(),
            fragments: vec![fingerprint(b"x")],
        }
    }

    #[test]
    fn a_record_reads_as_it_was_written() {
        let sources =
            [record().source, Source::Input("/saved answer.json".to_owned()), Source::Stdin];
        for source in sources {
            let record = Record { source, ..record() };
            assert_eq!(Record::from_json(&record.to_json()).unwrap(), record);
        }
    }

    #[test]
    fn people_can_read_it() {
        insta::assert_snapshot!(String::from_utf8(record().to_json()).unwrap(), @r#"
        {
          "version": 3,
          "cluster": "clst01",
          "own_name": "Train 7",
          "name": "train",
          "source": {
            "api": {
              "url": "https://api.example",
              "context": "work"
            }
          },
          "options": {
            "user": "ubuntu"
          },
          "fragment_sha256": [
            "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881"
          ]
        }
        "#);
    }

    #[test]
    fn what_we_would_not_write_is_told_as_damage() {
        let text = String::from_utf8(record().to_json()).unwrap();
        let told = |from: &str, to: &str| {
            assert!(text.contains(from), "{from:?}");
            Record::from_json(text.replace(from, to).as_bytes()).unwrap_err()
        };
        assert!(
            told("\"version\": 3", "\"version\": 1").contains("of version 1, and this release")
        );
        assert!(told("\"train\"", "\"../x\"").starts_with("damaged: "));
        assert!(told("\"clst01\"", "\"a/b\"").contains("not allowed in an id"));
        assert!(told("\"options\"", "\"opsions\"").contains("unknown field"));
        assert!(told("]\n}", "").starts_with("damaged: "));
        assert!(Record::from_json(b"").is_err());
    }

    #[test]
    fn file_names_are_told_from_those_of_others() {
        let stem = record().stem();
        for kind in FileKind::ALL {
            assert_eq!(FileStem::of_file(&stem.file(kind)), Some((stem.clone(), kind)));
        }
        let subscription = FileStem::subscription();
        for kind in [FileKind::State, FileKind::Refresh, FileKind::RefreshLock] {
            assert_eq!(
                FileStem::of_file(&subscription.file(kind)),
                Some((subscription.clone(), kind))
            );
        }
        for name in [
            "config",
            "follow.conf",
            "notes.conf",
            "train-clst01.conf",
            "-12345678.json",
            "a-12345678.conf.bak",
            "a-12345678.conf.0123abcd.bak",
            "A-12345678.conf",
            "a-1234567G.conf",
        ] {
            assert_eq!(FileStem::of_file(name), None, "{name:?}");
        }
    }

    #[test]
    fn copies_of_edits_are_told_from_those_of_others() {
        let stem = record().stem();
        for counter in [0, 1, 12] {
            assert!(FileStem::is_kept(&stem.kept(b"x", counter)), "{counter}");
        }
        assert!(FileStem::is_kept("a-12345678.conf.0123abcd.bak"));
        for name in [
            "notes.bak",
            "notes.0123abcd.bak",
            "a-12345678.conf.bak",
            "a-12345678.conf.0123abc.bak",
            "a-12345678.conf.0123ABCD.bak",
            "a-12345678.conf.0123abcd",
            "a-12345678.conf.0123abcd.0.bak",
            "a-12345678.conf.0123abcd.01.bak",
            "a-12345678.conf.0123abcd..bak",
            "a-12345678.conf.0123abcd.1.1.bak",
            "a-12345678.json.0123abcd.bak",
        ] {
            assert!(!FileStem::is_kept(name), "{name:?}");
        }
    }
}
