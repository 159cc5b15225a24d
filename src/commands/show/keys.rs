//! The keys that a cluster lets in, and whether the person's own is among them.

use std::ffi::OsStr;

use serde::Serialize;

use crate::certificate::PublicKey;
use crate::certificate::identity::Identity;
use crate::certificate::own_keys::{OwnKey, OwnKeys, authorized};
use crate::cluster::SshKey;
use crate::install::layout::Layout;
use crate::settings::{Context, Rendering};
use crate::terminal::table::{Cell, Column, Table, Tone};
use crate::text::message::first_of;

/// The most keys that a message names.
const NAMED: usize = 3;

/// The authorized keys, and ours.
pub(super) struct Keys {
    pub(super) authorized: Vec<Authorized>,
    /// The key that a setting names.
    pub(super) named: Option<NamedKey>,
    /// The keys that ssh shows: that one, or else those that it tries by itself.
    shown: Vec<OwnKey>,
    own: OwnKeys,
    /// Those that the cluster lets in.
    known: Vec<PublicKey>,
}

/// An authorized key.
#[derive(Debug, Serialize)]
pub(super) struct Authorized {
    role: Option<String>,
    kind: Option<String>,
    fingerprint: Option<String>,
    /// The reason that it cannot be read.
    problem: Option<String>,
    /// The file of the person's own that is this key.
    identity_file: Option<String>,
    /// Our name for it, which may be the agent's.
    #[serde(skip)]
    ours: Option<String>,
}

/// The key that a setting names.
#[derive(Debug, Serialize)]
pub(super) struct NamedKey {
    file: String,
    fingerprint: Option<String>,
    /// True if it is among the authorized ones; `None` where that is not known.
    authorized: Option<bool>,
    /// The reason that it cannot be read.
    problem: Option<String>,
}

impl Keys {
    pub(super) fn of(
        keys: &[SshKey<'_>],
        rendering: &Rendering,
        context: &Context,
        layout: &Layout,
    ) -> Self {
        let own = OwnKeys::find(layout);
        let known = authorized(keys);
        let setting = rendering.ssh.identity_file.as_ref();
        let path = setting.map(|setting| context.environment.expand(setting));
        let mut shown = Vec::new();
        let named = setting.zip(path).map(|(setting, path)| {
            let file = setting.to_string();
            let (mut fingerprint, mut authorized, mut problem) = (None, None, None);
            match Identity::read(&path) {
                Ok(Identity { public_key, .. }) => {
                    fingerprint = Some(public_key.fingerprint());
                    authorized = (!known.is_empty()).then(|| known.contains(&public_key));
                    shown.push(OwnKey { file: Some(path), name: file.clone(), public_key });
                }
                Err(error) => problem = Some(error.to_string()),
            }
            NamedKey { file, fingerprint, authorized, problem }
        });
        let ours: Vec<&OwnKey> = shown.iter().chain(own.all()).collect();
        let authorized = keys.iter().map(|given| Authorized::of(given, &ours)).collect();
        if named.is_none() {
            shown.clone_from(&own.tried);
        }
        Self { authorized, named, shown, own, known }
    }

    /// Says whether a key that ssh shows is let in. `install` names another one.
    pub(super) fn fact(&self, install: impl Fn(&OsStr) -> String) -> Cell {
        if let Some(key) = self.shown.iter().find(|key| self.known.contains(&key.public_key)) {
            return Cell::new(format_args!("{}, authorized", key.name)).tone(Tone::Good);
        }
        let other = self.own.fitting(&self.known).map_or_else(String::new, |key| {
            let your = if key.file.is_some() { "your " } else { "" };
            format!("; {your}{} is: {}", key.name, install(key.option()))
        });
        let not = "not among the authorized keys";
        let (text, tone) = match &self.named {
            Some(NamedKey { problem: Some(problem), .. }) => {
                (format!("{problem}{other}"), Tone::Bad)
            }
            Some(NamedKey { file, .. }) if self.known.is_empty() => (file.clone(), Tone::Plain),
            Some(NamedKey { file, fingerprint, .. }) => {
                let fingerprint = fingerprint.as_deref().unwrap_or_default();
                (format!("{file} ({fingerprint}), {not}{other}"), Tone::Bad)
            }
            None if self.shown.is_empty() => {
                let tone = if other.is_empty() { Tone::Dim } else { Tone::Bad };
                (format!("none set, and none that ssh tries by itself{other}"), tone)
            }
            None if self.known.is_empty() => {
                ("none set: ssh tries its own keys, and the agent's".to_owned(), Tone::Dim)
            }
            None => {
                let names = first_of(self.shown.iter().map(|key| &key.name), NAMED);
                (format!("none set; {not}: {names}{other}"), Tone::Bad)
            }
        };
        Cell::new(text).tone(tone)
    }

    pub(super) fn table(&self) -> Table {
        let mut table = Table::new([
            Column::id("AUTHORIZED KEY"),
            Column::new("ROLE"),
            Column::minor("KIND", 1),
            Column::new("YOURS"),
            Column::wrapped("PROBLEM"),
        ]);
        for Authorized { role, kind, fingerprint, problem, ours, .. } in &self.authorized {
            let fingerprint = match fingerprint {
                Some(fingerprint) => Cell::new(fingerprint),
                None => Cell::new("unreadable").tone(Tone::Dim),
            };
            table.row([
                fingerprint,
                Cell::given(role.as_ref()),
                Cell::given(kind.as_ref()),
                Cell::given(ours.as_ref()).tone(Tone::Good),
                Cell::given(problem.as_ref()),
            ]);
        }
        table
    }
}

impl Authorized {
    /// `own`: the keys that may be the same.
    fn of(given: &SshKey<'_>, own: &[&OwnKey]) -> Self {
        let key = match &given.public_key {
            Some(text) => PublicKey::parse(text.as_str()),
            None => Err("the answer holds no key"),
        };
        let problem = key.as_ref().err().map(ToString::to_string);
        let key = key.ok();
        let own = own.iter().find(|own| key.as_ref() == Some(&own.public_key));
        let name = |own: &&OwnKey| own.name.clone();
        Self {
            role: given.role.as_ref().map(ToString::to_string),
            kind: key.as_ref().map(|key| key.kind().to_owned()),
            fingerprint: key.as_ref().map(PublicKey::fingerprint),
            problem,
            identity_file: own.copied().filter(|own| own.file.is_some()).as_ref().map(name),
            ours: own.map(name),
        }
    }
}
