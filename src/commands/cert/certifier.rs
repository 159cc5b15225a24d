//! From a cluster to its certificate in its place: find, wait for the turn, ask, judge, write.

use std::future::poll_fn;
use std::task::Poll;
use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use super::{clock, does, place};
use crate::api::client::Client;
use crate::certificate::Certificate;
use crate::certificate::describe::{Clock, Grant};
use crate::certificate::file::{CertificateFile, LIMIT};
use crate::certificate::identity::Identity;
use crate::certificate::judge::Warning;
use crate::certificate::request::{self, Order};
use crate::commands::fetch::AT_ONCE;
use crate::commands::fleets;
use crate::failure::{Failure, Kind, OrFail, Outcome};
use crate::install::folder::{self, FolderError};
use crate::name::Slug;
use crate::settings::{Endpoint, Wanted};
use crate::terminal::Terminal;
use crate::text::time;

/// What is left of the time to say who else was at it all the while.
const TELLING: Duration = Duration::from_millis(200);

/// Asks for certificates, and puts them in their places.
pub(super) struct Certifier<'a> {
    wanted: &'a Wanted,
    identity: &'a Identity,
    client: Client,
    terminal: Terminal,
}

/// A cluster, and where its certificate belongs.
struct Target {
    id: String,
    place: CertificateFile,
    users: Vec<String>,
}

impl<'a> Certifier<'a> {
    /// A certifier for this key, at this API.
    pub(super) fn new(
        wanted: &'a Wanted,
        identity: &'a Identity,
        endpoint: Endpoint,
        terminal: Terminal,
    ) -> Outcome<Self> {
        let Endpoint { address, token, timeout } = endpoint;
        let client = Client::new(address, token, timeout.min(LIMIT))?;
        Ok(Self { wanted, identity, client, terminal })
    }

    /// Gets those of every cluster of the list that takes nothing else.
    pub(super) async fn get_all(&self, team: Option<&str>) -> Outcome<()> {
        let message = "asking the API for every cluster";
        let mut listed = self.terminal.wait_for(message, self.client.clusters(None)).await?;
        listed.retain(|cluster| {
            cluster.vault_enabled && (team.is_none() || cluster.team_id.as_deref() == team)
        });
        let mut ids: Vec<_> = listed.into_iter().map(|cluster| cluster.id).collect();
        if ids.is_empty() {
            self.terminal.note("no cluster of the list lets people in with a certificate");
        }
        ids.retain(|id| !does(id, self.wanted, &self.identity.public_key));
        self.get_each(&ids).await
    }

    /// Gets them, several at a time; one that fails does not keep the others from theirs.
    pub(super) async fn get_each(&self, selectors: &[String]) -> Outcome<()> {
        let message = match selectors {
            [selector] => format!("getting a certificate for {selector}"),
            several => format!("getting certificates for {} clusters", several.len()),
        };
        let got = self
            .terminal
            .wait_for(message, side_by_side(selectors, |selector| self.get(selector)))
            .await;
        self.terminal.worst(got.into_iter().filter_map(Result::err).collect())
    }

    async fn get(&self, selector: &str) -> Outcome<()> {
        let deadline = Instant::now() + LIMIT;
        let got = timeout_at(deadline, self.get_until(selector, deadline)).await;
        let (certificate, warnings) = match got {
            Ok(Ok(Some(new))) => new,
            Ok(Ok(None)) => return Ok(()),
            Ok(Err(failure)) => return Err(failure),
            Err(_) => {
                let limit = time::span(LIMIT);
                let message = format!("no certificate for cluster `{selector}` within {limit}");
                return Err(Failure::message(Kind::Api, message));
            }
        };
        let clock = clock();
        let grant = Grant(&certificate, &clock);
        self.terminal.note(format_args!("certificate for {selector}: {grant}"));
        for warning in warnings {
            self.terminal.warning(warning);
        }
        self.warn_if_short(&certificate, &clock);
        Ok(())
    }

