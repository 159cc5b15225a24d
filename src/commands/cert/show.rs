//! `prime-ssh cert --show`: show the present certificates.

use std::fmt::Display;

use anyhow::Context as _;
use jiff::tz::TimeZone;

use super::file_for;
use crate::certificate::identity::Identity;
use crate::certificate::{details, file, judge};
use crate::commands::installed::called;
use crate::failure::{Failure, Kind, OrFail, Outcome};
use crate::install::fragment::Fragment;
use crate::install::present::Present;
use crate::install::state::{FileKind, Record};
use crate::settings::{CertSettings, Context, pasted};
use crate::terminal;
use crate::text::{shell, time};

/// Shows each; fails where one of them lets nobody in.
pub(super) fn show(
    selectors: &[String],
    wanted: &CertSettings,
    installed: &Present,
    context: &Context,
) -> Outcome<()> {
    let identity = match wanted.identity.as_deref().map(Identity::read).transpose() {
        Ok(identity) => identity,
        Err(error) => {
            context.terminal.warning(error);
            None
        }
    };
    let each = selectors.iter().map(|selector| {
        let record = called(installed, selector);
        let takes_none = record.is_some_and(|record| takes_none(record, installed));
        show_one(selector, (record, takes_none), identity.as_ref(), wanted, context)
    });
    context.terminal.worst(each.filter_map(Result::err).collect())
}

fn show_one(
    selector: &str,
    (record, takes_none): (Option<&Record>, bool),
    identity: Option<&Identity>,
    wanted: &CertSettings,
    context: &Context,
) -> Outcome<()> {
    let mut cert = context.commands().about("cert", selector, record);
    if let Some(output) = &wanted.output {
        cert.extend(["--output".into(), output.into()]);
    }
    let cert = pasted(cert);
    let useless = |why: &dyn Display| {
        let message = format!("the certificate for {selector} lets nobody in: {why}");
        Failure::message(Kind::Local, message).hint(format!("{cert} gets a new one"))
    };
    let file = file_for(selector, wanted);
    let present = file.as_ref().map(|file| file::read(&file.path)).transpose();
    let present = present.map_err(|why| useless(&why))?.flatten();
    let Some((file, certificate)) = file.zip(present) else {
        if takes_none {
            let message = format!("{selector} lets people in without a certificate");
            return Err(Failure::message(Kind::Local, message).hint("`ssh` works with your key"));
        }
        // Only the API knows whether the cluster takes one.
        let message = format!("there is no certificate for {selector}");
        let hint = format!("{cert} gets one, if the cluster takes one");
        return Err(Failure::message(Kind::Local, message).hint(hint));
    };
    let key = identity.map(|identity| &identity.public_key);
    let now = time::now();
    let lines = details::lines(&certificate, key, now, &TimeZone::system());
    terminal::print_lines([shell::path(&file.path)].into_iter().chain(lines))
        .context("cannot write to stdout")
        .or_fail(Kind::Local)?;
    let key = key.unwrap_or(&certificate.key);
    judge::check(&certificate, key, now).map(|_| ()).map_err(|why| useless(&why))
}

/// Returns whether none of an installed cluster's hosts is shown a certificate.
fn takes_none(record: &Record, installed: &Present) -> bool {
    let fragment = installed.part(&record.stem(), FileKind::Fragment);
    fragment.is_some_and(|text| Fragment::parse(text).all("certificatefile").next().is_none())
}
