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
        && let Err(old) = check_release(OpenSsh::here().as_ref(), Some(layout))
    {
        terminal.warning(old);
    }
}

/// Fails where this ssh is too old for files of this layout. Nothing is known of one that is no
/// OpenSSH, or not there.
pub(super) fn check_release(ssh: Option<&OpenSsh>, layout: Option<ConfigLayout>) -> Outcome<()> {
    let layout = layout.unwrap_or_default();
    let Some(OpenSsh { name, .. }) = ssh.filter(|ssh| ssh.release < layout.needs()) else {
        return Ok(());
    };
    let needed = layout.needs();
    let (what, hint) = match layout {
        ConfigLayout::Flat => ("these files need", format!("install {needed} or later")),
        ConfigLayout::Compact => (
            "`--layout compact` needs",
            format!("install {needed} or later, or use `--layout flat`"),
        ),
    };
    let message = format!("ssh is {name} here, and {what} {needed} or later");
    Err(Failure::message(Kind::Install, message).hint(hint))
}
