//! From an answer to what should be installed, or why not.

use std::path::PathBuf;

use anyhow::Context;

use super::identity as key;
use super::summary::ClusterChange;
use crate::certificate::identity::Identity;
use crate::certificate::own_keys::OwnKey;
use crate::cluster::{self, CheckedCluster, Cluster, NoFleet};
use crate::commands::certificates::{Own, checked};
use crate::commands::fleets::{self, Resolved};
use crate::failure::{Failure, Kind, OrFail, Outcome};
use crate::install::claims::{Claim, claims};
use crate::install::folder;
use crate::install::fragment::Fragment;
use crate::install::layout::Layout;
use crate::install::options::SavedOptions;
use crate::install::plan::{Desired, Installed, Present};
use crate::install::state::{FileKind, Record, Source};
use crate::name::{LocalPath, Slug};
use crate::render::ssh_config;
use crate::settings::{OptionResolver, OwnCommands, Rendering, pasted};
use crate::text::message::{Message, Talk};
use crate::text::shell;

/// What every cluster of a run shares.
#[derive(Debug)]
pub(in crate::commands) struct DesiredState<'a> {
    layout: &'a Layout,
    present: &'a Present,
    pub(in crate::commands) installed: &'a Installed,
    resolver: &'a OptionResolver<'a>,
    skip_invalid: bool,
    talk: Talk,
    /// Keys that a cluster may not let in, of which only its answer tells.
    pub(in crate::commands) unauthorized_keys: Vec<String>,
    /// The keys that ssh tries by itself, and the others of this person, for advice about them.
    pub(in crate::commands) own_keys: (Vec<OwnKey>, Vec<OwnKey>),
    /// The certificates that ssh renews by itself.
    pub(in crate::commands) renewed: Vec<Renewed>,
}

/// The names that lead to another machine than before: ssh trusts that one at first sight.
fn moved(before: Option<&[u8]>, fragment: &[u8], alias: &str) -> Vec<String> {
    const TOLD: usize = 5;
    let Some(before) = before.filter(|before| *before != fragment) else { return Vec::new() };
    let moved = Fragment::parse(fragment).since(&Fragment::parse(before)).moved;
    let tell = |(name, from, to): &(String, String, String)| {
        format!("{name} leads to another machine than before: {to}, and not {from}")
    };
    let mut told: Vec<String> = moved.iter().take(TOLD).map(tell).collect();
    if let Some(more) = moved.len().checked_sub(TOLD).filter(|more| *more > 0) {
        told.push(format!("{more} more names of {alias} lead to another machine than before"));
    }
    told
}

/// A certificate that ssh renews by itself.
#[derive(Debug)]
pub(in crate::commands) struct Renewed {
    /// The cluster that it is for.
    pub(in crate::commands) record: Record,
    /// The key that it is for.
    pub(in crate::commands) identity: Option<PathBuf>,
}

/// What an answer makes of its cluster.
#[derive(Debug)]
pub(in crate::commands) enum DesiredOutcome {
    /// It is to be installed like this.
    Put(Desired, ClusterChange),
    /// It is gone for good, and why.
    Gone(&'static str),
    /// There is nothing to install of it, and why.
    Nothing(Failure),
}

impl<'a> DesiredState<'a> {
    /// Nothing is desired yet.
    pub(in crate::commands) fn new(
        layout: &'a Layout,
        present: &'a Present,
        installed: &'a Installed,
        resolver: &'a OptionResolver<'a>,
        skip_invalid: bool,
    ) -> Self {
        Self {
            layout,
            present,
            installed,
            resolver,
            skip_invalid,
            talk: Talk::default(),
            unauthorized_keys: Vec::new(),
            own_keys: Default::default(),
            renewed: Vec::new(),
        }
    }

    /// The commands that are advised.
    pub(in crate::commands) fn commands(&self) -> OwnCommands {
        self.resolver.commands()
    }

