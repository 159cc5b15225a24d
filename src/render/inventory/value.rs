//! The values of variables, and how each format writes them.
//!
//! YAML 1.1 and Ansible's INI turn much that is not quoted into something else: `no`, `0123`,
//! `1_000`, `12:30`. So every text is quoted, whatever it is.

use std::fmt::{self, Display, Write};

use serde::ser::SerializeSeq;
use serde::{Serialize, Serializer};

use super::connection::{ControlPath, SshArguments};
use crate::cluster::Skipped;
use crate::name::{HostName, Id, Label, LocalPath, UserName};

/// A variable of a group or host.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Variable<'v> {
    pub(super) key: &'static str,
    pub(super) value: Value<'v>,
}

impl<'v> Variable<'v> {
    pub(super) fn new(key: &'static str, value: Value<'v>) -> Self {
        Self { key, value }
    }

    pub(super) fn key(&self) -> &'static str {
        self.key
    }

    /// The value in YAML.
    pub(super) fn yaml(&self) -> Literal<'_> {
        Literal { value: &self.value, dialect: Dialect::Yaml }
    }

    /// The value in an INI section of variables: a Python literal.
    pub(super) fn ini(&self) -> Literal<'_> {
        Literal { value: &self.value, dialect: Dialect::Python }
    }

    /// The value behind a host of an INI file, where a shell's quotes go around the literal.
    pub(super) fn ini_word(&self) -> Word<'_> {
        Word(self.ini())
    }
}

/// The value of a variable.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value<'v> {
    Null,
    Flag(bool),
    Number(u64),
    Text(Text<'v>),
    /// Nodes without a host, each with its name and the reason.
    Skipped(Vec<&'v Skipped<'v>>),
}

/// A text that has been checked.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Text<'v> {
    HostName(&'v HostName<'v>),
    User(&'v UserName<'v>),
    Id(&'v Id<'v>),
    Label(&'v Label<'v>),
    Path(&'v LocalPath<'v>),
    Socket(ControlPath<'v>),
    Arguments(SshArguments<'v>),
}

impl<'v> Value<'v> {
    pub(super) fn text(text: impl Into<Text<'v>>) -> Self {
        Self::Text(text.into())
    }

    pub(super) fn text_or_null(text: Option<impl Into<Text<'v>>>) -> Self {
        text.map_or(Self::Null, Self::text)
    }
}

/// Says which [`Text`] a checked type becomes.
macro_rules! text_of {
    ($($type:ty => $variant:ident),* $(,)?) => {
        $(impl<'v> From<$type> for Text<'v> {
            fn from(text: $type) -> Self {
                Self::$variant(text)
            }
        })*
    };
}

text_of! {
    &'v HostName<'v> => HostName,
    &'v UserName<'v> => User,
    &'v Id<'v> => Id,
    &'v Label<'v> => Label,
    &'v LocalPath<'v> => Path,
    ControlPath<'v> => Socket,
    SshArguments<'v> => Arguments,
}

impl Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::HostName(name) => name.fmt(f),
            Self::User(user) => user.fmt(f),
            Self::Id(id) => id.fmt(f),
            Self::Label(label) => label.fmt(f),
            Self::Path(path) => path.fmt(f),
            Self::Socket(path) => path.fmt(f),
            Self::Arguments(arguments) => arguments.fmt(f),
        }
    }
}

/// Whose quoted texts and constants are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Dialect {
    /// YAML 1.1, flow style, which for us is JSON but for two characters.
    Yaml,
    /// Python, which Ansible's INI reads its values as, without a `'` in it: a shell's quotes may
    /// stand around it.
    Python,
}

/// A value as it is written.
#[derive(Clone, Copy)]
pub(super) struct Literal<'v> {
    value: &'v Value<'v>,
    dialect: Dialect,
}

