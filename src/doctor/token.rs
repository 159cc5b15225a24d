//! The API token: where it is, whether the API accepts it, and who else can read it.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::api::ApiProbe;
use super::{Check, Finding, State};
use crate::api::token::TokenSource;
use crate::settings::no_token;
use crate::text::shell;

/// What there is to know about the token.
#[must_use]
pub fn examine(probe: &ApiProbe) -> Vec<Finding> {
    let source = match &probe.token {
        Ok(Some(source)) => source,
        // Saved answers need none.
        Ok(None) => {
            let state = if probe.is_needed { State::Wrong } else { State::Warning };
            return vec![Finding { state, ..Finding::failed(Check::Token, &no_token()) }];
        }
        Err(failure) => return vec![Finding::failed(Check::Token, failure)],
    };
    let context = probe.context.as_ref().map(|name| format!("of context {name}, "));
    let (place, file) = match source {
        TokenSource::File(path) => (format!("{} (--token-file)", shell::path(path)), Some(path)),
        TokenSource::Variable => ("PRIME_API_KEY".to_owned(), None),
        TokenSource::Settings(path) => (shell::path(path), Some(path)),
    };
    let from = format!("{}from {place}", context.unwrap_or_default());
    let accepted = match &probe.answer {
        Some(Ok(_)) => Finding::ok(Check::Token, format_args!("{from}; the API accepts it")),
        Some(Err(error)) if error.is_about_the_token() => Finding {
            advice: error.hint(),
            ..Finding::wrong(Check::Token, format_args!("{from}: {error}"))
        },
        _ => Finding::note(Check::Token, format_args!("{from}; not tried")),
    };
    let readable = file.filter(|path| is_readable_by_others(path)).map(|path| {
        let what = "others on this machine can read the token";
        Finding::warning(Check::Token, what).at(path).chmod("600", path)
    });
    [accepted].into_iter().chain(readable).collect()
}

/// Whether the file is open to others, and so are all folders above it.
fn is_readable_by_others(path: &Path) -> bool {
    const READ: u32 = 0o004;
    const ENTER: u32 = 0o001;
    let allows = |path: &Path, what| fs::metadata(path).is_ok_and(|found| found.mode() & what != 0);
    let Ok(path) = fs::canonicalize(path) else { return false };
    let is_file = fs::metadata(&path).is_ok_and(|found| found.is_file());
    is_file && allows(&path, READ) && path.ancestors().skip(1).all(|folder| allows(folder, ENTER))
}
