//! The keys that a cluster lets in, and whether the person's own is among them.

use serde::Serialize;

use crate::certificate::PublicKey;
use crate::certificate::identity::Identity;
use crate::certificate::own_keys::{OwnKey, OwnKeys};
use crate::cluster::SshKey;
use crate::install::layout::Layout;
use crate::settings::{OptionResolver, Rendering};
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
    #[serde(skip)]
    key: Option<PublicKey>,
    /// Our name for it.
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
        resolver: &OptionResolver<'_>,
        layout: &Layout,
    ) -> Self {
        let named =
            rendering.ssh.identity_file.as_ref().map(|path| {
                (path.to_string(), Identity::read(&resolver.environment().expand(path)))
            });
        let own = OwnKeys::find(&layout.read_by_ssh(), layout.ssh_folder());
        let mut authorized: Vec<Authorized> = keys.iter().map(Authorized::of).collect();
        for authorized in &mut authorized {
            let is_it = |key: &PublicKey| authorized.key.as_ref() == Some(key);
            let named = named.as_ref().and_then(|(path, named)| {
                named.as_ref().ok().filter(|named| is_it(&named.public_key)).map(|_| path.clone())
            });
            let own = own.all().find(|key| is_it(&key.public_key));
            let of_agent = named.is_none() && own.is_some_and(|own| own.file.is_none());
            authorized.ours = named.or_else(|| own.map(OwnKey::name));
            authorized.identity_file = authorized.ours.clone().filter(|_| !of_agent);
        }
        let named = named.map(|(file, identity)| {
            let problem = identity.as_ref().err().map(ToString::to_string);
            let identity = identity.ok();
            let key = identity.as_ref().map(|identity| &identity.public_key);
            NamedKey {
                file,
                fingerprint: key.map(|key| key.fingerprint().to_string()),
                authorized: key.and_then(|key| lets_in(&authorized, key)),
                problem,
            }
        });
        Self { authorized, named, own }
    }

    /// Says whether the key in use is let in. `install` names another one.
    pub(super) fn fact(&self, install: impl Fn(&OwnKey) -> String) -> Cell {
        let is_let_in = |key: &&OwnKey| lets_in(&self.authorized, &key.public_key) == Some(true);
        let other = |key: Option<&OwnKey>| match key {
            Some(key) => {
                let your = if key.file.is_some() { "your " } else { "" };
                format!("; {your}{} is: {}", key.name(), install(key))
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
        let is_known = self.authorized.iter().any(|authorized| authorized.key.is_some());
        match (fitting, self.own.tried.as_slice()) {
            (Some(key), _) => {
                Cell::new(format_args!("{}, authorized", key.name())).tone(Tone::Good)
            }
            (None, []) => {
                let tone = if other.is_empty() { Tone::Dim } else { Tone::Bad };
                let none = "none set, and none that ssh tries by itself";
                Cell::new(format_args!("{none}{other}")).tone(tone)
            }
            (None, own) if is_known => {
                let names = first_of(own.iter().map(OwnKey::name), NAMED);
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
    fn of(given: &SshKey<'_>) -> Self {
        let text = given.public_key.as_ref().ok_or_else(|| "the answer holds no key".to_owned());
        let key = text.and_then(|text| {
            text.as_str().parse::<PublicKey>().map_err(|problem| problem.to_string())
        });
        let problem = key.as_ref().err().cloned();
        let key = key.ok();
        Self {
            role: given.role.as_ref().map(ToString::to_string),
            kind: key.as_ref().map(|key| key.kind().to_owned()),
            fingerprint: key.as_ref().map(|key| key.fingerprint().to_string()),
            problem,
            identity_file: None,
            key,
            ours: None,
        }
    }
}

/// Returns whether this key is among those; `None` where none of them can be read.
fn lets_in(authorized: &[Authorized], key: &PublicKey) -> Option<bool> {
    let mut known = authorized.iter().filter_map(|known| known.key.as_ref()).peekable();
    known.peek()?;
    Some(known.any(|known| known == key))
}
