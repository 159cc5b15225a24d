//! The values of variables, and how each format writes them.
//!
//! YAML 1.1 and Ansible's INI turn much that is not quoted into something else: `no`, `0123`,
//! `1_000`, `12:30`. So every text is quoted, whatever it is.

use std::borrow::Cow;

use crate::cluster::Skipped;

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

    /// A string, or null.
    pub(super) fn text(key: &'static str, text: Option<impl Into<Cow<'v, str>>>) -> Self {
        Self { key, value: text.map_or(Value::Null, |text| Value::Text(text.into())) }
    }

    /// The value in JSON, and in YAML, whose flow style that is.
    pub(super) fn json(&self) -> Cow<'static, str> {
        self.value.literal(Dialect::Json)
    }

    /// The value in an INI section of variables: a Python literal.
    pub(super) fn ini(&self) -> Cow<'static, str> {
        self.value.literal(Dialect::Python)
    }

    /// The value behind a host of an INI file, where a shell's quotes go around the literal.
    pub(super) fn ini_word(&self) -> Cow<'static, str> {
        match self.value {
            Value::Null | Value::Flag(_) | Value::Number(_) => self.ini(),
            Value::Text(_) | Value::Ending(..) | Value::Skipped(_) => {
                ["'", &self.ini(), "'"].concat().into()
            }
        }
    }
}

/// The value of a variable.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value<'v> {
    Null,
    Flag(bool),
    Number(u64),
    Text(Cow<'v, str>),
    /// A text that begins in its own way, with nothing that needs an escape, and ends like that of
    /// many others.
    Ending(String, &'v Ending),
    /// Nodes without a host.
    Skipped(Vec<&'v Skipped<'v>>),
}

/// The end of a long text that many hosts share, which is escaped once for all of them.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Ending {
    json: String,
    python: String,
}

impl Ending {
    pub(super) fn of(text: &str) -> Self {
        let escaped = |dialect| {
            let mut escaped = String::new();
            escape(text, dialect, &mut escaped);
            escaped
        };
        Self { json: escaped(Dialect::Json), python: escaped(Dialect::Python) }
    }
}

/// Whose quoted texts and constants are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Dialect {
    /// JSON, with escapes for two characters that YAML 1.1 has not.
    Json,
    /// Python, which Ansible's INI reads its values as, without a `'` in it: a shell's quotes may
    /// stand around it.
    Python,
}

impl Value<'_> {
    fn literal(&self, dialect: Dialect) -> Cow<'static, str> {
        let constant: fn(_, _) -> &'static str = match dialect {
            Dialect::Json => |json, _| json,
            Dialect::Python => |_, python| python,
        };
        match self {
            Self::Null => Cow::Borrowed(constant("null", "None")),
            Self::Flag(true) => Cow::Borrowed(constant("true", "True")),
            Self::Flag(false) => Cow::Borrowed(constant("false", "False")),
            Self::Number(number) => number.to_string().into(),
            Self::Text(text) => quoted(text, dialect).into(),
            Self::Ending(start, ending) => {
                let end = match dialect {
                    Dialect::Json => &ending.json,
                    Dialect::Python => &ending.python,
                };
                ["\"", start, end, "\""].concat().into()
            }
            Self::Skipped(nodes) => {
                let map = |node: &&Skipped<'_>| {
                    let name = quoted(node.name.as_str(), dialect);
                    let reason = quoted(&node.explained(), dialect);
                    format!("{{\"name\": {name}, \"reason\": {reason}}}")
                };
                format!("[{}]", nodes.iter().map(map).collect::<Vec<_>>().join(", ")).into()
            }
        }
    }
}

/// A text in double quotes.
fn quoted(text: &str, dialect: Dialect) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    escape(text, dialect, &mut quoted);
    quoted.push('"');
    quoted
}

/// Control characters are not expected here: [`super::super::control_char_guard`] refuses them.
fn escape(mut text: &str, dialect: Dialect, to: &mut String) {
    let escape_of = |c| match c {
        '"' => Some("\\\""),
        '\\' => Some("\\\\"),
        '\'' if dialect == Dialect::Python => Some("\\u0027"),
        // No characters to YAML, though Unicode has them.
        '\u{fffe}' => Some("\\ufffe"),
        '\u{ffff}' => Some("\\uffff"),
        _ => None,
    };
    // The last two begin with 0xEF. Most texts have nothing of all that.
    let may_need_one = |b: u8| matches!(b, b'"' | b'\\' | b'\'' | 0xef);
    if text.bytes().fold(false, |found, b| found | may_need_one(b)) {
        while let Some((at, c)) = text.char_indices().find(|&(_, c)| escape_of(c).is_some()) {
            let (before, rest) = text.split_at(at);
            to.push_str(before);
            to.extend(escape_of(c));
            text = rest.get(c.len_utf8()..).unwrap_or_default();
        }
    }
    to.push_str(text);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(value: Value<'_>) -> [String; 3] {
        let variable = Variable::new("x", value);
        [variable.json(), variable.ini(), variable.ini_word()].map(Cow::into_owned)
    }

    #[test]
    fn texts_are_quoted_for_each_format() {
        let text = |text: &'static str| written(Value::Text(text.into()));
        assert_eq!(text("no"), [r#""no""#, r#""no""#, r#"'"no"'"#]);
        let expected = [
            r#""it's \"a\\b\" # x=1""#,
            r#""it\u0027s \"a\\b\" # x=1""#,
            r#"'"it\u0027s \"a\\b\" # x=1"'"#,
        ];
        assert_eq!(text(r#"it's "a\b" # x=1"#), expected);
        let ending = Ending::of(r#"'s "a\b" # x=1"#);
        assert_eq!(written(Value::Ending("it".to_owned(), &ending)), expected);
        assert_eq!(text("é日\u{ffff}")[0], "\"é日\\uffff\"");
    }

    #[test]
    fn constants_of_each_format() {
        let written = |value| {
            let [yaml, _, word] = written(value);
            [yaml, word]
        };
        assert_eq!(written(Value::Null), ["null", "None"]);
        assert_eq!(written(Value::Flag(true)), ["true", "True"]);
        assert_eq!(written(Value::Number(22)), ["22", "22"]);
        assert_eq!(written(Value::Skipped(Vec::new())), ["[]", "'[]'"]);
    }
}