    /// A new certificate in its place; nothing where another run has put one there meanwhile.
    async fn get_until(
        &self,
        selector: &str,
        deadline: Instant,
    ) -> Outcome<Option<(Certificate, Vec<Warning>)>> {
        let Target { id, place, users } = self.target(selector).await?;
        let key = &self.identity.public_key;
        folder::check_owner(&self.wanted.layout)?;
        folder::is_there(&self.wanted.layout)?;
        if self.wanted.output.is_none() && place.file().is_symlink() {
            return Err(FolderError::Link(place.file().to_owned()).into());
        }
        let turn = place.turn(deadline - TELLING).await?;
        let least = self.wanted.min_validity;
        if least.is_some_and(|least| turn.sufficient(key, least).is_some()) {
            return Ok(None);
        }
        self.identity.prove()?;
        let order = Order { cluster: &id, key, ttl: self.wanted.ttl, users: &users };
        let new = request::ask(&order, &self.client).await?;
        turn.put(&new.0).or_fail(Kind::Local)?;
        Ok(Some(new))
    }

    /// Finds out which cluster is meant, and where its certificate belongs. That takes no request
    /// where a file's name says it.
    async fn target(&self, selector: &str) -> Outcome<Target> {
        let place = place(selector, self.wanted);
        if let Some(place) = place.filter(|place| place.is_of(selector)) {
            return Ok(Target { id: selector.to_owned(), place, users: Vec::new() });
        }
        let found = self.client.find(selector).await?;
        let checked = fleets::check(&found.id, &found.text)?;
        let Some(cluster) = checked.cluster() else {
            let refusals = checked.refusals().iter().map(ToString::to_string);
            let told = refusals.collect::<Vec<_>>().join("; ");
            let message = format!("the answer holds values that cannot be used: {told}");
            return Err(Failure::message(Kind::Answer, message));
        };
        if !cluster.vault_enabled {
            let message = format!("{} lets people in without a certificate", cluster.name);
            return Err(Failure::message(Kind::Answer, message).hint("`ssh` works with your key"));
        }
        let name = Slug::of_name(&cluster.name.as_str().into(), &found.id);
        let folder = &self.wanted.layout.folder();
        let place = match &self.wanted.output {
            Some(file) => CertificateFile::elsewhere(folder, file.clone()),
            None => CertificateFile::of_cluster(folder, &name, &found.id),
        };
        let users = checked.users().into_iter().map(str::to_owned).collect();
        Ok(Target { id: found.id, place, users })
    }

    fn warn_if_short(&self, certificate: &Certificate, clock: &Clock) {
        let left = certificate.validity.left(clock.now).unwrap_or_default();
        if let Some(least) = self.wanted.min_validity.filter(|least| left < *least) {
            self.terminal.warning(format_args!(
                "the certificate lasts for {} only, less than --min-validity, {}: \
                 each `--ensure` asks for another one",
                time::span(left),
                time::span(least)
            ));
        }
    }
}

/// Does `work` for each item, [`AT_ONCE`] at a time, on this task.
async fn side_by_side<'i, W: Future>(
    items: &'i [String],
    work: impl Fn(&'i str) -> W,
) -> Vec<W::Output> {
    let mut waiting = items.iter().map(|item| work(item)).enumerate();
    let (mut running, mut done) = (Vec::new(), Vec::new());
    poll_fn(|context| {
        loop {
            let free = AT_ONCE - running.len();
            let started = waiting.by_ref().take(free);
            running.extend(started.map(|(at, work)| (at, Box::pin(work))));
            let before = running.len();
            running.retain_mut(|(at, work)| match work.as_mut().poll(context) {
                Poll::Ready(output) => {
                    done.push((*at, output));
                    false
                }
                Poll::Pending => true,
            });
            if running.is_empty() && waiting.len() == 0 {
                return Poll::Ready(());
            }
            if running.len() == before {
                return Poll::Pending;
            }
        }
    })
    .await;
    done.sort_by_key(|(at, _)| *at);
    done.into_iter().map(|(_, output)| output).collect()
}

impl From<request::Error> for Failure {
    fn from(error: request::Error) -> Self {
        match error {
            request::Error::Api(error) => error.into(),
            refused @ request::Error::Refused(..) => Self::new(Kind::Answer, refused),
        }
    }
}
