//! `prime-ssh wait`: until a cluster's nodes are up, and how far they came.

mod pauses;
mod picture;
mod report;

use pauses::Pauses;
use picture::{Failed, Known, Picture};
use tokio::time::{Instant, sleep_until, timeout_at};

use super::{fetch, fleets, view};
use crate::api::client::Client;
use crate::api::error::Error as ApiError;
use crate::cli::{Goal, WaitArgs};
use crate::cluster::{self, NoFleet, Selection, resolve_one};
use crate::failure::{Failure, Kind, Outcome};
use crate::install::plan::Installed;
use crate::install::state::Source;
use crate::name::Slug;
use crate::settings::{Context, Endpoint, OptionResolver, Patience, Viewing, Wait, Which};
use crate::terminal::Terminal;
use crate::text::message::Message;
use crate::text::time::span;

/// How many nodes a message names.
const TOLD: usize = 20;

pub(super) fn run(args: WaitArgs, context: &Context) -> Outcome<()> {
    let terminal = context.terminal;
    let Wait { viewing, patience, format } = Wait::resolve(args, context)?;
    let memory = OptionResolver::new(context);
    let Which::Named(selectors) = &viewing.which else {
        return Err(Failure::message(Kind::Usage, "one cluster is waited for"));
    };
    let limit = Limit::from_now(patience);
    for selector in selectors {
        let ended = fetch::block_on(until_up(selector, &viewing, &memory, limit, terminal))??;
        report::print(&ended, patience.goal, format)?;
        ended.tell(terminal)?;
    }
    Ok(())
}

/// Waits for clusters one after the other, all within one limit: for `install --wait`.
pub(super) fn first(
    viewing: &Viewing,
    memory: &OptionResolver<'_>,
    patience: Patience,
    terminal: Terminal,
) -> Outcome<()> {
    let limit = Limit::from_now(patience);
    let Which::Named(selectors) = &viewing.which else { return Ok(()) };
    for selector in selectors {
        fetch::block_on(until_up(selector, viewing, memory, limit, terminal))??.tell(terminal)?;
    }
    Ok(())
}

/// For what is waited, and until when.
#[derive(Clone, Copy, Debug)]
struct Limit {
    patience: Patience,
    until: Instant,
}

impl Limit {
    fn from_now(patience: Patience) -> Self {
        Self { patience, until: Instant::now() + patience.within }
    }
}

/// How it ended.
#[derive(Debug)]
struct Ended {
    picture: Picture,
    known: Known,
    /// Why not as it should have.
    failure: Option<Message>,
}

impl Ended {
    /// Tells how many nodes are up, or fails.
    fn tell(self, terminal: Terminal) -> Outcome<()> {
        match self.failure {
            None => {
                terminal.tell(self.picture.count(&self.known));
                Ok(())
            }
            Some(failure) => Err(Failure::message(Kind::Hosts, failure)),
        }
    }
}

/// The cluster that is waited for, and where it is asked for.
struct Awaited {
    client: Client,
    id: String,
    /// How its hosts are named and reached.
    options: cluster::Options,
}

async fn until_up(
    selector: &str,
    viewing: &Viewing,
    memory: &OptionResolver<'_>,
    limit: Limit,
    terminal: Terminal,
) -> Outcome<Ended> {
    let installed = view::installed_here(&viewing.layout, terminal);
    let (endpoint, selector) = asked_at(selector, viewing, &installed, memory)?;
    let client = Client::new(endpoint.address, endpoint.token, endpoint.timeout)?;
    let finding = timeout_at(limit.until, client.find(&selector));
    let message = format!("asking the API for {selector}");
    let Ok(found) = terminal.wait_for(message, finding).await else {
        let message =
            format!("no answer of the API on {selector} within {}", span(limit.patience.within));
        return Err(Failure::message(Kind::Hosts, message));
    };
    let found = found?;
    let options = options(&found.id, &found.text, viewing, &installed, memory)?;
    let awaited = Awaited { client: client.without_tries(), id: found.id, options };
    let picture = awaited.picture(&found.text)?;
    if let Some(jump) = picture.unasked_jump() {
        terminal.note(format_args!(
            "only ssh knows the way to {jump}, so that nodes behind it count as up unasked"
        ));
    }
    awaited.watch(picture, limit, terminal).await
}

/// Where a cluster is asked for, and by what: an installed one where it was installed from.
fn asked_at(
    selector: &str,
    viewing: &Viewing,
    installed: &Installed,
    memory: &OptionResolver<'_>,
) -> Outcome<(Endpoint, String)> {
    let here = || viewing.endpoint.as_ref().map(Endpoint::clone).map_err(Failure::again);
    match view::asked_of(selector, viewing, installed) {
        Ok(record) => {
            let endpoint = match &record.source {
                Source::Api { url, context, .. } => memory.endpoint(url, context.as_deref())?,
                // A saved answer does not change.
                Source::Input(_) | Source::Stdin => here()?,
            };
            Ok((endpoint, record.id.to_string()))
        }
        Err(selector) => Ok((here()?, selector.to_owned())),
    }
}

