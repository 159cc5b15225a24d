//! From an answer to what should be installed, or why not.

use std::path::PathBuf;

use anyhow::Context;

use super::identity as key;
use super::summary::{ClusterChange, Line};
use crate::certificate::identity::Identity;
use crate::certificate::own_keys::OwnKeys;
use crate::cluster::{self, CheckedCluster, Cluster, NoFleet};
use crate::commands::cluster_certificates::{self, checked, file_of, path_of};
use crate::commands::fleets::{self, FleetOutcome};
use crate::failure::{Failure, Kind, OrFail, Outcome};
use crate::install::claims::{Claim, claims};
use crate::install::desired::Desired;
use crate::install::folder;
use crate::install::fragment::{Difference, Fragment};
use crate::install::layout::Layout;
use crate::install::options::SavedOptions;
use crate::install::present::{Installed, Present};
use crate::install::state::{FileKind, FileStem, Record, Source};
use crate::name::Slug;
use crate::render::ssh_config;
use crate::settings::{OptionResolver, OwnCommands, Rendering, pasted};
use crate::text::message::{Message, Talk};
use crate::text::shell;

/// The decisions of a run.
#[derive(Debug, Default)]
pub(in crate::commands) struct InstallRequest {
    pub(in crate::commands) desired: Desired,
    /// The certificates that ssh renews by itself.
    pub(in crate::commands) renewed: Vec<Renewed>,
    /// The clusters, and what becomes of each.
    pub(in crate::commands) lines: Vec<Line>,
    /// What is said of options that a cluster has from now on, if nothing else refuses it.
    pub(in crate::commands) options: Vec<(Option<FileStem>, String)>,
    /// The messages about it.
    pub(in crate::commands) talk: Talk,
    /// True if the summary says how to connect.
    pub(in crate::commands) tells_how_to_connect: bool,
}

/// A certificate that ssh renews by itself.
#[derive(Debug)]
pub(in crate::commands) struct Renewed {
    /// The cluster that it is for.
    pub(in crate::commands) record: Record,
    /// The key that it is for.
    pub(in crate::commands) identity: Option<PathBuf>,
}

/// A run that decides what is to be installed, from what is there.
#[derive(Debug)]
pub(in crate::commands) struct DesiredState<'a> {
    layout: &'a Layout,
    pub(in crate::commands) present: &'a Present,
    pub(in crate::commands) installed: &'a Installed,
    resolver: &'a OptionResolver<'a>,
    /// The decisions so far.
    pub(in crate::commands) request: InstallRequest,
    /// Keys that a cluster may not let in, of which only its answer tells.
    pub(in crate::commands) unauthorized_keys: Vec<String>,
    /// The keys that ssh tries by itself, and the others of this person, for advice about them.
    pub(in crate::commands) own_keys: OwnKeys,
}

/// The result of an answer for its cluster.
#[derive(Debug)]
pub(in crate::commands) enum DesiredOutcome {
    /// It is to be installed, and changes like this.
    Put(ClusterChange),
    /// It is gone for good, and why.
    Gone(&'static str),
    /// There is nothing to install of it, and why.
    Nothing(Failure),
}

impl<'a> DesiredState<'a> {
    /// A run that has decided nothing yet: everything stays as it is.
    pub(in crate::commands) fn new(
        layout: &'a Layout,
        present: &'a Present,
        installed: &'a Installed,
        resolver: &'a OptionResolver<'a>,
    ) -> Self {
        let desired = Desired::unchanged(present);
        Self {
            layout,
            present,
            installed,
            resolver,
            request: InstallRequest { desired, ..InstallRequest::default() },
            unauthorized_keys: Vec::new(),
            own_keys: OwnKeys::default(),
        }
    }

    /// The commands that are advised.
    pub(in crate::commands) fn commands(&self) -> OwnCommands {
        self.resolver.commands()
    }

    /// All that was decided, and is to be said.
    pub(super) fn into_request(self) -> InstallRequest {
        let mut request = self.request;
        self.unauthorized_keys.into_iter().for_each(|warning| request.talk.warn(warning));
        request
    }

