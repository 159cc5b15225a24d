//! `prime-ssh wait`: until the nodes of clusters are up, and how far they came.

mod pauses;
mod probes;
mod report;
mod status;

use std::cell::OnceCell;

use futures_util::future::join_all;
use pauses::Pauses;
use probes::ProbeResults;
use status::ClusterStatus;
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep_until, timeout_at};

use super::fetch::{self, AT_ONCE, AnswerSource, Fetched};
use super::nodes::status::Judge;
use super::nodes::{Hop, ViewedCluster};
use super::{fleets, view};
use crate::api::client::Client;
use crate::api::error::ApiError;
use crate::cli::{GoalArgs, ReportFormat, SourceArgs, WaitArgs};
use crate::cluster::{NoFleet, ResolvedCluster, resolve_one};
use crate::failure::{Failure, Kind, Outcome};
use crate::install::state::Record;
use crate::settings::{Context, Origin, ViewSettings};
use crate::ssh::login::Ssh;
use crate::ssh::probe::limiter::{Limiter, within_file_limit};
use crate::terminal::Terminal;
use crate::terminal::progress::MultiProgress;
use crate::text::message::Message;
use crate::text::time::span;

/// The most nodes, or values, that a message names.
const TOLD: usize = 20;
/// The most places that are asked at once, of all clusters together.
const PLACES_AT_ONCE: usize = 64;

pub(super) fn run(args: &WaitArgs, context: &Context) -> Outcome<()> {
    let WaitArgs { api, goal, format, filter } = args;
    let source = SourceArgs { api: api.clone(), input: Vec::new() };
    let mut viewing = ViewSettings::resolve(&source, filter, context)?;
    viewing.waits = true;
    wait(viewing, *goal, Some(*format))
}

/// Waits for clusters side by side, all within one limit: for `install --wait`.
pub(super) fn before_install(viewing: &ViewSettings<'_>, patience: GoalArgs) -> Outcome<()> {
    wait(viewing.clone(), patience, None)
}

fn wait(
    mut viewing: ViewSettings<'_>,
    patience: GoalArgs,
    format: Option<ReportFormat>,
) -> Outcome<()> {
    // No call takes longer than the wait.
    let mut context = viewing.context.clone();
    context.global.timeout = context.global.timeout.min(patience.within);
    if let Ok(endpoint) = &mut viewing.source.endpoint {
        endpoint.timeout = context.global.timeout;
    }
    let viewing = ViewSettings { context: &context, ..viewing };
    Waiter::new(&viewing, patience).wait(format)
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
    /// The requests that may be on their way.
    requests: Semaphore,
    progress: MultiProgress,
    terminal: Terminal,
}

/// A cluster that is waited for.
struct Awaited<'a> {
    id: &'a str,
    client: Client,
    /// The cluster by its first answer.
    first: ViewedCluster<'a>,
    /// The last answer.
    text: String,
    /// The reason that there was none after it.
    outage: Option<String>,
    results: ProbeResults,
    /// How it ended; `None` where the time is over.
    end: Option<Outcome<()>>,
}

/// The cluster by its last answer.
fn view<'v>(id: &str, first: &'v ViewedCluster<'_>, text: &'v str) -> Outcome<ViewedCluster<'v>> {
    let ViewedCluster { record, rendering, source, .. } = first;
    let name = first.fleet().map(|fleet| fleet.name.clone());
    let resolved = resolve_one(fleets::checked_answer(id, text)?, name, &rendering.fleet);
    refuse_useless(&resolved)?;
    let (rendering, source) = (rendering.clone(), source.clone());
    Ok(ViewedCluster { resolved, record: *record, rendering, source })
}

