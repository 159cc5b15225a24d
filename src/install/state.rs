//! The record of an installed cluster: all that a later `sync` needs to ask for it again.
//!
//! One small JSON file a cluster, for people to read; a damaged one harms that cluster alone.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::options::SavedOptions;
use crate::name::{Id, Slug, id_part};
use crate::render::ssh_config;
use crate::text::digest;

/// The shape of the file that this release writes, and the only one that it reads.
const VERSION: u32 = 2;

/// One installed cluster. The names in the file are for people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// The cluster's id.
    #[serde(rename = "cluster", with = "text")]
    pub id: Id<'static>,
    /// Its part of the alias. It stays, whatever other clusters come.
    #[serde(with = "text")]
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

/// The reason that a state file could not be read.
#[derive(Debug, thiserror::Error)]
pub enum Damage {
    /// It is no JSON, or not what we write.
    #[error("damaged: {0}")]
    Malformed(#[from] serde_json::Error),
    /// Another release wrote it.
    #[error("of version {0}, and this release of prime-ssh reads version {VERSION}")]
    Version(u32),
    /// It belongs to other files than those it stands beside.
    #[error("a copy of {}", .0.file(FileKind::State))]
    Renamed(FileStem),
}

/// A value as its text.
mod text {
    use std::fmt::Display;
    use std::str::FromStr;

    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};

    pub fn serialize<S: Serializer>(value: &impl Display, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(value)
    }

    pub fn deserialize<'de, T, D>(from: D) -> Result<T, D::Error>
    where
        T: FromStr<Err: Display>,
        D: Deserializer<'de>,
    {
        String::deserialize(from)?.parse().map_err(D::Error::custom)
    }
}

impl Record {
    /// Reads a state file. Whatever is not as we would write it is damage.
    pub fn from_json(text: &[u8]) -> Result<Self, Damage> {
        #[derive(Deserialize)]
        struct Stored {
            version: u32,
            #[serde(flatten)]
            record: Value,
        }
        let Stored { version, record } = serde_json::from_slice(text)?;
        if version == VERSION {
            Ok(serde_json::from_value(record)?)
        } else {
            Err(Damage::Version(version))
        }
    }

    /// The text of the state file.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        #[derive(Serialize)]
        struct Stored<'r> {
            version: u32,
            #[serde(flatten)]
            record: &'r Record,
        }
        let stored = Stored { version: VERSION, record: self };
        let mut text = serde_json::to_vec_pretty(&stored).unwrap_or_default();
        text.push(b'\n');
        text
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

    /// Returns whether we wrote this fragment: then nobody has edited it since.
    #[must_use]
    pub fn wrote(&self, fragment: &[u8]) -> bool {
        self.fragments.contains(&fingerprint(fragment))
    }
}

/// The SHA-256 of a fragment, in hex.
#[must_use]
pub fn fingerprint(fragment: &[u8]) -> String {
    digest::hex(fragment, 64)
}

/// The ending of the name of a certificate's lock.
const CERTIFICATE_LOCK: &str = "-cert.lock";

/// Returns whether a file of our folder is the lock of a certificate.
#[must_use]
pub fn is_certificate_lock(name: &str) -> bool {
    name.ends_with(CERTIFICATE_LOCK)
}

/// The name of a cluster's files, without their ending: the cluster's name and its id part.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileStem(String);

/// A file of ours that belongs to one cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FileKind {
    /// The fragment that ssh reads.
    Fragment,
    /// The host keys that ssh has seen.
    KnownHosts,
    /// Those of before `ssh-keygen -R` took one out, where somebody did: it keeps them.
    FormerKnownHosts,
    /// The [`Record`].
    State,
    /// The certificate to log in with. `prime-ssh cert` writes it, under a lock of its own.
    Certificate,
}

impl FileKind {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::Fragment, Self::KnownHosts, Self::FormerKnownHosts, Self::State, Self::Certificate];

    fn ending(self) -> &'static str {
        match self {
            Self::Fragment => ".conf",
            Self::KnownHosts => ".known_hosts",
            Self::FormerKnownHosts => ".known_hosts.old",
            Self::State => ".json",
            Self::Certificate => "-cert.pub",
        }
    }
}

impl FileStem {
    /// The stem of a cluster's files.
    #[must_use]
    pub fn new(name: &Slug<'_>, id: &str) -> Self {
        Self(format!("{name}-{}", id_part(id)))
    }

    /// The name of the lock of the cluster's certificate.
    #[must_use]
    pub fn certificate_lock(&self) -> String {
        format!("{}{CERTIFICATE_LOCK}", self.0)
    }

    /// The name of the cluster, and the id part of its id.
    #[must_use]
    pub fn parts(&self) -> (&str, &str) {
        self.0.rsplit_once('-').unwrap_or_default()
    }

    /// The name of one of the cluster's files.
    #[must_use]
    pub fn file(&self, part: FileKind) -> String {
        format!("{}{}", self.0, part.ending())
    }

    /// Finds the cluster, and which of its files has this name; none for a file of someone else.
    #[must_use]
    pub fn of_file(name: &str) -> Option<(Self, FileKind)> {
        let (stem, part) = FileKind::ALL
            .into_iter()
            .find_map(|part| Some((name.strip_suffix(part.ending())?, part)))?;
        let (slug, id_part) = stem.rsplit_once('-')?;
        let is_ours = Slug::new(slug).is_ok()
            && id_part.len() == 8
            && id_part.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        is_ours.then(|| (Self(stem.to_owned()), part))
    }
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
          "version": 2,
          "cluster": "clst01",
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
            Record::from_json(text.replace(from, to).as_bytes()).unwrap_err().to_string()
        };
        assert!(
            told("\"version\": 2", "\"version\": 1").contains("of version 1, and this release")
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
        for part in FileKind::ALL {
            assert_eq!(FileStem::of_file(&stem.file(part)), Some((stem.clone(), part)));
        }
        for name in [
            "config",
            "notes.conf",
            "train-clst01.conf",
            "-12345678.json",
            "a-12345678.conf.bak",
            "A-12345678.conf",
            "a-1234567G.conf",
        ] {
            assert_eq!(FileStem::of_file(name), None, "{name:?}");
        }
    }
}
