//! Clusters whose jumps would loop stay as they are.

use std::collections::HashSet;

use super::desired::InstallRequest;
use super::summary::ClusterChange;
use crate::failure::{Failure, Kind};
use crate::install::folder;
use crate::install::fragment::Fragment;
use crate::install::jumps::{Jumps, around};
use crate::install::layout::Layout;
use crate::install::present::{Installed, Present};

/// Takes back what would make a loop of jumps, over all that would be installed.
pub(super) fn refuse(
    layout: &Layout,
    present: &Present,
    installed: &Installed,
    request: &mut InstallRequest,
) {
    let (path, reader) = (layout.config(), folder::reader(layout));
    let config = (&*path, present.config.as_deref().unwrap_or_default());
    loop {
        let desired = &mut request.desired;
        let fragments = desired.fragments(present, installed);
        let fragments: Vec<&[u8]> = fragments.into_values().collect();
        // Each refusal may end other loops too.
        let refused =
            Jumps::read(config, &reader, &fragments).loops().into_iter().find_map(|names| {
                let at = desired.put.iter().position(|(_, fragment)| has_any(fragment, &names))?;
                Some((at, names))
            });
        let Some((at, names)) = refused else { return };
        let (record, _) = desired.put.remove(at);
        let stem = Some(record.stem());
        request.options.retain(|(of, _)| *of != stem);
        let Some(line) = request.lines.iter_mut().find(|line| line.stem == stem) else { continue };
        line.what = match installed.of_id(record.id.as_str()) {
            Some(old) => {
                line.cluster = old.alias();
                ClusterChange::Left(failure(&names))
            }
            None => ClusterChange::NotInstalled(failure(&names)),
        };
    }
}

fn failure(names: &[String]) -> Failure {
    let message = format!("ssh would jump in a loop, without end: {}", around(names));
    Failure::message(Kind::Install, message)
        .hint("give another way in (`--jump never`, `--jump-via HOST`, `--bastion HOST`) or another `--prefix WORD`")
}

fn has_any(fragment: &[u8], names: &[String]) -> bool {
    let fragment = Fragment::parse(fragment);
    let own: HashSet<&str> = fragment.names().collect();
    names.iter().any(|name| own.contains(name.as_str()))
}