    /// All that is to be said.
    pub(in crate::commands) fn take_talk(&mut self) -> Talk {
        let mut talk = std::mem::take(&mut self.talk);
        self.unauthorized_keys.drain(..).for_each(|warning| talk.warn(warning));
        talk
    }

    /// What is to be installed of the cluster that was answered.
    pub(in crate::commands) fn outcome(
        &mut self,
        cluster: CheckedCluster<'_>,
        name: Slug<'_>,
        source: Source,
        remembered: &SavedOptions,
    ) -> Outcome<DesiredOutcome> {
        let label = cluster.label().to_owned();
        let Some(id) = cluster.id().map(|id| id.clone().into_owned()) else {
            return self.without_id(cluster, &label);
        };
        let mut rendering = self.resolver.rendering(remembered, source.context())?;
        let record = Record {
            id: id.clone(),
            name: name.into_owned(),
            source,
            options: remembered.clone(),
            fragments: Vec::new(),
        };
        rendering.hosts.recorded = vec![(id, record.name.clone())];
        rendering.ssh.short.clone_from(&remembered.short);
        // By that of the password database ssh finds the sockets, whatever HOME says.
        let home_length = self.layout.home().as_os_str().len();
        rendering.ssh.home_length = rendering.ssh.home_length.max(home_length);
        if rendering.ssh.known_hosts.is_none() {
            rendering.ssh.known_hosts = Some(self.known_hosts(&record)?);
        }
        let judged = fleets::fleet(cluster, &rendering.hosts, self.skip_invalid, &mut self.talk)?;
        let fleet = match judged {
            Resolved::Fleet(fleet) => fleet,
            Resolved::Terminated => return Ok(DesiredOutcome::Gone("was terminated")),
            Resolved::Empty(title, why) => return Ok(self.nothing(&record, &title, &why)),
        };
        if rendering.is_live {
            let takes_certificate =
                fleet.cluster.vault_enabled && rendering.ssh.certificates.named.is_none();
            self.resolver.check_live(&record, &rendering, takes_certificate)?;
            self.resolver.refresh_command(self.layout.ssh_folder())?;
        }
        if fleet.cluster.vault_enabled {
            self.add_certificate(&mut rendering, &record, &fleet.cluster)?;
        }
        let mut fragment = Vec::new();
        ssh_config::render_cluster(&fleet, &rendering.ssh, &mut fragment)
            .context("cannot render")
            .or_fail(Kind::Local)?;
        self.refuse_claimed(&record, &fragment)?;
        rendering.warnings.iter().for_each(|warning| self.talk.warn(warning));
        // Where a certificate lets people in, no key is authorized by itself.
        let keys = if fleet.cluster.vault_enabled { &[] } else { &*fleet.cluster.ssh_keys };
        let environment = self.resolver.environment();
        let identity = rendering.ssh.identity_file.as_ref();
        if let Some(path) = identity {
            for fault in key::faults(environment, path) {
                self.talk.warn(fault);
            }
            self.unauthorized_keys.extend(key::unauthorized(environment, path, keys, &record));
        }
        let (tried, others) = &self.own_keys;
        let identity = identity.map(|path| environment.expand(path));
        self.unauthorized_keys.extend(key::other(
            identity.as_deref(),
            (tried, others),
            keys,
            &record,
        ));
        let old = self.old(&record);
        let moved = moved(old.map(|(_, before)| before), &fragment, &record.alias());
        let what = ClusterChange::of(old, &record, &fragment);
        self.talk.urgent.extend(moved.into_iter().map(Message::from));
        let record = Box::new(record);
        Ok(DesiredOutcome::Put(Desired::Put { record, fragment }, what))
    }

    /// A cluster without hosts may have some later.
    fn nothing(&self, record: &Record, title: &str, why: &NoFleet) -> DesiredOutcome {
        let is_newcomer = self.installed.of_id(record.id.as_str()).is_none();
        let can_wait = is_newcomer && record.source.api().is_some();
        let mut failure = fleets::nothing_to("install", title, why);
        failure.hint = if can_wait && matches!(why, NoFleet::NoHost) {
            let words = ["--wait", record.id.as_str()];
            let command = pasted(self.commands().listed("install", words));
            Some(format!("{command} waits until its nodes are up"))
        } else {
            fleets::no_fleet(title, why).hint
        };
        DesiredOutcome::Nothing(failure)
    }

