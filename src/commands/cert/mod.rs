//! `prime-ssh cert`: get an SSH certificate for a cluster.

mod certifier;
mod show;

use certifier::Certifier;
use jiff::tz::TimeZone;

use super::fetch;
use super::installed::Renewed;
use crate::certificate::PublicKey;
use crate::certificate::details::Clock;
use crate::certificate::file::{self, CertificateFile};
use crate::certificate::identity::{Identity, IdentityError};
use crate::cli::CertArgs;
use crate::failure::{Failure, Kind, Outcome};
use crate::install::layout::Layout;
use crate::install::state::Source;
use crate::settings::{Certify, Context, Endpoint, OptionResolver, Task, Wanted};
use crate::terminal::Terminal;
use crate::text::time;

pub(super) fn run(args: CertArgs, context: &Context) -> Outcome<()> {
    let terminal = context.terminal;
    let Certify { task, wanted, endpoint } = Certify::resolve(args, context)?;
    match task {
        Task::Nothing => Ok(()),
        Task::Show(selectors) => show::show(&selectors, &wanted, terminal),
        Task::Get(selectors) => get(selectors, &wanted, endpoint, terminal),
        Task::GetAll(team) => get_all(team.as_deref(), &wanted, endpoint, terminal),
    }
}

/// Gets the certificates of these clusters, but for those that need no new one.
pub(super) fn get(
    mut selectors: Vec<String>,
    wanted: &Wanted,
    endpoint: Outcome<Endpoint>,
    terminal: Terminal,
) -> Outcome<()> {
    // Where all of them are good, this is the end: no token, no network, no runtime.
    let beside = wanted.identity.as_deref().and_then(Identity::beside);
    selectors
        .retain(|selector| beside.as_ref().is_none_or(|key| !is_sufficient(selector, wanted, key)));
    if selectors.is_empty() {
        return Ok(());
    }
    let identity = identity(wanted)?;
    selectors.retain(|selector| !is_sufficient(selector, wanted, &identity.public_key));
    if selectors.is_empty() {
        return Ok(());
    }
    let certifier = Certifier::new(wanted, &identity, endpoint?, terminal)?;
    fetch::block_on(certifier.get_each(&selectors))?
}

fn get_all(
    team: Option<&str>,
    wanted: &Wanted,
    endpoint: Outcome<Endpoint>,
    terminal: Terminal,
) -> Outcome<()> {
    let identity = identity(wanted)?;
    let certifier = Certifier::new(wanted, &identity, endpoint?, terminal)?;
    fetch::block_on(certifier.get_all(team))?
}

/// Gets the first certificates for clusters whose certificate ssh renews from now on.
pub(super) fn ensure_each(
    renewed: &[Renewed],
    memory: &OptionResolver<'_>,
    layout: &Layout,
    terminal: Terminal,
) -> Outcome<()> {
    let ensure = |Renewed { record, identity: path }: &Renewed| {
        let Source::Api { .. } = &record.source else { return Ok(()) };
        let wanted = Wanted::installed(path.clone(), layout);
        let endpoint = memory.endpoint_of(record);
        get(vec![record.id.to_string()], &wanted, endpoint, terminal)
    };
    terminal.worst(renewed.iter().filter_map(|renewed| ensure(renewed).err()).collect())
}

fn identity(wanted: &Wanted) -> Outcome<Identity> {
    let path = wanted.identity.as_deref().ok_or_else(|| {
        Failure::message(Kind::Usage, "a certificate is made for a key, and no setting names one")
            .hint(
                "name yours: --identity-file, PRIME_SSH_KEY_PATH, or \
                 `prime config set-ssh-key-path`; `ssh-keygen -t ed25519` makes one",
            )
    })?;
    Ok(Identity::read(path)?)
}

impl From<IdentityError> for Failure {
    fn from(error: IdentityError) -> Self {
        let hint = error.hint();
        Self::new(Kind::Local, error).hint(hint)
    }
}

/// The file of a cluster's certificate, as far as it is known without asking the API.
fn file_for(selector: &str, wanted: &Wanted) -> Option<CertificateFile> {
    let folder = wanted.layout.folder();
    match &wanted.output {
        Some(path) => Some(CertificateFile::at_path(&folder, path.clone())),
        None => CertificateFile::find(&folder, selector),
    }
}

/// Whether the present certificate lasts for long enough.
fn is_sufficient(selector: &str, wanted: &Wanted, key: &PublicKey) -> bool {
    let (Some(min_validity), Some(file)) = (wanted.min_validity, file_for(selector, wanted)) else {
        return false;
    };
    file.read().is_ok_and(|present| file::suffices(&present, key, min_validity))
}

fn clock() -> Clock {
    Clock { now: time::now(), zone: TimeZone::system() }
}