impl Display for Literal<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let quoted = |text| Quoted { text, dialect: self.dialect };
        match (self.value, self.dialect) {
            (Value::Null, Dialect::Yaml) => f.write_str("null"),
            (Value::Null, Dialect::Python) => f.write_str("None"),
            (Value::Flag(flag), Dialect::Yaml) => flag.fmt(f),
            (Value::Flag(true), Dialect::Python) => f.write_str("True"),
            (Value::Flag(false), Dialect::Python) => f.write_str("False"),
            (Value::Number(number), _) => number.fmt(f),
            (Value::Text(text), _) => quoted(text).fmt(f),
            (Value::Skipped(nodes), _) => {
                f.write_str("[")?;
                for (at, node) in nodes.iter().enumerate() {
                    let comma = if at == 0 { "" } else { ", " };
                    let (name, reason) = (quoted(&node.name), quoted(&node.why));
                    write!(f, "{comma}{{\"name\": {name}, \"reason\": {reason}}}")?;
                }
                f.write_str("]")
            }
        }
    }
}

/// A text in double quotes. Control characters are not expected here: the fence refuses them.
struct Quoted<'v> {
    text: &'v dyn Display,
    dialect: Dialect,
}

impl Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("\"")?;
        write!(Escaped { to: f, dialect: self.dialect }, "{}", self.text)?;
        f.write_str("\"")
    }
}

struct Escaped<'f, 'b> {
    to: &'f mut fmt::Formatter<'b>,
    dialect: Dialect,
}

impl Write for Escaped<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        text.chars().try_for_each(|c| match c {
            '"' | '\\' => write!(self.to, "\\{c}"),
            '\'' if self.dialect == Dialect::Python => self.to.write_str("\\u0027"),
            // No characters to YAML, though Unicode has them.
            '\u{fffe}' | '\u{ffff}' => write!(self.to, "\\u{:04x}", u32::from(c)),
            _ => self.to.write_char(c),
        })
    }
}

/// A value as one word of a host's line in an INI file.
pub(super) struct Word<'v>(Literal<'v>);

impl Display for Word<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.value {
            Value::Text(_) | Value::Skipped(_) => write!(f, "'{}'", self.0),
            Value::Null | Value::Flag(_) | Value::Number(_) => self.0.fmt(f),
        }
    }
}

impl Serialize for Value<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Node<'v> {
            name: &'v str,
            reason: String,
        }

        match self {
            Self::Null => to.serialize_unit(),
            Self::Flag(flag) => to.serialize_bool(*flag),
            Self::Number(number) => to.serialize_u64(*number),
            Self::Text(text) => to.collect_str(text),
            Self::Skipped(nodes) => {
                let mut list = to.serialize_seq(Some(nodes.len()))?;
                for node in nodes {
                    let (name, reason) = (node.name.as_str(), node.why.to_string());
                    list.serialize_element(&Node { name, reason })?;
                }
                list.end()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(text: &str) -> [String; 3] {
        let label = Label::new(text).unwrap();
        let variable = Variable::new("x", Value::text(&label));
        [variable.yaml().to_string(), variable.ini().to_string(), variable.ini_word().to_string()]
    }

    #[test]
    fn texts_are_quoted_for_each_format() {
        assert_eq!(written("no"), [r#""no""#, r#""no""#, r#"'"no"'"#]);
        assert_eq!(
            written(r#"it's "a\b" # x=1"#),
            [
                r#""it's \"a\\b\" # x=1""#,
                r#""it\u0027s \"a\\b\" # x=1""#,
                r#"'"it\u0027s \"a\\b\" # x=1"'"#,
            ]
        );
        assert_eq!(written("é日\u{ffff}")[0], "\"é日\\uffff\"");
    }

    #[test]
    fn constants_of_each_format() {
        let written = |value| {
            let variable = Variable::new("x", value);
            [variable.yaml().to_string(), variable.ini_word().to_string()]
        };
        assert_eq!(written(Value::Null), ["null", "None"]);
        assert_eq!(written(Value::Flag(true)), ["true", "True"]);
        assert_eq!(written(Value::Number(22)), ["22", "22"]);
        assert_eq!(written(Value::Skipped(Vec::new())), ["[]", "'[]'"]);
    }
}
