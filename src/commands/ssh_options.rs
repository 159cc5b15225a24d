//! The options of ssh that a person adds, put to the ssh of this machine.

use crate::failure::{Failure, Kind, Outcome};
use crate::render::ssh_option::SshOption;
use crate::ssh::query;

/// One option that ssh does not take, and it stops for every host.
pub(super) fn check(options: &[SshOption]) -> Outcome<()> {
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
