//! `prime-ssh check`: whether hosts answer, and let us in.

mod report;

use super::fetch::{Fetched, block_on};
use super::nodes::reach::{self, Found};
use super::nodes::status::{Judge, NodeStatus};
use super::nodes::{ViewedCluster, ViewedHost, route};
use super::{cluster_certificates, fleets, view};
use crate::cli::CheckArgs;
use crate::cluster::NoFleet;
use crate::failure::{Failure, Outcome};
use crate::install::state::Record;
use crate::settings::{Context, Origin, ViewSettings, pasted};
use crate::ssh::probe::limiter::{Limiter, within_file_limit};
use crate::terminal::Terminal;
use crate::terminal::progress::Count;

pub(super) fn run(args: &CheckArgs, context: &Context) -> Outcome<()> {
    let terminal = context.terminal;
    let viewing = &ViewSettings::resolve(&args.source, &args.filter, context)?;
    let answers = view::ask(viewing)?;
    let viewed = answers.viewed(viewing)?;
    let some = !viewed.is_empty();
    let (clusters, mut failures) = to_check(viewed, viewing);
    if some && clusters.is_empty() && failures.is_empty() {
        return Err(fleets::all_left_out("check"));
    }
    let hosts: Vec<ViewedHost<'_>> = clusters.iter().flat_map(ViewedCluster::hosts).collect();
    let mut found = look_at(&hosts, &clusters, args, viewing)?.into_iter();

    let judge = Judge::new(viewing, args.login);
    let judged = |cluster| judge.statuses(cluster, |_| found.next().unwrap_or_default());
    let statuses: Vec<NodeStatus<'_>> = clusters.iter().flat_map(judged).collect();
    let report = report::Report::new(&statuses, &clusters, context.global.skip_invalid);
    report.print(args.format)?;
    report.tell_remedies(terminal);
    failures.extend(report.summary(failures.is_empty(), terminal));
    terminal.worst(failures)
}

/// The clusters that have hosts, or should; and why others cannot be checked.
fn to_check<'a>(
    viewed: Vec<(&Fetched, Outcome<ViewedCluster<'a>>)>,
    viewing: &ViewSettings<'_>,
) -> (Vec<ViewedCluster<'a>>, Vec<Failure>) {
    let (mut clusters, mut failures) = (Vec::new(), Vec::new());
    for (_, cluster) in viewed {
        let checked =
            cluster.and_then(|cluster| Ok(has_hosts(&cluster, viewing)?.then_some(cluster)));
        match checked {
            Ok(Some(cluster)) => {
                warn(&cluster, viewing);
                clusters.push(cluster);
            }
            Ok(None) => {}
            Err(failure) => failures.push(failure),
        }
    }
    (clusters, failures)
}

/// Returns whether a cluster has hosts, or should have; one of `--all` that has none is left out.
fn has_hosts(cluster: &ViewedCluster<'_>, viewing: &ViewSettings<'_>) -> Outcome<bool> {
    let terminal = viewing.context.terminal;
    let ViewedCluster { resolved, record, .. } = cluster;
    // What was refused counts as failed, unless it is to be left out.
    if let Some(warning) = fleets::refusal_warning(std::slice::from_ref(resolved), true, true)? {
        terminal.warning(warning);
    }
    for note in &resolved.notes {
        terminal.detail(note);
    }
    match &resolved.fleet {
        Ok(_) => Ok(true),
        Err(NoFleet::NoHost | NoFleet::NoneSelected { .. })
            if cluster.without_host().next().is_some() =>
        {
            Ok(true)
        }
        Err(why @ (NoFleet::Terminated | NoFleet::NoHost | NoFleet::NoneSelected { .. }))
            if matches!(viewing.source.origin, Origin::All(_)) =>
        {
            terminal.note(format_args!("left out {}: {why}", resolved.title));
            Ok(false)
        }
        Err(why) => {
            let failure = fleets::nothing_to("check", &resolved.title, why);
            Err(match why {
                NoFleet::Terminated if record.is_some() => {
                    let sync = pasted(viewing.context.commands().installed("sync", []));
                    failure.hint(format!("{sync} removes its names"))
                }
                _ => failure,
            })
        }
    }
}

fn warn(cluster: &ViewedCluster<'_>, viewing: &ViewSettings<'_>) {
    let terminal = viewing.context.terminal;
    for warning in &cluster.rendering.warnings {
        terminal.warning(warning);
    }
    // ssh itself renews it before it logs in.
    if cluster.record.is_some_and(Record::renews_certificate) {
        return;
    }
    let fault = cluster.certificate_fault(viewing);
    if let Some((why, fleet)) = fault.zip(cluster.fleet()) {
        let (about, commands) = (&fleet.cluster, viewing.context.commands());
        terminal.warning(cluster_certificates::warning(&why, about, cluster.record, &commands));
    }
}

/// Looks at each host, and returns what is found, in their order. Whatever it starts has ended afterwards.
fn look_at(
    hosts: &[ViewedHost<'_>],
    clusters: &[ViewedCluster<'_>],
    args: &CheckArgs,
    viewing: &ViewSettings<'_>,
) -> Outcome<Vec<Found>> {
    let terminal = viewing.context.terminal;
    let (limiter, limit) = (limiter(args.jobs.into(), terminal), args.probe_timeout);
    let mut found = vec![Found::default(); hosts.len()];
    let is_tried = |host: &&ViewedHost<'_>| args.login || host.proxy_jump().is_none();
    let count = Count::of(hosts.iter().filter(is_tried).count());
    let done = |at: usize, new: Found| {
        count.one_done();
        if let Some(found) = found.get_mut(at) {
            *found = new;
        }
    };
    if !args.login || hosts.is_empty() {
        let looking = reach::probe_direct(hosts, &limiter, limit, done);
        block_on(terminal.wait_counting("checking hosts", &count, looking))?;
        return Ok(found);
    }
    let ssh = route::ssh(limiter, limit, &viewing.layout)?;
    let looking = reach::log_in(clusters, &ssh, &viewing.layout, done);
    block_on(terminal.wait_counting("checking hosts", &count, looking))??;
    Ok(found)
}

/// Limits the hosts at once to as many as were asked for, where this shell allows so many open files.
fn limiter(wanted: usize, terminal: Terminal) -> Limiter {
    let jobs = within_file_limit(wanted);
    if jobs < wanted {
        terminal.warning(format_args!(
            "{jobs} hosts are asked at once, not {wanted}: this shell allows no more open files \
             (`ulimit -n`)"
        ));
    }
    Limiter::new(jobs)
}
