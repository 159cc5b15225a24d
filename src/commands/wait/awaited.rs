//! A cluster that is waited for: where it is asked for, and what an answer says of it.

use tokio::time::timeout_at;

use super::{TOLD, Waiter};
use crate::api::client::Client;
use crate::api::error::Error as ApiError;
use crate::cluster::{NoFleet, Selection, resolve_one};
use crate::commands::nodes::ViewedCluster;
use crate::commands::{fleets, view};
use crate::failure::{Failure, Kind, Outcome};
use crate::install::present::Present;
use crate::install::state::{Record, Source};
use crate::settings::{Endpoint, Rendering};
use crate::text::message::Message;

/// A cluster that is waited for.
pub(super) struct Awaited<'i> {
    pub(super) client: Client,
    pub(super) id: String,
    record: Option<&'i Record>,
    rendering: Rendering,
    /// The words that name it behind `prime-ssh install`.
    source: Vec<std::ffi::OsString>,
}

/// The reason that there is no new answer.
pub(super) enum NoAnswer {
    /// The API could not tell, or somebody in between answered; the next time it may.
    Outage(ApiError),
    /// It will not be otherwise.
    Final(Failure),
    /// No node is one of those that are waited for; whose, and why.
    LeftOut(String),
}

impl From<ApiError> for NoAnswer {
    fn from(error: ApiError) -> Self {
        if error.is_outage { Self::Outage(error) } else { Self::Final(error.into()) }
    }
}

impl From<Failure> for NoAnswer {
    fn from(failure: Failure) -> Self {
        Self::Final(failure)
    }
}

impl From<NoAnswer> for Failure {
    fn from(why: NoAnswer) -> Self {
        match why {
            NoAnswer::Outage(error) => error.into(),
            NoAnswer::Final(failure) => failure,
            NoAnswer::LeftOut(why) => {
                Self::message(Kind::Answer, format!("nothing to wait for in {why}"))
            }
        }
    }
}

impl<'i> Awaited<'i> {
    /// The cluster, and its first answer. `is_listed`: `selector` is an id of the API's list.
    pub(super) async fn find(
        waiter: &Waiter<'_>,
        selector: &str,
        is_listed: bool,
        installed: &'i Present,
    ) -> Result<(Self, String), NoAnswer> {
        let viewing = waiter.viewing;
        let (endpoint, selector) = if is_listed {
            (viewing.source.endpoint.clone()?, selector.to_owned())
        } else {
            asked_at(waiter, selector, installed)?
        };
        let client = endpoint.client(waiter.terminal)?;
        let finding = async {
            if is_listed { client.cluster(&selector).await } else { client.find(&selector).await }
        };
        let finding = timeout_at(waiter.until, finding);
        let message = format!("asking the API for {selector}");
        let Ok(found) = waiter.terminal.wait_for(message, finding).await else {
            return Err(waiter.no_answer(&selector).into());
        };
        // The client tried often enough by itself.
        let found = found.map_err(|error: ApiError| NoAnswer::Final(error.into()))?;
        let record = installed.of_id(&found.id);
        let mut rendering = view::rendering(record, viewing)?;
        let checked = fleets::checked_answer(&found.id, &found.text)?;
        let name = view::names(&[&checked], viewing, installed).pop().flatten();
        let id = checked.id().map(|id| id.clone().into_owned());
        rendering.hosts.recorded = id.zip(name).into_iter().collect();
        // All nodes may count, whichever of them are installed.
        rendering.hosts.selection =
            Selection { filter: viewing.filter.clone(), ..Selection::default() };
        let commands = viewing.context.commands();
        let source = record.and_then(|record| commands.source_of(record));
        let source = source.unwrap_or_else(|| commands.source_of_listed(&found.id));
        let client = client.without_tries();
        let awaited = Self { client, id: found.id, record, rendering, source };
        awaited.view(&found.text)?;
        Ok((awaited, found.text))
    }

    /// The cluster as an answer describes it.
    pub(super) fn view<'t>(&'t self, text: &'t str) -> Result<ViewedCluster<'t>, NoAnswer> {
        let resolved = resolve_one(fleets::checked_answer(&self.id, text)?, &self.rendering.hosts);
        match &resolved.fleet {
            Err(why @ (NoFleet::Refused | NoFleet::BadJumpHost(_))) => {
                let failure = fleets::no_fleet(&resolved.title, why);
                let message = Message::with_first(&failure, TOLD, &resolved.refusals, 0);
                Err(NoAnswer::Final(Failure::message(failure.kind, message)))
            }
            Err(why @ NoFleet::NoneSelected { .. }) if resolved.skipped().is_empty() => {
                Err(NoAnswer::LeftOut(format!("{}: {why}", resolved.title)))
            }
            // Without a host yet, or without the one that the others are reached through.
            _ => {
                let (rendering, source) = (self.rendering.clone(), self.source.clone());
                Ok(ViewedCluster { resolved, record: self.record, rendering, source })
            }
        }
    }
}

/// Returns where a cluster is asked for, and by what: an installed one where it was installed from.
fn asked_at(
    waiter: &Waiter<'_>,
    selector: &str,
    installed: &Present,
) -> Outcome<(Endpoint, String)> {
    let here = || waiter.viewing.source.endpoint.clone();
    match view::asked_of(selector, waiter.viewing, installed) {
        Ok(record) => {
            let endpoint = match &record.source {
                Source::Api(_) => waiter.viewing.context.endpoint_of(record)?,
                // A saved answer does not change.
                Source::Input(_) | Source::Stdin => here()?,
            };
            Ok((endpoint, record.id.to_string()))
        }
        Err(selector) => Ok((here()?, selector.to_owned())),
    }
}
