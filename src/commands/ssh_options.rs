//! The options of ssh that a person adds, put to the ssh of this machine.

use crate::failure::{Failure, Kind, Outcome};
use crate::render::ssh_option::SshOption;
use crate::ssh::query;

/// One option that ssh does not take, and it stops for every host.
pub(super) fn check(options: &[SshOption]) -> Outcome<()> {
    for option in options {
        if let Some(words) = query::refusal(&option.to_string()) {
            let message = format!("--ssh-option: ssh does not take `{option}`: {words}");
            return Err(Failure::message(Kind::Usage, message));
        }
    }
    Ok(())
}
