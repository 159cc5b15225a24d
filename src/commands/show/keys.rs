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
        let file = rendering.ssh.identity_file.as_ref();
        let named = file.map(|path| {
            let identity = Identity::read(&context.environment.expand(path));
            (path.to_string(), identity.map(|identity| identity.public_key))
        });
        let own = OwnKeys::find(&layout.read_by_ssh(), &layout.ssh_folder);
        let known = authorized(keys);
        let named_as = |key: &PublicKey| {
            let (file, named) = named.as_ref()?;
            named.as_ref().ok().filter(|named| *named == key).map(|_| file.clone())
        };
        let authorized = keys.iter().map(|given| Authorized::of(given, &named_as, &own)).collect();
        let lets_in = |key: &PublicKey| (!known.is_empty()).then(|| known.contains(key));
        let named = named.as_ref().map(|(file, key)| NamedKey {
            file: file.clone(),
            fingerprint: key.as_ref().ok().map(PublicKey::fingerprint),
            authorized: key.as_ref().ok().and_then(lets_in),
            problem: key.as_ref().err().map(ToString::to_string),
        });
        Self { authorized, named, own, known }
    }

    /// Says whether the key in use is let in. `install` names another one.
    pub(super) fn fact(&self, install: impl Fn(&OsStr) -> String) -> Cell {
        let is_let_in = |key: &&OwnKey| self.known.contains(&key.public_key);
        let other = |key: Option<&OwnKey>| match key {
            Some(key) => {
                let your = if key.file.is_some() { "your " } else { "" };
                format!("; {your}{} is: {}", key.name, install(key.option()))
            }
            None => String::new(),
        };
        let Some(NamedKey { file, fingerprint, authorized, problem, .. }) = &self.named else {
            let tried = self.own.tried.iter().find(is_let_in);
            return self.fact_of_tried(tried, &other(self.own.others.iter().find(is_let_in)));
        };
        let other = other(self.own.all().find(is_let_in));
        match (problem, authorized) {
            (Some(problem), _) => Cell::new(format_args!("{problem}{other}")).tone(Tone::Bad),
            (None, Some(true)) => Cell::new(format_args!("{file}, authorized")).tone(Tone::Good),
            (None, Some(false)) => {
                let fingerprint = fingerprint.as_deref().unwrap_or_default();
                let not =
                    format_args!("{file} ({fingerprint}), not among the authorized keys{other}");
                Cell::new(not).tone(Tone::Bad)
            }
            (None, None) => Cell::new(file),
        }
    }

    /// Says the same of those that ssh tries, where none is named.
    fn fact_of_tried(&self, fitting: Option<&OwnKey>, other: &str) -> Cell {
        match (fitting, self.own.tried.as_slice()) {
            (Some(key), _) => Cell::new(format_args!("{}, authorized", key.name)).tone(Tone::Good),
            (None, []) => {
                let tone = if other.is_empty() { Tone::Dim } else { Tone::Bad };
                let none = "none set, and none that ssh tries by itself";
                Cell::new(format_args!("{none}{other}")).tone(tone)
            }
            (None, own) if !self.known.is_empty() => {
                let names = first_of(own.iter().map(|key| &key.name), NAMED);
                let not = "none set; not among the authorized keys";
                Cell::new(format_args!("{not}: {names}{other}")).tone(Tone::Bad)
            }
            (None, _) => {
                Cell::new("none set: ssh tries its own keys, and the agent's").tone(Tone::Dim)
            }
        }
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
    /// `named_as` says how a setting names a key.
    fn of(
        given: &SshKey<'_>,
        named_as: &impl Fn(&PublicKey) -> Option<String>,
        own: &OwnKeys,
    ) -> Self {
        let key = match &given.public_key {
            Some(text) => PublicKey::parse(text.as_str()),
            None => Err("the answer holds no key"),
        };
        let problem = key.as_ref().err().map(ToString::to_string);
        let key = key.ok();
        let named = key.as_ref().and_then(named_as);
        let own = own.all().find(|own| key.as_ref() == Some(&own.public_key));
        let of_agent = named.is_none() && own.is_some_and(|own| own.file.is_none());
        let ours = named.or_else(|| own.map(|own| own.name.clone()));
        Self {
            role: given.role.as_ref().map(ToString::to_string),
            kind: key.as_ref().map(|key| key.kind().to_owned()),
            fingerprint: key.as_ref().map(PublicKey::fingerprint),
            problem,
            identity_file: ours.clone().filter(|_| !of_agent),
            ours,
        }
    }
}
