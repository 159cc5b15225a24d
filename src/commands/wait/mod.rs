//! `prime-ssh wait`: until a cluster's nodes are up, and how far they came.

mod pauses;
mod report;
mod results;
mod snapshot;

use pauses::Pauses;
use results::ProbeResults;
use snapshot::{Snapshot, Verdict};
use tokio::time::{Instant, sleep_until, timeout_at};

use super::nodes::status::Judge;
use super::nodes::{ViewedCluster, ViewedHost};
use super::{fetch, fleets, view};
use crate::api::client::Client;
use crate::api::error::Error as ApiError;
use crate::cli::{ReportFormat, WaitArgs};
use crate::cluster::{self, NoFleet, ResolvedCluster, Selection, resolve_one};
use crate::failure::{Failure, Kind, Outcome};
use crate::install::plan::Installed;
use crate::install::state::{Record, Source};
use crate::name::Slug;
use crate::settings::{
    Context, Endpoint, OptionResolver, Patience, Rendering, Viewing, Wait, Which,
};
use crate::terminal::Terminal;
use crate::text::message::Message;
use crate::text::time::span;

/// How many nodes, or values, a message names.
const TOLD: usize = 20;

pub(super) fn run(args: WaitArgs, context: &Context) -> Outcome<()> {
    let Wait { viewing, patience, format } = Wait::resolve(args, context)?;
    let options = OptionResolver::new(context);
    let waiter = Waiter::new(&viewing, &options, patience, context.terminal);
    waiter.wait_for_all(Some(format))
}

/// Waits for clusters one after the other, all within one limit: for `install --wait`.
pub(super) fn first(
    viewing: &Viewing,
    options: &OptionResolver<'_>,
    patience: Patience,
    terminal: Terminal,
) -> Outcome<()> {
    Waiter::new(viewing, options, patience, terminal).wait_for_all(None)
}

/// Who waits: for what, and until when.
struct Waiter<'w> {
    viewing: &'w Viewing,
    options: &'w OptionResolver<'w>,
    patience: Patience,
    until: Instant,
    terminal: Terminal,
}

/// The cluster that is waited for, and where it is asked for.
struct Awaited<'w> {
    client: Client,
    id: String,
    record: Option<&'w Record>,
    rendering: Rendering,
    /// How its hosts are named and reached.
    options: cluster::Options,
}

/// Why there is no new answer.
enum NoAnswer {
    /// The API could not tell, or somebody in between answered; the next time it may.
    Outage(ApiError),
    /// It will not be otherwise.
    Final(Failure),
}

impl From<ApiError> for NoAnswer {
    fn from(error: ApiError) -> Self {
        if error.is_outage() { Self::Outage(error) } else { Self::Final(error.into()) }
    }
}

impl From<NoAnswer> for Failure {
    fn from(why: NoAnswer) -> Self {
        match why {
            NoAnswer::Outage(error) => error.into(),
            NoAnswer::Final(failure) => failure,
        }
    }
}

impl<'w> Waiter<'w> {
    fn new(
        viewing: &'w Viewing,
        options: &'w OptionResolver<'w>,
        patience: Patience,
        terminal: Terminal,
    ) -> Self {
        Self { viewing, options, patience, until: Instant::now() + patience.within, terminal }
    }

    /// Waits for each; with a format, prints how far each came.
    fn wait_for_all(&self, format: Option<ReportFormat>) -> Outcome<()> {
        let Which::Named(selectors) = &self.viewing.which else {
            return Err(Failure::message(Kind::Usage, "one cluster is waited for"));
        };
        let installed = view::installed_here(&self.viewing.layout, self.terminal);
        for selector in selectors {
            fetch::block_on(async {
                let (awaited, text) = self.find(selector, &installed).await?;
                self.watch(&awaited, text, format).await
            })??;
        }
        Ok(())
    }

