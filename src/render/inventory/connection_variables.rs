//! The variables by which Ansible reaches a host, with no `ssh_config` installed.
//!
//! Ansible's ssh plugin puts its own options in front of `ansible_ssh_common_args`, and ssh takes
//! the first value that it sees. So what the plugin has a variable for is said with that variable,
//! and the rest with arguments.

use super::super::connection::{self, CONNECT_TIMEOUT, ConnectionOptions};
use super::super::sockets::{HOME, SocketNames};
use super::super::ssh_option::SshOption;
use super::value::{Ending, Value, Variable};
use crate::cluster::{Fleet, Host, Jump, JumpHost};
use crate::name::{Invalid, LocalPath, Port, UserName};
use crate::text::shell::{argument, is_plain};

/// The folder of Ansible's sockets, below the home folder.
const SOCKET_FOLDER: &str = "/.ansible/cp";
/// The number of retries of a login through a jump host: sshd drops some of many that come at once
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

/// Refuses an option that cannot be given to ssh through Ansible.
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

/// Returns the names of sockets in Ansible's folder.
fn sockets(options: &ConnectionOptions) -> SocketNames {
    SocketNames::in_folder(options.home_length.max(HOME) + SOCKET_FOLDER.len())
}

/// The connections of Ansible to the hosts of a fleet.
pub(super) struct Connections<'f> {
    fleet: &'f Fleet<'f>,
    sockets: SocketNames,
    /// The key to log in with, where no option of the user's replaces it.
    key: Option<&'f str>,
    /// The arguments of ssh behind a host's own: of one that is reached directly, and of one that
    /// jumps.
    direct: Ending,
    jumping: Ending,
}

impl<'f> Connections<'f> {
    pub(super) fn new(fleet: &'f Fleet<'f>, options: &'f ConnectionOptions) -> Self {
        let lines = connection::lines(options, &fleet.cluster);
        let key = options.identity_file.as_ref().filter(|_| !options.gives("IdentityFile"));
        let mut arguments = String::new();
        // The two that Ansible has variables for.
        for line in &lines {
            let is_key = line.keyword() == "IdentityFile" && key.is_some();
            if !is_key && line.keyword() != "ConnectTimeout" {
                arguments.extend([" -o ", &shlex_word(line.to_string())]);
            }
        }
        let bastion = fleet.bastion.as_ref();
        let direct = bastion.map(|bastion| format!("ProxyJump={bastion}"));
        let jumping = match &fleet.jump {
            Some(Jump::ControlNode(name)) => {
                let host = fleet.hosts.iter().find(|host| host.name == *name);
                host.map(|host| through_node(host, bastion, &lines))
            }
            Some(Jump::Via(via)) if Some(via) != bastion => {
                Some(through_via(via, bastion, options, &lines))
            }
            Some(Jump::Via(_)) | None => direct.clone(),
        };
        let ending = |way: Option<String>| {
            let way = way.map(|way| [" -o ", &shlex_word(way)].concat()).unwrap_or_default();
            Ending::of(&(arguments.clone() + &way))
        };
        Self {
            fleet,
            sockets: sockets(options),
            key: key.map(LocalPath::as_str),
            jumping: ending(jumping),
            direct: ending(direct),
        }
    }

    /// The variables that are the same for all hosts.
    pub(super) fn of_all(&self) -> Vec<Variable<'_>> {
        let key = self.key.map(|key| Variable::text("ansible_ssh_private_key_file", Some(key)));
        let timeout = Value::Number(CONNECT_TIMEOUT.into());
        key.into_iter().chain([Variable::new("ansible_ssh_timeout", timeout)]).collect()
    }

    /// Adds the variables that are each host's own.
    ///
    /// The path of its socket is a format of Python's, and then ssh's: `%(directory)s` is Ansible's
    /// folder, which it makes where it is missing, and `%%r` the login name. Ansible's own path
    /// names the address, which may be that of another machine behind another jump host.
    pub(super) fn add<'v>(&'v self, host: &'v Host<'v>, variables: &mut Vec<Variable<'v>>) {
        let machine = host.host_key_alias();
        let socket = match self.sockets.of(self.fleet, host, &machine) {
            Some(name) => ["%(directory)s/%%r@", &name].concat(),
            None => "none".to_owned(),
        };
        let ending = if host.jumps { &self.jumping } else { &self.direct };
        let arguments = Value::Ending(["-o HostKeyAlias=", &machine].concat(), ending);
        variables.extend([
            Variable::text("ansible_host", Some(host.host_name.as_str())),
            Variable::text("ansible_control_path", Some(socket)),
            Variable::new("ansible_ssh_common_args", arguments),
        ]);
        if host.jumps || self.fleet.bastion.is_some() {
            variables.push(Variable::new("ansible_ssh_retries", Value::Number(RETRIES)));
        }
    }
}

/// The start of a [`hop`]: nobody is there to type a password, as for the host itself. And a connection
/// that the user's own config shares may be one to another machine at the same address. The word
/// `ControlPath` must not stand here: Ansible would take it for the host's own.
const PROXY_COMMAND: &str =
    "ProxyCommand=ssh -S none -o KbdInteractiveAuthentication=no -o PasswordAuthentication=no";

/// The command that leads to a host behind a hop: ssh to the hop, which passes everything on.
///
/// `ProxyJump` would not do: the key, the certificate and the rules for host keys that Ansible
/// gives to ssh do not reach the hop of one.
fn hop(
    bastion: Option<&JumpHost>,
    settings: impl Iterator<Item = String>,
    (user, host, port): (Option<&UserName<'_>>, &str, Option<Port>),
) -> String {
    let mut command = PROXY_COMMAND.to_owned();
    if let Some(bastion) = bastion {
        command.extend([" -J ", &argument(&bastion.to_string())]);
    }
    for setting in settings {
        // ssh expands what follows a `%`.
        command.extend([" -o ", &argument(&setting.replace('%', "%%"))]);
    }
    if let Some(port) = port {
        command.extend([" -p ", &port.to_string()]);
    }
    command.push_str(" -W '[%h]:%p' ");
    if let Some(user) = user {
        command.extend([user.as_str(), "@"]);
    }
    command + host
}

/// The command that leads through a control node.
fn through_node(host: &Host<'_>, bastion: Option<&JumpHost>, lines: &[SshOption]) -> String {
    let own = format!("HostKeyAlias={}", host.host_key_alias());
    let settings = [own].into_iter().chain(lines.iter().map(SshOption::to_string));
    hop(bastion, settings, (Some(&host.user), host.host_name.as_str(), Some(host.port)))
}

/// The command that leads through the user's own jump host. It may have a key of its own, in its
/// config or in an agent, and its key may be in ssh's own files; so it is not held to ours alone.
/// Options that the user gave are for our hosts.
fn through_via(
    via: &JumpHost,
    bastion: Option<&JumpHost>,
    options: &ConnectionOptions,
    lines: &[SshOption],
) -> String {
    let suits = |keyword: &str| keyword != "IdentitiesOnly" && !options.gives(keyword);
    let settings = lines.iter().filter(|line| suits(line.keyword())).map(|line| {
        let known = line.keyword() == "UserKnownHostsFile";
        let more = if known { " ~/.ssh/known_hosts ~/.ssh/known_hosts2" } else { "" };
        format!("{line}{more}")
    });
    hop(bastion, settings, (via.user(), via.host(), via.port()))
}

/// One word as Python's `shlex` reads it: as it is, or in double quotes, for a command has single
/// ones in it.
fn shlex_word(text: String) -> String {
    if text.bytes().all(is_plain) {
        return text;
    }
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}
