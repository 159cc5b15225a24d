//! `prime-ssh check`: whether hosts answer, and let us in.

mod clusters;
mod logins;
mod look;
mod report;
mod verdict;

use clusters::Cluster;
use logins::Logins;
use verdict::Verdict;

use super::fetch::block_on;
use super::view;
use crate::cli::CheckArgs;
use crate::cluster::{Fleet, Host};
use crate::failure::Outcome;
use crate::settings::{Check, Context, OptionResolver};
use crate::ssh::probe::Endpoint;
use crate::ssh::probe::pace::{self, Limiter};
use crate::terminal::Terminal;
use crate::terminal::progress::Count;

pub(super) fn run(args: CheckArgs, context: &Context) -> Outcome<()> {
    let terminal = context.terminal;
    let settings = Check::resolve(args, context)?;
    let memory = OptionResolver::new(context);
    let asked = view::ask(&settings.viewing, &memory, terminal)?;
    let views = asked.views(&settings.viewing, &memory)?;
    let (clusters, mut failures) = clusters::checked(views, &settings, &memory, terminal);
    let hosts: Vec<Member<'_>> = clusters.iter().flat_map(members).collect();

    let pace = pace(&settings, terminal);
    let mut logins = None;
    if settings.login && !hosts.is_empty() {
        logins = Some(Logins::prepare(&clusters, &settings, pace.clone())?);
    }
    let found = {
        let count = Count::of(look::tried(&hosts, logins.as_ref()));
        let looking = look::at(&hosts, logins.as_ref(), &pace, settings.probe_timeout, &count);
        block_on(terminal.wait_counting("checking hosts", &count, looking))??
    };
    // Whatever still runs ends here.
    drop(logins);

    let verdicts = Verdict::of_all(&hosts, &found, &settings, &memory);
    let checked = report::Checked { hosts: &hosts, verdicts: &verdicts, clusters: &clusters };
    checked.print(settings.format, settings.skip_invalid)?;
    checked.tell_remedies(terminal);
    failures.extend(checked.summary(settings.skip_invalid, failures.is_empty(), terminal));
    terminal.worst(failures)
}

/// One host of one of the clusters.
#[derive(Clone, Copy, Debug)]
struct Member<'c> {
    cluster: &'c Cluster<'c>,
    host: &'c Host<'c>,
}

fn members<'c>(cluster: &'c Cluster<'c>) -> impl Iterator<Item = Member<'c>> {
    cluster.fleet.hosts.iter().map(move |host| Member { cluster, host })
}

impl<'c> Member<'c> {
    fn fleet(&self) -> &'c Fleet<'c> {
        &self.cluster.fleet
    }

    fn alias(&self) -> String {
        self.fleet().alias_of(self.host).to_string()
    }

    fn endpoint(&self) -> Endpoint {
        Endpoint { host: self.host.host_name.clone().into_owned(), port: self.host.port }
    }

    /// What it is reached through, as a message calls it.
    fn jump(&self) -> Option<String> {
        self.fleet().proxy_jump(self.host).map(|jump| jump.to_string())
    }
}

/// As many at once as was asked for, where this shell allows so many open files.
fn pace(settings: &Check, terminal: Terminal) -> Limiter {
    let jobs = pace::at_most(settings.jobs);
    if jobs < settings.jobs {
        terminal.warning(format_args!(
            "{jobs} hosts are asked at once, not {}: this shell allows no more open files \
             (`ulimit -n`)",
            settings.jobs
        ));
    }
    Limiter::new(jobs)
}
