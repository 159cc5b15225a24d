//! `prime-ssh cert`: get an SSH certificate for a cluster.

mod certifier;
mod show;

use std::collections::BTreeMap;
use std::path::PathBuf;

use certifier::Certifier;

use super::fetch;
use super::installed::called;
use crate::api::client::{ApiEndpoint, Client};
use crate::certificate::PublicKey;
use crate::certificate::file::{self, CertificateFile, LIMIT};
use crate::certificate::identity::{Identity, IdentityError};
use crate::certificate::own_keys::own_files;
use crate::cli::CertArgs;
use crate::failure::{Failure, Kind, Outcome};
use crate::install::folder;
use crate::install::layout::Layout;
use crate::install::present::Present;
use crate::install::state::Record;
use crate::settings::{CertSettings, Context};
use crate::terminal::Terminal;
use crate::text::shell;

pub(super) fn run(args: CertArgs, context: &Context) -> Outcome<()> {
    let terminal = context.terminal;
    let wanted = CertSettings::resolve(&args, context)?;
    if args.ensure && context.environment.refresh_is_off()? {
        return Ok(());
    }
    let selectors = if args.api.all {
        listed(context.team(args.api.team)?.as_deref(), context.endpoint()?, terminal)?
    } else {
        context.without_aliases(args.api.clusters)?
    };
    // What cannot be read is no installed cluster; `doctor` says why.
    let installed = folder::read_ours(&wanted.layout).unwrap_or_default();
    let mut failures = Vec::new();
    for group in groups(selectors, &wanted, args.identity_file.is_some(), &installed, context)? {
        let Group { wanted, record, selectors } = group;
        let record = record.filter(|_| !args.api.all && !context.names_api());
        let endpoint = || match record {
            Some(record) => context.endpoint_of(record),
            None => context.endpoint(),
        };
        let done = if args.show {
            show::show(&selectors, &wanted, &installed, context)
        } else {
            get(selectors, args.api.all, &wanted, &endpoint, terminal)
        };
        failures.extend(done.err());
    }
    terminal.worst(failures)
}

/// The ids of the clusters in the API's list that take a certificate, of one team or of all.
fn listed(team: Option<&str>, endpoint: ApiEndpoint, terminal: Terminal) -> Outcome<Vec<String>> {
    let mut listed = fetch::list(endpoint, None, terminal)?;
    listed.retain(|cluster| cluster.vault_enabled && cluster.is_of(team));
    if listed.is_empty() {
        terminal.note("no cluster in the list takes a certificate");
    }
    Ok(listed.into_iter().map(|cluster| cluster.id).collect())
}

/// Clusters whose certificates are for one key, and of one API.
struct Group<'i> {
    wanted: CertSettings,
    /// One of them, where they are installed from an API.
    record: Option<&'i Record>,
    selectors: Vec<String>,
}

/// The clusters by their own settings: an installed cluster keeps the key that it was installed
/// with, unless one is named for this call, and the API that it was installed from.
fn groups<'i>(
    selectors: Vec<String>,
    wanted: &CertSettings,
    identity_is_named: bool,
    installed: &'i Present,
    context: &Context,
) -> Outcome<Vec<Group<'i>>> {
    let mut groups: BTreeMap<_, Group<'i>> = BTreeMap::new();
    for selector in selectors {
        let record = called(installed, &selector);
        let own = match record.filter(|_| !identity_is_named) {
            Some(record) => installed_key(record, context)?,
            None => None,
        };
        let identity = own.or_else(|| wanted.identity.clone());
        let record = record.filter(|record| record.source.api().is_some());
        let api = record.map(|record| {
            let Record { source, options, .. } = record;
            (format!("{source:?}"), options.token_file.as_ref().map(ToString::to_string))
        });
        let group = groups.entry((identity.clone(), api)).or_insert_with(|| {
            let wanted = CertSettings { identity, ..wanted.clone() };
            Group { wanted, record, selectors: Vec::new() }
        });
        group.selectors.push(selector);
    }
    Ok(groups.into_values().collect())
}

