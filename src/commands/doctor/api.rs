//! What the API is asked: whether it answers and accepts the token, and what it says about the
//! installed clusters.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::api::client::Client;
use crate::api::error::Error as ApiError;
use crate::api::list::Pong;
use crate::certificate::identity::Identity;
use crate::certificate::own_keys::{OwnKey, fitting, own_keys};
use crate::commands::fetch::{self, FetchError, Fetched};
use crate::commands::installed::{
    Candidate, ClusterChange, DesiredOutcome, DesiredState, ask_again, bring,
};
use crate::doctor::Finding;
use crate::doctor::api::ApiProbe;
use crate::doctor::clusters::{self, ClusterStatus};
use crate::doctor::snapshot::Snapshot;
use crate::failure::Outcome;
use crate::install::state::{Record, Source};
use crate::settings::{Access, Context, Endpoint, OptionResolver, OwnCommands};
use crate::ssh::process::Background;
use crate::terminal::Terminal;

/// How much longer than one call all of them together may take.
const FURTHER: Duration = Duration::from_secs(30);

/// The API's answers.
pub(super) struct ApiAnswers {
    /// Each API that is in use here; first the one of this shell.
    pub(super) probes: Vec<ApiProbe>,
    pub(super) clusters: Vec<ComparedCluster>,
}

/// An installed cluster, and how it compares with the answer.
pub(super) struct ComparedCluster {
    record: Record,
    status: ClusterStatus,
    warnings: Vec<String>,
    /// Another key of the person's own that it lets in, in place of the one that a setting names.
    other_key: Option<OwnKey>,
}

impl ComparedCluster {
    /// What there is to know about it.
    pub(super) fn examine(&self, commands: &OwnCommands) -> Vec<Finding> {
        let Self { record, status, warnings, other_key } = self;
        clusters::examine(record, status, warnings, other_key.as_ref(), commands)
    }
}

/// Starts asking.
pub(super) fn start(
    context: Context,
    access: Outcome<Access>,
    prime_context: Option<String>,
    snapshot: Option<Arc<Snapshot>>,
) -> Background<ApiAnswers> {
    let limit = context.global.timeout.saturating_mul(2).saturating_add(FURTHER);
    Background::start(limit, move || {
        let resolver = OptionResolver::new(&context);
        let mut apis =
            Apis { probes: Vec::new(), endpoints: Vec::new(), terminal: context.terminal };
        apis.probe(access, prime_context);
        let clusters = match snapshot.as_deref() {
            Some(snapshot) => compare(snapshot, &mut apis, &resolver),
            None => Vec::new(),
        };
        ApiAnswers { probes: apis.probes, clusters }
    })
}

/// The APIs that are in use, each probed once.
struct Apis {
    probes: Vec<ApiProbe>,
    /// The endpoint of each, where there is one.
    endpoints: Vec<Option<Endpoint>>,
    terminal: Terminal,
}

impl Apis {
    /// Whether the API of an installed cluster works; a file needs none.
    fn works_for(&mut self, record: &Record, resolver: &OptionResolver<'_>) -> bool {
        let Some(api) = record.source.api() else { return true };
        let access = resolver.access(api);
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
            None => self.probe(access, api.context.clone()),
        };
        let Some(probe) = self.probes.get_mut(at) else { return false };
        probe.is_needed = true;
        probe.works()
    }

    /// Probes one more, and returns its index.
    fn probe(&mut self, access: Outcome<Access>, context: Option<String>) -> usize {
        let endpoint = endpoint(&access);
        let answer = endpoint.clone().and_then(|endpoint| self.ask(endpoint));
        let (address, token) = match access {
            Ok(Access { address, token, .. }) => {
                let source = token.map(|token| token.map(|(_, source)| source));
                (address.map(|address| address.to_string()), source)
            }
            // Both come from one file of settings, so what is wrong with it is said once.
            Err(failure) => (Ok("the API".to_owned()), Err(failure)),
        };
        let at = SystemTime::now();
        self.probes.push(ApiProbe { context, address, token, answer, at, is_needed: false });
        self.endpoints.push(endpoint);
        self.probes.len() - 1
    }

    fn ask(&self, endpoint: Endpoint) -> Option<Result<Pong, ApiError>> {
        let Endpoint { address, token, timeout } = endpoint;
        let message = format!("asking {address}");
        match Client::new(address, token, timeout).map(|client| client.traced(self.terminal)) {
            Ok(client) => fetch::block_on(self.terminal.wait_for(message, client.ping())).ok(),
            Err(error) => Some(Err(error)),
        }
    }
}

