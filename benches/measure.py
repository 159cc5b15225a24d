"""Measures prime-ssh side by side with what it is compared to, and prints a table of ratios.

Each row is measured in one run, the two sides in turn, so that a busy machine slows both. Called
by benches/run with the path of the program as packages have it.
"""

import hashlib
import json
import multiprocessing
import os
import pwd
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time

from served import ANSWER, Api, answer, introduce, node, private, public, write_answer

TOKEN = "token-of-the-bench"
NODES_LARGE = 100_000
NODES_SMALL = 16
HOSTS = 10_000
CLUSTERS = 100
PAUSE = 0.05
JOBS = 64
DEAD = 1
LISTED = 9_999
# Goals: seconds of a list and of doctor, system calls, seconds of CPU for Ansible's load.
LIST = 0.9
DOCTOR = 2.0
CALLS = 250
LOAD = 0.25
# Bytes a second of a large answer.
RATE = 100e6
# Instructions a host of the commit cae9baf, measured as measure_instructions does.
BEFORE = {"config, compact, rendering alone": 1_943, "inventory, YAML": 113_211, "inventory, INI": 113_636}


class Cost:
    """What one run of a command took."""

    def __init__(self, command, environment, output=os.devnull, code=0):
        with open(output, "wb") as stdout:
            started = time.perf_counter()
            child = subprocess.Popen(
                command, env=environment, stdin=subprocess.DEVNULL, stdout=stdout,
                stderr=subprocess.DEVNULL if code else None,
            )
            _, status, usage = os.wait4(child.pid, 0)
            self.seconds = time.perf_counter() - started
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode != code:
            sys.exit(f"exit {child.returncode}: {' '.join(command)}")
        self.cpu = usage.ru_utime + usage.ru_stime
        self.memory = usage.ru_maxrss * 1024


def in_turn(times, sides, environment, what="seconds"):
    """The median of each command, the commands in turn."""
    costs = {name: [] for name in sides}
    for _ in range(times):
        for name, command in sides.items():
            costs[name].append(getattr(Cost(command, environment), what))
    return {name: statistics.median(values) for name, values in costs.items()}


