//! Asks the APIs: for an answer with this token, and about the installed clusters.

use std::time::SystemTime;

use super::clusters;
use crate::commands::fetch;
use crate::doctor::Finding;
use crate::doctor::api::{self, ApiProbe};
use crate::doctor::snapshot::Snapshot;
use crate::failure::Outcome;
use crate::install::options::SavedOptions;
use crate::install::state::ApiSource;
use crate::settings::{Access, Context, Endpoint};
use crate::terminal::Terminal;

/// Asks and compares.
pub(super) fn examine(
    context: &Context,
    access: Outcome<Access>,
    prime_context: Option<String>,
    snapshot: Option<&Snapshot>,
) -> Vec<Finding> {
    let mut probes = vec![probe(access, prime_context, context.terminal)];
    let of_clusters = snapshot.map(|snapshot| {
        let works = |api: (&_, &_)| works(api, &mut probes, context);
        clusters::compare(snapshot, works)
    });
    let findings = probes.iter().flat_map(api::examine);
    findings.chain(of_clusters.unwrap_or_default()).collect()
}

/// Asks an API whether it answers.
fn probe(access: Outcome<Access>, context: Option<String>, terminal: Terminal) -> ApiProbe {
    let answer = endpoint(&access).map(|endpoint| {
        let message = format!("asking {}", endpoint.address);
        fetch::ask(Ok(endpoint), terminal, &message, async |client| client.ping().await)
    });
    let at = SystemTime::now();
    ApiProbe { context, access, answer, at, is_needed: false }
}

/// The API and its token, where there are both.
fn endpoint(access: &Outcome<Access>) -> Option<Endpoint> {
    access.as_ref().ok().and_then(|access| access.clone().endpoint().ok())
}

/// Returns whether an API that is asked with these options works. Each is probed once.
fn works(
    (api, options): (&ApiSource, &SavedOptions),
    probes: &mut Vec<ApiProbe>,
    context: &Context,
) -> bool {
    let access = context.access_to(api, options);
    let asked =
        |access: &Outcome<Access>| endpoint(access).map(|one| (one.address.to_string(), one.token));
    let new = asked(&access);
    let is_same = |known: &ApiProbe| asked(&known.access) == new;
    let at = probes.iter().position(is_same).unwrap_or_else(|| {
        probes.push(probe(access, api.context.clone(), context.terminal));
        probes.len() - 1
    });
    let Some(probe) = probes.get_mut(at) else { return false };
    probe.is_needed = true;
    matches!(probe.answer, Some(Ok(_)))
}
