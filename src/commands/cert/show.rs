//! `prime-ssh cert --show`: show the present certificates.

use anyhow::Context;

use super::{clock, file_for};
use crate::certificate::details::{Clock, Details};
use crate::certificate::file::ReadError;
use crate::certificate::identity::Identity;
use crate::commands::installed::called;
use crate::failure::{Failure, Kind, OrFail, Outcome};
use crate::install::folder;
use crate::install::fragment::Fragment;
use crate::install::state::FileKind;
use crate::settings::Wanted;
use crate::terminal::{self, Terminal};

/// Shows each; fails where one of them lets nobody in.
pub(super) fn show(selectors: &[String], wanted: &Wanted, terminal: Terminal) -> Outcome<()> {
    let identity = match wanted.identity.as_deref().map(Identity::read).transpose() {
        Ok(identity) => identity,
        Err(error) => {
            terminal.warning(error);
            None
        }
    };
    let clock = clock();
    let each = selectors.iter().map(|name| show_one(name, wanted, identity.as_ref(), &clock));
    terminal.worst(each.filter_map(Result::err).collect())
}

fn show_one(
    selector: &str,
    wanted: &Wanted,
    identity: Option<&Identity>,
    clock: &Clock,
) -> Outcome<()> {
    let Some(file) = file_for(selector, wanted) else { return Err(missing(selector, wanted)) };
    let certificate = match file.read() {
        Ok(certificate) => certificate,
        Err(ReadError::Missing) => return Err(missing(selector, wanted)),
        Err(error) => return Err(useless(selector, &error)),
    };
    let key = identity.map(|identity| &identity.public_key);
    let details = Details { certificate: &certificate, key, clock };
    let (path, text) = (file.path().display().to_string(), details.to_string());
    terminal::print_lines([path.as_str()].into_iter().chain(text.lines()))
        .context("cannot write to stdout")
        .or_fail(Kind::Local)?;
    details.refusal().map_or(Ok(()), |refusal| Err(useless(selector, &refusal)))
}

fn useless(selector: &str, why: &dyn std::fmt::Display) -> Failure {
    let message = format!("the certificate for {selector} lets nobody in: {why}");
    Failure::message(Kind::Local, message)
        .hint(format!("`prime-ssh cert {selector}` gets a new one"))
}

fn missing(selector: &str, wanted: &Wanted) -> Failure {
    if takes_none(selector, wanted) {
        let message = format!("{selector} lets people in without a certificate");
        return Failure::message(Kind::Local, message).hint("`ssh` works with your key");
    }
    // Only the API knows whether the cluster takes one.
    Failure::message(Kind::Local, format!("there is no certificate for {selector}"))
        .hint(format!("`prime-ssh cert {selector}` gets one, if the cluster takes one"))
}

/// Whether the cluster is installed, and none of its hosts is shown a certificate.
fn takes_none(selector: &str, wanted: &Wanted) -> bool {
    let Ok(present) = folder::read_ours(&wanted.layout) else { return false };
    let installed = present.installed();
    let Some(record) = called(&installed, selector) else { return false };
    let fragment = present.part(&record.stem(), FileKind::Fragment);
    fragment.is_some_and(|text| Fragment::parse(text).all("certificatefile").next().is_none())
}
