//! `prime-ssh cert`: the certificate that a cluster lets people in with.

mod certifier;
mod show;

use certifier::Certifier;
use jiff::tz::TimeZone;

use super::fetch;
use super::installed::Renewed;
use crate::certificate::PublicKey;
use crate::certificate::describe::Clock;
use crate::certificate::file::{self, CertificateFile};
use crate::certificate::identity::{Identity, Problem};
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

/// Gets the certificates of these clusters, those that will do aside where that is wanted.
pub(super) fn get(
    mut selectors: Vec<String>,
    wanted: &Wanted,
    endpoint: Outcome<Endpoint>,
    terminal: Terminal,
) -> Outcome<()> {
    // Where all that are there will do, this is the end: no token, no network, no runtime.
    let beside = wanted.identity.as_deref().and_then(Identity::beside);
    selectors.retain(|selector| beside.as_ref().is_none_or(|key| !does(selector, wanted, key)));
    if selectors.is_empty() {
        return Ok(());
    }
    let identity = identity(wanted)?;
    selectors.retain(|selector| !does(selector, wanted, &identity.public_key));
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

/// Gets the certificates that ssh renews by itself from now on, where those that are there will
/// not do.
pub(super) fn ensure_each(
    renewed: &[Renewed],
    memory: &OptionResolver<'_>,
    layout: &Layout,
    terminal: Terminal,
) -> Outcome<()> {
    let ensure = |Renewed { record, identity: path }: &Renewed| {
        let Source::Api { url, context, .. } = &record.source else { return Ok(()) };
        let wanted = Wanted::installed(path.clone(), layout);
        let endpoint = memory.endpoint(url, context.as_deref());
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

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Self {
        let hint = problem.hint();
        Self::new(Kind::Local, problem).hint(hint)
    }
}

/// The place of a certificate, as far as it is known without asking anybody.
fn place(selector: &str, wanted: &Wanted) -> Option<CertificateFile> {
    match &wanted.output {
        Some(file) => Some(CertificateFile::elsewhere(&wanted.layout.folder(), file.clone())),
        None => CertificateFile::found(&wanted.layout.folder(), selector),
    }
}

/// Whether the present certificate will do.
fn does(selector: &str, wanted: &Wanted, key: &PublicKey) -> bool {
    let (Some(least), Some(place)) = (wanted.min_validity, place(selector, wanted)) else {
        return false;
    };
    let present = place.present();
    present.is_ok_and(|present| file::suffices(&present, key, least))
}

fn clock() -> Clock {
    Clock { now: time::now(), zone: TimeZone::system() }
}
