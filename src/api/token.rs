//! The API token, which must never reach an output, an error or a log.

use std::fmt;
use std::path::PathBuf;

/// The length from which on a token is not in a text by chance.
const TELLING: usize = 8;

/// A bearer token. It has no `Display`, and its `Debug` hides it.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiToken(Box<str>);

impl ApiToken {
    /// Takes the token out of `text`, without the white space around it.
    ///
    /// `None` where nothing is left, or where it holds what a header cannot: then the caller says
    /// which source it came from, and never what it was.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        let token = text.trim();
        let fits = !token.is_empty() && token.bytes().all(|b| b.is_ascii_graphic());
        fits.then(|| Self(token.into()))
    }

    /// The token itself, for the one header that carries it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Returns whether a text has the token in it, as it is or with escapes of JSON; one of a few
    /// letters is in many texts.
    #[must_use]
    pub fn is_in(&self, text: &str) -> bool {
        self.0.len() >= TELLING
            && (text.contains(&*self.0)
                || (text.contains('\\') && without_escapes(text).contains(&*self.0)))
    }

    /// The text of somebody else with the token taken out, in any case of letters: a server may
    /// send it back, and a host name comes back in lower case.
    #[must_use]
    pub fn hidden_in(&self, text: &str) -> String {
        let (lower, token) = (text.to_ascii_lowercase(), self.0.to_ascii_lowercase());
        let mut hidden = String::with_capacity(text.len());
        let mut shown = 0;
        for (at, _) in lower.match_indices(&token) {
            hidden.push_str(text.get(shown..at).unwrap_or_default());
            hidden.push_str("(the token)");
            shown = at + token.len();
        }
        hidden.push_str(text.get(shown..).unwrap_or_default());
        hidden
    }
}

/// A text of JSON with what stands for one ASCII character in place of its escape (RFC 8259, 7).
fn without_escapes(text: &str) -> String {
    let mut parts = text.split('\\');
    let mut plain = String::with_capacity(text.len());
    plain.push_str(parts.next().unwrap_or_default());
    while let Some(part) = parts.next() {
        let digits = part.strip_prefix('u').and_then(|rest| rest.get(..4));
        let code = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match code.filter(u8::is_ascii) {
            Some(code) => {
                plain.push(char::from(code));
                plain.push_str(part.get(5..).unwrap_or_default());
            }
            // A backslash that is escaped begins no other escape.
            None if part.is_empty() => {
                plain.push('\\');
                plain.push_str(parts.next().unwrap_or_default());
            }
            None => plain.push_str(part),
        }
    }
    plain
}

/// The place where a token was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TokenSource {
    /// In the file that `--token-file` or `PRIME_SSH_TOKEN_FILE` names.
    File(PathBuf),
    /// In the variable `PRIME_API_KEY`.
    Variable,
    /// In a file of the `prime` program's settings.
    Settings(PathBuf),
}

impl fmt::Debug for ApiToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiToken(hidden)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_hides_itself() {
        let token = ApiToken::new(" s3cret\n").unwrap();
        assert_eq!(token.expose(), "s3cret");
        assert!(!format!("{token:?} {:#?}", Some(&token)).contains("s3cret"));
    }

    #[test]
    fn a_token_is_taken_out_of_a_text() {
        let token = ApiToken::new("s3cret").unwrap();
        assert_eq!(token.hidden_in("é s3cret, S3CRETé"), "é (the token), (the token)é");
        assert_eq!(token.hidden_in("s3cre"), "s3cre");
    }

    #[test]
    fn escapes_of_json_hide_no_token() {
        let token = ApiToken::new("pit_s3cret/x").unwrap();
        for text in [
            "pit_s3cret/x",
            r"pit_s3cret\/x",
            r"\u0070it_s3cret/x",
            r"[\u0070\u0069\u0074\u005F\u0073\u0033\u0063\u0072\u0065\u0074\u002f\u0078]",
        ] {
            assert!(token.is_in(text), "{text}");
        }
        for text in [r"\\u0070it_s3cret/x", "it_s3cret/x", r"\u00e9\n\", r"\u007", r"\ud83d\ude00"]
        {
            assert!(!token.is_in(text), "{text}");
        }
    }

    #[test]
    fn what_a_header_cannot_carry_is_no_token() {
        for text in ["", "  \n", "a b", "a\nb", "é"] {
            assert!(ApiToken::new(text).is_none(), "{text:?}");
        }
    }
}
