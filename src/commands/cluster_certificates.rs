//! The certificates of a run's clusters: their paths, and whether they let anybody in.

use std::path::{Path, PathBuf};

use super::cert;
use crate::certificate::file::{self, CertificateFile};
use crate::certificate::identity::Identity;
use crate::certificate::judge;
use crate::cluster::{Cluster, Fleet};
use crate::failure::{Failure, Kind, Outcome};
use crate::install::layout::Layout;
use crate::install::state::Record;
use crate::name::{LocalPath, Slug};
use crate::render::connection::ConnectionOptions;
use crate::settings::{CertSettings, Context, OwnCommands, Source, pasted};
use crate::text::shell;
use crate::text::time;

/// Adds the certificate of each cluster that lets nobody in without one. Warns of each that lets
/// nobody in, because ssh does not say so.
pub(super) fn add_certificates(
    connection: &mut ConnectionOptions,
    fleets: &[Fleet<'_>],
    context: &Context,
) -> Outcome<()> {
    let clusters = requiring(fleets);
    if connection.certificates.named.is_some() || clusters.is_empty() {
        return Ok(());
    }
    let (layout, commands) = (context.layout()?, context.commands());
    // A key that cannot be read is no reason to fail: `cert` says what is wrong with it.
    let identity = key(connection, context).and_then(|path| Identity::read(&path).ok());
    for cluster in clusters {
        let own = ClusterCertificate::of(&layout, cluster);
        if let Some(warning) = own.warning(cluster, identity.as_ref(), &commands) {
            context.terminal.warning(warning);
        }
        connection.certificates.by_cluster.insert(cluster.id.to_string(), own.path()?);
    }
    Ok(())
}

/// Renews the certificates of these clusters that are about to expire. A failure to renew is an error
/// only where the present certificate lets nobody in any more.
pub(super) fn renew_certificates(
    connection: &ConnectionOptions,
    fleets: &[Fleet<'_>],
    source: &Source,
    context: &Context,
) -> Outcome<()> {
    let clusters = requiring(fleets);
    if connection.certificates.named.is_some() || clusters.is_empty() || source.is_files() {
        return Ok(());
    }
    let layout = context.layout()?;
    let ids = clusters.iter().map(|cluster| cluster.id.to_string()).collect();
    // Without a known key, an agent's may work: that is told, not renewed.
    let Some(path) = key(connection, context) else { return Ok(()) };
    let identity = Identity::read(&path).ok();
    let wanted = CertSettings::installed(Some(path), &layout);
    let Err(failure) = cert::get(ids, false, &wanted, &|| source.endpoint(), context.terminal)
    else {
        return Ok(());
    };
    let lets_in = |cluster: &&Cluster<'_>| {
        ClusterCertificate::of(&layout, cluster).refusal(identity.as_ref()).is_none()
    };
    if !clusters.iter().all(lets_in) {
        return Err(failure);
    }
    context.terminal.warning(format_args!("{:#}", failure.cause));
    Ok(())
}

/// The clusters that let nobody in without a certificate.
fn requiring<'f, 'a>(fleets: &'f [Fleet<'a>]) -> Vec<&'f Cluster<'a>> {
    fleets.iter().map(|fleet| &fleet.cluster).filter(|cluster| cluster.vault_enabled).collect()
}

/// The key to log in with, on this machine.
fn key(connection: &ConnectionOptions, context: &Context) -> Option<PathBuf> {
    connection.identity_file.as_ref().map(|path| context.environment.expand(path))
}

/// The certificate of a cluster in our folder.
pub(super) struct ClusterCertificate<'a> {
    layout: &'a Layout,
    record: Option<&'a Record>,
    file: CertificateFile,
}

impl<'a> ClusterCertificate<'a> {
    /// The certificate of a cluster, installed or not.
    pub(super) fn of(layout: &'a Layout, cluster: &Cluster<'_>) -> Self {
        let id = cluster.id.as_str();
        let name = Slug::of_name(&cluster.name.as_str().into(), id);
        let file = CertificateFile::for_cluster(&layout.folder(), &name, id);
        Self { layout, record: None, file }
    }

    /// The certificate of an installed cluster.
    pub(super) fn installed(layout: &'a Layout, record: &'a Record) -> Self {
        let file = CertificateFile::for_stem(&layout.folder(), &record.stem());
        Self { layout, record: Some(record), file }
    }

    /// Its path as ssh's files name it.
    pub(super) fn path(&self) -> Outcome<LocalPath<'static>> {
        let name = self.file.path().file_name().unwrap_or_default().to_string_lossy();
        checked(&self.layout.named_by_ssh(&name))
    }

    /// A warning where it lets nobody in, because ssh does not say so.
    pub(super) fn warning(
        &self,
        cluster: &Cluster<'_>,
        identity: Option<&Identity>,
        commands: &OwnCommands,
    ) -> Option<String> {
        let why = self.refusal(identity)?;
        let Cluster { name, id, .. } = cluster;
        let cert = pasted(commands.about("cert", id.as_str(), self.record));
        Some(format!("{name} lets people in with a certificate only: {why}; {cert} gets one"))
    }

    /// Returns why it lets nobody in.
    pub(super) fn refusal(&self, identity: Option<&Identity>) -> Option<String> {
        let present = match file::present(self.file.path()) {
            Ok(present) => present,
            Err(why) => return Some(why),
        };
        let key = identity.map_or(&present.key, |identity| &identity.public_key);
        let refusal = judge::check(&present, key, time::now()).err()?;
        Some(format!("the present one is useless: {refusal}"))
    }
}

/// A path of ours as ssh's files can name it.
pub(super) fn checked(path: &Path) -> Outcome<LocalPath<'static>> {
    let text = path.to_str().map(str::to_owned);
    text.map(LocalPath::new).and_then(Result::ok).ok_or_else(|| {
        let message = format!("ssh cannot be told of a file called {}", shell::path(path));
        Failure::message(Kind::Install, message).hint("give another folder: --ssh-dir DIR")
    })
}
