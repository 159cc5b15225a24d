//! The certificates of a run's clusters: their paths, and whether they let anybody in.

use std::path::{Path, PathBuf};

use super::cert;
use crate::certificate::PublicKey;
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
    let clusters = requiring(connection, fleets);
    if clusters.is_empty() {
        return Ok(());
    }
    let (layout, commands) = (context.layout()?, context.commands());
    // A key that cannot be read is no reason to fail: `cert` says what is wrong with it.
    let key = key_path(connection, context).and_then(|path| Identity::public_half(&path));
    for cluster in clusters {
        let own = file_of(&layout, cluster, None);
        if let Some(why) = fault(&own, key.as_ref()) {
            context.terminal.warning(warning(&why, cluster, None, &commands));
        }
        let path = path_of(&layout, &own)?;
        connection.cluster_certificates.insert(cluster.id.to_string(), path);
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
    let clusters = requiring(connection, fleets);
    if clusters.is_empty() || source.is_files() {
        return Ok(());
    }
    let layout = context.layout()?;
    let ids = clusters.iter().map(|cluster| cluster.id.to_string()).collect();
    // Without a known key, an agent's may work: that is told, not renewed.
    let Some(path) = key_path(connection, context) else { return Ok(()) };
    let key = Identity::public_half(&path);
    let wanted = CertSettings::installed(Some(path), &layout);
    let Err(failure) =
        cert::get(ids, false, &wanted, &|| source.endpoint.clone(), context.terminal)
    else {
        return Ok(());
    };
    let lets_in =
        |cluster: &&Cluster<'_>| fault(&file_of(&layout, cluster, None), key.as_ref()).is_none();
    if !clusters.iter().all(lets_in) {
        return Err(failure);
    }
    context.terminal.warning(failure);
    Ok(())
}

/// The clusters that let nobody in without a certificate of ours.
fn requiring<'f, 'a>(
    connection: &ConnectionOptions,
    fleets: &'f [Fleet<'a>],
) -> Vec<&'f Cluster<'a>> {
    let clusters = fleets.iter().map(|fleet| &fleet.cluster);
    clusters.filter(|cluster| connection.takes_ours(cluster)).collect()
}

/// The key to log in with, on this machine.
fn key_path(connection: &ConnectionOptions, context: &Context) -> Option<PathBuf> {
    connection.identity_file.as_ref().map(|path| context.environment.expand(path))
}

/// The file of a cluster's certificate in our folder, installed or not.
pub(super) fn file_of(
    layout: &Layout,
    cluster: &Cluster<'_>,
    record: Option<&Record>,
) -> CertificateFile {
    let id = cluster.id.as_str();
    let Some(record) = record else {
        let name = Slug::of_name(&cluster.name.as_str().into(), id);
        return CertificateFile::for_cluster(layout, &name, id);
    };
    CertificateFile::for_stem(layout, &record.stem())
}

/// The path of a certificate as ssh's files name it.
pub(super) fn path_of(layout: &Layout, file: &CertificateFile) -> Outcome<LocalPath<'static>> {
    let name = file.path.file_name().unwrap_or_default().to_string_lossy();
    checked(&layout.named_by_ssh(&name))
}

/// The warning of a certificate that lets nobody in, because ssh does not say so.
pub(super) fn warning(
    why: &str,
    Cluster { name, id, .. }: &Cluster<'_>,
    record: Option<&Record>,
    commands: &OwnCommands,
) -> String {
    let cert = pasted(commands.about("cert", id.as_str(), record));
    format!("{name} lets people in with a certificate only: {why}; {cert} gets one")
}

/// Returns why a certificate lets nobody in.
pub(super) fn fault(file: &CertificateFile, key: Option<&PublicKey>) -> Option<String> {
    let present = match file::present(&file.path) {
        Ok(present) => present,
        Err(why) => return Some(why),
    };
    let why = judge::check(&present, key.unwrap_or(&present.key), time::now()).err()?;
    Some(format!("the present one is useless: {why}"))
}

/// A path of ours as ssh's files can name it.
pub(super) fn checked(path: &Path) -> Outcome<LocalPath<'static>> {
    let text = path.to_str().map(str::to_owned);
    text.map(LocalPath::new).and_then(Result::ok).ok_or_else(|| {
        let message = format!("ssh cannot be told of a file called {}", shell::path(path));
        Failure::message(Kind::Install, message).hint("give another folder: --ssh-dir DIR")
    })
}
