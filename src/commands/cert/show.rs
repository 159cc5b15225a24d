//! `prime-ssh cert --show`: show the present certificates.

use anyhow::Context as _;

use super::{clock, file_for};
use crate::certificate::details::{Clock, Details};
use crate::certificate::file::ReadError;
use crate::certificate::identity::Identity;
use crate::commands::installed::called;
use crate::failure::{Failure, Kind, OrFail, Outcome};
use crate::install::folder;
use crate::install::fragment::Fragment;
use crate::install::present::Present;
use crate::install::state::{FileKind, Record};
use crate::settings::{CertSettings, Context, pasted};
use crate::terminal;
use crate::text::shell;

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
    let clock = clock();
    let each = selectors.iter().map(|selector| {
        let record = called(installed, selector);
        Shown { selector, record, wanted, context }.print(identity.as_ref(), &clock)
    });
    context.terminal.worst(each.filter_map(Result::err).collect())
}

/// A cluster whose certificate is shown.
struct Shown<'s> {
    selector: &'s str,
    record: Option<&'s Record>,
    wanted: &'s CertSettings,
    context: &'s Context,
}

impl Shown<'_> {
    fn print(&self, identity: Option<&Identity>, clock: &Clock) -> Outcome<()> {
        let Some(file) = file_for(self.selector, self.wanted) else { return Err(self.missing()) };
        let certificate = match file.read() {
            Ok(certificate) => certificate,
            Err(ReadError::Missing) => return Err(self.missing()),
            Err(error) => return Err(self.useless(&error)),
        };
        let key = identity.map(|identity| &identity.public_key);
        let details = Details { certificate: &certificate, key, clock };
        let (path, text) = (shell::path(file.path()), details.to_string());
        terminal::print_lines([path.as_str()].into_iter().chain(text.lines()))
            .context("cannot write to stdout")
            .or_fail(Kind::Local)?;
        details.refusal().map_or(Ok(()), |refusal| Err(self.useless(&refusal)))
    }

    /// The command that gets a new one.
    fn cert(&self) -> String {
        let mut words = self.context.commands().about("cert", self.selector, self.record);
        if let Some(output) = &self.wanted.output {
            words.extend(["--output".into(), output.into()]);
        }
        pasted(words)
    }

    fn useless(&self, why: &dyn std::fmt::Display) -> Failure {
        let message = format!("the certificate for {} lets nobody in: {why}", self.selector);
        Failure::message(Kind::Local, message).hint(format!("{} gets a new one", self.cert()))
    }

    fn missing(&self) -> Failure {
        let selector = self.selector;
        if self.takes_none() {
            let message = format!("{selector} lets people in without a certificate");
            return Failure::message(Kind::Local, message).hint("`ssh` works with your key");
        }
        // Only the API knows whether the cluster takes one.
        Failure::message(Kind::Local, format!("there is no certificate for {selector}"))
            .hint(format!("{} gets one, if the cluster takes one", self.cert()))
    }

    /// Returns whether the cluster is installed, and none of its hosts is shown a certificate.
    fn takes_none(&self) -> bool {
        let Some(record) = self.record else { return false };
        let Ok(present) = folder::read_ours(&self.wanted.layout) else { return false };
        let fragment = present.part(&record.stem(), FileKind::Fragment);
        fragment.is_some_and(|text| Fragment::parse(text).all("certificatefile").next().is_none())
    }
}
