//! TCP ports.

use std::fmt;
use std::num::NonZeroU16;
use std::str::FromStr;

use super::Invalid;

/// A TCP port, 1 to 65535.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
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