/// Fails where no answer like this one has hosts that are waited for.
fn refuse_useless(resolved: &ResolvedCluster<'_>) -> Outcome<()> {
    match &resolved.fleet {
        Err(why @ (NoFleet::Refused | NoFleet::BadJumpHost(_))) => {
            let failure = fleets::no_fleet(&resolved.title, why);
            let message = Message::with_first(&failure, TOLD, &resolved.refusals, 0);
            Err(Failure::message(failure.kind, message))
        }
        Err(why) if has_none_selected(resolved) => {
            let message = format!("nothing to wait for in {}: {why}", resolved.title);
            Err(Failure::message(Kind::Answer, message))
        }
        Ok(_) | Err(_) => Ok(()),
    }
}

/// Returns whether no node is one of those that are waited for.
fn has_none_selected(resolved: &ResolvedCluster<'_>) -> bool {
    matches!(resolved.fleet, Err(NoFleet::NoneSelected { .. })) && resolved.skipped().is_empty()
}

impl<'w> Waiter<'w> {
    fn new(viewing: &'w ViewSettings<'w>, patience: GoalArgs) -> Self {
        Self {
            viewing,
            patience,
            until: Instant::now() + patience.within,
            judge: Judge::new(viewing, true),
            limiter: Limiter::new(within_file_limit(PLACES_AT_ONCE)),
            ssh: OnceCell::new(),
            requests: Semaphore::new(AT_ONCE),
            progress: MultiProgress::new(),
            terminal: viewing.context.terminal,
        }
    }

    /// Waits for all of them; with a format, prints how far each came. What fails for one harms no
    /// other.
    fn wait(&self, format: Option<ReportFormat>) -> Outcome<()> {
        let answers = view::ask(self.viewing).map_err(|failure| self.in_time(failure))?;
        let viewed = answers.viewed(self.viewing)?;
        if viewed.is_empty() {
            return Err(fleets::none_listed("wait for"));
        }
        let (mut awaited, mut failures) = (Vec::new(), Vec::new());
        for (fetched, viewed) in viewed {
            match viewed.and_then(|first| self.awaited(fetched, first)) {
                Ok(new) => awaited.extend(new),
                Err(failure) => failures.push(self.in_time(failure)),
            }
        }
        if awaited.is_empty() && failures.is_empty() {
            return Err(fleets::all_left_out("wait for"));
        }
        let watching = join_all(awaited.into_iter().map(|awaited| self.watch(awaited)));
        let mut ended = Vec::new();
        for watched in fetch::block_on(watching)? {
            match watched {
                Ok(awaited) => ended.push(awaited),
                Err(failure) => failures.push(failure),
            }
        }
        failures.extend(self.end(&ended, format)?);
        self.terminal.worst(failures)
    }

    /// Where the time of the wait is over, more time for the API is no remedy.
    fn in_time(&self, failure: Failure) -> Failure {
        if Instant::now() < self.until {
            return failure;
        }
        Failure { kind: Kind::Hosts, hint: None, ..failure }
    }