    /// The refusals say what is wrong with the cluster's own values.
    fn without_id(&mut self, cluster: CheckedCluster<'_>, label: &str) -> Outcome<DesiredOutcome> {
        let options = cluster::Options::default();
        fleets::fleet(cluster, &options, self.skip_invalid, &mut self.talk)?;
        Err(Failure::message(Kind::Answer, format!("{label}: the answer does not say its id")))
    }

    /// The cluster as it is installed, with its fragment.
    fn old(&self, record: &Record) -> Option<(&Record, &[u8])> {
        let old = self.installed.of_id(record.id.as_str())?;
        Some((old, self.present.part(&old.stem(), FileKind::Fragment)?))
    }

    fn known_hosts(&self, record: &Record) -> Outcome<LocalPath<'static>> {
        checked(&self.layout.known_hosts(&record.stem()))
    }

    /// Names the certificate that the cluster takes and nothing else, and what renews it.
    fn add_certificate(
        &mut self,
        rendering: &mut Rendering,
        record: &Record,
        cluster: &Cluster<'_>,
    ) -> Outcome<()> {
        if rendering.ssh.certificates.named.is_some() {
            return Ok(());
        }
        let own = Own::installed(self.layout, record);
        let identity = rendering.ssh.identity_file.as_ref();
        let identity = identity.map(|path| self.resolver.environment().expand(path));
        let id = record.id.to_string();
        if rendering.is_live {
            self.renewed.push(Renewed { record: record.clone(), identity });
        } else {
            let identity = identity.as_deref().and_then(|path| Identity::read(path).ok());
            // What is there under another name yet is put under this one.
            let present = Own::of(self.layout, cluster);
            if let Some(warning) = present.warning(cluster, identity.as_ref(), &self.commands()) {
                self.talk.warn(warning);
            }
        }
        rendering.ssh.certificates.own.insert(id, own.path()?);
        Ok(())
    }

    /// A name that the user's own configuration defines is not ours to take. One that we installed
    /// before is: what stands there was added to it.
    fn refuse_claimed(&mut self, record: &Record, fragment: &[u8]) -> Outcome<()> {
        let Some(config) = &self.present.config else { return Ok(()) };
        let earlier =
            self.old(record).map(|(_, fragment)| Fragment::parse(fragment)).unwrap_or_default();
        let hosts = Fragment::parse(fragment);
        let names = hosts.new_names(&earlier);
        let path = self.layout.config();
        let found = claims((&path, config), &names, &folder::reader(self.layout));
        let place = |claim: &Claim| format!("{}:{}", shell::path(&claim.file), claim.line);
        for claim in &found {
            if let Some(pattern) = &claim.pattern {
                self.talk.warn(format!(
                    "{}: the pattern {pattern} catches {} too; ours comes first, and what it does \
                     not say counts",
                    place(claim),
                    claim.alias
                ));
            }
        }
        let taken: Vec<String> = found
            .iter()
            .filter(|claim| claim.pattern.is_none())
            .map(|claim| format!("{}: {}", place(claim), claim.alias))
            .collect();
        if taken.is_empty() {
            return Ok(());
        }
        let text = format!("your own configuration defines names of {}:", record.alias());
        let message = Message::with_lines(text, taken);
        let is_short = |claim: &Claim| {
            record.options.short.as_ref().is_some_and(|short| short.as_str() == claim.alias)
        };
        let options = if found.iter().filter(|claim| claim.pattern.is_none()).all(is_short) {
            "with another `--short NAME`"
        } else {
            "with `--as NAME` or `--prefix WORD`"
        };
        Err(Failure::message(Kind::Install, message)
            .hint(format!("rename or remove them there, or install {options}")))
    }
}
