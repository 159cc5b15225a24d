//! Checked values: what may stand in a file that ssh or Ansible reads.
//!
//! OpenSSH checks nothing that it reads from a config file, and there is no quoting that makes an
//! arbitrary `HostName` safe. So each value is checked once, here, against a list of what is
//! allowed; what does not fit becomes an [`Invalid`] that says why. The fields are private: a
//! value of one of these types cannot hold anything else.

mod host_name;
mod port;
mod slug;

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

pub use host_name::HostName;
pub use port::Port;
pub use slug::{Slug, id_part};

use crate::text::sanitize::{is_bidirectional, is_control};

/// The reason that a value was refused, in a few words and without the value itself.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, serde::Serialize)]
#[error("{0}")]
pub struct Invalid(Cow<'static, str>);

impl Invalid {
    pub(crate) fn because(reason: impl Into<Cow<'static, str>>) -> Self {
        Self(reason.into())
    }
}

/// Declares a checked text type: a private [`Cow`] with `new`, `FromStr`, `Display` and `as_str`.
macro_rules! checked_text {
    ($(#[$doc:meta])* $name:ident, $check:path) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
        pub struct $name<'a>(Cow<'a, str>);

        impl<'a> $name<'a> {
            /// Checks `text`; the error says what is wrong with it.
            pub fn new(text: impl Into<Cow<'a, str>>) -> Result<Self, Invalid> {
                let text = text.into();
                $check(&text)?;
                Ok(Self(text))
            }

            /// The checked text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// The checked text, with what it borrows from.
            #[must_use]
            pub fn as_cow(&self) -> &Cow<'a, str> {
                &self.0
            }

            /// The same value, independent of the text it was read from.
            #[must_use]
            pub fn into_owned(self) -> $name<'static> {
                $name(Cow::Owned(self.0.into_owned()))
            }
        }

        impl FromStr for $name<'static> {
            type Err = Invalid;

            fn from_str(text: &str) -> Result<Self, Invalid> {
                Self::new(text.to_owned())
            }
        }

        impl<'de> serde::Deserialize<'de> for $name<'static> {
            fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                String::deserialize(from)?.parse().map_err(serde::de::Error::custom)
            }
        }

        impl fmt::Display for $name<'_> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

use checked_text;

checked_text! {
    /// The id of a cluster, a node or a machine (pod): `[A-Za-z0-9][A-Za-z0-9_-]{0,63}`.
    Id, check_id
}

fn check_id(text: &str) -> Result<(), Invalid> {
    check_length(text, 64)?;
    check_characters(text, "an id", "-_", u8::is_ascii_alphanumeric)
}

/// So many characters of an id may stand for it, where no other id starts with them; a narrow table
/// shows no fewer.
pub const ID_START: usize = 8;

/// Returns whether `text` is as much of this id as may stand for it.
#[must_use]
pub fn is_start_of_id(text: &str, id: &str) -> bool {
    text.chars().count() >= ID_START && id.starts_with(text)
}

checked_text! {
    /// A login name: `[A-Za-z_][A-Za-z0-9_.-]{0,31}`. Newer ssh expands `%x` and `${VAR}` in one.
    UserName, check_user
}

fn check_user(text: &str) -> Result<(), Invalid> {
    check_length(text, 32)?;
    check_characters(text, "a user name", "-_.", |first| {
        first.is_ascii_alphabetic() || *first == b'_'
    })
}

checked_text! {
    /// A path on this machine, never from the API: it starts with `~/` or `/` and holds no control
    /// character, quote, backslash, `%`, `$` or `..` part, so that it stands in double quotes as a
    /// whole and ssh expands nothing in it but the `~`.
    LocalPath, check_path
}

fn check_path(text: &str) -> Result<(), Invalid> {
    if !(text.starts_with("~/") || text.starts_with('/')) {
        return Err(Invalid::because("a path starts with `/` or `~/`"));
    }
    if let Some(reason) = unprintable(text) {
        return Err(reason);
    }
    if let Some(bad) = text.chars().find(|c| matches!(c, '"' | '\'' | '\\' | '%' | '$')) {
        return Err(Invalid::because(format!(
            "ssh cannot be given a path with {}",
            described(bad)
        )));
    }
    if text.split('/').any(|part| part == "..") {
        return Err(Invalid::because("a path with a `..` part"));
    }
    Ok(())
}

checked_text! {
    /// A text for people (a GPU's name, a role, a status, a name): at most 1,024 bytes, no control
    /// or direction-changing character, and nothing that Ansible would run as a template.
    Label, check_label
}

impl<'a> Label<'a> {
    /// As [`Label::new`], for a text that may be longer: a public key, at most 16,384 bytes.
    pub fn long(text: impl Into<Cow<'a, str>>) -> Result<Self, Invalid> {
        let text = text.into();
        if text.len() > 16_384 {
            return Err(Invalid::because("over 16,384 bytes"));
        }
        check_text(&text)?;
        Ok(Self(text))
    }

    /// Returns the label of a list's element that has no name to show.
    #[must_use]
    pub(crate) fn of_place(list: &'static str, at: u32) -> Self {
        Self(Cow::Owned(format!("{list}[{at}]")))
    }
}