fn installed_key(record: &Record, context: &Context) -> Outcome<Option<PathBuf>> {
    let rendering = context.rendering(&record.options, record.source.context())?;
    Ok(rendering.ssh.identity_file.map(|path| context.environment.expand(&path)))
}

/// Gets the certificates of these clusters, but for those that need no new one. `is_listed`: they are
/// ids of the API's list, and not what was typed.
pub(super) fn get(
    mut selectors: Vec<String>,
    is_listed: bool,
    wanted: &CertSettings,
    endpoint: &dyn Fn() -> Outcome<ApiEndpoint>,
    terminal: Terminal,
) -> Outcome<()> {
    // Where all of them are good, this is the end: no token, no network, no runtime.
    let beside = wanted.identity.as_deref().and_then(Identity::beside);
    selectors
        .retain(|selector| beside.as_ref().is_none_or(|key| !is_sufficient(selector, wanted, key)));
    if selectors.is_empty() {
        return Ok(());
    }
    let identity = identity(wanted, terminal)?;
    selectors.retain(|selector| !is_sufficient(selector, wanted, &identity.public_key));
    if selectors.is_empty() {
        return Ok(());
    }
    let endpoint = endpoint()?;
    let timeout = endpoint.timeout.min(LIMIT);
    let client = Client::new(ApiEndpoint { timeout, ..endpoint }, terminal)?;
    let identity = &identity;
    let certifier = Certifier { wanted, identity, client, terminal, are_listed: is_listed };
    fetch::block_on(certifier.get_each(&selectors))?
}

/// Gets a certificate of an installed cluster for this key, where the one that is there does not
/// last.
pub(super) fn ensure(
    record: &Record,
    key: PathBuf,
    layout: &Layout,
    context: &Context,
) -> Outcome<()> {
    let wanted = CertSettings::installed(Some(key), layout);
    let endpoint = || context.endpoint_of(record);
    get(vec![record.id.to_string()], false, &wanted, &endpoint, context.terminal)
}

/// The key that a setting names, or else the first file that ssh tries by itself.
fn identity(wanted: &CertSettings, terminal: Terminal) -> Outcome<Identity> {
    if let Some(path) = &wanted.identity {
        return Ok(Identity::read(path)?);
    }
    // Where nothing else asks for it, the home folder of the password database is not known yet.
    let read = folder::layout(Some(&wanted.layout.ssh_folder), None)?.read_by_ssh();
    let own = own_files(&read).into_iter().find_map(|key| key.file);
    let path = own.ok_or_else(|| {
        Failure::message(Kind::Usage, "a certificate is made for a key, and no setting names one")
            .hint(
                "name yours: --identity-file, PRIME_SSH_KEY_PATH, or \
                 `prime config set-ssh-key-path`; `ssh-keygen -t ed25519` makes one",
            )
    })?;
    let key = shell::path(&path);
    terminal.note(format_args!("no setting names a key, so it is for {key}, which ssh tries"));
    Ok(Identity::read(&path)?)
}

impl From<IdentityError> for Failure {
    fn from(error: IdentityError) -> Self {
        let hint = error.hint();
        Self::new(Kind::Local, error).hint(hint)
    }
}

/// The file of a cluster's certificate, as far as it is known without asking the API.
fn file_for(selector: &str, wanted: &CertSettings) -> Option<CertificateFile> {
    match &wanted.output {
        Some(path) => Some(CertificateFile::at_path(&wanted.layout, path.clone())),
        None => CertificateFile::find(&wanted.layout, selector),
    }
}

/// Returns whether the present certificate lasts for long enough.
fn is_sufficient(selector: &str, wanted: &CertSettings, key: &PublicKey) -> bool {
    let (Some(min_validity), Some(file)) = (wanted.min_validity, file_for(selector, wanted)) else {
        return false;
    };
    file::present(&file.path).is_ok_and(|present| file::suffices(&present, key, min_validity))
}
