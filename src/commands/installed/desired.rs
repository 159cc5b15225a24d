//! From an answer to what should be installed, or why not.

use std::path::PathBuf;

use anyhow::Context as _;

use super::summary::{ClusterChange, Line};
use crate::certificate::identity::{Identity, IdentityError};
use crate::certificate::own_keys::{OwnKey, OwnKeys, authorized};
use crate::cluster::{self, CheckedCluster, Cluster, Fleet, NoFleet, ResolvedCluster, resolve_one};
use crate::commands::cluster_certificates::{self, checked, file_of, path_of};
use crate::commands::fleets;
use crate::failure::{Failure, Kind, OrFail, Outcome};
use crate::install::claims::{Claim, claims};
use crate::install::desired::{Desired, DesiredCluster};
use crate::install::folder;
use crate::install::fragment::{Difference, Fragment};
use crate::install::layout::Layout;
use crate::install::options::SavedOptions;
use crate::install::present::Present;
use crate::install::state::{FileKind, Record, Source};
use crate::name::Slug;
use crate::render::ssh_config;
use crate::settings::{Context, Rendering, pasted};
use crate::text::message::{Message, Talk};
use crate::text::shell;

/// The most names that a message says to lead elsewhere.
const MOVED: usize = 5;

/// Decides what is to be installed, cluster by cluster: the builder of what is [`Desired`].
#[derive(Debug)]
pub(in crate::commands) struct DesiredBuilder<'a> {
    pub(super) layout: &'a Layout,
    pub(in crate::commands) context: &'a Context,
    pub(in crate::commands) present: &'a Present,
    pub(in crate::commands) desired: Desired,
    /// The clusters, and what becomes of each.
    pub(in crate::commands) lines: Vec<Line>,
    /// True if the subscription was asked for new clusters.
    pub(super) checked_new: bool,
    /// The messages about it.
    pub(in crate::commands) talk: Talk,
    /// Warnings of keys that a cluster may not let in, of which only its answer tells; with a key
    /// that it lets in, where ssh would not show that one.
    pub(in crate::commands) key_warnings: Vec<(String, Option<OwnKey>)>,
    /// The keys that ssh tries by itself, and the others of this person, for advice about them.
    pub(in crate::commands) own_keys: OwnKeys,
}

impl<'a> DesiredBuilder<'a> {
    /// A run that has decided nothing yet: everything stays as it is.
    pub(in crate::commands) fn new(
        layout: &'a Layout,
        present: &'a Present,
        context: &'a Context,
    ) -> Self {
        Self {
            layout,
            context,
            present,
            desired: Desired::unchanged(present),
            lines: Vec::new(),
            checked_new: false,
            talk: Talk::default(),
            key_warnings: Vec::new(),
            own_keys: OwnKeys::default(),
        }
    }

    /// Decides what is to be installed of the cluster that was answered, and says what changes. One
    /// that was terminated is [`ClusterChange::Removed`], and the caller removes it.
    pub(in crate::commands) fn decide(
        &mut self,
        cluster: CheckedCluster<'_>,
        name: Slug<'_>,
        source: Source,
        options: &SavedOptions,
    ) -> Outcome<ClusterChange> {
        let Some(id) = cluster.id().map(|id| id.clone().into_owned()) else {
            // The refusals say what is wrong with the cluster's own values.
            let resolved = resolve_one(cluster, None, &cluster::Options::default());
            self.tell(&resolved)?;
            return Err(fleets::no_fleet(&resolved.title, &NoFleet::Refused));
        };
        let (name, options) = (name.into_owned(), options.clone());
        let own_name = cluster.cluster.as_ref().map(|own| own.name.to_string()).unwrap_or_default();
        let record = Record { id, own_name, name, source, options, fragments: Vec::new() };
        let rendering = self.rendering(&record)?;
        let resolved = resolve_one(cluster, Some(record.name.clone()), &rendering.fleet);
        if matches!(resolved.fleet, Err(NoFleet::Terminated)) {
            return Ok(ClusterChange::Removed(format!(": cluster {} was terminated", record.id)));
        }
        self.tell(&resolved)?;
        match resolved.fleet {
            Ok(fleet) => self.put(record, rendering, &fleet),
            Err(why) => self.without_hosts(&record, &resolved.title, &why),
        }
    }

    /// Tells what was refused, and what a person should know.
    fn tell(&mut self, resolved: &ResolvedCluster<'_>) -> Outcome<()> {
        let skip_invalid = self.context.global.skip_invalid;
        let refused = fleets::refusal_warning(std::slice::from_ref(resolved), true, skip_invalid)?;
        if let Some(warning) = refused {
            self.talk.warn(warning);
        }
        fleets::notes(resolved).for_each(|note| self.talk.note(note));
        Ok(())
    }

