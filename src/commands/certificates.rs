//! Where the certificates of a run's clusters belong, and whether they are there.

use std::collections::BTreeMap;

use crate::certificate::renew::Place;
use crate::certificate::{identity::Identity, judge, when};
use crate::failure::{Kind, OrFail, Outcome};
use crate::fleet::{Cluster, Fleet};
use crate::name::{LocalPath, Slug};
use crate::settings::OwnCertificates;
use crate::terminal::Terminal;

/// The certificate of each cluster that lets nobody in without. Tells of each that ssh would look
/// for in vain, since ssh itself does not.
pub(super) fn own(
    fleets: &[Fleet<'_>],
    settings: &OwnCertificates,
    terminal: Terminal,
) -> Outcome<BTreeMap<String, LocalPath<'static>>> {
    let mut own = BTreeMap::new();
    // A key that cannot be read is no reason to render nothing: `cert` says what is wrong with it.
    let identity = settings.identity.as_deref().and_then(|path| Identity::read(path).ok());
    for cluster in fleets.iter().map(|fleet| &fleet.cluster).filter(|c| c.vault_enabled) {
        let place = place(cluster, settings);
        if let Some(why) = fault(&place, identity.as_ref()) {
            let (name, id) = (&cluster.name, &cluster.id);
            terminal.warning(format_args!(
                "{name} lets people in with a certificate only: {why}; \
                 `prime-ssh cert {}{id}` gets one",
                settings.arguments
            ));
        }
        let path = settings.path(place.file()).or_fail(Kind::Usage)?;
        own.insert(cluster.id.to_string(), path);
    }
    Ok(own)
}

fn place(cluster: &Cluster<'_>, settings: &OwnCertificates) -> Place {
    let id = cluster.id.as_str();
    let name = Slug::of_name(&cluster.name.as_str().into(), id);
    Place::of_cluster(&settings.folder, &name, id)
}

/// Why the certificate there lets nobody in; nothing where it does.
fn fault(place: &Place, identity: Option<&Identity>) -> Option<String> {
    let present = match place.present() {
        Ok(present) => present,
        Err(absent) => return Some(absent.to_string()),
    };
    let key = identity.map_or(&present.key, |identity| &identity.public_key);
    let refusal = judge::check(&present, key, when::now()).err()?;
    Some(format!("the one that is there will not do: {refusal}"))
}
