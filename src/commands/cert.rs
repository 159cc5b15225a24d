//! `prime-ssh cert`: the certificate that a cluster lets people in with.

use anyhow::Context;
use jiff::tz::TimeZone;
use tokio::time::{Instant, timeout_at};

use super::fetch::{self, Answer};
use super::gather;
use crate::api::client::Client;
use crate::args::{CertArgs, Global};
use crate::certificate::Certificate;
use crate::certificate::describe::{Clock, Grant, Sheet};
use crate::certificate::identity::{Identity, Problem};
use crate::certificate::judge::Warning;
use crate::certificate::renew::{self, LIMIT, Order, Place};
use crate::certificate::when;
use crate::failure::{Failure, Kind, OrFail, Outcome};
use crate::name::Slug;
use crate::settings::{Certify, Endpoint, Machine, Task, Wanted};
use crate::terminal::{self, Terminal};

pub(super) fn run(
    typed: CertArgs,
    global: &Global,
    machine: &Machine,
    terminal: Terminal,
) -> Outcome<()> {
    let Certify { task, wanted, endpoint } = Certify::resolve(typed, global, machine)?;
    match task {
        Task::Nothing => Ok(()),
        Task::Show(selectors) => show(&selectors, &wanted, terminal),
        Task::Get(mut selectors) => {
            let identity = identity(&wanted)?;
            selectors.retain(|selector| !does(selector, &wanted, &identity));
            // Where all of them do, this is the end: no token, no network, no runtime.
            if selectors.is_empty() {
                return Ok(());
            }
            let office = Office::open(&wanted, &identity, endpoint?, terminal)?;
            fetch::block_on(office.get_each(&selectors))?
        }
        Task::GetAll(team) => {
            let identity = identity(&wanted)?;
            let office = Office::open(&wanted, &identity, endpoint?, terminal)?;
            fetch::block_on(office.get_all(team.as_deref()))?
        }
    }
}

fn identity(wanted: &Wanted) -> Outcome<Identity> {
    let path = wanted.identity.as_deref().ok_or_else(|| {
        Failure::message(Kind::Usage, "a certificate is made for a key, and no setting names one")
            .hint(
                "name yours: --identity-file, PRIME_SSH_KEY_PATH, or \
                 `prime config set-ssh-key-path`; `ssh-keygen -t ed25519` makes one",
            )
    })?;
    Ok(Identity::read(path)?)
}

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Self {
        let hint = problem.hint();
        Self::new(Kind::Local, problem).hint(hint)
    }
}

/// The place of a certificate, as far as it is known without asking anybody.
fn place(selector: &str, wanted: &Wanted) -> Option<Place> {
    match &wanted.output {
        Some(file) => Some(Place::elsewhere(&wanted.folder, file.clone())),
        None => Place::found(&wanted.folder, selector),
    }
}

/// Whether the present certificate will do.
fn does(selector: &str, wanted: &Wanted, identity: &Identity) -> bool {
    let (Some(least), Some(place)) = (wanted.min_validity, place(selector, wanted)) else {
        return false;
    };
    let present = place.present();
    present.is_ok_and(|present| renew::suffices(&present, &identity.public_key, least))
}

/// Where certificates are asked for.
struct Office<'a> {
    wanted: &'a Wanted,
    identity: &'a Identity,
    client: Client,
    terminal: Terminal,
}

/// A cluster, and where its certificate belongs.
struct Applicant {
    id: String,
    place: Place,
    users: Vec<String>,
}

impl<'a> Office<'a> {
    fn open(
        wanted: &'a Wanted,
        identity: &'a Identity,
        endpoint: Endpoint,
        terminal: Terminal,
    ) -> Outcome<Self> {
        let Endpoint { address, token, timeout } = endpoint;
        let client = Client::new(address, token, timeout.min(LIMIT))?;
        Ok(Self { wanted, identity, client, terminal })
    }

    async fn get_all(&self, team: Option<&str>) -> Outcome<()> {
        let message = "asking the API for every cluster";
        let mut listed = self.terminal.wait_for(message, self.client.clusters(None)).await?;
        listed.retain(|cluster| {
            cluster.vault_enabled && (team.is_none() || cluster.team_id.as_deref() == team)
        });
        let mut ids: Vec<_> = listed.into_iter().map(|cluster| cluster.id).collect();
        if ids.is_empty() {
            self.terminal.note("no cluster of the list lets people in with a certificate");
        }
        ids.retain(|id| !does(id, self.wanted, self.identity));
        self.get_each(&ids).await
    }

    /// One after the other; one that fails does not keep the others from theirs.
    async fn get_each(&self, selectors: &[String]) -> Outcome<()> {
        let mut failures = Vec::new();
        for selector in selectors {
            let message = format_args!("getting a certificate for {selector}");
            let got = self.terminal.wait_for(message, self.get(selector)).await;
            failures.extend(got.err());
        }
        if self.wanted.min_validity.is_some() {
            failures = failures.into_iter().map(one_line).collect();
        }
        gravest(failures, self.terminal)
    }