fn endpoint(access: &Outcome<Access>) -> Option<Endpoint> {
    access.as_ref().ok()?.as_endpoint()
}

/// Compares each installed cluster with what its source says now.
fn compare(
    snapshot: &Snapshot,
    apis: &mut Apis,
    resolver: &OptionResolver<'_>,
) -> Vec<ComparedCluster> {
    let Ok(ours) = &snapshot.ours else { return Vec::new() };
    let terminal = apis.terminal;
    let records = ours.installed.records.iter().map(|(_, record)| record);
    let (asked, skipped): (Vec<_>, Vec<_>) = records.partition(|record| {
        !matches!(record.source, Source::Stdin) && apis.works_for(record, resolver)
    });
    let own_keys = own_keys(&snapshot.layout.read_by_ssh());
    let mut compared = Vec::new();
    for (record, candidate) in asked.iter().zip(ask_again(&asked, resolver, terminal)) {
        // What `sync` says in passing is no finding.
        let (layout, present) = (&snapshot.layout, &ours.present);
        let mut desired = DesiredState::new(layout, present, &ours.installed, resolver, false);
        let status = status(&mut desired, record, &candidate);
        let warnings = desired.unauthorized_keys;
        let other_key = other_key(record, &candidate.fetched, resolver, &own_keys);
        compared.push(ComparedCluster { record: (*record).clone(), status, warnings, other_key });
    }
    compared.extend(skipped.into_iter().map(|record| {
        let why = match record.source {
            Source::Stdin => "it was installed from standard input",
            _ => "its API could not be asked",
        };
        let status = ClusterStatus::Skipped(why);
        ComparedCluster { record: record.clone(), status, warnings: Vec::new(), other_key: None }
    }));
    compared
}

/// A key that the cluster lets in, where the one that a setting names cannot be used or is not among
/// its keys.
fn other_key(
    record: &Record,
    fetched: &Fetched,
    resolver: &OptionResolver<'_>,
    own: &[OwnKey],
) -> Option<OwnKey> {
    let checked = fetched.cluster(&record.id, &fetched.asked).ok()??;
    let keys = &checked.cluster()?.ssh_keys;
    let set =
        resolver.rendering(&record.options, record.source.context()).ok()?.ssh.identity_file?;
    let set = Identity::read(&resolver.environment().expand(&set)).ok();
    let set = set.map(|identity| OwnKey {
        file: None,
        comment: String::new(),
        public_key: identity.public_key,
    });
    if fitting(set.as_slice(), keys).is_some() {
        return None;
    }
    fitting(own, keys).cloned()
}

fn status(desired: &mut DesiredState<'_>, record: &Record, candidate: &Candidate) -> ClusterStatus {
    if matches!(candidate.fetched.result, Err(FetchError { is_unknown: true, .. })) {
        return ClusterStatus::Unknown;
    }
    match bring(desired, record, candidate, false) {
        Ok(DesiredOutcome::Put(_, ClusterChange::Unchanged(hosts))) => {
            ClusterStatus::UpToDate(hosts)
        }
        Ok(DesiredOutcome::Put(_, ClusterChange::Changed(how))) => ClusterStatus::OutOfDate(how),
        Ok(DesiredOutcome::Put(_, change)) => ClusterStatus::OutOfDate(change.to_string()),
        Ok(DesiredOutcome::Gone(why)) => ClusterStatus::Ended(why),
        Ok(DesiredOutcome::Nothing(failure)) | Err(failure) => ClusterStatus::Stuck(failure),
    }
}
