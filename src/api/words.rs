//! What a server says about a refusal, for a person's terminal: cut, and sanitize.

use super::wire::{self, Detail, ErrorBody, Value};
use crate::text::sanitize::excerpt;

/// The longest piece of somebody else's text in a message, in characters.
const SHOWN: usize = 300;

/// Untrusted text, cut and sanitize for a terminal.
pub(super) fn shown(text: &str) -> String {
    excerpt(text, SHOWN)
}

/// What the body of an error says, in one line: both shapes that the API has for it.
///
/// `None` where it says nothing, or is no body of the API at all.
pub(super) fn of_refusal(body: &str) -> Option<String> {
    let ErrorBody { detail, errors } = wire::error_body(body);
    let mut said = Vec::new();
    match detail {
        Some(Detail::Sentence(sentence)) => said.push(sentence.trim().to_owned()),
        Some(Detail::Places(places)) => {
            said.extend(places.iter().map(|place| at(&path(&place.loc), &place.msg)));
        }
        None => {}
    }
    said.extend(errors.iter().flatten().map(|error| at(&piece(&error.param), &error.details)));
    said.retain(|text| !text.is_empty());
    (!said.is_empty()).then(|| said.join("; "))
}

fn at(place: &str, what: &Value<'_>) -> String {
    match (place, piece(what)) {
        ("", what) => what,
        (place, what) if what.is_empty() => place.to_owned(),
        (place, what) => format!("{place}: {what}"),
    }
}

fn path(loc: &[Value<'_>]) -> String {
    loc.iter().map(piece).filter(|piece| !piece.is_empty()).collect::<Vec<_>>().join(".")
}

fn piece(value: &Value<'_>) -> String {
    match value {
        Value::Text(text) => text.trim().to_owned(),
        Value::Integer(number) => number.to_string(),
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
            assert_eq!(of_refusal(body).as_deref(), Some(said), "{body}");
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
            assert_eq!(of_refusal(body), None, "{body}");
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