    /// The cluster, and its first answer.
    async fn find<'i>(
        &self,
        selector: &str,
        installed: &'i Installed,
    ) -> Outcome<(Awaited<'i>, String)> {
        let (endpoint, selector) = self.asked_at(selector, installed)?;
        let client =
            Client::new(endpoint.address, endpoint.token, endpoint.timeout)?.traced(self.terminal);
        let finding = timeout_at(self.until, client.find(&selector));
        let message = format!("asking the API for {selector}");
        let Ok(found) = self.terminal.wait_for(message, finding).await else {
            let within = span(self.patience.within);
            let message = format!("no answer of the API on {selector} within {within}");
            return Err(Failure::message(Kind::Hosts, message));
        };
        let found = found?;
        let record = installed.of_id(&found.id);
        let rendering = view::rendering(record, self.viewing, self.options)?;
        let checked = fleets::check(&found.id, &found.text)?;
        let name = view::names(&[&checked], self.viewing, installed).pop().flatten();
        let recorded = checked.id().cloned().zip(name);
        let recorded = recorded.map(|(id, name)| (id.into_owned(), Slug::into_owned(name)));
        let options = cluster::Options {
            // All nodes count, whichever of them are installed.
            selection: Selection::default(),
            recorded: recorded.into_iter().collect(),
            ..rendering.walk.clone()
        };
        let client = client.without_tries();
        Ok((Awaited { client, id: found.id, record, rendering, options }, found.text))
    }

    /// Where a cluster is asked for, and by what: an installed one where it was installed from.
    fn asked_at(&self, selector: &str, installed: &Installed) -> Outcome<(Endpoint, String)> {
        let here = || self.viewing.endpoint.as_ref().map(Endpoint::clone).map_err(Failure::again);
        match view::asked_of(selector, self.viewing, installed) {
            Ok(record) => {
                let endpoint = match &record.source {
                    Source::Api { url, context, .. } => {
                        self.options.endpoint(url, context.as_deref())?
                    }
                    // A saved answer does not change.
                    Source::Input(_) | Source::Stdin => here()?,
                };
                Ok((endpoint, record.id.to_string()))
            }
            Err(selector) => Ok((here()?, selector.to_owned())),
        }
    }

    /// Asks again and again until it is as it should be, cannot be, or the time is over.
    async fn watch(
        &self,
        awaited: &Awaited<'_>,
        mut text: String,
        format: Option<ReportFormat>,
    ) -> Outcome<()> {
        let mut progress = self.terminal.progress();
        let (mut results, mut outage) = (ProbeResults::new(), None);
        let (mut state, mut pauses) = (String::new(), Pauses::after(Instant::now()));
        let verdict = loop {
            self.look(awaited, &text, &mut results).await?;
            let (verdict, new) =
                self.with_snapshot(awaited, &text, outage.as_deref(), &results, |snapshot| {
                    (self.verdict(snapshot, &results), snapshot.state())
                })?;
            if !matches!(verdict, Verdict::Open) {
                break verdict;
            }
            progress.is(&new);
            let next = pauses.next(Instant::now(), new != state);
            state = new;
            match self.ask_at(awaited, next).await {
                None => break Verdict::Open,
                Some(Ok(new)) => (text, outage) = (new, None),
                Some(Err(NoAnswer::Final(failure))) => return Err(failure),
                Some(Err(NoAnswer::Outage(error))) => {
                    // A server may ask for more time than there is.
                    let wait = error.asked_wait().unwrap_or_default().min(self.patience.within);
                    pauses.defer_until(Instant::now() + wait);
                    outage = Some(error.to_string());
                }
            }
        };
        drop(progress);
        self.with_snapshot(awaited, &text, outage.as_deref(), &results, |snapshot| {
            self.end(snapshot, verdict, format)
        })?
    }

    /// Asks at each place of a node that is not known to be up; what is not answered in time stays
    /// as it is.
    async fn look(
        &self,
        awaited: &Awaited<'_>,
        text: &str,
        results: &mut ProbeResults,
    ) -> Outcome<()> {
        let cluster = awaited.viewed(&awaited.resolve(text)?)?;
        let hosts: Vec<ViewedHost<'_>> = cluster.hosts().collect();
        let _ = timeout_at(self.until, results.probe_direct(&hosts)).await;
        if results.nodes_up(&hosts) >= snapshot::wanted(self.patience.goal, &cluster) {
            return Ok(());
        }
        let layout = &self.viewing.layout;
        let through = timeout_at(self.until, results.probe_through(&cluster, &hosts, layout)).await;
        through.unwrap_or(Ok(()))
    }

    fn judge(&self) -> Judge<'_> {
        Judge { layout: &self.viewing.layout, options: self.options, logs_in: true }
    }

    fn with_snapshot<T>(
        &self,
        awaited: &Awaited<'_>,
        text: &str,
        outage: Option<&str>,
        results: &ProbeResults,
        then: impl FnOnce(&Snapshot<'_>) -> T,
    ) -> Outcome<T> {
        let resolved = awaited.resolve(text)?;
        let cluster = awaited.viewed(&resolved)?;
        let hosts: Vec<ViewedHost<'_>> = cluster.hosts().collect();
        let found = results.of(&hosts);
        let statuses = self.judge().hosts(&hosts, &found);
        Ok(then(&Snapshot::new(&cluster, &hosts, &statuses, &resolved, outage)))
    }

    /// Whether the wait is over. A jump host that refuses our login will refuse it the next time.
    fn verdict(&self, snapshot: &Snapshot<'_>, results: &ProbeResults) -> Verdict {
        let verdict = snapshot.verdict(self.patience.goal);
        match (&verdict, results.refusal(snapshot.hosts)) {
            (Verdict::Open, Some((name, reason, host))) => {
                let status = self.judge().login_failed(&host, reason);
                let why = format!("its jump host {name} refuses the login: {}", status.detail);
                Verdict::Impossible(snapshot.not_up(&why).into(), status.remedy)
            }
            _ => verdict,
        }
    }

    /// The answer to a request at this time; `None` where the time is over before it comes.
    async fn ask_at(&self, awaited: &Awaited<'_>, at: Instant) -> Option<Result<String, NoAnswer>> {
        let request = async {
            sleep_until(at).await;
            let text = awaited.client.cluster(&awaited.id).await?.text;
            // One that says nothing of the cluster is an outage, or final.
            awaited.resolve(&text)?;
            Ok(text)
        };
        timeout_at(self.until, request).await.ok()
    }

    /// Prints how far it came, and tells how many nodes are up, or fails. Where it is still open,
    /// the time is over.
    fn end(
        &self,
        snapshot: &Snapshot<'_>,
        verdict: Verdict,
        format: Option<ReportFormat>,
    ) -> Outcome<()> {
        let (problem, remedy) = match verdict {
            Verdict::Met => (None, None),
            Verdict::Impossible(problem, remedy) => (Some(problem), remedy),
            Verdict::Open => {
                let text = format!("{} after {}:", snapshot.count(), span(self.patience.within));
                (Some(Message::with_first(text, TOLD, snapshot.missing(), 0)), None)
            }
        };
        if let Some(format) = format {
            report::print(snapshot, problem.as_ref(), self.patience.goal, format)?;
        }
        let Some(problem) = problem else {
            self.terminal.tell(snapshot.count());
            return Ok(());
        };
        let failure = Failure::message(Kind::Hosts, problem);
        Err(Failure { hint: remedy, ..failure })
    }
}

impl Awaited<'_> {
    /// What an answer says of the nodes.
    fn resolve<'t>(&self, text: &'t str) -> Result<ResolvedCluster<'t>, NoAnswer> {
        let resolved = resolve_one(fleets::check(&self.id, text)?, &self.options);
        match &resolved.fleet {
            Err(why @ (NoFleet::Refused | NoFleet::BadJumpHost(_))) => {
                let Failure { kind, cause, .. } = fleets::no_fleet(&resolved.title, why);
                let text = format!("{cause:#}");
                let message = Message::with_first(text, TOLD, &resolved.refusals, 0);
                Err(NoAnswer::Final(Failure::message(kind, message)))
            }
            // Without a host yet, or without the one that the others are reached through.
            _ => Ok(resolved),
        }
    }

    fn viewed<'v>(&'v self, resolved: &ResolvedCluster<'v>) -> Outcome<ViewedCluster<'v>> {
        let fleet = resolved.known().cloned();
        let fleet = fleet.ok_or_else(|| Failure::message(Kind::Answer, "no answer"))?;
        Ok(ViewedCluster { fleet, record: self.record, rendering: self.rendering.clone() })
    }
}
