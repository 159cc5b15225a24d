//! Asks the API: for an answer with this token, and about the installed clusters.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::clusters;
use crate::api::error::Error as ApiError;
use crate::api::list::Pong;
use crate::certificate::own_keys::{OwnKey, OwnKeys};
use crate::commands::fetch::{self, FetchError, Fetched};
use crate::commands::installed::{DesiredState, Newcomers, ask_again, decide_installed};
use crate::doctor::Finding;
use crate::doctor::api::{ApiProbe, examine};
use crate::doctor::snapshot::{OurFolder, Snapshot};
use crate::failure::Outcome;
use crate::install::options::SavedOptions;
use crate::install::state::{ApiSource, Record, Source};
use crate::settings::{Access, Context, Endpoint, OptionResolver};
use crate::ssh::process::Background;
use crate::terminal::Terminal;

/// The time for all of them together, beyond that for one call.
const FURTHER: Duration = Duration::from_secs(30);

/// Starts asking and comparing.
pub(super) fn start(
    context: Context,
    access: Outcome<Access>,
    prime_context: Option<String>,
    snapshot: Option<Arc<Snapshot>>,
) -> Background<Vec<Finding>> {
    let limit = context.global.timeout.saturating_mul(2).saturating_add(FURTHER);
    Background::start(limit, move || {
        let mut apis = Apis { probes: Vec::new(), terminal: context.terminal };
        apis.probe(access, prime_context);
        let resolver = OptionResolver::new(&context);
        let of_clusters = snapshot.map(|snapshot| compare(&snapshot, &mut apis, &resolver));
        let findings = apis.probes.iter().flat_map(|(_, probe)| examine(probe));
        findings.chain(of_clusters.unwrap_or_default()).collect()
    })
}

/// The APIs that are in use, each probed once.
struct Apis {
    /// With the endpoint of each, where there is one.
    probes: Vec<(Option<Endpoint>, ApiProbe)>,
    terminal: Terminal,
}

impl Apis {
    /// Returns whether an API that is asked with these options works.
    fn works(
        &mut self,
        api: &ApiSource,
        options: &SavedOptions,
        resolver: &OptionResolver<'_>,
    ) -> bool {
        let access = resolver.access(api, options.token_file.as_ref());
        let endpoint = endpoint(&access);
        let is_same = |(known, _): &(Option<Endpoint>, ApiProbe)| match (known, &endpoint) {
            (Some(known), Some(new)) => {
                known.address.to_string() == new.address.to_string() && known.token == new.token
            }
            (None, None) => true,
            _ => false,
        };
        let at = match self.probes.iter().position(is_same) {
            Some(at) => at,
            None => self.probe(access, api.context.clone()),
        };
        let Some((_, probe)) = self.probes.get_mut(at) else { return false };
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
        let probe = ApiProbe { context, address, token, answer, at, is_needed: false };
        self.probes.push((endpoint, probe));
        self.probes.len() - 1
    }

    fn ask(&self, endpoint: Endpoint) -> Option<Result<Pong, ApiError>> {
        let message = format!("asking {}", endpoint.address);
        match endpoint.client(self.terminal) {
            Ok(client) => fetch::block_on(self.terminal.wait_for(message, client.ping())).ok(),
            Err(error) => Some(Err(error)),
        }
    }
}

fn endpoint(access: &Outcome<Access>) -> Option<Endpoint> {
    access.as_ref().ok()?.as_endpoint()
}

/// Compares each installed cluster with what its source says now.
fn compare(snapshot: &Snapshot, apis: &mut Apis, resolver: &OptionResolver<'_>) -> Vec<Finding> {
    let Ok(ours) = &snapshot.ours else { return Vec::new() };
    let (layout, commands) = (&snapshot.layout, &snapshot.commands);
    let records = ours.installed.records.values();
    let (asked, skipped): (Vec<_>, Vec<_>) = records.partition(|record| match &record.source {
        Source::Api(api) => apis.works(api, &record.options, resolver),
        Source::Input(_) => true,
        Source::Stdin => false,
    });
    let own_keys = OwnKeys::find(&layout.read_by_ssh(), layout.ssh_folder());
    let mut findings = Vec::new();
    for (record, fetched) in asked.iter().zip(ask_again(&asked, resolver, apis.terminal)) {
        if matches!(fetched.result, Err(FetchError { is_unknown: true, .. })) {
            findings.push(clusters::unknown(record, commands));
            continue;
        }
        // What `sync` says in passing is no finding.
        let present = &ours.present;
        let mut desired = DesiredState::new(layout, present, &ours.installed, resolver);
        let outcome = decide_installed(&mut desired, record, &fetched, false);
        findings.push(clusters::compared(record, outcome, commands));
        let unauthorized = desired.unauthorized_keys.iter();
        findings.extend(unauthorized.map(|warning| clusters::unauthorized_key(warning)));
        let other_key = other_key(record, &fetched, resolver, &own_keys);
        findings.extend(other_key.map(|key| clusters::other_key(record, &key, commands)));
    }
    findings.extend(skipped.into_iter().map(clusters::skipped));
    findings.extend(newcomers(snapshot, ours, apis, resolver));
    findings
}

/// The clusters that the subscription would add.
fn newcomers(
    snapshot: &Snapshot,
    ours: &OurFolder,
    apis: &mut Apis,
    resolver: &OptionResolver<'_>,
) -> Vec<Finding> {
    let Some(follow) = ours.present.follow.clone() else { return Vec::new() };
    if !apis.works(&follow.source, &follow.options, resolver) {
        return Vec::new();
    }
    let is_live = follow.options.live.is_some();
    let newcomers = match Newcomers::ask(follow, &ours.installed, resolver, apis.terminal) {
        Ok(newcomers) => newcomers,
        Err(failure) => return vec![clusters::no_list(&failure)],
    };
    let mut desired = DesiredState::new(&snapshot.layout, &ours.present, &ours.installed, resolver);
    newcomers.decide(&mut desired);
    clusters::newcomers(&desired.request, is_live, &snapshot.commands)
}

/// A key that the cluster lets in, where ssh would show others only.
fn other_key(
    record: &Record,
    fetched: &Fetched,
    resolver: &OptionResolver<'_>,
    own: &OwnKeys,
) -> Option<OwnKey> {
    let checked = fetched.cluster(&record.id, &fetched.asked).ok()??;
    let cluster = checked.cluster().filter(|cluster| !cluster.vault_enabled)?;
    let rendering = resolver.rendering(&record.options, record.source.context()).ok()?;
    let named = rendering.ssh.identity_file.map(|path| resolver.environment().expand(&path));
    own.not_shown(named.as_deref(), &cluster.ssh_keys).cloned()
}
