//! The keys that a cluster lets in, and whether the person's own is among them.

use serde::Serialize;

use crate::certificate::PublicKey;
use crate::certificate::identity::Identity;
use crate::certificate::own_keys::{OwnKey, own_keys};
use crate::cluster::SshKey;
use crate::install::layout::Layout;
use crate::name::Label;
use crate::settings::{OptionResolver, Rendering};
use crate::terminal::table::{Cell, Column, Table, Tone};
use crate::text::message::first_of;

/// How many keys a message names.
const NAMED: usize = 3;

/// The authorized keys, and ours.
pub(super) struct Keys<'a> {
    authorized: Vec<Authorized<'a>>,
    /// The key that a setting names, and what is known of it.
    set: Option<(String, Result<Identity, String>)>,
    /// Those that ssh tries where none is set.
    own: Vec<OwnKey>,
}

struct Authorized<'a> {
    role: Option<&'a Label<'a>>,
    key: Result<PublicKey, String>,
    /// The file of ours that is this key.
    ours: Option<String>,
}

impl<'a> Keys<'a> {
    pub(super) fn of(
        keys: &'a [SshKey<'a>],
        rendering: &Rendering,
        resolver: &OptionResolver<'_>,
        layout: &Layout,
    ) -> Self {
        let set = rendering.ssh.identity_file.as_ref().map(|path| {
            let identity = Identity::read(&resolver.environment().expand(path));
            (path.to_string(), identity.map_err(|problem| problem.to_string()))
        });
        let own = own_keys(&layout.read_by_ssh());
        let mut ours: Vec<(String, PublicKey)> = Vec::new();
        if let Some((path, Ok(identity))) = &set {
            ours.push((path.clone(), identity.public_key.clone()));
        }
        ours.extend(own.iter().map(|key| (key.name(), key.public_key.clone())));
        let authorized = |key: &'a SshKey<'a>| {
            let text = key.public_key.as_ref().ok_or("the answer holds no key");
            let parsed = text.map_err(str::to_owned).and_then(|text| {
                text.as_str().parse::<PublicKey>().map_err(|problem| problem.to_string())
            });
            let is_ours =
                |(_, ours): &&(String, PublicKey)| parsed.as_ref().is_ok_and(|key| key == ours);
            let ours = ours.iter().find(is_ours).map(|(path, _)| path.clone());
            Authorized { role: key.role.as_ref(), key: parsed, ours }
        };
        Self { authorized: keys.iter().map(authorized).collect(), set, own }
    }

    /// The key that a setting names, where it can be read.
    pub(super) fn identity(&self) -> Option<&Identity> {
        self.set.as_ref().and_then(|(_, identity)| identity.as_ref().ok())
    }

    /// Whether the cluster lets this key in; `None` where none of its keys can be read.
    fn lets_in(&self, key: &PublicKey) -> Option<bool> {
        let mut keys =
            self.authorized.iter().filter_map(|known| known.key.as_ref().ok()).peekable();
        keys.peek()?;
        Some(keys.any(|known| known == key))
    }

    /// Whether the key that a setting names is let in; `None` where that is not known.
    fn is_authorized(&self) -> Option<bool> {
        self.identity().and_then(|identity| self.lets_in(&identity.public_key))
    }

    /// What is to be said of the key in use. `install` names another one.
    pub(super) fn fact(&self, install: impl Fn(&OwnKey) -> String) -> Cell {
        let fitting = self.own.iter().find(|key| self.lets_in(&key.public_key) == Some(true));
        let Some((path, identity)) = &self.set else {
            return self.fact_of_own(fitting);
        };
        let other = match fitting {
            Some(key) => {
                let your = if key.file.is_some() { "your " } else { "" };
                format!("; {your}{} is: {}", key.name(), install(key))
            }
            None => String::new(),
        };
        match (identity, self.is_authorized()) {
            (Err(problem), _) => Cell::new(format!("{problem}{other}")).tone(Tone::Bad),
            (Ok(_), Some(true)) => Cell::new(format!("{path}, authorized")).tone(Tone::Good),
            (Ok(identity), Some(false)) => Cell::new(format!(
                "{path} ({}), not among the authorized keys{other}",
                identity.public_key.fingerprint()
            ))
            .tone(Tone::Bad),
            (Ok(_), None) => Cell::new(path),
        }
    }

    fn fact_of_own(&self, fitting: Option<&OwnKey>) -> Cell {
        let is_known = self.authorized.iter().any(|known| known.key.is_ok());
        match (fitting, self.own.as_slice()) {
            (Some(key), _) => Cell::new(format!("{}, authorized", key.name())).tone(Tone::Good),
            (None, []) => Cell::new("none set, and none that ssh tries by itself").tone(Tone::Dim),
            (None, own) if is_known => {
                let names = first_of(own.iter().map(OwnKey::name), NAMED);
                Cell::new(format!("none set; not among the authorized keys: {names}"))
                    .tone(Tone::Bad)
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
        for Authorized { role, key, ours } in &self.authorized {
            table.row([
                match key {
                    Ok(key) => Cell::new(key.fingerprint()),
                    Err(_) => Cell::new("unreadable").tone(Tone::Dim),
                },
                Cell::given(role.as_ref()),
                Cell::given(key.as_ref().ok().map(PublicKey::kind)),
                Cell::given(ours.as_ref()).tone(Tone::Good),
                Cell::given(key.as_ref().err()),
            ]);
        }
        table
    }

    /// The authorized keys, as JSON says them.
    pub(super) fn data(&self) -> Vec<KeyData<'_>> {
        self.authorized.iter().map(KeyData::of).collect()
    }

    /// The key in use, as JSON says it.
    pub(super) fn identity_data(&self) -> Option<IdentityData<'_>> {
        let (path, identity) = self.set.as_ref()?;
        let fingerprint = |identity: &Identity| identity.public_key.fingerprint().to_string();
        Some(IdentityData {
            file: path,
            fingerprint: identity.as_ref().ok().map(fingerprint),
            authorized: self.is_authorized(),
            problem: identity.as_ref().err().map(String::as_str),
        })
    }
}

/// An authorized key, as JSON says it.
#[derive(Debug, Serialize)]
pub(super) struct KeyData<'k> {
    role: Option<&'k str>,
    kind: Option<&'k str>,
    fingerprint: Option<String>,
    /// Why it cannot be read.
    problem: Option<&'k str>,
    /// The file of the person's own that is this key.
    identity_file: Option<&'k str>,
}

impl<'k> KeyData<'k> {
    fn of(authorized: &'k Authorized<'_>) -> Self {
        let Authorized { role, key, ours } = authorized;
        Self {
            role: role.map(Label::as_str),
            kind: key.as_ref().ok().map(PublicKey::kind),
            fingerprint: key.as_ref().ok().map(|key| key.fingerprint().to_string()),
            problem: key.as_ref().err().map(String::as_str),
            identity_file: ours.as_deref().filter(|ours| !ours.starts_with("the agent's ")),
        }
    }
}

/// The key that a setting names, as JSON says it.
#[derive(Debug, Serialize)]
pub(super) struct IdentityData<'k> {
    file: &'k str,
    fingerprint: Option<String>,
    /// Whether it is among the authorized ones; `null` where that is not known.
    authorized: Option<bool>,
    /// Why it cannot be read.
    problem: Option<&'k str>,
}
