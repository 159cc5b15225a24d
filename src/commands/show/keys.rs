//! The keys that a cluster lets in, and whether the person's own is among them.

use std::path::Path;

use serde::Serialize;

use crate::certificate::PublicKey;
use crate::certificate::identity::Identity;
use crate::cluster::SshKey;
use crate::install::layout::Layout;
use crate::name::Label;
use crate::settings::{OptionResolver, Rendering};
use crate::terminal::table::{Cell, Column, Table, Tone};

/// What ssh tries where no setting names a key (`ssh_config(5)`, `IdentityFile`).
const DEFAULTS: [&str; 5] = ["id_rsa", "id_ecdsa", "id_ecdsa_sk", "id_ed25519", "id_ed25519_sk"];

/// The authorised keys, and ours.
pub(super) struct Keys<'a> {
    authorised: Vec<Authorised<'a>>,
    /// The key that a setting names, and what is known of it.
    set: Option<(String, Result<Identity, String>)>,
}

struct Authorised<'a> {
    role: Option<&'a Label<'a>>,
    key: Result<PublicKey, String>,
    /// The file of ours that is this key.
    ours: Option<String>,
}

impl<'a> Keys<'a> {
    pub(super) fn of(
        keys: &'a [SshKey<'a>],
        rendering: &Rendering,
        memory: &OptionResolver<'_>,
        layout: &Layout,
    ) -> Self {
        let set = rendering.ssh.identity_file.as_ref().map(|path| {
            let identity = Identity::read(&memory.environment().expand(path));
            (path.to_string(), identity.map_err(|problem| problem.to_string()))
        });
        let ours: Vec<(String, PublicKey)> = match &set {
            Some((path, Ok(identity))) => vec![(path.clone(), identity.public_key.clone())],
            Some((_, Err(_))) => Vec::new(),
            None => defaults(&layout.read_by_ssh()),
        };
        let authorised = |key: &'a SshKey<'a>| {
            let text = key.public_key.as_ref().ok_or("the answer holds no key");
            let parsed = text.map_err(str::to_owned).and_then(|text| {
                text.as_str().parse::<PublicKey>().map_err(|problem| problem.to_string())
            });
            let is_ours =
                |(_, ours): &&(String, PublicKey)| parsed.as_ref().is_ok_and(|key| key == ours);
            let ours = ours.iter().find(is_ours).map(|(path, _)| path.clone());
            Authorised { role: key.role.as_ref(), key: parsed, ours }
        };
        Self { authorised: keys.iter().map(authorised).collect(), set }
    }

    /// The key that a setting names, where it can be read.
    pub(super) fn identity(&self) -> Option<&Identity> {
        self.set.as_ref().and_then(|(_, identity)| identity.as_ref().ok())
    }

    /// Whether a key of ours is authorised; `None` where none of the keys can be read, or ours
    /// cannot.
    fn is_authorised(&self) -> Option<bool> {
        let is_known = matches!(self.set, None | Some((_, Ok(_))))
            && self.authorised.iter().any(|authorised| authorised.key.is_ok());
        is_known.then(|| self.authorised.iter().any(|authorised| authorised.ours.is_some()))
    }

    /// What is to be said of the key in use.
    pub(super) fn fact(&self) -> Cell {
        let Some((path, identity)) = &self.set else {
            return Cell::new("none set: ssh takes its own keys, and those of an agent")
                .tone(Tone::Dim);
        };
        match (identity, self.is_authorised()) {
            (Err(problem), _) => Cell::new(problem).tone(Tone::Bad),
            (Ok(_), Some(true)) => Cell::new(format!("{path}, authorised")).tone(Tone::Good),
            (Ok(identity), Some(false)) => Cell::new(format!(
                "{path} ({}), not among the authorised keys",
                identity.public_key.fingerprint()
            ))
            .tone(Tone::Bad),
            (Ok(_), None) => Cell::new(path),
        }
    }

    pub(super) fn table(&self) -> Table {
        let mut table = Table::new([
            Column::whole("AUTHORISED KEY"),
            Column::new("ROLE"),
            Column::minor("KIND"),
            Column::minor("YOURS"),
        ]);
        for Authorised { role, key, ours } in &self.authorised {
            table.row([
                match key {
                    Ok(key) => Cell::new(key.fingerprint()),
                    Err(problem) => Cell::new(format!("unreadable: {problem}")).tone(Tone::Dim),
                },
                Cell::given(role.as_ref()),
                Cell::given(key.as_ref().ok().map(PublicKey::kind)),
                Cell::given(ours.as_ref()).tone(Tone::Good),
            ]);
        }
        table
    }

    /// The authorised keys, as JSON says them.
    pub(super) fn data(&self) -> Vec<KeyData<'_>> {
        self.authorised.iter().map(KeyData::of).collect()
    }

    /// The key in use, as JSON says it.
    pub(super) fn identity_data(&self) -> Option<IdentityData<'_>> {
        let (path, identity) = self.set.as_ref()?;
        let fingerprint = |identity: &Identity| identity.public_key.fingerprint().to_string();
        Some(IdentityData {
            file: path,
            fingerprint: identity.as_ref().ok().map(fingerprint),
            authorised: self.is_authorised(),
            problem: identity.as_ref().err().map(String::as_str),
        })
    }
}

/// The keys of ssh's own that are in its folder.
fn defaults(folder: &Path) -> Vec<(String, PublicKey)> {
    let named = |name: &&str| {
        let path = folder.join(name);
        Some((path.display().to_string(), Identity::beside(&path)?))
    };
    DEFAULTS.iter().filter_map(named).collect()
}

/// An authorised key, as JSON says it.
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
    fn of(authorised: &'k Authorised<'_>) -> Self {
        let Authorised { role, key, ours } = authorised;
        Self {
            role: role.map(Label::as_str),
            kind: key.as_ref().ok().map(PublicKey::kind),
            fingerprint: key.as_ref().ok().map(|key| key.fingerprint().to_string()),
            problem: key.as_ref().err().map(String::as_str),
            identity_file: ours.as_deref(),
        }
    }
}

/// The key that a setting names, as JSON says it.
#[derive(Debug, Serialize)]
pub(super) struct IdentityData<'k> {
    file: &'k str,
    fingerprint: Option<String>,
    /// Whether it is among the authorised ones; `null` where that is not known.
    authorised: Option<bool>,
    /// Why it cannot be read.
    problem: Option<&'k str>,
}
