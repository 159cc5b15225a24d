//! `prime-ssh check`: whether hosts answer, and let us in.

mod report;

use super::fetch::block_on;
use super::nodes::look::{self, Found};
use super::nodes::remedy::Remedies;
use super::nodes::status::{Judge, NodeStatus};
use super::nodes::{ViewedCluster, ViewedHost, route};
use super::view::{self, Seen, View};
use super::{certificates, fleets};
use crate::cli::CheckArgs;
use crate::cluster::NoFleet;
use crate::failure::{Failure, Outcome};
use crate::settings::{Check, Context, OptionResolver, Which, pasted};
use crate::ssh::probe::limiter::{Limiter, within_file_limit};
use crate::terminal::Terminal;
use crate::terminal::progress::Count;

pub(super) fn run(args: CheckArgs, context: &Context) -> Outcome<()> {
    let terminal = context.terminal;
    let settings = Check::resolve(args, context)?;
    let options = OptionResolver::new(context);
    let answers = view::ask(&settings.viewing, &options, terminal)?;
    let views = answers.views(&settings.viewing, &options)?;
    let some = !views.is_empty();
    let (clusters, mut failures) = viewed(views, &settings, &options, terminal);
    if some && clusters.is_empty() && failures.is_empty() {
        return Err(fleets::all_left_out("check"));
    }
    let hosts: Vec<ViewedHost<'_>> = clusters.iter().flat_map(ViewedCluster::hosts).collect();
    let mut found = look_at(&hosts, &clusters, &settings, terminal)?.into_iter();

    let remedies = Remedies::new(&settings.viewing, &options);
    let judge = Judge { remedies, logs_in: settings.login };
    let judged = |cluster| judge.statuses(cluster, |_| found.next().unwrap_or_default());
    let statuses: Vec<NodeStatus<'_>> = clusters.iter().flat_map(judged).collect();
    let report = report::Report::new(&statuses, &clusters, settings.skip_invalid);
    report.print(settings.format)?;
    report.tell_remedies(terminal);
    failures.extend(report.summary(failures.is_empty(), terminal));
    terminal.worst(failures)
}

/// The clusters that have hosts, or should; and why others cannot be checked.
fn viewed<'a>(
    views: Vec<View<'a>>,
    settings: &Check,
    options: &OptionResolver<'_>,
    terminal: Terminal,
) -> (Vec<ViewedCluster<'a>>, Vec<Failure>) {
    let (mut clusters, mut failures) = (Vec::new(), Vec::new());
    for view in views {
        match view.seen.and_then(|seen| cluster(seen, settings, terminal)) {
            Ok(Some(cluster)) => {
                warn(&cluster, settings, options, terminal);
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
) -> Outcome<Option<ViewedCluster<'a>>> {
    let Seen { resolved, record, rendering, source } = seen;
    // What was refused counts as failed, unless it is to be left out.
    if let Some(warning) = fleets::refusals(std::slice::from_ref(&resolved), true, true)? {
        terminal.warning(warning);
    }
    for note in &resolved.notes {
        terminal.detail(note);
    }
    let fleet = match resolved.fleet {
        Ok(fleet) => fleet,
        Err(NoFleet::NoHost | NoFleet::NoneSelected { .. })
            if resolved.skipped().iter().any(|node| node.why.is_active()) =>
        {
            match resolved.known() {
                Some(fleet) => fleet.clone(),
                None => return Ok(None),
            }
        }
        Err(why @ (NoFleet::Terminated | NoFleet::NoHost | NoFleet::NoneSelected { .. }))
            if matches!(settings.viewing.which, Which::All(_)) =>
        {
            terminal.note(format_args!("left out {}: {why}", resolved.title));
            return Ok(None);
        }
        Err(why) => {
            let failure = fleets::nothing_to("check", &resolved.title, &why);
            return Err(match why {
                NoFleet::Terminated if record.is_some() => {
                    let sync = pasted(settings.viewing.commands.installed("sync", []));
                    failure.hint(format!("{sync} removes its names"))
                }
                _ => failure,
            });
        }
    };
    Ok(Some(ViewedCluster { fleet, record, rendering, source }))
}

fn warn(
    cluster: &ViewedCluster<'_>,
    settings: &Check,
    options: &OptionResolver<'_>,
    terminal: Terminal,
) {
    for warning in &cluster.rendering.warnings {
        terminal.warning(warning);
    }
    // ssh itself renews it before it logs in.
    if cluster.rendering.is_live && cluster.record.is_some() {
        return;
    }
    let own: Option<certificates::Own<'_>> = cluster.own_certificate(&settings.viewing.layout);
    let identity = cluster.identity(options);
    let warning = own.and_then(|own| {
        own.warning(&cluster.fleet.cluster, identity.as_ref(), &settings.viewing.commands)
    });
    if let Some(warning) = warning {
        terminal.warning(warning);
    }
}

/// What is found at each host, in their order. Whatever it starts has ended afterwards.
fn look_at(
    hosts: &[ViewedHost<'_>],
    clusters: &[ViewedCluster<'_>],
    settings: &Check,
    terminal: Terminal,
) -> Outcome<Vec<Found>> {
    let (limiter, limit) = (limiter(settings, terminal), settings.probe_timeout);
    let mut found = vec![Found::default(); hosts.len()];
    let is_tried = |host: &&ViewedHost<'_>| settings.login || host.jump().is_none();
    let count = Count::of(hosts.iter().filter(is_tried).count());
    let done = |at: usize, new: Found| {
        count.one_done();
        if let Some(found) = found.get_mut(at) {
            *found = new;
        }
    };
    if !settings.login || hosts.is_empty() {
        let looking = look::probe_direct(hosts, &limiter, limit, done);
        block_on(terminal.wait_counting("checking hosts", &count, looking))?;
        return Ok(found);
    }
    let ssh = route::ssh(limiter.clone(), limit, &settings.viewing.layout)?;
    let routes = route::routes(clusters, &ssh, &settings.viewing.layout)?;
    let looking = look::log_in(hosts, &routes, &ssh, &limiter, limit, done);
    block_on(terminal.wait_counting("checking hosts", &count, looking))??;
    Ok(found)
}

/// As many at once as was asked for, where this shell allows so many open files.
fn limiter(settings: &Check, terminal: Terminal) -> Limiter {
    let jobs = within_file_limit(settings.jobs);
    if jobs < settings.jobs {
        terminal.warning(format_args!(
            "{jobs} hosts are asked at once, not {}: this shell allows no more open files \
             (`ulimit -n`)",
            settings.jobs
        ));
    }
    Limiter::new(jobs)
}
