//! Values that were refused: where they are in the answer, what they are, and why.

use std::borrow::Cow;
use std::fmt;

use serde::Serialize;

use crate::api::wire::Value;
use crate::name::Invalid;
use crate::text::sanitize::excerpt;

/// One refused value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Refusal {
    /// Its JSON path: `data.nodes[3].connections[0].host`.
    pub path: String,
    /// The first characters of it, sanitized; empty if there is nothing to show.
    #[serde(rename = "value")]
    pub excerpt: String,
    /// The fault in it.
    pub reason: Invalid,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.path)?;
        if !self.excerpt.is_empty() {
            write!(f, "{}: ", self.excerpt)?;
        }
        self.reason.fmt(f)
    }
}

/// The first refusals of an answer, and how many there are beyond them: the paths of all could
/// fill the memory.
#[derive(Debug, Default)]
pub(super) struct Refusals {
    pub(super) first: Vec<Refusal>,
    pub(super) more: usize,
}

/// The most refusals that are kept: far more than anybody reads.
pub(super) const KEPT: usize = 1000;

impl Refusals {
    /// Adds one more, which is only made where it is kept.
    pub(super) fn add(&mut self, refusal: impl FnOnce() -> Refusal) {
        if self.first.len() < KEPT {
            self.first.push(refusal());
        } else {
            self.more += 1;
        }
    }

    /// Adds those of another list.
    pub(super) fn append(&mut self, others: Self) {
        for refusal in others.first {
            self.add(|| refusal);
        }
        self.more += others.more;
    }
}

/// Marker: the value was refused and is recorded in [`Refusals`].
#[derive(Clone, Copy, Debug)]
pub(super) struct Refused;

/// Checks the values of one object and records each that does not fit.
pub(super) struct Checker<'c> {
    refusals: &'c mut Refusals,
    /// The path of the object, with a dot at its end.
    path: &'c dyn Fn() -> String,
}

impl<'c> Checker<'c> {
    pub(super) fn new(refusals: &'c mut Refusals, path: &'c dyn Fn() -> String) -> Self {
        Self { refusals, path }
    }

    /// A text that must be there.
    pub(super) fn required<'a, T>(
        &mut self,
        field: &str,
        value: &Value<'a>,
        check: impl FnOnce(Cow<'a, str>) -> Result<T, Invalid>,
    ) -> Result<T, Refused> {
        match self.optional(field, value, check)? {
            Some(checked) => Ok(checked),
            None => Err(self.refuse(field, value, Invalid::because("missing"))),
        }
    }

    /// A text that may be missing or `null`.
    pub(super) fn optional<'a, T>(
        &mut self,
        field: &str,
        value: &Value<'a>,
        check: impl FnOnce(Cow<'a, str>) -> Result<T, Invalid>,
    ) -> Result<Option<T>, Refused> {
        match value {
            Value::Missing => Ok(None),
            Value::Text(text) => match check(text.clone()) {
                Ok(checked) => Ok(Some(checked)),
                Err(reason) => Err(self.refuse(field, value, reason)),
            },
            _ => Err(self.refuse(field, value, Invalid::because("not a string"))),
        }
    }

    /// A whole number that may be missing or `null`.
    pub(super) fn number<T>(
        &mut self,
        field: &str,
        value: &Value<'_>,
        default: T,
        check: impl FnOnce(i64) -> Result<T, Invalid>,
    ) -> Result<T, Refused> {
        let checked = match value {
            Value::Missing => return Ok(default),
            Value::Integer(number) => check(*number),
            _ => Err(Invalid::because("not a whole number")),
        };
        checked.map_err(|reason| self.refuse(field, value, reason))
    }

    /// A flag that may be missing or `null`, which means `false`.
    pub(super) fn flag(&mut self, field: &str, value: &Value<'_>) -> Result<bool, Refused> {
        match value {
            Value::Missing => Ok(false),
            Value::Bool(flag) => Ok(*flag),
            _ => Err(self.refuse(field, value, Invalid::because("neither true nor false"))),
        }
    }

    fn refuse(&mut self, field: &str, value: &Value<'_>, reason: Invalid) -> Refused {
        let path = || format!("{}{field}", (self.path)());
        self.refusals.add(|| Refusal { path: path(), excerpt: shown(value), reason });
        Refused
    }
}

/// The most characters of a refused value that are shown.
const EXCERPT: usize = 48;

fn shown(value: &Value<'_>) -> String {
    match value {
        Value::Missing => String::new(),
        Value::Bool(flag) => flag.to_string(),
        Value::Integer(number) => number.to_string(),
        // Not all its 300 digits.
        Value::Number(number) => format!("{number:?}"),
        Value::List => "[…]".to_owned(),
        Value::Object => "{…}".to_owned(),
        Value::Text(text) => quoted(text),
    }
}

/// The first characters of an untrusted text in double quotes, sanitized.
pub(super) fn quoted(text: &str) -> String {
    format!("\"{}\"", excerpt(text, EXCERPT))
}
