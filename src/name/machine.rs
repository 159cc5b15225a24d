//! What tells machines apart: their ids, their ports, and the name of their host keys.

use std::borrow::Cow;
use std::fmt;
use std::num::NonZeroU16;
use std::str::FromStr;

use super::{Invalid, check_characters, checked_text};

/// A TCP port, 1 to 65535.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Port(NonZeroU16);

impl Port {
    /// ssh's own port, 22.
    pub const SSH: Self = Self(match NonZeroU16::new(22) {
        Some(port) => port,
        None => NonZeroU16::MIN,
    });

    /// Checks a whole number.
    pub fn new(number: i64) -> Result<Self, Invalid> {
        u16::try_from(number)
            .ok()
            .and_then(NonZeroU16::new)
            .map(Self)
            .ok_or_else(|| Invalid::because("not a port: 1 to 65535"))
    }

    /// The number.
    #[must_use]
    pub fn get(self) -> u16 {
        self.0.get()
    }
}

impl FromStr for Port {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        text.parse()
            .ok()
            .filter(|_| digits)
            .map_or_else(|| Err(Invalid::because("not a port: 1 to 65535")), Self::new)
    }
}

impl fmt::Display for Port {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

checked_text! {
    /// The id of a cluster, a node or a machine (pod): `[A-Za-z0-9][A-Za-z0-9_-]{0,63}`.
    Id, check_id
}

fn check_id(text: &str) -> Result<(), Invalid> {
    if text.is_empty() {
        return Err(Invalid::because("empty"));
    }
    if text.len() > 64 {
        return Err(Invalid::because("over 64 characters"));
    }
    check_characters(text, "an id", "-_", u8::is_ascii_alphanumeric)
}

/// The name under which `known_hosts` holds a machine's key (`ssh_config(5)`, HostKeyAlias):
/// `prime-<machine>`, and `-<port>` if the machine has several SSH servers.
///
/// It follows the machine and not its address, so that a recycled address is a new machine, and a
/// server that moves to another port is still the old one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HostKeyAlias<'a> {
    machine: &'a Id<'a>,
    port: Option<Port>,
}

impl<'a> HostKeyAlias<'a> {
    /// The name for the only SSH server of `machine`, or for the one on `port`.
    #[must_use]
    pub fn new(machine: &'a Id<'a>, port: Option<Port>) -> Self {
        Self { machine, port }
    }

    /// Its text, by a short cut: a large fleet has many.
    #[must_use]
    pub fn to_text(&self) -> String {
        if self.port.is_some() {
            return self.to_string();
        }
        let machine = self.machine.as_str();
        let mut text = String::with_capacity("prime-".len() + machine.len());
        text.push_str("prime-");
        text.push_str(machine);
        text
    }
}

impl fmt::Display for HostKeyAlias<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("prime-")?;
        f.write_str(self.machine.as_str())?;
        match self.port {
            Some(port) => write!(f, "-{port}"),
            None => Ok(()),
        }
    }
}

/// So many characters of an id may stand for it, where no other id starts with them; a narrow table
/// shows no fewer.
pub const ID_START: usize = 8;

/// Whether `text` is as much of this id as may stand for it.
#[must_use]
pub fn is_start_of_id(text: &str, id: &str) -> bool {
    text.chars().count() >= ID_START && id.starts_with(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn host_key_aliases_name_the_machine() {
        let machine = Id::new("pod1").unwrap();
        assert_eq!(HostKeyAlias::new(&machine, None).to_string(), "prime-pod1");
        assert_eq!(
            HostKeyAlias::new(&machine, Port::new(2222).ok()).to_string(),
            "prime-pod1-2222"
        );
    }
}
