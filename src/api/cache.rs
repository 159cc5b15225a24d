//! The API's answers, kept for runs that need no new one and for the hour when the API is down.
//!
//! One file a question, for its owner alone. Its name is a hash of the API's address, of the
//! question and of who asks; the token itself is not written.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::address::ApiUrl;
use super::client::ClusterAnswer;
use super::token::ApiToken;
use crate::fs::{self, FILE_MAX, FileError};
use crate::text::digest;
use crate::text::time::now;

const FILE_MODE: u32 = 0o600;
/// Hex digits of a file's name.
const DIGITS: usize = 40;

/// The file of the answers to one question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CacheFile(PathBuf);

/// The answers to a question, and when they came.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct CachedResponse {
    /// In seconds since 1970.
    at: u64,
    /// The answers: one for a cluster, any number for all of them.
    pub answers: Vec<ClusterAnswer>,
}

impl CachedResponse {
    /// Answers that came just now.
    #[must_use]
    pub fn new(answers: Vec<ClusterAnswer>) -> Self {
        Self { at: now(), answers }
    }

    /// Returns the age; `None` where it lies in the future, as after a clock was set back.
    #[must_use]
    pub fn age(&self) -> Option<Duration> {
        now().checked_sub(self.at).map(Duration::from_secs)
    }
}

impl CacheFile {
    /// The file in this folder, which need not be there yet, for a question of who has this token to
    /// the API at this address. No part of it holds a line break: a name with one is refused when it
    /// is asked for.
    #[must_use]
    pub fn of(folder: &Path, address: &ApiUrl, token: &ApiToken, question: &[&str]) -> Self {
        let asker = digest::hex(token.expose(), 64);
        let key = format!("{address}\n{asker}\n{}", question.join("\n"));
        Self(folder.join(format!("{}.json", digest::hex(&key, DIGITS))))
    }

    /// Reads the cached answers. A damaged file counts as none, and so does whatever else stands in
    /// its place.
    #[must_use]
    pub fn read(&self) -> Option<CachedResponse> {
        // Twice as large as an answer: its quotes are escaped.
        let bytes = fs::read(&self.0, 2 * FILE_MAX).ok()??;
        serde_json::from_slice(&bytes).ok()
    }

    /// Caches these answers, in place of earlier ones.
    pub fn write(&self, response: &CachedResponse) -> Result<(), FileError> {
        let folders: Vec<&Path> = self.0.ancestors().skip(1).take(2).collect();
        for folder in folders.into_iter().rev() {
            fs::make_folder(folder)?;
        }
        // A file that others may read would keep its mode, and a link or a pipe would stay.
        let is_other = |found: std::fs::Metadata| !found.is_file() || found.mode() & 0o077 != 0;
        if self.0.symlink_metadata().is_ok_and(is_other) {
            fs::remove(&self.0)?;
        }
        // Texts and numbers always are JSON.
        let text = serde_json::to_vec(response).unwrap_or_default();
        fs::replace(&self.0, &text, FILE_MODE)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn file(folder: &Path, address: &str, token: &str, question: &[&str]) -> CacheFile {
        let token = ApiToken::new(token).unwrap();
        CacheFile::of(folder, &address.parse().unwrap(), &token, question)
    }

    fn train(folder: &Path) -> CacheFile {
        file(folder, "https://a.example", "t0ken", &["cluster", "train"])
    }

    fn kept() -> CachedResponse {
        CachedResponse::new(vec![ClusterAnswer {
            id: "clst01".to_owned(),
            text: "{\"é\": 1}".to_owned(),
        }])
    }

    #[test]
    fn each_asker_has_answers_of_their_own() {
        let file =
            |address, token, question: &[&str]| file(Path::new("/x"), address, token, question);
        let one = train(Path::new("/x"));
        assert_eq!(one, file("https://a.example/", "t0ken", &["cluster", "train"]));
        for other in [
            file("https://b.example", "t0ken", &["cluster", "train"]),
            file("https://a.example", "t1ken", &["cluster", "train"]),
            file("https://a.example", "t0ken", &["cluster", "Train"]),
            file("https://a.example", "t0ken", &["team", "train"]),
        ] {
            assert_ne!(one, other);
        }
        assert!(!one.0.to_str().unwrap().contains("t0ken"));
    }

    #[test]
    fn what_is_kept_is_for_its_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let below = folder.path().join("cache/prime-ssh");
        let file = train(&below);
        assert_eq!(file.read(), None);
        file.write(&kept()).unwrap();
        assert_eq!(file.read().unwrap().answers, kept().answers);
        let path = &file.0;
        let mode = |path: &Path| fs::metadata(path).unwrap().mode() & 0o777;
        assert_eq!((mode(path), mode(&below)), (0o600, 0o700));
        assert!(!fs::read_to_string(path).unwrap().contains("t0ken"));

        fs::set_permissions(path, fs::Permissions::from_mode(0o644)).unwrap();
        fs::write(path, "{\"at\": 7, \"answ").unwrap();
        assert_eq!(file.read(), None, "a damaged file is as good as none");
        file.write(&kept()).unwrap();
        assert_eq!((file.read().unwrap().answers, mode(path)), (kept().answers, 0o600));
    }

    #[test]
    fn what_stands_in_the_place_of_a_file_is_replaced_and_not_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let (file, pipe) = (train(folder.path()), folder.path().join("pipe"));
        let path = &file.0;
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        for is_link in [true, false] {
            let link = std::os::unix::fs::symlink::<&Path, &Path>;
            if is_link { link(&pipe, path) } else { fs::rename(&pipe, path) }.unwrap();
            assert_eq!(file.read(), None);
            file.write(&kept()).unwrap();
            assert_eq!(file.read().unwrap().answers, kept().answers);
            fs::remove_file(path).unwrap();
        }
    }

    #[test]
    fn an_age_is_never_negative() {
        assert!(kept().age().unwrap() < Duration::from_secs(60));
        assert_eq!(CachedResponse { at: u64::MAX, answers: Vec::new() }.age(), None);
    }
}
