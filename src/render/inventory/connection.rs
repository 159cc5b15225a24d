//! How Ansible reaches a host by itself, with no `ssh_config` installed.
//!
//! Ansible's ssh plugin puts its own options in front of `ansible_ssh_common_args`, and ssh takes
//! the first value that it sees. So what the plugin has a variable for is said with that variable,
//! and the rest with arguments.

use std::fmt::{self, Display, Write};
use std::rc::Rc;

use super::super::login::{self, CONNECT_TIMEOUT, Line};
use super::super::sockets::{HOME, SocketName, SocketNames};
use super::super::ssh_option::SshOption;
use super::Options;
use super::value::{Value, Variable};
use crate::cluster::{Fleet, Host, Jump, JumpVia};
use crate::name::{HostKeyAlias, Invalid, LocalPath};
use crate::text::shell::{Argument, is_plain};

/// Where Ansible keeps its sockets, below the home folder.
const SOCKET_FOLDER: &str = "/.ansible/cp";
/// How often a login through a jump host is tried again: sshd drops some of many that come at once
/// (`MaxStartups` in `sshd_config(5)`).
const RETRIES: u64 = 3;

/// Options that Ansible sets itself, in front of ours, so that ours would do nothing.
const SET_BY_ANSIBLE: [(&str, &str); 7] = [
    ("Compression", "ANSIBLE_SSH_ARGS"),
    ("ConnectTimeout", "ANSIBLE_TIMEOUT"),
    ("ControlMaster", "ANSIBLE_SSH_ARGS"),
    ("ControlPersist", "ANSIBLE_SSH_ARGS"),
    ("KbdInteractiveAuthentication", "ansible_password"),
    ("PasswordAuthentication", "ansible_password"),
    ("PreferredAuthentications", "ansible_password"),
];

/// Options that leave Ansible no session to run its modules in.
const AGAINST_ANSIBLE: [&str; 4] =
    ["ForkAfterAuthentication", "RemoteCommand", "SessionType", "StdinNull"];

/// Why an option cannot be given to ssh through Ansible.
pub fn check_option(option: &SshOption) -> Result<(), Invalid> {
    let keyword = option.keyword();
    if let Some((_, instead)) = SET_BY_ANSIBLE.iter().find(|(ours, _)| *ours == keyword) {
        return Err(Invalid::because(format!(
            "{keyword} has no effect in an inventory: Ansible sets it itself, and ssh takes the \
             first; see {instead} in Ansible's manual"
        )));
    }
    if AGAINST_ANSIBLE.contains(&keyword) {
        return Err(Invalid::because(format!(
            "{keyword} would keep Ansible from running anything"
        )));
    }
    Ok(())
}

/// What sockets are called in Ansible's folder.
pub(super) fn sockets<'f>(fleets: &'f [Fleet<'f>], options: &Options) -> SocketNames<'f> {
    SocketNames::in_folder(options.home_length.max(HOME) + SOCKET_FOLDER.len(), fleets)
}

/// How the hosts of a fleet are reached.
pub(super) struct Connections<'f> {
    fleet: &'f Fleet<'f>,
    login: &'f login::Options,
    lines: Vec<Line<'f>>,
    sockets: Rc<SocketNames<'f>>,
    hop: Option<Hop<'f>>,
}

/// The host that others jump through.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Hop<'f> {
    /// One of ours.
    Node(&'f Host<'f>),
    /// One that the user named, and may have in their own config.
    Via(&'f JumpVia),
}

impl<'f> Connections<'f> {
    pub(super) fn new(
        fleet: &'f Fleet<'f>,
        options: &'f Options,
        sockets: Rc<SocketNames<'f>>,
    ) -> Self {
        let hop = match &fleet.jump {
            Some(Jump::ControlNode(name)) => {
                fleet.hosts.iter().find(|host| host.name == *name).map(Hop::Node)
            }
            Some(Jump::Via(via)) => Some(Hop::Via(via)),
            None => None,
        };
        let lines = login::lines(&options.login, &fleet.cluster).collect();
        Self { fleet, login: &options.login, lines, sockets, hop }
    }

    /// The variables that are the same for all hosts.
    pub(super) fn of_all(&self) -> Vec<Variable<'_>> {
        let mut variables = Vec::new();
        let key = self.login.identity_file.as_ref();
        // An option of the user's may have replaced ours.
        let is_ours = |path: &&LocalPath<'_>| {
            self.lines.iter().any(|line| line.value == login::Value::Path(path))
        };
        if let Some(path) = key.filter(is_ours) {
            variables.push(Variable::new("ansible_ssh_private_key_file", Value::text(path)));
        }
        let timeout = Value::Number(CONNECT_TIMEOUT.into());
        variables.push(Variable::new("ansible_ssh_timeout", timeout));
        variables
    }

    /// The variables that are each host's own.
    pub(super) fn of_host<'v>(&'v self, host: &'v Host<'v>) -> Vec<Variable<'v>> {
        let hop = self.hop.filter(|_| host.jumps);
        let socket =
            ControlPath { machine: host.host_key_alias(), name: self.sockets.of(self.fleet, host) };
        let arguments = SshArguments { machine: host.host_key_alias(), lines: &self.lines, hop };
        let mut variables = vec![
            Variable::new("ansible_host", Value::text(&host.host_name)),
            Variable::new("ansible_control_path", Value::text(socket)),
            Variable::new("ansible_ssh_common_args", Value::text(arguments)),
        ];
        if hop.is_some() {
            variables.push(Variable::new("ansible_ssh_retries", Value::Number(RETRIES)));
        }
        variables
    }
}

