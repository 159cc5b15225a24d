//! What the API is asked: whether it answers and takes the token, and what it says of the clusters
//! that are installed.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::api::client::{Client, Heard};
use crate::api::error::Error as ApiError;
use crate::commands::fetch::{self, FetchError};
use crate::commands::installed::{
    Candidate, ClusterChange, DesiredOutcome, DesiredState, ask_again,
};
use crate::commands::sync::bring;
use crate::doctor::api::Access;
use crate::doctor::clusters::{self, Stand};
use crate::doctor::disk::{Disk, Ours};
use crate::doctor::{Finding, Ourselves};
use crate::failure::Outcome;
use crate::install::layout::Layout;
use crate::install::state::{Record, Source};
use crate::settings::{self, Context, Endpoint, OptionResolver};
use crate::ssh::timeout::Beside;
use crate::terminal::{Audience, Terminal};

/// How much longer than one call all of them together may take.
const FURTHER: Duration = Duration::from_secs(30);

/// What the API had to say.
pub(super) struct Answers {
    /// Each way to an API that is in use here; first the one that this shell means.
    pub(super) accesses: Vec<Access>,
    pub(super) clusters: Vec<Compared>,
}

/// An installed cluster, and how it stands.
pub(super) struct Compared {
    record: Record,
    stand: Stand,
    warnings: Vec<String>,
}

impl Compared {
    /// What is to be known of it.
    pub(super) fn examine(&self, ourselves: &Ourselves) -> Vec<Finding> {
        clusters::examine(&self.record, &self.stand, &self.warnings, ourselves)
    }
}

/// Starts asking.
pub(super) fn start(
    here: Context,
    access: Outcome<settings::Access>,
    context: Option<String>,
    disk: Option<Arc<Disk>>,
) -> Beside<Answers> {
    let limit = here.global.timeout.saturating_mul(2).saturating_add(FURTHER);
    Beside::start(limit, move || {
        let (memory, terminal) = (OptionResolver::new(&here), here.terminal);
        let ours = disk.as_deref().and_then(|disk| Some((disk, disk.ours.as_ref().ok()?)));
        let records = ours.map_or(&[][..], |(_, ours)| &ours.installed.records);
        let records: Vec<&Record> = records.iter().map(|(_, record)| record).collect();
        let mut ways = Ways::new(access, context, terminal);
        let on: Vec<bool> = records.iter().map(|record| ways.lead_to(record, &memory)).collect();
        let clusters = match ours {
            Some((disk, ours)) => compare(&disk.layout, ours, &records, &on, &memory, terminal),
            None => Vec::new(),
        };
        Answers { accesses: ways.accesses, clusters }
    })
}

/// The ways to the APIs that are in use, each tried once.
struct Ways {
    accesses: Vec<Access>,
    /// The endpoint of each, where there is one.
    endpoints: Vec<Option<Endpoint>>,
    terminal: Terminal,
}

impl Ways {
    fn new(access: Outcome<settings::Access>, context: Option<String>, terminal: Terminal) -> Self {
        let mut ways = Self { accesses: Vec::new(), endpoints: Vec::new(), terminal };
        ways.add(access, context);
        ways
    }

    /// Whether the API of an installed cluster answers; a saved answer needs none.
    fn lead_to(&mut self, record: &Record, memory: &OptionResolver<'_>) -> bool {
        let Source::Api { url, context, .. } = &record.source else { return true };
        let access = memory.access(url, context.as_deref());
        let endpoint = endpoint(&access);
        let is_same = |known: &Option<Endpoint>| match (known, &endpoint) {
            (Some(known), Some(new)) => {
                known.address.to_string() == new.address.to_string() && known.token == new.token
            }
            (None, None) => true,
            _ => false,
        };
        let at = match self.endpoints.iter().position(is_same) {
            Some(at) => at,
            None => self.add(access, context.clone()),
        };
        let Some(access) = self.accesses.get_mut(at) else { return false };
        access.is_needed = true;
        access.works()
    }

    /// Tries one more; says which one it is.
    fn add(&mut self, access: Outcome<settings::Access>, context: Option<String>) -> usize {
        let endpoint = endpoint(&access);
        let heard = endpoint.clone().and_then(|endpoint| self.hear(endpoint));
        let (address, token) = match access {
            Ok(settings::Access { address, token, .. }) => {
                let source = token.map(|token| token.map(|(_, source)| source));
                (address.map(|address| address.to_string()), source)
            }
            // The settings are one file: what is wrong with it is told once.
            Err(failure) => (Ok("the API".to_owned()), Err(failure)),
        };
        let at = SystemTime::now();
        self.accesses.push(Access { context, address, token, heard, at, is_needed: false });
        self.endpoints.push(endpoint);
        self.accesses.len() - 1
    }

    fn hear(&self, endpoint: Endpoint) -> Option<Result<Heard, ApiError>> {
        let Endpoint { address, token, timeout } = endpoint;
        let message = format!("asking {address}");
        match Client::new(address, token, timeout) {
            Ok(client) => fetch::block_on(self.terminal.wait_for(message, client.hear())).ok(),
            Err(error) => Some(Err(error)),
        }
    }
}

fn endpoint(access: &Outcome<settings::Access>) -> Option<Endpoint> {
    access.as_ref().ok()?.as_endpoint()
}

/// How each record stands to what is said of its cluster now.
fn compare(
    layout: &Layout,
    ours: &Ours,
    records: &[&Record],
    on: &[bool],
    memory: &OptionResolver<'_>,
    terminal: Terminal,
) -> Vec<Compared> {
    let answering = records.iter().zip(on).filter(|(_, on)| **on);
    let answering: Vec<&Record> = answering.map(|(record, _)| *record).collect();
    let mut candidates = ask_again(&answering, memory, terminal).into_iter();
    // What `sync` says in passing is none of the findings.
    let silent = Terminal::new(Audience::Ansible, true, false);
    let mut compared = Vec::new();
    for (record, on) in records.iter().zip(on) {
        let mut wishing =
            DesiredState::new(layout, &ours.present, &ours.installed, memory, false, silent);
        let stand = match (&record.source, on) {
            (Source::Stdin, _) => {
                drop(candidates.next());
                Stand::NotAsked("it was installed from standard input")
            }
            (_, false) => Stand::NotAsked("its API could not be asked"),
            (_, true) => match candidates.next() {
                Some(candidate) => stand(&mut wishing, record, &candidate),
                None => Stand::NotAsked("nothing was asked"),
            },
        };
        let warnings = wishing.strangers.into_iter().collect();
        compared.push(Compared { record: (*record).clone(), stand, warnings });
    }
    compared
}

fn stand(wishing: &mut DesiredState<'_>, record: &Record, candidate: &Candidate) -> Stand {
    if matches!(candidate.fetched.result, Err(FetchError { is_unknown: true, .. })) {
        return Stand::Unknown;
    }
    match bring(wishing, record, candidate, false) {
        Ok(DesiredOutcome::Put(_, ClusterChange::Unchanged(hosts))) => Stand::Same(hosts),
        Ok(DesiredOutcome::Put(_, ClusterChange::Changed(how))) => Stand::Differs(how),
        Ok(DesiredOutcome::Put(_, what)) => Stand::Differs(what.to_string()),
        Ok(DesiredOutcome::Gone(why)) => Stand::Ended(why),
        Ok(DesiredOutcome::Nothing(failure)) | Err(failure) => Stand::Stuck(failure),
    }
}