class Table:
    def __init__(self):
        self.rows = []

    def goal(self, what, value, goal, unit=""):
        """A row that is compared to what is aimed at."""
        text = "{:.3f}{}" if isinstance(value, float) else "{:,}{}"
        self.add(what, text.format(value, unit), "the goal " + text.format(goal, unit), value / goal, 1)

    def missing(self, what, program):
        """A row that cannot be measured here."""
        self.rows.append((what, "not measured", f"no {program} here", "-", "-", "-"))

    def add(self, what, ours, theirs, ratio, target):
        self.rows.append((what, ours, theirs, f"{ratio:.3f}", f"<= {target:.3f}", "yes" if ratio <= target else "NO"))
        print(f"  {what}: {ratio:.3f} (at most {target:.3f})", file=sys.stderr)

    def show(self):
        rows = [("what", "prime-ssh", "compared to", "ratio", "target", "met")] + self.rows
        widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))]
        for at, row in enumerate(rows):
            print("| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths)) + " |")
            if at == 0:
                print("|" + "|".join("-" * (width + 2) for width in widths) + "|")
        return all(row[-1] != "NO" for row in self.rows)


def measure_large(table, program, folder, environment):
    """A saved answer of 100,000 nodes, rendered; jq makes the same text."""
    saved = f"{folder}/large.json"
    write_answer(saved, NODES_LARGE, private)
    here = os.path.dirname(os.path.abspath(__file__))
    ours = [program, "config", "--input", saved]
    theirs = ["jq", "-r", "-f", f"{here}/ssh_config.jq", saved]
    Cost(ours, environment, f"{folder}/ours")
    Cost(theirs, environment, f"{folder}/theirs")
    subprocess.run(["cmp", f"{folder}/ours", f"{folder}/theirs"], check=True)
    time_of = in_turn(5, {"ours": ours, "jq": theirs}, environment)
    version = subprocess.run(["jq", "--version"], capture_output=True, text=True).stdout.strip()
    table.add(
        f"render {NODES_LARGE:,} saved nodes, time", f"{time_of['ours']:.3f} s",
        f"{version} {time_of['jq']:.3f} s", time_of["ours"] / time_of["jq"], 1 / 8,
    )
    memory, size = max(Cost(ours, environment).memory for _ in range(3)), os.path.getsize(saved)
    table.add(
        "the same, memory", f"{memory / 2**20:.0f} MiB", f"answer {size / 2**20:.0f} MiB",
        memory / size, 1.6,
    )


def measure_small(table, program, environment):
    """16 nodes fetched and rendered, against curl, which only fetches."""
    with Api(0, {"clst01": answer("clst01", NODES_SMALL, private).encode()}) as api:
        ours = [program, "config", "clst01", "--api-url", api.url]
        url = f"{api.url}/api/admin/clusters/clst01"
        curl = ["curl", "-s", "-H", f"Authorization: Bearer {TOKEN}", url]
        time_of = in_turn(200, {"ours": ours, "curl": curl}, environment)
    table.add(
        f"fetch and render {NODES_SMALL} nodes", f"{time_of['ours'] * 1000:.2f} ms",
        f"curl -s {time_of['curl'] * 1000:.2f} ms", time_of["ours"] / time_of["curl"], 1,
    )


def measure_fetch(table, program, environment):
    """100,000 nodes at 100 MB a second, rendered too, against curl, which only fetches."""
    with Api(0, {"clst01": answer("clst01", NODES_LARGE, private).encode()}, RATE) as api:
        ours = [program, "config", "clst01", "--api-url", api.url]
        curl = ["curl", "-s", "-H", f"Authorization: Bearer {TOKEN}", f"{api.url}/api/admin/clusters/clst01"]
        time_of = in_turn(5, {"ours": ours, "curl": curl}, environment)
    table.add(
        f"fetch and render {NODES_LARGE:,} nodes at {RATE / 1e6:.0f} MB/s", f"{time_of['ours']:.3f} s",
        f"curl -s {time_of['curl']:.3f} s", time_of["ours"] / time_of["curl"], 1.1,
    )


def write_clusters(path, hosts, places):
    """Writes the answers of all clusters into one file; `places` gives each its places."""
    clusters = [answer(f"c{at:03}", hosts, places(at)) for at in range(CLUSTERS)]
    with open(path, "w") as file:
        file.write('{"data":[' + ",".join(text[8:-20] for text in clusters) + "]}")


def four_lines(count):
    """The layout of cae9baf: a line with the jump on every host."""
    for at in range(count):
        cluster, place = f"prime.train-c{at // 100:03}", at % 100
        jump = f"  ProxyJump {cluster}.node-0\n" if place else ""
        yield (
            f"Host {cluster}.node-{place}{'' if place else f' {cluster}'}\n  HostName {private(place)}\n"
            f"  HostKeyAlias prime-c{at // 100:03}-{place:06}\n{jump}"
        )


def nine_lines(count):
    """The usual layout: everything on every host."""
    for at in range(count):
        yield (
            f"Host prime.train-clst01.node-{at}\n  HostName {public(at)}\n  User ubuntu\n"
            f"  HostKeyAlias prime-pod{at:06}\n  IdentityFile \"~/.ssh/id_ed25519\"\n  IdentitiesOnly yes\n"
            "  StrictHostKeyChecking accept-new\n  ServerAliveInterval 30\n  ConnectTimeout 15\n"
        )


def measure_ssh(table, program, folder, environment):
    """What ssh itself spends on reading the hosts of all clusters for a name that is none of them."""
    answers = f"{folder}/clusters.json"
    write_clusters(answers, HOSTS // CLUSTERS, lambda _: private)
    sides = {"empty": "/dev/null"}
    for layout in ("flat", "compact"):
        sides[layout] = f"{folder}/{layout}"
        arguments = ["--identity-file", "~/.ssh/id_ed25519", "--layout", layout]
        Cost([program, "config", "--input", answers, *arguments], environment, sides[layout])
    for name, lines in ("four", four_lines), ("nine", nine_lines):
        sides[name] = f"{folder}/{name}-lines"
        with open(sides[name], "w") as file:
            file.writelines(lines(HOSTS))
    sides["live"] = f"{folder}/live-ssh/config"
    os.makedirs(f"{folder}/live-ssh", mode=0o700)
    arguments = ["--input", answers, "--ssh-dir", f"{folder}/live-ssh", "--layout", "compact"]
    subprocess.run([program, "-q", "install", "--live", *arguments], env=environment, check=True)
    sides = {name: ["ssh", "-T", "-G", "-F", config, "github.com"] for name, config in sides.items()}
    cpu = in_turn(25, sides, environment, "cpu")
    layouts = {"compact": "compact", "live": "compact, installed with --live", "flat": "flat"}
    for layout, target in (("compact", 3.3), ("live", 3.3), ("flat", 12)):
        table.add(
            f"ssh -G of another host, {HOSTS:,} hosts in {CLUSTERS} clusters, {layouts[layout]}",
            f"{cpu[layout] * 1000:.1f} ms", f"an empty config {cpu['empty'] * 1000:.1f} ms",
            cpu[layout] / cpu["empty"], target,
        )
    ours, theirs = cpu["compact"] - cpu["empty"], cpu["nine"] - cpu["empty"]
    table.add(
        "compact over an empty config, CPU", f"{ours * 1000:.1f} ms",
        f"nine lines a host {theirs * 1000:.1f} ms", ours / theirs, 0.4,
    )
    what = "compact over an empty config, instructions a host"
    if not shutil.which("valgrind"):
        return table.missing(what, "valgrind")
    counted = {name: instructions(sides[name], environment) for name in ("empty", "compact", "live", "four")}
    of_host = {name: (count - counted["empty"]) / HOSTS for name, count in counted.items()}
    for name, what in (("compact", what), ("live", f"{what}, installed with --live")):
        # What 3.3 times an empty config was, where four lines a host were 4.4 times one.
        table.add(
            what, f"{of_host[name]:,.0f}", f"four lines a host {of_host['four']:,.0f}",
            of_host[name] / of_host["four"], 0.68,
        )


def measure_all(table, program, environment):
    """100 clusters at 50 ms an answer, side by side, against one after the other."""
    clusters = {f"c{at:03}": answer(f"c{at:03}", NODES_SMALL, private).encode() for at in range(CLUSTERS)}
    with Api(PAUSE, clusters) as api:
        ours = [program, "config", "--all", "--api-url", api.url]
        urls = [f"{api.url}/api/admin/clusters?limit=100"]
        urls += [f"{api.url}/api/admin/clusters/{name}" for name in clusters]
        curl = ["curl", "-s", "-H", f"Authorization: Bearer {TOKEN}", *urls]
        time_of = in_turn(3, {"ours": ours, "curl": curl}, environment)
    table.add(
        f"--all, {CLUSTERS} clusters at {PAUSE * 1000:.0f} ms", f"{time_of['ours']:.3f} s",
        f"one after the other {time_of['curl']:.3f} s", time_of["ours"] / time_of["curl"], 1 / 6,
    )


def measure_list(table, program, environment):
    """All pages of a long list, against the goal; one after the other they would take 100 pauses."""
    with Api(PAUSE, {f"c{at:04}": b"" for at in range(LISTED)}) as api:
        took = in_turn(3, {"ours": [program, "list", "--api-url", api.url]}, environment)["ours"]
    table.goal(f"list of {LISTED:,} clusters at {PAUSE * 1000:.0f} ms a page", took, LIST, " s")


def measure_https(table, program, folder, environment):
    """System calls of a run over HTTPS up to its first connection, and the files with authorities that it opens.

    Those of the programs that it starts are not its own."""
    calls, files = "start of a run over HTTPS, system calls", "the same, files of /etc/ssl/certs opened"
    if not shutil.which("strace"):
        table.missing(calls, "strace")
        return table.missing(files, "strace")
    log = f"{folder}/strace"
    config = [program, "config", "clst01", "--timeout", "1s", "--api-url", "https://127.0.0.1:1"]
    Cost(["strace", "-qq", "-o", log, *config], environment, code=3)
    with open(log) as file:
        lines = file.readlines()
    # Nobody answers; how often it tries again is left to chance.
    table.goal(calls, 1 + next(at for at, line in enumerate(lines) if re.match(r"connect\(.*AF_INET", line)), CALLS)
    # `/etc/ssl/certs/ca-certificates.crt` may be a link to any other place: what counts is how many are read.
    opened = [line for line in lines if re.search(r'open(at)?\(.*"/(etc/ssl|etc/pki|usr/share/ca-cert)[^"]*\.(pem|crt|0)"', line)]
    table.goal(files, sum("ENOENT" not in line for line in opened), 1)


def instructions(command, environment, code=0):
    """How many instructions a command takes: the steady figure on a busy machine."""
    count = ["valgrind", "--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null"]
    ran = subprocess.run([*count, *command], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    if ran.returncode != code:
        sys.exit(f"exit {ran.returncode}: {' '.join(command)}\n{ran.stderr}")
    return int(re.search(r"I\s+refs:\s+([\d,]+)", ran.stderr)[1].replace(",", ""))


def measure_instructions(table, program, folder, environment):
    """Instructions a host of 10,000, of which all but one jump, against those of an old commit."""
    if not shutil.which("valgrind"):
        for what in BEFORE:
            table.missing(f"{what}, instructions a host", "valgrind")
        return
    saved = f"{folder}/jumping.json"
    write_answer(saved, HOSTS, private)
    of = lambda *arguments, code=0: instructions([program, *arguments, "--input", saved], environment, code)
    compact = ["config", "--layout", "compact"]
    # The second has read, checked and named all, and then finds no host to write.
    found = {
        "config, compact, rendering alone": of(*compact) - of(*compact, "--node", "none-of-them", code=4),
        "inventory, YAML": of("inventory", "--format", "yaml"),
        "inventory, INI": of("inventory", "--format", "ini"),
    }
    for what, before in BEFORE.items():
        ours = found[what] / HOSTS
        table.add(
            f"{what}, instructions a host", f"{ours:,.0f}", f"cae9baf {before:,}", ours / before, 1 / 2,
        )


def measure_ansible(table, program, folder, environment):
    """What Ansible spends on loading 1,000 hosts, over an empty inventory: what we advise, and YAML.

    `ansible --list-hosts` loads them and prints their names; `ansible-inventory --list` would write all
    variables again."""
    target = os.path.dirname(os.path.dirname(program))
    loader = f"{target}/ansible/newest/bin/ansible"
    loader = loader if os.path.exists(loader) else shutil.which("ansible")
    live, file = "Ansible's load of 1,000 hosts, live, CPU over an empty inventory", "the same, hosts.json"
    if not loader:
        table.missing(live, "ansible")
        return table.missing(file, "ansible")
    text = answer("clst01", 1000, private)
    with Api(0, {"clst01": text.encode()}) as api:
        environment = dict(environment, PRIME_API_BASE_URL=api.url, PRIME_SSH_CLUSTERS="clst01")
        sides = {"empty": f"{folder}/empty.ini", "live": program}
        open(sides["empty"], "w").close()
        for ending in ("json", "yml"):
            sides[ending] = f"{folder}/hosts.{ending}"
            Cost([program, "inventory", "clst01", "-o", sides[ending]], environment)
        load = {name: [loader, "all", "--list-hosts", "-i", inventory] for name, inventory in sides.items()}
        yaml = {"yml": load.pop("yml")}
        cpu = in_turn(9, load, environment, "cpu") | in_turn(1, yaml, environment, "cpu")
    over = {name: cpu[name] - cpu["empty"] for name in sides}
    table.goal(live, over["live"], LOAD, " s")
    table.goal(file, over["json"], LOAD, " s")
    table.add(
        "the same over hosts.yml", f"{over['json']:.3f} s", f"YAML {over['yml']:.3f} s", over["json"] / over["yml"], 1 / 4,
    )


def measure_doctor(table, program, folder, environment):
    """All examinations of 100 clusters of 100 hosts, against what somebody waits for; and how often ssh runs."""
    clusters = {f"c{at:03}": answer(f"c{at:03}", HOSTS // CLUSTERS, private).encode() for at in range(CLUSTERS)}
    real, log = shutil.which("ssh"), f"{folder}/ssh-runs"
    os.makedirs(f"{folder}/bin")
    with open(f"{folder}/bin/ssh", "w") as file:
        file.write(f'#!/bin/sh\necho >>"{log}"\nexec "{real}" "$@"\n')
    os.chmod(f"{folder}/bin/ssh", 0o755)
    counting = dict(environment, PATH=f"{folder}/bin:{environment['PATH']}")
    with Api(0, clusters) as api:
        for layout in ("flat", "compact"):
            options = ["--ssh-dir", f"{folder}/doctor-{layout}", "--api-url", api.url]
            install = [program, "install", "--all", "-q", "--layout", layout, *options]
            subprocess.run(install, env=environment, check=True)
            doctor = [program, "doctor", *options]
            took = in_turn(3, {"doctor": doctor}, environment)["doctor"]
            open(log, "w").close()
            Cost(doctor, counting)
            runs, most = os.path.getsize(log), CLUSTERS + 10
            what = f"doctor, {CLUSTERS} clusters of {HOSTS // CLUSTERS} hosts, {layout}"
            table.goal(what, took, DOCTOR, " s")
            table.add("the same, runs of ssh", str(runs), f"one a cluster and ten more {most}", runs / most, 1)


def measure_certificate(table, program, folder, environment):
    """A certificate that will do, against doing nothing."""
    ssh = f"{folder}/.ssh"
    os.makedirs(f"{ssh}/prime-ssh", mode=0o700)

    def keygen(*arguments):
        subprocess.run(["ssh-keygen", "-q", *arguments], check=True)

    for name in ("ca", "id"):
        keygen("-t", "ed25519", "-N", "", "-f", f"{ssh}/{name}")
    keygen("-s", f"{ssh}/ca", "-I", "bench", "-n", "ubuntu", "-V", "+8h", f"{ssh}/id.pub")
    part = hashlib.sha256(b"clst01").hexdigest()[:8]
    os.rename(f"{ssh}/id-cert.pub", f"{ssh}/prime-ssh/train-{part}-cert.pub")
    ensure = [program, "cert", "--ensure", "--identity-file", f"{ssh}/id", "clst01"]
    time_of = in_turn(300, {"ensure": ensure, "version": [program, "--version"]}, environment)
    table.add(
        "cert --ensure, nothing to do", f"{time_of['ensure'] * 1000:.2f} ms",
        f"--version {time_of['version'] * 1000:.2f} ms", time_of["ensure"] / time_of["version"], 1.5,
    )


def start_sshd(folder, name, address, key):
    """A real sshd at this address, and its port."""
    with socket.create_server((address, 0)) as free:
        port = free.getsockname()[1]
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", f"{folder}/{name}"], check=True)
    with open(f"{folder}/{name}.conf", "w") as file:
        file.write(
            f"ListenAddress {address}\nPort {port}\nHostKey {folder}/{name}\nPidFile none\n"
            f"AuthorizedKeysFile {key}.pub\nUsePAM no\nStrictModes no\nUseDNS no\nMaxStartups 200\n"
            "Subsystem nothing internal-sftp\n"
        )
    if os.geteuid() == 0:
        os.makedirs("/run/sshd", exist_ok=True)
    sshd = subprocess.Popen(
        ["/usr/sbin/sshd", "-D", "-f", f"{folder}/{name}.conf"], stderr=subprocess.DEVNULL,
    )
    while True:
        try:
            socket.create_connection((address, port), timeout=1).close()
            return sshd, port
        except OSError:
            if sshd.poll() is not None:
                sys.exit(f"sshd at {address} ended")
            time.sleep(0.05)


def measure_live(table, program, folder, environment):
    """Real logins by names that are live, with nothing to do, over three lines a host written by hand."""
    folder = f"{folder}/live"
    ssh = f"{folder}/ssh"
    os.makedirs(ssh, mode=0o700)
    key = f"{folder}/id"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    places = {"head": "127.0.0.2", "worker": "127.0.0.3"}
    servers = {name: start_sshd(folder, name, address, key) for name, address in places.items()}
    user = pwd.getpwuid(os.getuid()).pw_name
    nodes = [
        dict(node(at, address), name=name, connections=[{
            "podId": f"pod{at:06}", "host": address, "user": user, "port": servers[name][1],
            "isControlNode": at == 0,
        }]) for at, (name, address) in enumerate(places.items())
    ]
    saved = f"{folder}/live.json"
    with open(saved, "w") as file:
        json.dump({"id": "clst01", "name": "live", "nodes": nodes}, file)
    rest = (
        f"Host *\n  IdentityFile {key}\n  BatchMode yes\n  LogLevel ERROR\n"
        "  StrictHostKeyChecking no\n  UserKnownHostsFile /dev/null\n"
    )
    by_hand = "".join(
        f"Host {name}\n  HostName {address}\n  Port {servers[name][1]}\n" for name, address in places.items()
    ).replace("Host worker\n", "Host worker\n  ProxyJump head\n")
    for name, text in {"hand": by_hand + rest, "config": rest}.items():
        with open(f"{ssh}/{name}", "w") as file:
            file.write(text)
    subprocess.run(
        [program, "-q", "install", "--live=24h", "--jump", "always", "--ssh-dir", ssh, "--input", saved],
        env=environment, check=True,
    )
    for what, name, goal in (("direct", "head", 5), ("by a jump", "worker", 8)):
        # A command would start the shell of the account, and what its files do takes longest of all.
        ours = ["ssh", "-F", f"{ssh}/config", "-s", f"prime.live.{name}", "nothing"]
        theirs = ["ssh", "-F", f"{ssh}/hand", "-s", name, "nothing"]
        pairs = [(Cost(ours, environment).seconds, Cost(theirs, environment).seconds) for _ in range(80)]
        more = statistics.median(one - other for one, other in pairs) * 1000
        plain = statistics.median(other for _, other in pairs) * 1000
        table.add(
            f"ssh {what}, live with nothing to do", f"+{more:.1f} ms",
            f"by hand {plain:.0f} ms, the goal +{goal} ms", more / goal, 1,
        )
    for sshd, _ in servers.values():
        sshd.terminate()
        sshd.wait()
    part = hashlib.sha256(b"clst01").hexdigest()[:8]
    look = [program, "-q", "sync", "--ssh-dir", ssh, "--if-older", "24h", f"live-{part}"]
    time_of = in_turn(300, {"look": look, "version": [program, "--version"]}, environment)
    table.add(
        "sync --if-older, nothing to do", f"{time_of['look'] * 1000:.2f} ms",
        f"--version {time_of['version'] * 1000:.2f} ms", time_of["look"] / time_of["version"], 1.5,
    )


def measure_check(table, program, folder, environment):
    """Hosts at addresses of their own, against what the limits alone come to."""
    ready = multiprocessing.Queue()
    server = multiprocessing.Process(target=introduce, args=(ready,), daemon=True)
    server.start()
    alive, dead = ready.get(timeout=30)
    saved = f"{folder}/check.json"

    def check(what, hosts, dead_every, code, target=1.1):
        """Every so many hosts of each cluster are dead, or none where that is 0."""
        is_dead = lambda at: bool(dead_every) and at % dead_every == 1
        clusters = []
        for cluster in range(hosts // 100):
            nodes = [
                dict(node(at, ""), id=f"p{cluster}-{at}", connections=[{
                    "podId": f"p{cluster}-{at}", "host": f"127.{1 + cluster}.{at}.1", "user": "ubuntu",
                    "port": dead if is_dead(at) else alive, "isControlNode": False,
                }]) for at in range(100)
            ]
            clusters.append({"id": f"c{cluster:03}", "name": f"bench-{cluster}", "nodes": nodes})
        with open(saved, "w") as file:
            json.dump({"data": clusters}, file)
        count = sum(is_dead(at) for at in range(100)) * len(clusters)
        least = -(-count // JOBS) * DEAD + -(-(hosts - count) // JOBS) * ANSWER
        command = [program, "check", "--probe-timeout", f"{DEAD}s", "--input", saved]
        ours = statistics.median(Cost(command, environment, code=code).seconds for _ in range(3))
        table.add(
            f"check {what} that answer in {ANSWER * 1000:.0f} ms", f"{ours:.3f} s",
            f"{JOBS} at a time take {least:.3f} s", ours / least, target,
        )

    # One second, which somebody waits without noticing.
    check("1,000 hosts", 1000, 0, 0, 1 / 0.32)
    check("1,000 hosts, half of them dead, the others", 1000, 2, 6)
    check("100 clusters of 100 hosts", 10_000, 0, 0)
    server.terminate()
    server.join()


def main():
    program = os.path.abspath(sys.argv[1])
    table = Table()
    with tempfile.TemporaryDirectory(prefix="prime-ssh-bench-") as folder:
        environment = {"PATH": os.environ["PATH"], "HOME": folder, "PRIME_API_KEY": TOKEN}
        measure_large(table, program, folder, environment)
        measure_small(table, program, environment)
        measure_fetch(table, program, environment)
        measure_ssh(table, program, folder, environment)
        measure_all(table, program, environment)
        measure_list(table, program, environment)
        measure_https(table, program, folder, environment)
        measure_instructions(table, program, folder, environment)
        measure_ansible(table, program, folder, environment)
        measure_doctor(table, program, folder, environment)
        measure_certificate(table, program, folder, environment)
        measure_live(table, program, folder, environment)
        measure_check(table, program, folder, environment)
    sys.exit(0 if table.show() else 1)


if __name__ == "__main__":
    main()
