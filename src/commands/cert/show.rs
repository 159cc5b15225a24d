//! `prime-ssh cert --show`: what the certificates say that are there.

use anyhow::Context;

use super::{clock, place};
use crate::certificate::describe::{Clock, Details};
use crate::certificate::file::Absent;
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
        Err(problem) => {
            terminal.warning(problem);
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
    let fault = |why: &dyn std::fmt::Display| {
        let message = format!("the certificate for {selector} lets nobody in: {why}");
        Failure::message(Kind::Local, message)
            .hint(format!("`prime-ssh cert {selector}` gets a new one"))
    };
    let absent = |absent: &Absent| match absent {
        // Whether it takes one, only the API knows.
        Absent::Missing if !takes_none(selector, wanted) => {
            let message = format!("there is no certificate for {selector}");
            Failure::message(Kind::Local, message).hint(format!(
                "`prime-ssh cert {selector}` gets one, if the cluster lets people in with one"
            ))
        }
        Absent::Missing => {
            let message = format!("{selector} lets people in without a certificate");
            Failure::message(Kind::Local, message).hint("`ssh` works with your key")
        }
        _ => fault(absent),
    };
    let Some(place) = place(selector, wanted) else {
        return Err(absent(&Absent::Missing));
    };
    let certificate = place.present().map_err(|why| absent(&why))?;
    let key = identity.map(|identity| &identity.public_key);
    let sheet = Details { certificate: &certificate, key, clock };
    terminal::print(|to| write!(to, "{}\n{sheet}", place.file().display()))
        .context("cannot write to stdout")
        .or_fail(Kind::Local)?;
    sheet.fault().map_or(Ok(()), |why| Err(fault(&why)))
}

/// Whether the cluster is installed, and ssh shows none of its hosts a certificate.
fn takes_none(selector: &str, wanted: &Wanted) -> bool {
    let Ok(present) = folder::read_ours(&wanted.layout) else { return false };
    let installed = present.installed();
    let Some(record) = called(&installed, selector) else { return false };
    let fragment = present.part(&record.stem(), FileKind::Fragment);
    fragment.is_some_and(|text| Fragment::parse(text).all("certificatefile").next().is_none())
}