    /// Decides what is to be installed of the cluster that was answered.
    pub(in crate::commands) fn decide(
        &mut self,
        cluster: CheckedCluster<'_>,
        name: Slug<'_>,
        source: Source,
        options: &SavedOptions,
    ) -> Outcome<DesiredOutcome> {
        let Some(id) = cluster.id().map(|id| id.clone().into_owned()) else {
            return self.without_id(cluster);
        };
        let (name, options) = (name.into_owned(), options.clone());
        let record = Record { id, name, source, options, fragments: Vec::new() };
        let mut rendering = self.rendering(&record)?;
        let skip_invalid = self.resolver.skip_invalid();
        let talk = &mut self.request.talk;
        let fleet = match fleets::of_cluster(cluster, &rendering.hosts, skip_invalid, talk)? {
            FleetOutcome::Fleet(fleet) => fleet,
            FleetOutcome::Terminated => return Ok(DesiredOutcome::Gone("was terminated")),
            FleetOutcome::Empty(title, why) => return Ok(self.nothing(&record, &title, &why)),
        };
        let cluster = &fleet.cluster;
        if rendering.is_live {
            let takes_certificate =
                cluster.vault_enabled && rendering.ssh.certificates.named.is_none();
            self.resolver.check_live(&record, &rendering, takes_certificate)?;
            self.resolver.refresh_command(self.layout.ssh_folder())?;
        }
        if cluster.vault_enabled {
            self.add_certificate(&mut rendering, &record, cluster)?;
        }
        let mut text = Vec::new();
        ssh_config::render_cluster(&fleet, &rendering.ssh, &mut text)
            .context("cannot render")
            .or_fail(Kind::Local)?;
        let fragment = Fragment::parse(&text);
        let old = self.old(&record);
        let earlier = old.map(|(_, text)| Fragment::parse(text)).unwrap_or_default();
        self.refuse_claimed(&record, &fragment.new_names(&earlier))?;
        rendering.warnings.iter().for_each(|warning| self.request.talk.warn(warning));
        self.warn_of_keys(&rendering, &record, cluster);
        let difference = match old {
            Some((_, before)) if before != text => fragment.since(&earlier),
            _ => Difference::default(),
        };
        let moved = moved(&difference, &record.alias()).into_iter().map(Message::from);
        self.request.talk.urgent.extend(moved);
        let hosts = fragment.hosts.len();
        let what = match old {
            None => ClusterChange::Added(hosts),
            Some((was, _)) if was.alias() != record.alias() => {
                ClusterChange::Renamed { from: was.alias(), hosts }
            }
            Some((_, before)) if before == text => ClusterChange::Unchanged(hosts),
            Some((was, before)) => changed(was, before, &text, &difference),
        };
        self.request.desired.put.push((record, text));
        Ok(DesiredOutcome::Put(what))
    }

    /// The options that a cluster is rendered with.
    fn rendering(&self, record: &Record) -> Outcome<Rendering> {
        let Record { id, name, options, .. } = record;
        let mut rendering = self.resolver.rendering(options, record.source.context())?;
        rendering.hosts.recorded = vec![(id.clone(), name.clone())];
        rendering.ssh.short.clone_from(&options.short);
        // By that of the password database ssh finds the sockets, whatever HOME says.
        let home_length = self.layout.home().as_os_str().len();
        rendering.ssh.home_length = rendering.ssh.home_length.max(home_length);
        if rendering.ssh.known_hosts.is_none() {
            let name = record.stem().file(FileKind::KnownHosts);
            rendering.ssh.known_hosts = Some(checked(&self.layout.named_by_ssh(&name))?);
        }
        Ok(rendering)
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
    fn without_id(&mut self, cluster: CheckedCluster<'_>) -> Outcome<DesiredOutcome> {
        let label = cluster.label().to_owned();
        let options = cluster::Options::default();
        let skip_invalid = self.resolver.skip_invalid();
        fleets::of_cluster(cluster, &options, skip_invalid, &mut self.request.talk)?;
        Err(Failure::message(Kind::Answer, format!("{label}: the answer does not say its id")))
    }

    /// The cluster as it is installed, with its fragment.
    fn old(&self, record: &Record) -> Option<(&'a Record, &'a [u8])> {
        let old = self.installed.of_id(record.id.as_str())?;
        Some((old, self.present.part(&old.stem(), FileKind::Fragment)?))
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
        let identity = rendering.ssh.identity_file.as_ref();
        let identity = identity.map(|path| self.resolver.environment().expand(path));
        if rendering.is_live {
            self.request.renewed.push(Renewed { record: record.clone(), identity });
        } else {
            let identity = identity.as_deref().and_then(|path| Identity::read(path).ok());
            // What is there under another name yet is put under this one.
            let present = file_of(self.layout, cluster, None);
            let about = (cluster, None);
            let warning =
                cluster_certificates::warning(&present, identity.as_ref(), about, &self.commands());
            if let Some(warning) = warning {
                self.request.talk.warn(warning);
            }
        }
        let path = path_of(self.layout, &file_of(self.layout, cluster, Some(record)))?;
        rendering.ssh.certificates.by_cluster.insert(record.id.to_string(), path);
        Ok(())
    }

    /// Warns of the key to log in with, before ssh says it in fewer words.
    fn warn_of_keys(&mut self, rendering: &Rendering, record: &Record, cluster: &Cluster<'_>) {
        // Where a certificate lets people in, no key is authorized by itself.
        let keys = if cluster.vault_enabled { &[] } else { &*cluster.ssh_keys };
        let environment = self.resolver.environment();
        let identity = rendering.ssh.identity_file.as_ref();
        if let Some(path) = identity {
            for fault in key::faults(environment, path) {
                self.request.talk.warn(fault);
            }
            self.unauthorized_keys.extend(key::unauthorized(environment, path, keys, record));
        }
        let identity = identity.map(|path| environment.expand(path));
        let other = key::other(identity.as_deref(), &self.own_keys, keys, record);
        self.unauthorized_keys.extend(other);
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
            self.request.talk.warn(format!(
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

/// The names that lead to another machine than before: ssh trusts that one at first sight.
fn moved(difference: &Difference, alias: &str) -> Vec<String> {
    const TOLD: usize = 5;
    let tell = |(name, from, to): &(String, String, String)| {
        format!("{name} leads to another machine than before: {to}, and not {from}")
    };
    let mut told: Vec<String> = difference.moved.iter().take(TOLD).map(tell).collect();
    if let Some(more) = difference.moved.len().checked_sub(TOLD).filter(|more| *more > 0) {
        told.push(format!("{more} more names of {alias} lead to another machine than before"));
    }
    told
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
