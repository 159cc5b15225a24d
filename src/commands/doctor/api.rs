//! Asks the API: for an answer with this token, and about the installed clusters.

use std::time::SystemTime;

use super::clusters;
use crate::certificate::identity::Identity;
use crate::certificate::own_keys::{OwnKey, fitting, own_keys};
use crate::commands::fetch::{self, FetchError, Fetched};
use crate::commands::installed::{DesiredState, ask_again, decide_installed};
use crate::doctor::Finding;
use crate::doctor::api::{self, ApiProbe};
use crate::doctor::snapshot::Snapshot;
use crate::failure::Outcome;
use crate::install::state::{Record, Source};
use crate::settings::{Access, Context, OptionResolver};
use crate::terminal::Terminal;

/// Asks and compares.
pub(super) fn examine(
    context: &Context,
    access: Outcome<Access>,
    prime_context: Option<String>,
    snapshot: Option<&Snapshot>,
) -> Vec<Finding> {
    let mut probes = vec![probe(access, prime_context, context.terminal)];
    let resolver = OptionResolver::new(context);
    let of_clusters = snapshot.map(|snapshot| compare(snapshot, &mut probes, &resolver));
    let findings = probes.iter().flat_map(api::examine);
    findings.chain(of_clusters.unwrap_or_default()).collect()
}

/// Asks an API whether it answers.
fn probe(access: Outcome<Access>, context: Option<String>, terminal: Terminal) -> ApiProbe {
    let endpoint = access.as_ref().ok().and_then(Access::as_endpoint);
    let answer = endpoint.clone().and_then(|endpoint| {
        let message = format!("asking {}", endpoint.address);
        match endpoint.client(terminal) {
            Ok(client) => fetch::block_on(terminal.wait_for(message, client.ping())).ok(),
            Err(error) => Some(Err(error)),
        }
    });
    let (address, token) = match access {
        Ok(Access { address, token, .. }) => {
            let source = token.map(|token| token.map(|(_, source)| source));
            (address.map(|address| address.to_string()), source)
        }
        // Both come from one file of settings, so what is wrong with it is said once.
        Err(failure) => (Ok("the API".to_owned()), Err(failure)),
    };
    let at = SystemTime::now();
    ApiProbe { context, endpoint, address, token, answer, at, is_needed: false }
}

/// Returns whether the API of an installed cluster works; a file needs none. Each is probed once.
fn works_for(
    record: &Record,
    probes: &mut Vec<ApiProbe>,
    resolver: &OptionResolver<'_>,
    terminal: Terminal,
) -> bool {
    let Some(api) = record.source.api() else { return true };
    let access = resolver.access(api);
    let endpoint = access.as_ref().ok().and_then(Access::as_endpoint);
    let is_same = |known: &ApiProbe| match (&known.endpoint, &endpoint) {
        (Some(known), Some(new)) => {
            known.address.to_string() == new.address.to_string() && known.token == new.token
        }
        (None, None) => true,
        _ => false,
    };
    let at = probes.iter().position(is_same).unwrap_or_else(|| {
        probes.push(probe(access, api.context.clone(), terminal));
        probes.len() - 1
    });
    let Some(probe) = probes.get_mut(at) else { return false };
    probe.is_needed = true;
    probe.works()
}

/// Compares each installed cluster with what its source says now.
fn compare(
    snapshot: &Snapshot,
    probes: &mut Vec<ApiProbe>,
    resolver: &OptionResolver<'_>,
) -> Vec<Finding> {
    let Snapshot { layout, commands, present, installed, .. } = snapshot;
    let terminal = snapshot.context.terminal;
    let records = installed.records.values();
    let (asked, skipped): (Vec<_>, Vec<_>) = records.partition(|record| {
        !matches!(record.source, Source::Stdin) && works_for(record, probes, resolver, terminal)
    });
    let own_keys = own_keys(&layout.read_by_ssh());
    let mut findings = Vec::new();
    for (record, fetched) in asked.iter().zip(ask_again(&asked, resolver, terminal)) {
        if matches!(fetched.result, Err(FetchError { is_unknown: true, .. })) {
            findings.push(clusters::unknown(record, commands));
            continue;
        }
        // What `sync` says in passing is no finding.
        let mut desired = DesiredState::new(layout, present, installed, resolver);
        let outcome = decide_installed(&mut desired, record, &fetched, false);
        findings.push(clusters::compared(record, outcome, commands));
        let unauthorized = desired.unauthorized_keys.iter();
        findings.extend(unauthorized.map(|warning| clusters::unauthorized_key(warning)));
        let other_key = other_key(record, &fetched, resolver, &own_keys);
        findings.extend(other_key.map(|key| clusters::other_key(record, &key, commands)));
    }
    findings.extend(skipped.into_iter().map(clusters::skipped));
    findings
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
    let set = set.as_ref().map(OwnKey::from);
    if fitting(set.as_slice(), keys).is_some() {
        return None;
    }
    fitting(own, keys).cloned()
}
