"""What a reader of ssh_config makes of names: `read.py READER FILE NAME…` prints one JSON object a line.

Each has host, user, port, keys and jump; what a reader does not know is null.
"""

import ctypes
import json
import subprocess
import sys
from pathlib import Path


def found(host, user, port, keys, jump):
    keys = [keys] if isinstance(keys, str) else list(keys or [])
    # A reader that leaves the tilde to its caller means the same file.
    keys = [str(Path(str(key)).expanduser()) for key in keys]
    return {"host": host, "user": user, "port": int(port or 22), "keys": keys, "jump": jump}


def openssh(file, name):
    said = subprocess.run(["ssh", "-T", "-G", "-F", file, "--", name], check=True, capture_output=True, text=True)
    values = {}
    for line in said.stdout.splitlines():
        keyword, _, value = line.partition(" ")
        values.setdefault(keyword, []).append(value)
    keys = values.pop("identityfile")
    return of_keywords({keyword: value[0] for keyword, value in values.items()} | {"identityfile": keys})


def paramiko(file, name):
    from paramiko import SSHConfig

    values = SSHConfig.from_path(file).lookup(name)
    return of_keywords(values)


def pyinfra(file, name):
    from pyinfra.connectors.sshuserclient.config import SSHConfig

    config = SSHConfig()
    with open(file) as text:
        config.parse(text)
    return of_keywords(config.lookup(name))


def of_keywords(values):
    of = values.get
    return found(of("hostname"), of("user"), of("port"), of("identityfile"), of("proxyjump"))


def sshconf(file, name):
    from sshconf import read_ssh_config

    # It knows blocks by their whole first line, and quotes as a part of the value.
    config = read_ssh_config(file)
    block = next(block for block in config.hosts() if name in block.split() and "*" not in block)
    return of_keywords({key.lower(): value.strip('"') for key, value in config.host(block).items()})


def asyncssh(file, name):
    from asyncssh.config import SSHClientConfig

    config = SSHClientConfig.load(None, [file], False, False, False, "me", (), name, ())
    of = config.get
    return found(of("Hostname"), of("User"), of("Port"), of("IdentityFile"), of("ProxyJump"))


def libssh(file, name):
    ssh = ctypes.CDLL("libssh.so.4")
    ssh.ssh_new.restype = ctypes.c_void_p
    host_option, user_option, proxy_option = 0, 4, 19
    session = ctypes.c_void_p(ssh.ssh_new())
    assert ssh.ssh_options_set(session, host_option, name.encode()) == 0
    assert ssh.ssh_options_parse_config(session, file.encode()) == 0

    def text(option):
        value = ctypes.c_char_p()
        if ssh.ssh_options_get(session, option, ctypes.byref(value)) != 0:
            return None
        return value.value.decode()

    port = ctypes.c_uint()
    ssh.ssh_options_get_port(session, ctypes.byref(port))
    identity_option = 6
    # It makes a command of `ProxyJump`, whose last word is the jump host.
    proxy = text(proxy_option)
    jump = proxy.split()[-1] if proxy else None
    values = found(text(host_option), text(user_option), port.value, text(identity_option), jump)
    ssh.ssh_free(session)
    return values


reader, file, *names = sys.argv[1:]
for name in names:
    print(json.dumps(globals()[reader](file, name)))
