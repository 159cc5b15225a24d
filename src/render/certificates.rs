//! Which certificate goes with which cluster, for every output.

use std::collections::BTreeMap;
use std::fmt;

use crate::cluster::Cluster;
use crate::name::{Invalid, LocalPath};
use crate::text::sanitize::is_control;

/// The certificates to log in with.
#[derive(Clone, Debug, Default)]
pub struct Certificates {
    /// The one that was named, for every cluster.
    pub named: Option<LocalPath<'static>>,
    /// Those of clusters that let nobody in without, by the cluster's id.
    pub own: BTreeMap<String, LocalPath<'static>>,
    /// What ssh runs to renew one of them before it connects, by the cluster's id.
    pub renewals: BTreeMap<String, Renewal>,
}

impl Certificates {
    /// The certificate that this cluster's hosts are shown.
    #[must_use]
    pub fn of(&self, cluster: &Cluster<'_>) -> Option<&LocalPath<'static>> {
        self.named.as_ref().or_else(|| self.own.get(cluster.id.as_str()))
    }

    /// What ssh runs before it connects to a host of this cluster.
    #[must_use]
    pub fn renewal(&self, cluster: &Cluster<'_>) -> Option<&Renewal> {
        self.renewals.get(cluster.id.as_str())
    }
}

/// A command that ssh runs through the user's shell (`ssh_config(5)`, `Match exec`).
///
/// It stands in double quotes there, ssh expands `%` in it, and each word stands in single quotes
/// for the shell: what could end any of these is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Renewal(String);

impl Renewal {
    /// A command of these words, the first one the program.
    pub fn new<'w>(words: impl IntoIterator<Item = &'w str>) -> Result<Self, Invalid> {
        let mut command = String::new();
        for word in words {
            let acts = |c: char| matches!(c, '"' | '\'' | '\\' | '%' | '$' | '`') || is_control(c);
            if word.is_empty() || word.contains(acts) {
                return Err(Invalid::because(
                    "a word that is empty, or that ssh or a shell would change",
                ));
            }
            if !command.is_empty() {
                command.push(' ');
            }
            let is_plain =
                |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '.' | '_' | '-' | ':');
            if word.chars().all(is_plain) {
                command.push_str(word);
            } else {
                command.extend(["'", word, "'"]);
            }
        }
        Ok(Self(command))
    }
}

impl fmt::Display for Renewal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_stand_in_quotes_where_a_shell_would_change_them() {
        let renewal = Renewal::new(["/opt/my tools/prime-ssh", "cert", "--ssh-dir", "/é"]).unwrap();
        assert_eq!(renewal.to_string(), "'/opt/my tools/prime-ssh' cert --ssh-dir '/é'");
        for word in ["", "%h", "a'b", "a\"b", "a\\b", "$(id)", "`id`", "a\nb", "\u{202e}"] {
            assert!(Renewal::new([word]).is_err(), "{word:?}");
        }
    }
}