fn check_label(text: &str) -> Result<(), Invalid> {
    if text.len() > 1024 {
        return Err(Invalid::because("over 1,024 bytes"));
    }
    check_text(text)
}

fn check_text(text: &str) -> Result<(), Invalid> {
    if let Some(reason) = unprintable(text) {
        return Err(reason);
    }
    if is_template(text) {
        return Err(Invalid::because("a Jinja marker, which Ansible would run"));
    }
    Ok(())
}

/// Returns whether Ansible would run the text as a template of Jinja's.
#[must_use]
pub fn is_template(text: &str) -> bool {
    let marker = || ["{{", "{%", "{#"].iter().any(|marker| text.contains(marker));
    (text.as_bytes().contains(&b'{') && marker()) || text.starts_with("#jinja2:")
}

/// Refuses a text that is empty, or has more bytes than this.
fn check_length(text: &str, max: usize) -> Result<(), Invalid> {
    match text.len() {
        0 => Err(Invalid::because("empty")),
        length if length > max => Err(Invalid::because(format!("over {max} characters"))),
        _ => Ok(()),
    }
}

/// Returns whether a text is ASCII letters, digits and `further` only, and starts with what
/// `starts` takes.
fn check_characters(
    text: &str,
    what: &str,
    further: &str,
    starts: fn(&u8) -> bool,
) -> Result<(), Invalid> {
    let further = further.as_bytes();
    let fits = |b: u8| b.is_ascii_alphanumeric() || further.contains(&b);
    if !text.bytes().all(fits) {
        let bad = text.chars().find(|&c| !(c.is_ascii() && fits(c as u8))).unwrap_or_default();
        return Err(unprintable(text).unwrap_or_else(|| {
            Invalid::because(format!("{} is not allowed in {what}", described(bad)))
        }));
    }
    if text.as_bytes().first().is_some_and(starts) {
        Ok(())
    } else {
        Err(Invalid::because(format!(
            "{what} cannot start with `{}`",
            text.get(..1).unwrap_or_default()
        )))
    }
}

fn described(c: char) -> String {
    if c == ' ' {
        "a space".to_owned()
    } else if c.is_ascii_graphic() {
        format!("`{c}`")
    } else {
        format!("U+{:04X}", u32::from(c))
    }
}

fn unprintable(text: &str) -> Option<Invalid> {
    // Most texts are plain ASCII, and this is asked of every value of a large answer.
    if text.bytes().all(|b| (b' '..=b'~').contains(&b)) {
        return None;
    }
    text.chars().find(|&c| is_control(c)).map(|c| {
        Invalid::because(if is_bidirectional(c) {
            "a character that changes the direction of text"
        } else {
            "control character"
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_ports_ids() {
        for user in ["root", "ubuntu", "_x", "a.b-c_d", &"u".repeat(32)] {
            assert!(UserName::new(user).is_ok(), "{user:?}");
        }
        for user in ["", "-l", "1a", "a b", "%h", "${HOME}", "a@b", "a\n", &"u".repeat(33), "é"] {
            assert!(UserName::new(user).is_err(), "{user:?}");
        }
        for port in [1, 22, 65535] {
            assert!(Port::new(port).is_ok());
        }
        for port in [0, -1, 65536, i64::MAX] {
            assert!(Port::new(port).is_err());
        }
        for port in ["", "+22", "0", "022x", "1e3", " 22", "65536"] {
            assert!(port.parse::<Port>().is_err(), "{port:?}");
        }
        for id in ["clst01", "0f", "A-b_c", &"i".repeat(64)] {
            assert!(Id::new(id).is_ok(), "{id:?}");
        }
        for id in ["", "-a", "_a", "a.b", "a/b", "..", "a b", "a,b", "*", &"i".repeat(65)] {
            assert!(Id::new(id).is_err(), "{id:?}");
        }
    }

    #[test]
    fn paths_that_can_stand_in_quotes() {
        for path in ["~/.ssh/id_ed25519", "/a b/c", "/ключ"] {
            assert!(LocalPath::new(path).is_ok(), "{path:?}");
        }
        for path in [
            "",
            "key",
            "~other/key",
            "~/a\"b",
            "/a'b",
            "/a\\b",
            "/%d",
            "/${HOME}",
            "/a/../b",
            "/a\nb",
        ] {
            assert!(LocalPath::new(path).is_err(), "{path:?}");
        }
    }

    #[test]
    fn labels_hold_nothing_that_a_reader_runs() {
        for label in ["H100_80GB", "", "наш кластер", "a } b", "#jinja", "it's \"x\""] {
            assert!(Label::new(label).is_ok(), "{label:?}");
        }
        for label in [
            "{{ x }}",
            "{% x",
            "{#",
            "#jinja2: x",
            "a\nb",
            "a\u{1b}[2J",
            "\u{85}",
            "a\u{202e}b",
            "\u{2028}",
            "\u{7f}",
        ] {
            assert!(Label::new(label).is_err(), "{label:?}");
        }
    }
}
