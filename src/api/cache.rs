//! The API's answers, kept for runs that need no new one and for the hour when the API is down.
//!
//! One file a question, for its owner alone. Its name is a hash of the API's address, of the
//! question and of who asks; the token itself is not written.

use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::address::ApiUrl;
use super::client::ClusterAnswer;
use super::token::ApiToken;
use crate::fs::{self, FILE_MAX, FileError};
use crate::text::digest;
use crate::text::time::now;

const FILE_MODE: u32 = 0o600;
const FOLDER_MODE: u32 = 0o700;
/// Hex digits of a file's name.
const DIGITS: usize = 40;

/// The folder of the cached answers.
#[derive(Clone, Debug)]
pub struct Cache {
    folder: PathBuf,
}

/// A question: what was asked, of which API, by whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    file_name: String,
}

/// The answers to a question, and when they came.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct CachedResponse {
    /// In seconds since 1970.
    at: u64,
    /// The answers: one for a cluster, any number for all of them.
    pub answers: Vec<ClusterAnswer>,
}

impl Key {
    /// The question for one cluster, by the id or name that was given.
    #[must_use]
    pub fn of_cluster(address: &ApiUrl, token: &ApiToken, selector: &str) -> Self {
        Self::new(address, token, &["cluster", selector])
    }

    /// The question for every cluster of a team, or of all teams.
    #[must_use]
    pub fn of_all(address: &ApiUrl, token: &ApiToken, team: Option<&str>) -> Self {
        match team {
            Some(team) => Self::new(address, token, &["team", team]),
            None => Self::new(address, token, &["all"]),
        }
    }

    fn new(address: &ApiUrl, token: &ApiToken, question: &[&str]) -> Self {
        let asker = digest::hex(token.expose(), 64);
        // No part can hold a line break: a name with one is refused when it is asked for.
        let key = format!("{address}\n{asker}\n{}", question.join("\n"));
        Self { file_name: format!("{}.json", digest::hex(&key, DIGITS)) }
    }
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

impl Cache {
    /// The cache in this folder, which need not be there yet.
    #[must_use]
    pub fn in_folder(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// Reads what is cached for a question. A damaged file counts as none, and so does whatever
    /// else stands in its place.
    #[must_use]
    pub fn read(&self, key: &Key) -> Option<CachedResponse> {
        // Twice as large as an answer: its quotes are escaped.
        let bytes = fs::read(&self.folder.join(&key.file_name), 2 * FILE_MAX).ok()??;
        serde_json::from_slice(&bytes).ok()
    }

    /// Caches the answers to a question, in place of earlier ones.
    pub fn write(&self, key: &Key, response: &CachedResponse) -> Result<(), FileError> {
        if let Some(above) = self.folder.parent() {
            fs::make_folder(above, FOLDER_MODE)?;
        }
        fs::make_folder(&self.folder, FOLDER_MODE)?;
        let path = self.folder.join(&key.file_name);
        // A file that others may read would keep its mode, and a link or a pipe would stay.
        let is_other = |found: std::fs::Metadata| !found.is_file() || found.mode() & 0o077 != 0;
        if path.symlink_metadata().is_ok_and(is_other) {
            fs::remove(&path)?;
        }
        // Texts and numbers always are JSON.
        let text = serde_json::to_vec(response).unwrap_or_default();
        fs::replace(&path, &text, FILE_MODE)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;
    use std::path::Path;

    use super::*;

    fn key(address: &str, token: &str, cluster: &str) -> Key {
        let token = ApiToken::new(token).unwrap();
        Key::of_cluster(&address.parse().unwrap(), &token, cluster)
    }

    fn kept() -> CachedResponse {
        CachedResponse::new(vec![ClusterAnswer {
            id: "clst01".to_owned(),
            text: "{\"é\": 1}".to_owned(),
        }])
    }

    #[test]
    fn each_asker_has_answers_of_their_own() {
        let one = key("https://a.example", "t0ken", "train");
        assert_eq!(one, key("https://a.example/", "t0ken", "train"));
        for other in [
            key("https://b.example", "t0ken", "train"),
            key("https://a.example", "t1ken", "train"),
            key("https://a.example", "t0ken", "Train"),
        ] {
            assert_ne!(one, other);
        }
        let (address, token) = ("https://a.example".parse().unwrap(), ApiToken::new("t0ken"));
        let all = |team| Key::of_all(&address, token.as_ref().unwrap(), team);
        assert!(all(None) != all(Some("x")) && all(None) != one);
        assert!(!one.file_name.contains("t0ken"));
    }

    #[test]
    fn what_is_kept_is_for_its_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::in_folder(folder.path().join("cache/prime-ssh"));
        let key = key("https://a.example", "t0ken", "train");
        assert_eq!(cache.read(&key), None);
        cache.write(&key, &kept()).unwrap();
        assert_eq!(cache.read(&key).unwrap().answers, kept().answers);
        let path = cache.folder.join(&key.file_name);
        let mode = |path: &Path| fs::metadata(path).unwrap().mode() & 0o777;
        assert_eq!((mode(&path), mode(&cache.folder)), (0o600, 0o700));
        assert!(!fs::read_to_string(&path).unwrap().contains("t0ken"));

        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        fs::write(&path, "{\"at\": 7, \"answ").unwrap();
        assert_eq!(cache.read(&key), None, "a damaged file is as good as none");
        cache.write(&key, &kept()).unwrap();
        assert_eq!((cache.read(&key).unwrap().answers, mode(&path)), (kept().answers, 0o600));
    }

    #[test]
    fn what_stands_in_the_place_of_a_file_is_replaced_and_not_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let (cache, pipe) =
            (Cache::in_folder(folder.path().to_owned()), folder.path().join("pipe"));
        let key = key("https://a.example", "t0ken", "train");
        let path = cache.folder.join(&key.file_name);
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        for is_link in [true, false] {
            let link = std::os::unix::fs::symlink::<&Path, &Path>;
            if is_link { link(&pipe, &path) } else { fs::rename(&pipe, &path) }.unwrap();
            assert_eq!(cache.read(&key), None);
            cache.write(&key, &kept()).unwrap();
            assert_eq!(cache.read(&key).unwrap().answers, kept().answers);
            fs::remove_file(&path).unwrap();
        }
    }

    #[test]
    fn an_age_is_never_negative() {
        assert!(kept().age().unwrap() < Duration::from_secs(60));
        assert_eq!(CachedResponse { at: u64::MAX, answers: Vec::new() }.age(), None);
    }
}
