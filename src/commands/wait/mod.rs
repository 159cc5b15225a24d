//! `prime-ssh wait`: until the nodes of clusters are up, and how far they came.

mod awaited;
mod pauses;
mod probes;
mod report;
mod status;

use std::cell::{Cell, OnceCell};
use std::collections::HashSet;

use awaited::{Awaited, NoAnswer};
use futures_util::future::join_all;
use futures_util::{StreamExt, stream};
use pauses::Pauses;
use probes::ProbeResults;
use status::ClusterStatus;
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep_until, timeout_at};

use super::fetch::{self, AT_ONCE};
use super::nodes::status::Judge;
use super::nodes::{Hop, ViewedCluster};
use super::{fleets, view};
use crate::cli::{GoalArgs, ReportFormat, SourceArgs, WaitArgs};
use crate::failure::{Failure, Kind, Outcome};
use crate::install::present::Present;
use crate::settings::{Context, Origin, ViewSettings};
use crate::ssh::login::Ssh;
use crate::ssh::probe::limiter::Limiter;
use crate::terminal::Terminal;
use crate::terminal::progress::MultiProgress;
use crate::text::message::Message;
use crate::text::time::span;

/// The most nodes, or values, that a message names.
const TOLD: usize = 20;

pub(super) fn run(args: &WaitArgs, context: &Context) -> Outcome<()> {
    let WaitArgs { api, goal, format, filter } = args;
    let source = SourceArgs { api: api.clone(), input: Vec::new() };
    let viewing = ViewSettings::resolve(&source, filter, context)?;
    Waiter::new(&viewing, *goal).wait(Some(*format))
}

/// Waits for clusters side by side, all within one limit: for `install --wait`.
pub(super) fn first(viewing: &ViewSettings<'_>, patience: GoalArgs) -> Outcome<()> {
    Waiter::new(viewing, patience).wait(None)
}

/// A wait: for what, and until when.
struct Waiter<'w> {
    viewing: &'w ViewSettings<'w>,
    patience: GoalArgs,
    until: Instant,
    judge: Judge<'w>,
    /// The places of hosts that may be asked at once.
    limiter: Limiter,
    /// Logs in to jump hosts, once there is one.
    ssh: OnceCell<Ssh>,
    /// The number of logins to jump hosts.
    logins: Cell<usize>,
    /// The requests that may be on their way.
    requests: Semaphore,
    progress: MultiProgress,
    terminal: Terminal,
}

/// The end of the wait for a cluster.
struct Ended<'i> {
    awaited: Awaited<'i>,
    /// The last answer.
    text: String,
    /// The reason that there was none after it.
    outage: Option<String>,
    results: ProbeResults,
    /// How it ended; `None` where the time is over.
    end: Option<Outcome<()>>,
}

impl<'w> Waiter<'w> {
    fn new(viewing: &'w ViewSettings<'w>, patience: GoalArgs) -> Self {
        Self {
            viewing,
            patience,
            until: Instant::now() + patience.within,
            judge: Judge::new(viewing, true),
            limiter: probes::limiter(),
            ssh: OnceCell::new(),
            logins: Cell::new(0),
            requests: Semaphore::new(AT_ONCE),
            progress: MultiProgress::new(),
            terminal: viewing.context.terminal,
        }
    }

    /// Waits for all of them; with a format, prints how far each came. What fails for one harms no
    /// other.
    fn wait(&self, format: Option<ReportFormat>) -> Outcome<()> {
        let installed = view::installed_here(&self.viewing.layout, self.terminal);
        let ended = fetch::block_on(self.watch_all(&installed))??;
        let (mut all, mut failures) = (Vec::new(), Vec::new());
        for ended in ended {
            match ended {
                Ok(ended) => all.push(ended),
                Err(failure) => failures.push(failure),
            }
        }
        failures.extend(self.end(&all, format)?);
        self.terminal.worst(failures)
    }

