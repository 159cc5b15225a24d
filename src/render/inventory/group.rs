//! The names of groups, which Ansible takes without a warning.

use std::str::FromStr;

use crate::cluster::{Host, Only};
use crate::name::{Invalid, Slug};

/// The longest part of a name that comes from a text.
const PART_MAX: usize = 63;

/// The group of all control nodes.
pub(super) const CONTROL: &str = "control";
/// The group of all others.
pub(super) const WORKER: &str = "worker";

/// `prime_<cluster>`. No two clusters share one: a slug holds no `_`.
pub(super) fn cluster_group(cluster: &Slug<'_>) -> String {
    format!("prime_{}", cluster.as_str().replace('-', "_"))
}

/// `<prefix>_<label>`, with the label's [`group_part`].
#[must_use]
pub fn label_group(prefix: &str, label: &str) -> Option<String> {
    group_part(label).map(|part| format!("{prefix}_{part}"))
}

/// Returns a text as part of a group's name: its first 63 characters in lower case, with one `_`
/// for every run of other characters than ASCII letters and digits, and none at the ends; `None`
/// for a text without a letter or digit.
#[must_use]
pub fn group_part(text: &str) -> Option<String> {
    let mut name = String::new();
    for c in text.chars().take(PART_MAX) {
        if c.is_ascii_alphanumeric() {
            name.push(c.to_ascii_lowercase());
        } else if !name.ends_with('_') {
            name.push('_');
        }
    }
    let part = name.trim_matches('_');
    (!part.is_empty()).then(|| part.to_owned())
}

/// A further group, by a name that a role expects: `NAME=control`, `NAME=worker` or `NAME=all`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupRequest {
    name: String,
    /// The hosts in it; `None` is every host.
    only: Option<Only>,
}

impl GroupRequest {
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn takes(&self, host: &Host<'_>) -> bool {
        self.only.is_none_or(|only| only.takes(host))
    }

    /// Returns a warning if Ansible will warn about the name.
    #[must_use]
    pub fn warning(&self) -> Option<String> {
        self.name
            .contains('-')
            .then(|| format!("Ansible warns of `-` in a group's name: {}", self.name))
    }
}

impl FromStr for GroupRequest {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let (name, only) = match text.split_once('=') {
            Some((name, "control")) => (name, Some(Only::Control)),
            Some((name, "worker")) => (name, Some(Only::Worker)),
            Some((name, "all")) => (name, None),
            _ => {
                let reason = "a group is NAME=control, NAME=worker, or NAME=all";
                return Err(Invalid::because(reason));
            }
        };
        check_name(name, only)?;
        Ok(Self { name: name.to_owned(), only })
    }
}

fn check_name(name: &str, only: Option<Only>) -> Result<(), Invalid> {
    let inside = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    let first = |c: char| c.is_ascii_alphabetic() || c == '_';
    if !name.starts_with(first) || !name.chars().all(inside) || name.len() > PART_MAX {
        return Err(Invalid::because(
            "a group's name has letters, digits, `_` and `-`, and no digit in front",
        ));
    }
    if matches!(name, "all" | "ungrouped" | "localhost" | "_meta") {
        return Err(Invalid::because(format!("`{name}` is Ansible's own group")));
    }
    let kept = match name {
        CONTROL => only == Some(Only::Control),
        WORKER => only == Some(Only::Worker),
        _ => !["prime_", "gpu_", "role_", "status_"].iter().any(|ours| name.starts_with(ours)),
    };
    if kept { Ok(()) } else { Err(Invalid::because(format!("`{name}` is one of our own groups"))) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_ansible_takes_without_a_warning() {
        for (label, name) in [
            ("H100_80GB", Some("gpu_h100_80gb")),
            ("NVIDIA  H100 (80 GB)", Some("gpu_nvidia_h100_80_gb")),
            ("80gb", Some("gpu_80gb")),
            ("日本 1", Some("gpu_1")),
            ("日本", None),
            ("", None),
            ("_-_", None),
        ] {
            assert_eq!(label_group("gpu", label).as_deref(), name, "{label:?}");
        }
        let cluster = Slug::new("llama-3-run").unwrap();
        assert_eq!(cluster_group(&cluster), "prime_llama_3_run");
    }

    #[test]
    fn further_groups() {
        for text in ["slurm_controller=control", "kube_node=worker", "etcd=all", "control=control"]
        {
            let request: GroupRequest = text.parse().unwrap();
            assert_eq!(request.warning(), None, "{text}");
        }
        assert!("slurm-node=worker".parse::<GroupRequest>().unwrap().warning().is_some());
        for text in [
            "",
            "x",
            "=all",
            "x=",
            "x=some",
            "x=control,worker",
            "1x=all",
            "-x=all",
            "a b=all",
            "a.b=all",
            "a:b=all",
            "a[1]=all",
            "all=all",
            "ungrouped=all",
            "_meta=all",
            "control=all",
            "worker=control",
            "prime_train=all",
            "gpu_x=all",
            "é=all",
            "x\n=all",
        ] {
            assert!(text.parse::<GroupRequest>().is_err(), "{text:?}");
        }
    }
}