    /// What is asked for again and again; `None` for one of `--all` that has nothing to wait for.
    fn awaited<'a>(
        &self,
        fetched: &'a Fetched,
        first: ViewedCluster<'a>,
    ) -> Outcome<Option<Awaited<'a>>> {
        let ViewedCluster { resolved, record, .. } = &first;
        let Fetched { source: AnswerSource::Api(id), result: Ok(text), .. } = fetched else {
            let message = "a saved answer does not change, so nothing is to be waited for";
            return Err(Failure::message(Kind::Usage, message));
        };
        if let (Err(why), Origin::All(_)) = (&resolved.fleet, &self.viewing.source.origin)
            && has_none_selected(resolved)
        {
            self.terminal.note(format_args!("left out {}: {why}", resolved.title));
            return Ok(None);
        }
        refuse_useless(resolved)?;
        // The first time, it was tried often enough.
        let client = self.client(*record)?.without_tries();
        let (text, outage, results) = (text.clone(), None, ProbeResults::default());
        Ok(Some(Awaited { id, client, first, text, outage, results, end: None }))
    }

    /// The API that a cluster is asked for at: an installed one where it was installed from.
    fn client(&self, record: Option<&Record>) -> Outcome<Client> {
        let ViewSettings { context, source, endpoint_is_typed, .. } = self.viewing;
        let is_elsewhere = matches!(source.origin, Origin::Named(_)) && !endpoint_is_typed;
        let record = record.filter(|record| is_elsewhere && record.source.api().is_some());
        let endpoint = match record {
            Some(record) => context.endpoint_of(record)?,
            None => source.endpoint.clone()?,
        };
        Client::new(endpoint, self.terminal)
    }

    /// Asks again and again until it is as it should be, cannot be, or the time is over.
    async fn watch<'a>(&self, mut awaited: Awaited<'a>) -> Outcome<Awaited<'a>> {
        let message = format!("looking at the nodes of {}", awaited.first.alias());
        let mut progress = self.terminal.progress(&self.progress, message);
        let (mut said, mut pauses) = (String::new(), Pauses::after(Instant::now()));
        loop {
            let new = {
                let Awaited { id, first, text, outage, results, end, .. } = &mut awaited;
                let cluster = view(id, first, text)?;
                self.look(&cluster, results).await?;
                let status = ClusterStatus::new(&cluster, results, outage.as_deref(), &self.judge);
                *end = status.end(self.patience.goal);
                status.progress()
            };
            if awaited.end.is_some() {
                return Ok(awaited);
            }
            progress.is(&new);
            let next = pauses.next(Instant::now(), new != said);
            said = new;
            match self.ask_at(&awaited, next).await {
                None => return Ok(awaited),
                Some(Ok(new)) => (awaited.text, awaited.outage) = (new, None),
                Some(Err(error)) if error.is_outage => {
                    // A server may ask for more time than there is.
                    let wait = error.wait.unwrap_or_default().min(self.patience.within);
                    pauses.defer_until(Instant::now() + wait);
                    awaited.outage = Some(error.to_string());
                }
                Some(Err(error)) => return Err(error.into()),
            }
        }
    }

    /// Asks at each place of a node that is not known to be up, as long as more nodes are wanted;
    /// what is not answered in time stays as it is.
    async fn look(&self, cluster: &ViewedCluster<'_>, results: &mut ProbeResults) -> Outcome<()> {
        let wanted = status::wanted(self.patience.goal, cluster);
        for hop in [Hop::None, Hop::Bastion, Hop::Jump] {
            if hop != Hop::None && results.up(cluster.chosen()).len() >= wanted {
                break;
            }
            let probing = timeout_at(self.until, self.probe(hop, cluster, results));
            probing.await.unwrap_or(Ok(()))?;
        }
        Ok(())
    }

    /// The answer to a request at this time; `None` where the time is over before it comes.
    async fn ask_at(&self, awaited: &Awaited<'_>, at: Instant) -> Option<Result<String, ApiError>> {
        let request = async {
            sleep_until(at).await;
            // It fails only once it is closed, and nobody closes it.
            let _permit = self.requests.acquire().await;
            let text = awaited.client.cluster(awaited.id).await?.text;
            // One that says nothing of the cluster is an outage, or final.
            fleets::checked_answer(awaited.id, &text)?;
            Ok(text)
        };
        timeout_at(self.until, request).await.ok()
    }

    /// Prints how far each came, and tells how many of its nodes are up; returns the failures. Where
    /// one is still open, the time is over.
    fn end(&self, ended: &[Awaited<'_>], format: Option<ReportFormat>) -> Outcome<Vec<Failure>> {
        let viewed = ended.iter().map(|Awaited { id, first, text, .. }| view(id, first, text));
        let viewed: Vec<_> = viewed.collect::<Outcome<_>>()?;
        let statuses: Vec<ClusterStatus<'_>> = ended
            .iter()
            .zip(&viewed)
            .map(|(Awaited { results, outage, .. }, cluster)| {
                ClusterStatus::new(cluster, results, outage.as_deref(), &self.judge)
            })
            .collect();
        let problem = |(status, ended): (&ClusterStatus<'_>, &Awaited<'_>)| {
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
