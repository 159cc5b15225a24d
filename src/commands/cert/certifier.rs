//! From a cluster to its certificate: find the cluster, take the lock, request, judge, write.

use std::time::Duration;

use futures_util::{StreamExt, stream};
use jiff::tz::TimeZone;
use tokio::time::{Instant, timeout_at};

use super::file_for;
use crate::api::client::Client;
use crate::api::error::ApiError;
use crate::api::wire::{self, Malformed, Value};
use crate::certificate::file::{self, CertificateFile, LIMIT};
use crate::certificate::identity::Identity;
use crate::certificate::{Certificate, details, judge};
use crate::commands::fetch::AT_ONCE;
use crate::commands::fleets;
use crate::failure::{Failure, Kind, OrFail, Outcome};
use crate::install::folder;
use crate::name::{Slug, UserName};
use crate::settings::CertSettings;
use crate::terminal::Terminal;
use crate::text::{duration, shell, time};

/// Time to report who held the lock all the while.
const REPORTING: Duration = Duration::from_millis(200);

/// Requests certificates and writes them.
pub(super) struct Certifier<'a> {
    pub(super) wanted: &'a CertSettings,
    pub(super) identity: &'a Identity,
    pub(super) client: Client,
    pub(super) terminal: Terminal,
    /// True if the clusters are the API's list, and not what was typed.
    pub(super) are_listed: bool,
}

impl Certifier<'_> {
    /// Gets a certificate for each, several at a time; a failure does not stop the others.
    pub(super) async fn get_each(&self, selectors: &[String]) -> Outcome<()> {
        let message = match selectors {
            [selector] => format!("getting a certificate for {selector}"),
            several => format!("getting certificates for {} clusters", several.len()),
        };
        let each = selectors.iter().map(|selector| self.get(selector));
        let results = stream::iter(each).buffered(AT_ONCE).collect::<Vec<_>>();
        let results = self.terminal.wait_for(message, results).await;
        self.terminal.worst(results.into_iter().filter_map(Result::err).collect())
    }

    async fn get(&self, selector: &str) -> Outcome<()> {
        let deadline = Instant::now() + LIMIT;
        let got = timeout_at(deadline, self.get_until(selector, deadline)).await;
        let got = got.unwrap_or_else(|_| {
            let limit = time::span(LIMIT);
            let message = format!("no certificate for cluster `{selector}` within {limit}");
            Err(Failure::message(Kind::Api, message))
        });
        let Some((certificate, warnings)) = got? else { return Ok(()) };
        let summary = details::summary(&certificate, time::now(), &TimeZone::system());
        self.terminal.note(format_args!("certificate for {selector}: {summary}"));
        for warning in warnings {
            self.terminal.warning(warning);
        }
        Ok(())
    }

    /// Writes a new certificate; `None` where another run wrote one meanwhile.
    async fn get_until(
        &self,
        selector: &str,
        deadline: Instant,
    ) -> Outcome<Option<(Certificate, Vec<String>)>> {
        let (id, file, users) = self.target(selector).await?;
        let key = &self.identity.public_key;
        folder::check_owner(&self.wanted.layout)?;
        folder::is_there(&self.wanted.layout)?;
        if self.wanted.output.is_none() {
            crate::fs::read_own(&file.path)?;
        } else if let Err(error) = crate::fs::real_folder(&file.path) {
            return Err(error.of_typed("file")).or_fail(Kind::Local);
        } else if file::read(&file.path).is_err() {
            // Such as the key itself, for a name that was mistyped.
            let path = shell::path(&file.path);
            let message = format!("{path} is not a certificate: not replaced");
            return Err(Failure::message(Kind::Local, message)
                .hint("choose another file, or remove this one first"));
        }
        let (until, min_validity) = (deadline - REPORTING, self.wanted.min_validity);
        let Some(_lock) = file.lock_to_renew(until, key, min_validity).await? else {
            return Ok(None);
        };
        self.identity.verify()?;
        let new = self.request(&id, users).await?;
        file.write(&new.0).or_fail(Kind::Local)?;
        Ok(Some(new))
    }

    /// Requests a certificate for these users and judges it; the answer may name more users.
    async fn request(
        &self,
        id: &str,
        mut users: Vec<String>,
    ) -> Outcome<(Certificate, Vec<String>)> {
        let (key, ttl) = (&self.identity.public_key, self.wanted.ttl);
        let ttl_word = ttl.map(duration::typed);
        let answer = self.client.certificate(id, &key.to_string(), ttl_word.as_deref()).await?;
        let malformed = |why: Malformed| ApiError::malformed_certificate(id, &why);
        let signed = wire::signed(&answer).map_err(malformed)?;
        let no_text = || {
            let is_missing = signed.signed_key == Value::Missing;
            let why = if is_missing { "missing" } else { "not a string" };
            malformed(Malformed::at("data.signedKey", why))
        };
        let text = signed.signed_key.text().ok_or_else(no_text)?;
        let named = signed.nodes.iter().filter_map(|node| node.user.text());
        users.extend(named.filter(|text| UserName::new(*text).is_ok()).map(str::to_owned));
        users.sort_unstable();
        users.dedup();
        let judged = Certificate::read(text).and_then(|certificate| {
            Ok((judge::check(&certificate, key, time::now())?, certificate))
        });
        let (left, certificate) = judged.map_err(|why| {
            let refused = format!("the API's certificate for cluster `{id}` is refused: {why}");
            Failure::message(Kind::Answer, refused)
        })?;
        let warnings = judge::other_users(&certificate, &users).into_iter();
        let warnings = warnings.chain(judge::too_long(left, ttl));
        let warnings = warnings.chain(judge::restrictions(&certificate));
        let least = self.wanted.min_validity.filter(|least| left < *least);
        let too_short = least.map(|least| {
            format!(
                "the certificate lasts only {}, less than --min-validity ({}): \
                 each `--ensure` asks for another one",
                time::span(left),
                time::span(least)
            )
        });
        let warnings = warnings.chain(too_short).collect();
        Ok((certificate, warnings))
    }

    /// Finds the id of the cluster and the file of its certificate, without a request where the name
    /// of a file says them, and the users that ssh logs in as, as far as they are known.
    async fn target(&self, selector: &str) -> Outcome<(String, CertificateFile, Vec<String>)> {
        let file = file_for(selector, self.wanted);
        if let Some(file) = file.filter(|file| file.is_of(selector)) {
            return Ok((selector.to_owned(), file, Vec::new()));
        }
        let found = if self.are_listed {
            // An id of the list that is none is the API's fault, and no name to search for.
            self.client.cluster(selector).await?
        } else {
            self.client.find(selector).await?
        };
        let checked = fleets::checked_answer(&found.id, &found.text)?;
        let Some(cluster) = &checked.cluster else {
            let refusals = checked.refusals().iter().map(ToString::to_string);
            let refusals = refusals.collect::<Vec<_>>().join("; ");
            let message = format!("the answer holds values that cannot be used: {refusals}");
            return Err(Failure::message(Kind::Answer, message));
        };
        if !cluster.vault_enabled {
            let message = format!("{} lets people in without a certificate", cluster.name);
            return Err(Failure::message(Kind::Answer, message).hint("`ssh` works with your key"));
        }
        let name = Slug::of_name(&cluster.name.as_str().into(), &found.id);
        let CertSettings { layout, output, .. } = self.wanted;
        let file = match output {
            Some(path) => CertificateFile::at_path(layout, path.clone()),
            None => CertificateFile::for_cluster(layout, &name, &found.id),
        };
        let users = checked.users().into_iter().map(str::to_owned).collect();
        Ok((found.id, file, users))
    }
}
