//! `prime-ssh cert`: get an SSH certificate for a cluster.

mod certifier;
mod show;

use std::collections::BTreeMap;
use std::path::PathBuf;

use certifier::Certifier;
use jiff::tz::TimeZone;

use super::fetch;
use super::installed::{Renewed, called};
use crate::certificate::PublicKey;
use crate::certificate::details::Clock;
use crate::certificate::file::{self, CertificateFile};
use crate::certificate::identity::{Identity, IdentityError};
use crate::cli::CertArgs;
use crate::failure::{Failure, Kind, Outcome};
use crate::install::folder;
use crate::install::layout::Layout;
use crate::install::state::{Record, Source};
use crate::settings::{Certify, Context, Endpoint, OptionResolver, Task, Wanted};
use crate::terminal::Terminal;
use crate::text::time;

pub(super) fn run(args: CertArgs, context: &Context) -> Outcome<()> {
    let terminal = context.terminal;
    let Certify { task, wanted, identity_is_named } = Certify::resolve(args, context)?;
    let endpoint = || Certify::endpoint(context);
    let (selectors, shows) = match task {
        Task::Nothing => return Ok(()),
        Task::GetAll(team) => return get_all(team.as_deref(), &wanted, &endpoint, terminal),
        Task::Show(selectors) => (selectors, true),
        Task::Get(selectors) => (selectors, false),
    };
    let do_each = |selectors: Vec<String>, wanted: &Wanted| {
        if shows {
            show::show(&selectors, wanted, terminal)
        } else {
            get(selectors, wanted, &endpoint, terminal)
        }
    };
    if identity_is_named {
        return do_each(selectors, &wanted);
    }
    let each = by_key(selectors, &wanted, context)?
        .into_iter()
        .map(|(identity, selectors)| do_each(selectors, &Wanted { identity, ..wanted.clone() }));
    terminal.worst(each.filter_map(Result::err).collect())
}

/// The clusters by the key of their certificate. An installed cluster keeps the key that it was
/// installed with.
fn by_key(
    selectors: Vec<String>,
    wanted: &Wanted,
    context: &Context,
) -> Outcome<BTreeMap<Option<PathBuf>, Vec<String>>> {
    let mut by_key: BTreeMap<_, Vec<String>> = BTreeMap::new();
    // What cannot be read is no installed cluster; `doctor` says why.
    let installed = folder::read_ours(&wanted.layout).ok().map(|present| present.installed());
    let resolver = OptionResolver::new(context);
    for selector in selectors {
        let record = installed.as_ref().and_then(|installed| called(installed, &selector));
        let own = record.map(|record| installed_key(record, &resolver)).transpose()?.flatten();
        by_key.entry(own.or_else(|| wanted.identity.clone())).or_default().push(selector);
    }
    Ok(by_key)
}

fn installed_key(record: &Record, resolver: &OptionResolver<'_>) -> Outcome<Option<PathBuf>> {
    let prime_context = match &record.source {
        Source::Api { context, .. } => context.as_deref(),
        Source::Input(_) | Source::Stdin => None,
    };
    let rendering = resolver.rendering(&record.options, prime_context)?;
    Ok(rendering.ssh.identity_file.map(|path| resolver.environment().expand(&path)))
}

/// Gets the certificates of these clusters, but for those that need no new one.
pub(super) fn get(
    mut selectors: Vec<String>,
    wanted: &Wanted,
    endpoint: &dyn Fn() -> Outcome<Endpoint>,
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
    let certifier = Certifier::new(wanted, &identity, endpoint()?, terminal)?;
    fetch::block_on(certifier.get_each(&selectors))?
}

fn get_all(
    team: Option<&str>,
    wanted: &Wanted,
    endpoint: &dyn Fn() -> Outcome<Endpoint>,
    terminal: Terminal,
) -> Outcome<()> {
    let identity = identity(wanted)?;
    let certifier = Certifier::new(wanted, &identity, endpoint()?, terminal)?;
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
        let endpoint = || memory.endpoint_of(record);
        get(vec![record.id.to_string()], &wanted, &endpoint, terminal)
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