    async fn watch_all<'i>(&self, installed: &'i Present) -> Outcome<Vec<Outcome<Ended<'i>>>> {
        let (selectors, is_listed) = match &self.viewing.source.origin {
            Origin::Named(selectors) => (selectors.clone(), false),
            Origin::All(team) => (self.listed(team.as_deref()).await?, true),
            Origin::Files(_) => {
                let message = "a saved answer does not change, so nothing is to be waited for";
                return Err(Failure::message(Kind::Usage, message));
            }
        };
        let find = |selector: String| async move {
            match Awaited::find(self, &selector, is_listed, installed).await {
                Ok(found) => Some(Ok(found)),
                Err(NoAnswer::LeftOut(why)) if is_listed => {
                    self.terminal.note(format_args!("left out {why}"));
                    None
                }
                Err(why) => Some(Err(Failure::from(why))),
            }
        };
        let found: Vec<_> = stream::iter(selectors).map(find).buffered(AT_ONCE).collect().await;
        if is_listed && found.iter().all(Option::is_none) {
            return Err(fleets::all_left_out("wait for"));
        }
        let mut ids = HashSet::new();
        let is_new = |found: &Outcome<(Awaited<'_>, String)>| {
            found.as_ref().map_or(true, |(awaited, _)| ids.insert(awaited.id.clone()))
        };
        let watch = |found: Outcome<(Awaited<'i>, String)>| async {
            let (awaited, text) = found?;
            self.watch(awaited, text).await
        };
        Ok(join_all(found.into_iter().flatten().filter(is_new).map(watch)).await)
    }

    /// The ids of all clusters that the API lists.
    async fn listed(&self, team: Option<&str>) -> Outcome<Vec<String>> {
        let endpoint = self.viewing.source.endpoint.clone()?;
        let client = endpoint.client(self.terminal)?;
        let asking = timeout_at(self.until, client.clusters(None));
        let Ok(listed) = self.terminal.wait_for("asking the API for its list", asking).await else {
            return Err(self.no_answer("its list"));
        };
        let mut listed = listed?;
        listed.retain(|cluster| cluster.is_of(team));
        if listed.is_empty() {
            return Err(fleets::none_listed("wait for"));
        }
        listed.sort_by(|one, other| (&one.name, &one.id).cmp(&(&other.name, &other.id)));
        Ok(listed.into_iter().map(|cluster| cluster.id).collect())
    }

    fn no_answer(&self, about: &str) -> Failure {
        let within = span(self.patience.within);
        let message = format!("no answer of the API on {about} within {within}");
        Failure::message(Kind::Hosts, message)
    }

    /// Asks again and again until it is as it should be, cannot be, or the time is over.
    async fn watch<'i>(&self, awaited: Awaited<'i>, mut text: String) -> Outcome<Ended<'i>> {
        let message = format!("looking at the nodes of {}", awaited.view(&text)?.alias());
        let mut progress = self.terminal.progress(&self.progress, message);
        let (mut results, mut outage) = (ProbeResults::default(), None);
        let (mut said, mut pauses) = (String::new(), Pauses::after(Instant::now()));
        let end = loop {
            let (end, new) = {
                let (cluster, outage) = (awaited.view(&text)?, outage.as_deref());
                self.look(&cluster, &mut results).await?;
                let status = ClusterStatus::new(&cluster, &results, outage, &self.judge);
                let end = status.end(self.patience.goal, &results, &self.judge);
                (end, status.progress())
            };
            if end.is_some() {
                break end;
            }
            progress.is(&new);
            let next = pauses.next(Instant::now(), new != said);
            said = new;
            match self.ask_at(&awaited, next).await {
                None => break None,
                Some(Ok(new)) => (text, outage) = (new, None),
                Some(Err(NoAnswer::Outage(error))) => {
                    // A server may ask for more time than there is.
                    let wait = error.wait.unwrap_or_default().min(self.patience.within);
                    pauses.defer_until(Instant::now() + wait);
                    outage = Some(error.to_string());
                }
                Some(Err(why)) => return Err(why.into()),
            }
        };
        Ok(Ended { awaited, text, outage, results, end })
    }

    /// Asks at each place of a node that is not known to be up, as long as more nodes are wanted;
    /// what is not answered in time stays as it is.
    async fn look(&self, cluster: &ViewedCluster<'_>, results: &mut ProbeResults) -> Outcome<()> {
        let wanted = status::wanted(self.patience.goal, cluster);
        for hop in [Hop::None, Hop::Bastion, Hop::Jump] {
            if hop != Hop::None && results.nodes_up(cluster) >= wanted {
                break;
            }
            let probing = timeout_at(self.until, self.probe(hop, cluster, results));
            probing.await.unwrap_or(Ok(()))?;
        }
        Ok(())
    }

    /// The answer to a request at this time; `None` where the time is over before it comes.
    async fn ask_at(&self, awaited: &Awaited<'_>, at: Instant) -> Option<Result<String, NoAnswer>> {
        let request = async {
            sleep_until(at).await;
            // It fails only once it is closed, and nobody closes it.
            let _permit = self.requests.acquire().await;
            let text = awaited.client.cluster(&awaited.id).await?.text;
            // One that says nothing of the cluster is an outage, or final.
            awaited.view(&text)?;
            Ok(text)
        };
        timeout_at(self.until, request).await.ok()
    }

    /// Prints how far each came, and tells how many of its nodes are up; returns the failures. Where
    /// one is still open, the time is over.
    fn end(&self, ended: &[Ended<'_>], format: Option<ReportFormat>) -> Outcome<Vec<Failure>> {
        let viewed = ended.iter().map(|ended| ended.awaited.view(&ended.text));
        let viewed: Vec<_> = viewed.collect::<Result<_, NoAnswer>>()?;
        let statuses: Vec<ClusterStatus<'_>> = ended
            .iter()
            .zip(&viewed)
            .map(|(Ended { results, outage, .. }, cluster)| {
                ClusterStatus::new(cluster, results, outage.as_deref(), &self.judge)
            })
            .collect();
        let problem = |(status, ended): (&ClusterStatus<'_>, &Ended<'_>)| {
            if let Some(end) = &ended.end {
                return end.as_ref().err().cloned();
            }
            let text = format!("{} after {}:", status.count(), span(self.patience.within));
            let message = Message::with_first(text, TOLD, status.missing(), 0);
            Some(Failure::message(Kind::Hosts, message))
        };
        let problems: Vec<_> = statuses.iter().zip(ended).map(problem).collect();
        if let Some(format) = format {
            report::print(&statuses, &problems, self.patience.goal, format)?;
        }
        for (status, problem) in statuses.iter().zip(&problems) {
            if problem.is_none() {
                self.terminal.tell(status.count());
            }
        }
        Ok(problems.into_iter().flatten().collect())
    }
}