    async fn get(&self, selector: &str) -> Outcome<()> {
        let deadline = Instant::now() + LIMIT;
        let got = timeout_at(deadline, self.get_until(selector, deadline)).await;
        let (certificate, warnings) = match got {
            Ok(Ok(Some(new))) => new,
            Ok(Ok(None)) => return Ok(()),
            Ok(Err(failure)) => return Err(failure),
            Err(_) => {
                let limit = when::span(LIMIT);
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
        let Applicant { id, place, users } = self.applicant(selector).await?;
        let key = &self.identity.public_key;
        let turn = place.turn(deadline).await.or_fail(Kind::Local)?;
        let least = self.wanted.min_validity;
        if least.is_some_and(|least| turn.sufficient(key, least).is_some()) {
            return Ok(None);
        }
        self.identity.prove()?;
        let order = Order { cluster: &id, key, ttl: self.wanted.ttl, users: &users };
        let new = renew::ask(&order, &self.client).await?;
        turn.put(&new.0).or_fail(Kind::Local)?;
        Ok(Some(new))
    }

    /// Finds out which cluster is meant, and where its certificate belongs. That takes no request
    /// where a file's name says it.
    async fn applicant(&self, selector: &str) -> Outcome<Applicant> {
        let place = place(selector, self.wanted);
        if let Some(place) = place.filter(|place| place.is_of(selector)) {
            return Ok(Applicant { id: selector.to_owned(), place, users: Vec::new() });
        }
        let found = self.client.find(selector).await?;
        let answer = Answer { from: fetch::From::Api(found.id.clone()), text: found.text };
        let survey = gather::survey(&answer)?;
        let Some(cluster) = survey.cluster() else {
            let refusals = survey.refusals().iter().map(ToString::to_string);
            let told = refusals.collect::<Vec<_>>().join("; ");
            let message = format!("the answer holds values that cannot be used: {told}");
            return Err(Failure::message(Kind::Answer, message));
        };
        if !cluster.vault_enabled {
            let message = format!("{} lets people in without a certificate", cluster.name);
            return Err(Failure::message(Kind::Answer, message).hint("`ssh` works with your key"));
        }
        let name = Slug::of_name(&cluster.name.as_str().into(), &found.id);
        let folder = &self.wanted.folder;
        let place = match &self.wanted.output {
            Some(file) => Place::elsewhere(folder, file.clone()),
            None => Place::of_cluster(folder, &name, &found.id),
        };
        let users = survey.users().into_iter().map(str::to_owned).collect();
        Ok(Applicant { id: found.id, place, users })
    }

    fn warn_if_short(&self, certificate: &Certificate, clock: &Clock) {
        let left = certificate.validity.left(clock.now).unwrap_or_default();
        if let Some(least) = self.wanted.min_validity.filter(|least| left < *least) {
            self.terminal.warning(format_args!(
                "the certificate lasts for {} only, less than --min-validity, {}: \
                 each `--ensure` asks for another one",
                when::span(left),
                when::span(least)
            ));
        }
    }
}

impl From<renew::Error> for Failure {
    fn from(error: renew::Error) -> Self {
        match error {
            renew::Error::Api(error) => error.into(),
            refused @ renew::Error::Refused(..) => Self::new(Kind::Answer, refused),
        }
    }
}

/// Tells all failures but the gravest, with which the run ends.
fn gravest(mut failures: Vec<Failure>, terminal: Terminal) -> Outcome<()> {
    failures.sort_by_key(|failure| failure.kind);
    let Some(gravest) = failures.pop() else { return Ok(()) };
    for failure in &failures {
        terminal.failure(failure);
    }
    Err(gravest)
}

/// ssh shows what `--ensure` says in the middle of its own business, so that it is one line.
fn one_line(failure: Failure) -> Failure {
    let Failure { kind, cause, hint } = failure;
    let cause = match hint {
        Some(hint) => anyhow::anyhow!("{cause:#} ({hint})"),
        None => cause,
    };
    Failure { kind, cause, hint: None }
}

fn clock() -> Clock {
    Clock { now: when::now(), zone: TimeZone::system() }
}

fn show(selectors: &[String], wanted: &Wanted, terminal: Terminal) -> Outcome<()> {
    let identity = match wanted.identity.as_deref().map(Identity::read).transpose() {
        Ok(identity) => identity,
        Err(problem) => {
            terminal.warning(problem);
            None
        }
    };
    let clock = clock();
    let each = selectors.iter().map(|name| show_one(name, wanted, identity.as_ref(), &clock));
    gravest(each.filter_map(Result::err).collect(), terminal)
}

fn show_one(
    selector: &str,
    wanted: &Wanted,
    identity: Option<&Identity>,
    clock: &Clock,
) -> Outcome<()> {
    let fault = |why: &dyn std::fmt::Display| {
        let message = format!("the certificate for {selector} lets nobody in: {why}");
        Failure::message(Kind::Local, message)
            .hint(format!("`prime-ssh cert {selector}` gets a new one"))
    };
    let Some(place) = place(selector, wanted) else {
        return Err(fault(&renew::Absent::Missing));
    };
    let certificate = place.present().map_err(|absent| fault(&absent))?;
    let key = identity.map(|identity| &identity.public_key);
    let sheet = Sheet { certificate: &certificate, key, clock };
    terminal::print(|to| write!(to, "{}\n{sheet}", place.file().display()))
        .context("cannot write to stdout")
        .or_fail(Kind::Local)?;
    sheet.fault().map_or(Ok(()), |why| Err(fault(&why)))
}
