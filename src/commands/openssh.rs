//! The ssh of this machine: whether it takes the options that a person adds, and reads our files.

use crate::failure::{Failure, Kind, Outcome};
use crate::render::connection::ConfigLayout;
use crate::render::ssh_option::SshOption;
use crate::ssh::query;
use crate::ssh::release::OpenSsh;
use crate::terminal::Terminal;

/// Fails where ssh does not take one of these options: it would stop for every host.
pub(super) fn check_options(options: &[SshOption]) -> Outcome<()> {
    for option in options {
        let message = match query::refusal(&option.to_string()) {
            Some(words) => format!("--ssh-option: ssh does not take `{option}`: {words}"),
            None if option.is_known() || query::version().is_ok() => continue,
            None => format!("--ssh-option: no ssh is here to ask about `{}`", option.keyword()),
        };
        return Err(Failure::message(Kind::Usage, message));
    }
    Ok(())
}

/// Warns where the ssh of this machine is too old for files of this layout.
pub(super) fn warn_of_old(layout: ConfigLayout, terminal: Terminal) {
    if !OpenSsh::is_plainly(layout.needs())
        && let Some(old) = OpenSsh::here().and_then(|ssh| layout.too_old(&ssh))
    {
        terminal.warning(old);
    }
}

/// Fails where this ssh is too old for files of this layout. Nothing is known of one that is no
/// OpenSSH, or not there.
pub(super) fn check_release(ssh: Option<&OpenSsh>, layout: Option<ConfigLayout>) -> Outcome<()> {
    let old = ssh.and_then(|ssh| layout.unwrap_or_default().too_old(ssh));
    old.map_or(Ok(()), Err)
}