/// The path of a host's socket. Ansible's own names the address, which may be that of another
/// machine behind another jump host.
///
/// It is a format of Python's, and then ssh's: `%(directory)s` is Ansible's folder, which it makes
/// where it is missing, and `%%r` the login name.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct ControlPath<'v> {
    machine: HostKeyAlias<'v>,
    name: SocketName,
}

impl Display for ControlPath<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            SocketName::Environment => write!(f, "%(directory)s/%%r@{}", self.machine),
            SocketName::Hash(hash) => write!(f, "%(directory)s/%%r@{hash}"),
            SocketName::None => f.write_str("none"),
        }
    }
}

/// The arguments of ssh for a host, as Python's `shlex` splits them.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct SshArguments<'v> {
    machine: HostKeyAlias<'v>,
    lines: &'v [Line<'v>],
    hop: Option<Hop<'v>>,
}

impl Display for SshArguments<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "-o HostKeyAlias={}", self.machine)?;
        // The two that Ansible has variables for.
        let said = |line: &&Line<'_>| {
            matches!(line.value, login::Value::Path(_)) && line.keyword == "IdentityFile"
                || line.keyword == "ConnectTimeout"
        };
        for line in self.lines.iter().filter(|line| !said(line)) {
            write!(f, " -o {}", ShlexWord(&Setting(*line)))?;
        }
        match self.hop {
            Some(hop) => write!(f, " -o {}", ShlexWord(&ProxyCommand { hop, lines: self.lines })),
            None => Ok(()),
        }
    }
}

/// `Keyword=value`, as `-o` takes it. A path has no quotes where it needs none: two more kinds go
/// around them.
struct Setting<'v>(Line<'v>);

impl Display for Setting<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}=", self.0.keyword)?;
        match self.0.value {
            login::Value::Path(path) if !path.as_str().contains([' ', '#']) => path.fmt(f),
            value => value.fmt(f),
        }
    }
}

/// The command that leads to a host that jumps: ssh to the hop, which passes everything on.
///
/// `ProxyJump` would not do: the key, the certificate and the rules for host keys that Ansible
/// gives to ssh do not reach the hop of one.
struct ProxyCommand<'v> {
    hop: Hop<'v>,
    lines: &'v [Line<'v>],
}

impl Display for ProxyCommand<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // As Ansible does for the host itself: nobody is there to type a password. And a connection
        // that the user's own config shares may be one to another machine at the same address. The
        // word `ControlPath` must not stand here: Ansible would take it for the host's own.
        f.write_str(
            "ProxyCommand=ssh -S none -o KbdInteractiveAuthentication=no -o PasswordAuthentication=no",
        )?;
        match self.hop {
            Hop::Node(host) => {
                write!(f, " -o HostKeyAlias={}", host.host_key_alias())?;
                for line in self.lines {
                    write!(f, " -o {}", Argument(&InProxyCommand(&Setting(*line))))?;
                }
                write!(f, " -p {} -W '[%h]:%p' {}@{}", host.port, host.user, host.host_name)
            }
            Hop::Via(via) => {
                for line in self.lines.iter().filter(|line| suits_via(line)) {
                    write!(f, " -o {}", Argument(&InProxyCommand(&ViaSetting(*line))))?;
                }
                if let Some(port) = via.port() {
                    write!(f, " -p {port}")?;
                }
                f.write_str(" -W '[%h]:%p' ")?;
                if let Some(user) = via.user() {
                    write!(f, "{user}@")?;
                }
                f.write_str(&via.host())
            }
        }
    }
}

/// Whether a line is for the user's own jump host too. It may have a key of its own, in its config
/// or in an agent, so it is not held to ours alone; and options that the user gave are for our
/// hosts.
fn suits_via(line: &Line<'_>) -> bool {
    !matches!(line.value, login::Value::Given(_)) && line.keyword != "IdentitiesOnly"
}

/// A setting for the user's own jump host, whose key ssh's own files may hold.
struct ViaSetting<'v>(Line<'v>);

impl Display for ViaSetting<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Setting(self.0).fmt(f)?;
        if self.0.keyword == "UserKnownHostsFile" {
            f.write_str(" ~/.ssh/known_hosts ~/.ssh/known_hosts2")?;
        }
        Ok(())
    }
}

/// A text in a `ProxyCommand`, in which ssh expands what follows a `%`.
struct InProxyCommand<'v>(&'v dyn Display);

impl Display for InProxyCommand<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let double = |c, to: &mut dyn Write| match c {
            '%' => to.write_str("%%"),
            _ => to.write_char(c),
        };
        write!(Each { to: f, write: double }, "{}", self.0)
    }
}

/// One word as Python's `shlex` reads it: as it is, or in double quotes, for a command has single
/// ones in it.
struct ShlexWord<'v>(&'v dyn Display);

impl Display for ShlexWord<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.0.to_string();
        if text.bytes().all(is_plain) {
            return f.write_str(&text);
        }
        let escape = |c, to: &mut dyn Write| match c {
            '"' | '\\' => write!(to, "\\{c}"),
            _ => to.write_char(c),
        };
        f.write_char('"')?;
        Each { to: f, write: escape }.write_str(&text)?;
        f.write_char('"')
    }
}

/// Writes each character in a way of its own.
struct Each<'f, 'b, W> {
    to: &'f mut fmt::Formatter<'b>,
    write: W,
}

impl<W: Fn(char, &mut dyn Write) -> fmt::Result> Write for Each<'_, '_, W> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        text.chars().try_for_each(|c| (self.write)(c, self.to))
    }
}