    /// Wants a cluster with these hosts.
    fn put(
        &mut self,
        record: Record,
        mut rendering: Rendering,
        fleet: &Fleet<'_>,
    ) -> Outcome<ClusterChange> {
        let cluster = &fleet.cluster;
        let takes_ours = rendering.ssh.takes_ours(cluster);
        if record.options.live.is_some() {
            self.context.check_live(&record, &rendering, takes_ours)?;
            self.context.refresh_command(&self.layout.ssh_folder)?;
        }
        let certificate_key =
            if takes_ours { self.add_certificate(&mut rendering, &record, cluster)? } else { None };
        let mut text = Vec::new();
        // Names that no file has are the business of the last one.
        ssh_config::render(std::slice::from_ref(fleet), [], &rendering.ssh, &mut text)
            .context("cannot render")
            .or_fail(Kind::Local)?;
        let fragment = Fragment::parse(&text);
        let old = self.old(&record);
        let earlier = old.map(|(_, text)| Fragment::parse(text)).unwrap_or_default();
        self.refuse_claimed(&record, &fragment.new_names(&earlier))?;
        rendering.warnings.iter().for_each(|warning| self.talk.warn(warning));
        self.warn_of_keys(&rendering, &record, cluster);
        let difference = match old {
            Some((_, before)) if before != text => fragment.since(&earlier),
            _ => Difference::default(),
        };
        if !difference.moved.is_empty() {
            // ssh trusts that one at first sight.
            let text = format!("names of {} lead to another machine than before:", record.alias());
            self.talk.urgent.push(Message::with_first(text, MOVED, &difference.moved, 0));
        }
        let hosts = fragment.hosts.len();
        let what = match old {
            None => ClusterChange::Added(hosts),
            Some((was, _)) if was.alias() != record.alias() => {
                ClusterChange::Renamed { from: was.alias(), hosts }
            }
            Some((_, before)) if before == text => ClusterChange::Unchanged(hosts),
            Some((was, before)) => changed(was, before, &text, &difference),
        };
        let put = DesiredCluster { record, fragment: text, certificate_key, replaces: None };
        self.desired.put.insert(put.record.stem(), put);
        Ok(what)
    }

    /// The options that a cluster is rendered with.
    fn rendering(&self, record: &Record) -> Outcome<Rendering> {
        let Record { options, .. } = record;
        let mut rendering = self.context.rendering(options, record.source.context())?;
        rendering.ssh.short.clone_from(&options.short);
        // By that of the password database ssh finds the sockets, whatever HOME says.
        let home_length = self.layout.home.as_os_str().len();
        rendering.ssh.home_length = rendering.ssh.home_length.max(home_length);
        if rendering.ssh.known_hosts.is_none() {
            let name = record.stem().file(FileKind::KnownHosts);
            rendering.ssh.known_hosts = Some(checked(&self.layout.named_by_ssh(&name))?);
        }
        Ok(rendering)
    }

    /// A cluster without hosts may have some later: of a new one that is no failure of others.
    fn without_hosts(&self, record: &Record, title: &str, why: &NoFleet) -> Outcome<ClusterChange> {
        let (no_fleet, id) = (fleets::no_fleet(title, why), record.id.as_str());
        if !matches!(why, NoFleet::NoHost | NoFleet::NoneSelected { .. }) {
            return Err(no_fleet);
        }
        let mut failure =
            Failure { hint: no_fleet.hint, ..fleets::nothing_to("install", title, why) };
        if self.present.of_id(id).is_some() {
            return Err(failure);
        }
        if matches!(why, NoFleet::NoHost) && record.source.api().is_some() {
            let commands = self.context.commands();
            let command = commands.install(["--wait".into()], &commands.source_of_listed(id));
            failure = failure.hint(format!("{} waits until its nodes are up", pasted(command)));
        }
        Ok(ClusterChange::NotInstalled(failure))
    }

    /// The cluster as it is installed, with its fragment.
    fn old(&self, record: &Record) -> Option<(&'a Record, &'a [u8])> {
        let old = self.present.of_id(record.id.as_str())?;
        Some((old, self.present.part(&old.stem(), FileKind::Fragment)?))
    }

