//! Names that keep themselves right: what ssh runs before it connects.
//!
//! ssh reads its configuration from the top, runs a `Match … exec` when it gets there, and opens an
//! `Include` when it gets there: so a command can rewrite the file that is included next, for the
//! very connection that asked. The first look stands before the clusters' files and keeps them
//! fresh; the second stands after them, where a name that they know has its `HostName` already and
//! `Match host` no longer fits: it looks for a name that is not known yet.

use std::path::Path;

use super::include::IncludeLine;
use super::index::HEADER;
use super::options::MaxAge;
use super::reader::directives;
use super::state::Record;
use crate::name::{Invalid, LocalPath, Slug};
use crate::text::sanitize::is_control;

/// The command that ssh runs, through the user's shell (`ssh_config(5)`, `Match exec`).
///
/// It stands in double quotes there, ssh expands `%` in it, and each word stands in single quotes
/// for the shell: what could end any of these is refused. All that it needs stands in it, since
/// nobody knows what environment ssh will have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefreshCommand(String);

/// OpenSSH 7.6 stops at lines over 4,093 bytes, and libssh skips those over 1,023.
const LINE_MAX: usize = 1000;
/// The command leaves room for the names of one cluster.
const COMMAND_MAX: usize = 500;

impl RefreshCommand {
    /// The command of this program, for this ssh folder.
    pub fn new(program: &LocalPath<'_>, ssh_folder: &Path) -> Result<Self, Invalid> {
        let folder =
            ssh_folder.to_str().ok_or_else(|| Invalid::because("a path that is no text"))?;
        let words = [program.as_str(), "sync", "--quiet", "--ssh-dir", folder];
        let words = words.map(quoted).into_iter().collect::<Result<Vec<_>, _>>()?;
        let command = words.join(" ");
        if command.len() > COMMAND_MAX {
            return Err(Invalid::because("a path that is too long"));
        }
        Ok(Self(command))
    }

    /// The file that is read before the clusters' files.
    pub(super) fn first_look(&self, clusters: &[(&Record, MaxAge)]) -> Vec<u8> {
        let lines = clusters.iter().map(|(record, age)| self.line(record, *age));
        let why = "# Before a connection ssh brings the cluster up to date, for the next Include of \
                   the index.";
        format!("{HEADER}{why}\n{}Match all\n", lines.collect::<String>()).into_bytes()
    }

    /// The file that is read behind them, with the line that includes what the look may find. `new`
    /// is the first word of the aliases that a subscription gives to new clusters.
    pub(super) fn second_look(
        &self,
        clusters: &[(&Record, MaxAge)],
        new: Option<&Slug<'_>>,
        again: &IncludeLine,
    ) -> Vec<u8> {
        let lines = clusters.iter().map(|(record, _)| self.line(record, MaxAge::MIN));
        let lines = lines.chain(new.map(|prefix| self.line_of_new(prefix, clusters)));
        let why = "# For a name that no Include above knew.";
        let lines: String = lines.collect();
        format!("{HEADER}{why}\n{lines}Match all\n{again}\n").into_bytes()
    }

    /// The `Match` line for a look at a cluster. Whatever becomes of it, ssh goes on: one that a
    /// signal ends would end ssh under some shells.
    fn line(&self, record: &Record, age: MaxAge) -> String {
        let (names, stem) = (record.patterns().replace(' ', ","), record.stem());
        format!("Match host {names} exec \"{} --if-older {age} {stem}; exit 0\"\n", self.0)
    }

    /// The same for a look at the subscription. The `known` clusters have looks of their own, and
    /// are left out as far as a line can hold them.
    fn line_of_new(&self, prefix: &Slug<'_>, known: &[(&Record, MaxAge)]) -> String {
        let end = format!(" exec \"{} --if-older {} --new; exit 0\"\n", self.0, MaxAge::MIN);
        let mut line = format!("Match host {prefix}.*,!{prefix}.*.*.*");
        for alias in known.iter().map(|(record, _)| record.alias()) {
            let more = format!(",!{alias},!{alias}.*");
            if line.len() + more.len() + end.len() < LINE_MAX {
                line.push_str(&more);
            }
        }
        line + &end
    }
}

/// A word for the shell, in quotes where that would change it.
fn quoted(word: &str) -> Result<String, Invalid> {
    let acts = |c: char| matches!(c, '"' | '\'' | '\\' | '%' | '$' | '`' | '!') || is_control(c);
    if word.is_empty() || word.contains(acts) {
        return Err(Invalid::because("a character that ssh or a shell would change"));
    }
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '.' | '_' | '-' | ':');
    Ok(if word.chars().all(is_plain) { word.to_owned() } else { format!("'{word}'") })
}

/// The commands that a look has for the cluster with this alias.
#[must_use]
pub fn commands(look: &[u8], alias: &str) -> Vec<String> {
    let blocks = directives(look).filter_map(|line| line.block());
    let blocks = blocks.filter(|block| block.host_patterns().contains(&alias));
    blocks
        .flat_map(|block| block.commands().into_iter().map(str::to_owned).collect::<Vec<_>>())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_stand_in_quotes_where_a_shell_would_change_them() {
        let command = |program: &'static str, folder: &str| {
            let program = LocalPath::new(program).unwrap();
            RefreshCommand::new(&program, Path::new(folder)).map(|command| command.0)
        };
        assert_eq!(
            command("/opt/my tools/prime-ssh", "/é/.ssh").unwrap(),
            "'/opt/my tools/prime-ssh' sync --quiet --ssh-dir '/é/.ssh'"
        );
        for folder in ["", "/%h", "/a'b", "/a\"b", "/a\\b", "/$(id)", "/`id`", "/a\nb", "/a!b"] {
            assert!(command("/p", folder).is_err(), "{folder:?}");
        }
        assert!(command("/p", &"/long".repeat(200)).is_err());
    }
}
