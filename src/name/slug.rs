//! The parts of an alias, and the alias: what a host is called.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use super::{Invalid, check_length, checked_text};
use crate::text::digest;

/// The longest name part: one label of a DNS name.
const SLUG_MAX: usize = 63;
/// Hex digits of an id part.
const ID_PART: usize = 8;
/// The most hex digits of a hash in a name: some of the name stays in front of it.
const HASH_MAX: usize = SLUG_MAX - 7;

checked_text! {
    /// One part of an alias: `[a-z0-9]+(-[a-z0-9]+)*`, at most 63 characters, never `none` (which
    /// turns `ProxyJump` off). It holds no dot, so the dot can separate the parts.
    Slug, check_slug
}

fn check_slug(text: &str) -> Result<(), Invalid> {
    check_length(text, SLUG_MAX)?;
    if text == "none" {
        return Err(Invalid::because("`none` means no host to ssh"));
    }
    let parts_fit = text.split('-').all(|part| {
        !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
    });
    if parts_fit {
        Ok(())
    } else {
        Err(Invalid::because("only `a-z`, `0-9` and single `-` between them are allowed"))
    }
}

impl<'a> Slug<'a> {
    /// The slug of a name that a person gave: ASCII lower case, every other run one `-`, trimmed.
    ///
    /// A name that leaves nothing, `none`, or more than 63 characters gets the id part of `id`.
    /// So does one that ends in as much of a hash as [`Slug::of_whole_hash`] gives: that is the
    /// last resort of a name that collides, and nobody else may have it.
    /// Borrows where the name is a slug as it stands.
    #[must_use]
    pub fn of_name(name: &Cow<'a, str>, id: &str) -> Self {
        if check_slug(name).is_ok() && !ends_in_hash(name) {
            return Self(name.clone());
        }
        Self::exact(name).unwrap_or_else(|| Self(Cow::Owned(join_cut(&dashed(name), &id_part(id)))))
    }

    /// The slug of a name where that needs no id part, as in [`Slug::of_name`].
    #[must_use]
    pub fn exact(name: &str) -> Option<Slug<'static>> {
        Slug::new(dashed(name)).ok().filter(|slug| !ends_in_hash(&slug.0))
    }

    /// This slug with `suffix` behind it, cut in front so that the whole fits.
    #[must_use]
    pub fn with_suffix(&self, suffix: &Slug<'_>) -> Slug<'static> {
        Slug(Cow::Owned(join_cut(&self.0, &suffix.0)))
    }
}

impl Slug<'static> {
    /// The first word of every alias unless the user says another.
    #[must_use]
    pub fn prime() -> Self {
        Self(Cow::Borrowed("prime"))
    }

    /// The [`id_part`] of an id.
    #[must_use]
    pub fn of_id(id: &str) -> Self {
        Self(Cow::Owned(id_part(id)))
    }

    /// As much of the SHA-256 as a name has room for: no two ids share it, and [`Slug::of_name`]
    /// gives it to nobody.
    #[must_use]
    pub fn of_whole_hash(id: &str) -> Self {
        Self(Cow::Owned(digest::hex(id, HASH_MAX)))
    }
}

/// The id part of an id: the first 8 hex digits of its SHA-256.
#[must_use]
pub fn id_part(id: &str) -> String {
    digest::hex(id, ID_PART)
}

/// Returns whether a slug's last part is a hash in its full length.
fn ends_in_hash(slug: &str) -> bool {
    let last = slug.rsplit('-').next().unwrap_or_default();
    last.len() == HASH_MAX && last.bytes().all(|b| b.is_ascii_hexdigit())
}

fn dashed(name: &str) -> String {
    let mut slug = String::with_capacity(name.len().min(SLUG_MAX + 1));
    for c in name.chars() {
        // Two characters past the limit are enough to know that it was passed.
        if slug.len() > SLUG_MAX + 1 {
            break;
        }
        if c.is_ascii_alphanumeric() {
            slug.push(c.to_ascii_lowercase());
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
    }
    if slug.len() <= SLUG_MAX + 1 && slug.ends_with('-') {
        slug.pop();
    }
    slug
}

fn join_cut(front: &str, suffix: &str) -> String {
    let room = SLUG_MAX.saturating_sub(suffix.len() + 1);
    let front = front.get(..room).unwrap_or(front).trim_end_matches('-');
    if front.is_empty() { suffix.to_owned() } else { format!("{front}-{suffix}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slug(name: &str) -> String {
        Slug::of_name(&Cow::Borrowed(name), "some-id").to_string()
    }

    #[test]
    fn slugs_of_names() {
        assert_eq!(slug("Train"), "train");
        assert_eq!(slug("  Llama 3 / run #7 "), "llama-3-run-7");
        assert_eq!(slug("a--b..c"), "a-b-c");
        assert_eq!(slug("ÜBER-1"), "ber-1");
        let part = id_part("some-id");
        assert_eq!(slug(""), part);
        assert_eq!(slug("日本"), part);
        assert_eq!(slug("None"), format!("none-{part}"));
        assert_eq!(slug(&"x".repeat(63)), "x".repeat(63));
        assert_eq!(slug(&"x".repeat(64)), format!("{}-{part}", "x".repeat(54)));
        assert_eq!(slug(&format!("{}-", "x".repeat(63))), "x".repeat(63));
        assert_eq!(slug(&format!("{}--y", "x".repeat(53))), format!("{}-y", "x".repeat(53)));
        assert!(Slug::new(slug(&"a-".repeat(400))).is_ok());
    }

    #[test]
    fn a_suffix_fits_by_cutting_in_front() {
        let long = Slug::new("y".repeat(63)).unwrap();
        for suffix in [Slug::of_id("id"), Slug::of_whole_hash("id")] {
            let cut = long.with_suffix(&suffix).to_string();
            assert_eq!(cut.len(), 63);
            assert!(Slug::new(cut).is_ok());
        }
    }
}