    /// Names the certificate that the cluster takes and nothing else. Returns the key that ssh renews
    /// it for.
    fn add_certificate(
        &mut self,
        rendering: &mut Rendering,
        record: &Record,
        cluster: &Cluster<'_>,
    ) -> Outcome<Option<PathBuf>> {
        let path = path_of(self.layout, &file_of(self.layout, cluster, Some(record)))?;
        rendering.ssh.cluster_certificates.insert(record.id.to_string(), path);
        let identity = rendering.ssh.identity_file.as_ref();
        let identity = identity.map(|path| self.context.environment.expand(path));
        if record.renews_certificate() {
            return Ok(identity);
        }
        let key = identity.as_deref().and_then(Identity::public_half);
        // What is there under another name yet is put under this one.
        let present = file_of(self.layout, cluster, None);
        if let Some(why) = cluster_certificates::fault(&present, key.as_ref()) {
            let commands = self.context.commands();
            self.talk.warn(cluster_certificates::warning(&why, cluster, None, &commands));
        }
        Ok(None)
    }

    /// Warns of the key to log in with, before ssh says it in fewer words.
    fn warn_of_keys(&mut self, rendering: &Rendering, record: &Record, cluster: &Cluster<'_>) {
        // Where a certificate lets people in, no key is authorized by itself.
        let known = authorized(if cluster.vault_enabled { &[] } else { &cluster.ssh_keys });
        let (alias, identity) = (record.alias(), rendering.ssh.identity_file.as_ref());
        let path = identity.map(|identity| self.context.environment.expand(identity));
        if let Some((identity, path)) = identity.zip(path.as_ref()) {
            if let Some(mode) = Identity::open_mode(path) {
                self.talk.warn(format!(
                    "identity file {identity} has mode {mode:04o}, and ssh takes no key that others \
                     can read: `{}`",
                    shell::command(["chmod".as_ref(), "600".as_ref(), path.as_os_str()])
                ));
            }
            match Identity::read(path) {
                Ok(Identity { public_key: ours, .. }) if !known.is_empty() => {
                    let warning = format!(
                        "the key {identity} ({}) is not among those of {alias}: it may not let you in",
                        ours.fingerprint()
                    );
                    self.key_warnings.extend((!known.contains(&ours)).then_some((warning, None)));
                }
                Err(problem @ (IdentityError::Mismatch(_) | IdentityError::Unreadable(..))) => {
                    self.talk.warn(format!("{problem}; {}", problem.hint()));
                }
                Ok(_) | Err(_) => {}
            }
        }
        // One that the cluster lets in, where ssh would show others only.
        self.key_warnings.extend(self.own_keys.not_shown(path.as_deref(), &known).map(|key| {
            let your = if key.file.is_some() { "your key " } else { "" };
            let name = &key.name;
            let warning = format!("{alias} lets in {your}{name}, and ssh would not show that one");
            (warning, Some(key.clone()))
        }));
    }

    /// A name that the user's own configuration defines is not ours to take. One that we installed
    /// before is, and not among these `names`: what stands there was added to it.
    fn refuse_claimed(&mut self, record: &Record, names: &[&str]) -> Outcome<()> {
        let Some(config) = &self.present.config else { return Ok(()) };
        let path = self.layout.config();
        let found = claims((&path, config), names, &folder::reader(self.layout));
        let place = |claim: &Claim| format!("{}:{}", shell::path(&claim.file), claim.line);
        let (caught, taken): (Vec<_>, Vec<_>) =
            found.iter().partition(|claim| claim.pattern.is_some());
        for claim in caught {
            self.talk.warn(format!(
                "{}: the pattern {} catches {} too; ours comes first, and what it does not say counts",
                place(claim),
                claim.pattern.as_deref().unwrap_or_default(),
                claim.alias
            ));
        }
        if taken.is_empty() {
            return Ok(());
        }
        let text = format!("your own configuration defines names of {}:", record.alias());
        let lines = taken.iter().map(|claim| format!("{}: {}", place(claim), claim.alias));
        let message = Message::with_lines(text, lines);
        let short = record.options.short.as_ref().map(Slug::as_str);
        let options = if taken.iter().all(|claim| short == Some(&claim.alias)) {
            "with another `--short NAME`"
        } else {
            "with `--as NAME` or `--prefix WORD`"
        };
        Err(Failure::message(Kind::Install, message)
            .hint(format!("rename or remove them there, or install {options}")))
    }
}

/// The change of a cluster's file, with the hand that may have been in it.
fn changed(was: &Record, before: &[u8], after: &[u8], difference: &Difference) -> ClusterChange {
    const BY_HAND: &str = "its file was edited by hand";
    ClusterChange::Changed(if was.wrote(before) {
        difference.words.clone()
    } else if was.wrote(after) {
        BY_HAND.to_owned()
    } else {
        format!("{}; {BY_HAND}", difference.words)
    })
}
