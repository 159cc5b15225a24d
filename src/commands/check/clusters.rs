//! The clusters that are checked, and what stands in the way of others.

use crate::certificate::identity::Identity;
use crate::cluster::{Fleet, NoFleet, Skipped, WhySkipped};
use crate::commands::certificates::Own;
use crate::commands::fleets;
use crate::commands::view::{Seen, View};
use crate::failure::{Failure, Outcome};
use crate::install::layout::Layout;
use crate::install::state::Record;
use crate::settings::{Check, OptionResolver, Rendering, Which};
use crate::terminal::Terminal;

/// A cluster as the person knows it.
#[derive(Debug)]
pub(super) struct Cluster<'a> {
    /// It has no hosts where no node has a connection yet.
    pub(super) fleet: Fleet<'a>,
    pub(super) record: Option<&'a Record>,
    pub(super) rendering: Rendering,
}

/// The clusters that have hosts, or should; and why others cannot be checked.
pub(super) fn checked<'a>(
    views: Vec<View<'a>>,
    settings: &Check,
    memory: &OptionResolver<'_>,
    terminal: Terminal,
) -> (Vec<Cluster<'a>>, Vec<Failure>) {
    let (mut clusters, mut failures) = (Vec::new(), Vec::new());
    for view in views {
        match view.seen.and_then(|seen| cluster(seen, settings, terminal)) {
            Ok(Some(cluster)) => {
                cluster.warn(settings, memory, terminal);
                clusters.push(cluster);
            }
            Ok(None) => {}
            Err(failure) => failures.push(failure),
        }
    }
    (clusters, failures)
}

fn cluster<'a>(
    seen: Seen<'a>,
    settings: &Check,
    terminal: Terminal,
) -> Outcome<Option<Cluster<'a>>> {
    let Seen { resolved, record, rendering } = seen;
    // What was refused counts as not well, unless it is to be left out.
    fleets::tell_refusals(std::slice::from_ref(&resolved), true, true, terminal)?;
    for note in &resolved.notes {
        terminal.detail(note);
    }
    let fleet = match resolved.fleet {
        Ok(fleet) => fleet,
        Err(NoFleet::NoHost) if resolved.skipped().iter().any(|node| node.why.is_living()) => {
            match resolved.known() {
                Some(fleet) => fleet.clone(),
                None => return Ok(None),
            }
        }
        Err(why @ (NoFleet::Terminated | NoFleet::NoHost))
            if matches!(settings.viewing.which, Which::All(_)) =>
        {
            terminal.note(format_args!("left out {}: {why}", resolved.title));
            return Ok(None);
        }
        Err(why) => return Err(unchecked(&resolved.title, &why, record.is_some())),
    };
    Ok(Some(Cluster { fleet, record, rendering }))
}

fn unchecked(title: &str, why: &NoFleet, is_installed: bool) -> Failure {
    let failure = fleets::nothing_to("check", title, why);
    match why {
        NoFleet::Terminated if is_installed => {
            failure.hint("`prime-ssh sync` takes its names away")
        }
        _ => failure,
    }
}

impl Cluster<'_> {
    /// The nodes that should give a host and give none: whoever runs a playbook would miss them.
    pub(super) fn without_host(&self, skip_invalid: bool) -> impl Iterator<Item = &Skipped<'_>> {
        self.fleet.skipped.iter().filter(move |node| {
            node.why.is_living() && !(skip_invalid && node.why == WhySkipped::Refused)
        })
    }

    /// Why our certificate lets nobody in, where it is what the cluster asks for.
    pub(super) fn certificate_fault(
        &self,
        layout: &Layout,
        memory: &OptionResolver<'_>,
    ) -> Option<String> {
        let own = self.own_certificate(layout)?;
        own.refusal(self.identity(memory).as_ref())
    }

    /// Our certificate of the cluster, where it is what the cluster asks for.
    pub(super) fn own_certificate<'l>(&self, layout: &'l Layout) -> Option<Own<'l>> {
        let is_ours = self.rendering.ssh.certificates.named.is_none();
        (self.fleet.cluster.vault_enabled && is_ours).then(|| match self.record {
            Some(record) => Own::installed(layout, record),
            None => Own::of(layout, &self.fleet.cluster),
        })
    }

    fn identity(&self, memory: &OptionResolver<'_>) -> Option<Identity> {
        let path = self.rendering.ssh.identity_file.as_ref()?;
        Identity::read(&memory.environment().expand(path)).ok()
    }

    fn warn(&self, settings: &Check, memory: &OptionResolver<'_>, terminal: Terminal) {
        for warning in &self.rendering.warnings {
            terminal.warning(warning);
        }
        // ssh itself renews it before it logs in.
        if self.rendering.auto_cert && self.record.is_some() {
            return;
        }
        if let Some(own) = self.own_certificate(&settings.viewing.layout)
            && let Some(warning) = own.warning(
                &self.fleet.cluster,
                self.identity(memory).as_ref(),
                memory.folder_is_named(),
            )
        {
            terminal.warning(warning);
        }
    }
}
