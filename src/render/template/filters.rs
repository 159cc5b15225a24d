//! The filters that files about hosts need.

use std::borrow::Cow;

use minijinja::value::ValueKind;
use minijinja::{Environment, Error, ErrorKind, State, Value};
use serde_json::Value as Json;

use super::super::inventory::{group_part, label_group};
use crate::name::Slug;
use crate::text::shell;

/// The deepest nesting of lists in `json`.
const DEPTH: usize = 64;

/// Makes them known.
pub(super) fn add_to(engine: &mut Environment<'_>) {
    engine.add_filter("slug", slug);
    engine.add_filter("group", group);
    engine.add_filter("sh", sh);
    engine.add_filter("json", json);
}

/// Turns a text into a part of an alias; a text that leaves nothing, or too much, gets a part of
/// the hash of `id`, or of the text itself.
fn slug(text: &Value, id: Option<&Value>) -> Result<String, Error> {
    let text = text_of(text, "slug")?;
    let id = id.map(|id| text_of(id, "slug")).transpose()?;
    Ok(Slug::of_name(&Cow::Borrowed(&*text), id.as_deref().unwrap_or(&text)).to_string())
}

/// Turns a text into a group's name as in our inventory, behind `prefix` and a `_`; empty for a
/// text without a letter or digit.
fn group(text: &Value, prefix: Option<&str>) -> Result<String, Error> {
    let text = text_of(text, "group")?;
    let group = match prefix {
        Some(prefix) => label_group(prefix, &text),
        None => group_part(&text),
    };
    Ok(group.unwrap_or_default())
}

/// One word to a shell, whatever is in it.
fn sh(text: &Value) -> Result<String, Error> {
    let text = text_of(text, "sh")?;
    if text.contains('\0') {
        return Err(wrong("sh: no shell takes a NUL character".to_owned()));
    }
    Ok(shell::word(&text))
}

/// JSON as it is, while `tojson` of other engines escapes for HTML.
fn json(state: &State<'_, '_>, value: &Value) -> Result<String, Error> {
    let json = plain(state, value, DEPTH)?;
    serde_json::to_string(&json).map_err(|error| wrong(format!("json: {error}")))
}

/// The value without what JSON does not know.
fn plain(state: &State<'_, '_>, value: &Value, depth: usize) -> Result<Json, Error> {
    let Some(depth) = depth.checked_sub(1) else {
        return Err(wrong(format!("json: lists nested more than {DEPTH} deep")));
    };
    state.consume_fuel(1)?;
    Ok(match value.kind() {
        ValueKind::None => Json::Null,
        ValueKind::Bool => Json::Bool(value.is_true()),
        ValueKind::Number | ValueKind::String => {
            serde_json::to_value(value).map_err(|error| wrong(format!("json: {error}")))?
        }
        ValueKind::Seq | ValueKind::Iterable => {
            let mut list = Vec::new();
            for element in value.try_iter()? {
                list.push(plain(state, &element, depth)?);
            }
            Json::Array(list)
        }
        ValueKind::Map => {
            let mut map = serde_json::Map::new();
            for key in value.try_iter()? {
                let element = plain(state, &value.get_item(&key)?, depth)?;
                map.insert(text_of(&key, "json")?.into_owned(), element);
            }
            Json::Object(map)
        }
        kind => return Err(wrong(format!("json: JSON has no {kind}"))),
    })
}

/// A text, or what is written as one.
fn text_of<'v>(value: &'v Value, filter: &str) -> Result<Cow<'v, str>, Error> {
    match value.kind() {
        ValueKind::String => Ok(Cow::Borrowed(value.as_str().unwrap_or_default())),
        ValueKind::Number | ValueKind::Bool => Ok(Cow::Owned(value.to_string())),
        ValueKind::Undefined => Err(Error::from(ErrorKind::UndefinedError)),
        kind => Err(wrong(format!("{filter} takes a string, but this is {kind}"))),
    }
}

fn wrong(what: String) -> Error {
    Error::new(ErrorKind::InvalidOperation, what)
}
