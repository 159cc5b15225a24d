//! Where the API token is, whether the API takes it, and who else may read it.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::api::Access;
use super::{Check, Finding, State, failed};
use crate::api::token::TokenSource;
use crate::settings::no_token;

/// What is to be known of the token.
#[must_use]
pub fn examine(access: &Access) -> Vec<Finding> {
    let source = match &access.token {
        Ok(Some(source)) => source,
        // Saved answers need none.
        Ok(None) => {
            let state = if access.is_needed { State::Wrong } else { State::Warning };
            return vec![Finding { state, ..failed(Check::Token, &no_token()) }];
        }
        Err(failure) => return vec![failed(Check::Token, failure)],
    };
    let whose = access.context.as_ref().map(|name| format!("of context {name}, "));
    let from = format!("{}{}", whose.unwrap_or_default(), From(source));
    let taken = match &access.heard {
        Some(Ok(_)) => Finding::ok(Check::Token, format_args!("{from}; the API takes it")),
        Some(Err(error)) if error.is_about_the_token() => Finding {
            advice: error.hint(),
            ..Finding::wrong(Check::Token, format_args!("{from}: {error}"))
        },
        _ => Finding::note(Check::Token, format_args!("{from}; not tried")),
    };
    let open =
        file(source).filter(|path| others_may_read(path)).map(|path| {
            Finding::warning(Check::Token, "others on this machine may read the token")
                .at(path)
                .run(["chmod".as_ref(), "600".as_ref(), path.as_os_str()])
        });
    [taken].into_iter().chain(open).collect()
}

/// Where a token comes from, in words.
struct From<'a>(&'a TokenSource);

impl std::fmt::Display for From<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            TokenSource::File(path) => write!(f, "from {} (--token-file)", path.display()),
            TokenSource::Variable => f.write_str("from PRIME_API_KEY"),
            TokenSource::Settings(path) => write!(f, "from {}", path.display()),
        }
    }
}

fn file(source: &TokenSource) -> Option<&Path> {
    match source {
        TokenSource::File(path) | TokenSource::Settings(path) => Some(path),
        TokenSource::Variable => None,
    }
}

/// Whether the file is open to others, and so are all folders above it.
fn others_may_read(path: &Path) -> bool {
    const READ: u32 = 0o004;
    const ENTER: u32 = 0o001;
    let allows = |path: &Path, what| fs::metadata(path).is_ok_and(|found| found.mode() & what != 0);
    let Ok(path) = fs::canonicalize(path) else { return false };
    let is_file = fs::metadata(&path).is_ok_and(|found| found.is_file());
    is_file && allows(&path, READ) && path.ancestors().skip(1).all(|folder| allows(folder, ENTER))
}
