//! Text that a server sent with an error, cut and sanitized for a terminal.

use serde_json::Value;

use crate::text::sanitize::excerpt;

/// The longest piece of somebody else's text in a message, in characters.
const SHOWN: usize = 300;

/// Untrusted text, cut and sanitized for a terminal.
pub(super) fn shown(text: &str) -> String {
    excerpt(text, SHOWN)
}

/// Returns what the body of an error says, in one line: `detail` is a sentence, or a list of places
/// with what is wrong there; `errors` lists parameters.
///
/// `None` where it says nothing, or is no body of the API at all.
pub(super) fn of_error_body(body: &str) -> Option<String> {
    let body: Value = serde_json::from_str(body).ok()?;
    let detail = field(&body, "detail");
    let places = list(detail).map(|place| at(&path(field(place, "loc")), field(place, "msg")));
    let errors = list(field(&body, "errors"))
        .map(|error| at(&piece(field(error, "param")), field(error, "details")));
    let mut said: Vec<String> = [piece(detail)].into_iter().chain(places).chain(errors).collect();
    said.retain(|text| !text.is_empty());
    (!said.is_empty()).then(|| said.join("; "))
}

fn field<'v>(value: &'v Value, name: &str) -> &'v Value {
    value.get(name).unwrap_or(&Value::Null)
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn at(place: &str, what: &Value) -> String {
    match (place, piece(what)) {
        ("", what) => what,
        (place, what) if what.is_empty() => place.to_owned(),
        (place, what) => format!("{place}: {what}"),
    }
}

fn path(loc: &Value) -> String {
    list(loc).map(piece).filter(|piece| !piece.is_empty()).collect::<Vec<_>>().join(".")
}

fn piece(value: &Value) -> String {
    match value {
        Value::String(text) => text.trim().to_owned(),
        Value::Number(number) => number.to_string(),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shape_of_a_refusal_is_one_line() {
        for (body, said) in [
            (r#"{"detail": " Invalid token "}"#, "Invalid token"),
            (
                r#"{"detail": [{"loc": ["query", "limit"], "msg": "too big"}, {"loc": ["body", 0], "msg": "bad"}]}"#,
                "query.limit: too big; body.0: bad",
            ),
            (r#"{"detail": [{"msg": "bad"}, {"loc": ["body"]}, {}]}"#, "bad; body"),
            (r#"{"errors": [{"param": "ttl", "details": "over 8h"}]}"#, "ttl: over 8h"),
            (r#"{"detail": "no", "errors": [{"details": "over 8h"}]}"#, "no; over 8h"),
        ] {
            assert_eq!(of_error_body(body).as_deref(), Some(said), "{body}");
        }
    }

    #[test]
    fn what_says_nothing_is_none() {
        for body in [
            "",
            "<html>",
            "{}",
            r#"{"detail": null}"#,
            r#"{"detail": ""}"#,
            "[1]",
            r#"{"detail": {"a": 1}}"#,
        ] {
            assert_eq!(of_error_body(body), None, "{body}");
        }
    }

    #[test]
    fn a_servers_text_is_cut_and_harmless() {
        let escaped = shown("a\u{1b}[2J\r\nb\u{202e}c\0é");
        assert_eq!(escaped, r"a\u{1b}[2J\r\nb\u{202e}c\u{0}é");
        let long = shown(&"ä".repeat(1000));
        assert_eq!(long.chars().count(), SHOWN + 1);
    }
}