/// All nodes count, whichever of them are installed.
fn options(
    id: &str,
    text: &str,
    viewing: &Viewing,
    installed: &Installed,
    memory: &OptionResolver<'_>,
) -> Outcome<cluster::Options> {
    let cluster = fleets::check(id, text)?;
    let name = view::names(&[&cluster], viewing, installed).pop().flatten();
    let rendering = view::rendering(installed.of_id(id), viewing, memory)?;
    let recorded = cluster.id().cloned().zip(name);
    let recorded = recorded.map(|(id, name)| (id.into_owned(), Slug::into_owned(name)));
    Ok(cluster::Options {
        selection: Selection::default(),
        recorded: recorded.into_iter().collect(),
        ..rendering.walk
    })
}

/// Why there is no new picture.
enum NoPicture {
    /// The API could not tell, or somebody in between answered; the next time it may.
    Outage(ApiError),
    /// It will not be otherwise.
    Final(Failure),
}

impl From<ApiError> for NoPicture {
    fn from(error: ApiError) -> Self {
        if error.is_outage() { Self::Outage(error) } else { Self::Final(error.into()) }
    }
}

impl From<NoPicture> for Failure {
    fn from(why: NoPicture) -> Self {
        match why {
            NoPicture::Outage(error) => error.into(),
            NoPicture::Final(failure) => failure,
        }
    }
}

impl Awaited {
    /// What an answer says of the nodes.
    fn picture(&self, text: &str) -> Result<Picture, NoPicture> {
        let resolved = resolve_one(fleets::check(&self.id, text)?, &self.options);
        match &resolved.fleet {
            Err(why @ (NoFleet::Refused | NoFleet::BadJumpHost(_))) => {
                let Failure { kind, cause, .. } = fleets::no_fleet(&resolved.title, why);
                let text = format!("{cause:#}");
                let message = Message::with_first(text, TOLD, &resolved.refusals, 0);
                Err(NoPicture::Final(Failure::message(kind, message)))
            }
            // Without a host yet, or without the one that the others are reached through.
            _ => Ok(Picture::of(&resolved)),
        }
    }

    /// Asks again and again until it is as it should be, cannot be, or the time is over.
    async fn watch(
        &self,
        mut picture: Picture,
        limit: Limit,
        terminal: Terminal,
    ) -> Outcome<Ended> {
        let mut progress = terminal.progress();
        let mut known = Known::nothing();
        let mut state = String::new();
        let mut pauses = Pauses::after(Instant::now());
        loop {
            known.ask(&picture, limit.until).await;
            match verdict(&picture, &known, limit.patience.goal) {
                Verdict::Open => {}
                Verdict::Met => return Ok(Ended { picture, known, failure: None }),
                Verdict::Impossible(why) => {
                    return Ok(Ended { picture, known, failure: Some(why) });
                }
            }
            let new = picture.state(&known);
            progress.is(&new);
            let next = pauses.next(Instant::now(), new != state);
            state = new;
            let Some(answer) = self.asked_at(next, limit.until).await else {
                let failure = Some(time_over(&picture, &known, limit));
                return Ok(Ended { picture, known, failure });
            };
            match answer.map_err(NoPicture::from).and_then(|text| self.picture(&text)) {
                Ok(new) => picture = new,
                Err(NoPicture::Final(failure)) => return Err(failure),
                Err(NoPicture::Outage(error)) => {
                    // A server may wish for more time than there is.
                    let wait = error.asked_wait().unwrap_or_default();
                    pauses.wish(Instant::now(), wait.min(limit.patience.within));
                    picture.outage = Some(error.to_string());
                }
            }
        }
    }

    /// The answer to a request at this time; `None` where the time is over before it comes.
    async fn asked_at(&self, at: Instant, until: Instant) -> Option<Result<String, ApiError>> {
        let request = async {
            sleep_until(at).await;
            self.client.cluster(&self.id).await
        };
        timeout_at(until, request).await.ok()
    }
}

/// Whether the wait is over.
enum Verdict {
    /// Not yet.
    Open,
    /// All is as it should be.
    Met,
    /// It cannot be any more, and why.
    Impossible(Message),
}

fn verdict(picture: &Picture, known: &Known, goal: Goal) -> Verdict {
    let wanted = match goal {
        Goal::All => picture.living.max(1),
        Goal::Nodes(count) => count.get(),
    };
    if picture.is_terminated {
        return Verdict::Impossible(
            format!("{}: the cluster was terminated", picture.alias).into(),
        );
    }
    if picture.up(known) >= wanted {
        return Verdict::Met;
    }
    let failures: Vec<_> = picture.failures(known).collect();
    if failures.is_empty() || picture.living - failures.len() >= wanted {
        return Verdict::Open;
    }
    let count = picture.count(known);
    let told =
        failures.iter().map(|Failed { name, why }| format!("{name}: installation failed: {why}"));
    let text = format!("{count}, and there will not be {wanted}:");
    Verdict::Impossible(Message::with_first(text, TOLD, told, 0))
}

fn time_over(picture: &Picture, known: &Known, limit: Limit) -> Message {
    let within = span(limit.patience.within);
    let text = format!("{} after {within}:", picture.count(known));
    Message::with_first(text, TOLD, picture.missing(known), 0)
}
