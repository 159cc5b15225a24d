"""Measures prime-ssh side by side with what it is compared to, and prints a table of ratios.

Each row is measured in one run, the two sides in turn, so that a busy machine slows both. Called
by benches/run with the path of the release build.
"""

import asyncio
import hashlib
import json
import multiprocessing
import os
import pwd
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time

TOKEN = "token-of-the-bench"
NODES_LARGE = 100_000
NODES_SMALL = 16
HOSTS = 10_000
CLUSTERS = 100
DOCTOR_HOSTS = 100
DOCTOR = 2
PAUSE = 0.05
PROBED = 1000
JOBS = 64
BANNER = b"SSH-2.0-OpenSSH_9.9p9 Bench\r\n"
ANSWER = 0.02
DEAD = 1


def node(at, host, control=False):
    """A node with every field that the API gives one."""
    return {
        "id": f"pod{at:06}", "name": f"node-{at}", "remoteId": f"r-{at:08x}", "providerType": "primecompute",
        "type": "HOSTED", "status": "ACTIVE", "installationStatus": "FINISHED", "testStatus": None,
        "finalizerStatus": None, "installationProgress": 100, "installationFailure": None,
        "gpuName": "H100_80GB", "gpuCount": 8, "socket": "SXM5", "priceHr": 18.4, "stoppedPriceHr": 0.0,
        "provisioningPriceHr": 0.0, "basePriceHr": 16.0, "baseCurrency": "usd",
        "environmentType": "ubuntu_22_cuda_12", "userId": "user01", "teamId": "team01", "walletId": "wallet01",
        "isDetached": False, "createdAt": "2026-07-01T09:00:00Z", "updatedAt": "2026-07-02T10:30:00Z",
        "terminatedAt": None, "providerReadyAt": "2026-07-01T09:05:00Z", "piReadyAt": "2026-07-01T09:10:00Z",
        "info": {"rack": at // 32, "driver": "550.54.15"},
        "connections": [{
            "podId": f"pod{at:06}", "podName": f"node-{at}", "host": host, "port": 22, "user": "ubuntu",
            "role": "CONTROLLER" if control else "WORKER", "isControlNode": control,
        }],
    }


def answer(identifier, count, place):
    """An answer of Get Cluster: the first node is the control node; `place` gives the hosts of all."""
    cluster = {
        "id": identifier, "remoteId": f"remote-{identifier}", "name": f"train-{identifier}",
        "providerType": "primecompute", "status": "ACTIVE", "vaultEnabled": False, "gpuName": "H100_80GB",
        "gpuCount": 8 * count, "teamId": "team01", "orchestratorType": "SLURM",
        "createdAt": "2026-07-01T09:00:00Z", "updatedAt": "2026-07-02T10:30:00Z", "terminatedAt": None,
        "info": {}, "nodes": [node(at, place(at), control=at == 0) for at in range(count)], "sshKeys": [],
    }
    return json.dumps({"data": cluster, "status": "success"}, separators=(",", ":"))


def private(at):
    return "203.0.113.10" if at == 0 else f"10.{at >> 16 & 255}.{at >> 8 & 255}.{at & 255}"


def public(at):
    return f"203.{at >> 16 & 255}.{at >> 8 & 255}.{at & 255}"


def write_answer(path, count, place):
    """Writes an answer from another process: memory that this one has used would count as a child's."""
    def write():
        with open(path, "w") as file:
            file.write(answer("clst01", count, place))
    child = multiprocessing.Process(target=write)
    child.start()
    child.join()


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


def serve(pause, clusters, ready):
    """The API on a loopback port: as little of a server as keeps its connections open."""
    rows = [
        {"id": name, "name": f"train-{name}", "providerType": "primecompute", "status": "ACTIVE",
         "vaultEnabled": False, "createdAt": "2026-07-01T09:00:00Z", "teamId": "team01", "controller": None}
        for name in clusters
    ]
    listener = socket.create_server(("127.0.0.1", 0), backlog=128)

    def reply(target):
        path, _, query = target.partition("?")
        name = path.rsplit("/", 1)[-1]
        if name in clusters:
            body = clusters[name]
        else:
            options = dict(pair.split("=") for pair in query.split("&") if "=" in pair)
            first, many = int(options.get("offset", 0)), int(options.get("limit", 20))
            page = {"total_count": len(rows), "offset": first, "limit": many, "data": rows[first:first + many]}
            body = json.dumps(page).encode()
        head = f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
        return head.encode() + body

    def converse(connection):
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        request = b""
        while data := connection.recv(65536):
            request += data
            while b"\r\n\r\n" in request:
                one, _, request = request.partition(b"\r\n\r\n")
                time.sleep(pause)
                connection.sendall(reply(one.split(b" ", 2)[1].decode()))
        connection.close()

    ready.put(listener.getsockname()[1])
    while True:
        threading.Thread(target=converse, args=(listener.accept()[0],), daemon=True).start()


class Api:
    """A server in a process of its own."""

    def __init__(self, pause, clusters):
        ready = multiprocessing.Queue()
        self.process = multiprocessing.Process(target=serve, args=(pause, clusters, ready), daemon=True)
        self.process.start()
        self.url = f"http://127.0.0.1:{ready.get(timeout=30)}"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.join()


def introduce(ready):
    """SSH servers at all of 127.0.0.0/8 that introduce themselves, and a port where nobody answers: the
    queue of its listener is full, so that the system drops whoever comes next."""
    class Server(asyncio.Protocol):
        def connection_made(self, transport):
            loop.call_later(ANSWER, lambda: (transport.write(BANNER), transport.close()))

    async def run():
        server = await loop.create_server(Server, "0.0.0.0", 0, backlog=1024)
        dead = socket.socket()
        dead.bind(("0.0.0.0", 0))
        dead.listen(0)
        waiting = []
        while True:
            one = socket.socket()
            one.settimeout(0.2)
            waiting.append(one)
            try:
                one.connect(("127.0.0.1", dead.getsockname()[1]))
            except TimeoutError:
                break
        ready.put((server.sockets[0].getsockname()[1], dead.getsockname()[1]))
        await server.serve_forever()

    loop = asyncio.new_event_loop()
    loop.run_until_complete(run())


class Table:
    def __init__(self):
        self.rows = []

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
        return all(row[-1] == "yes" for row in self.rows)


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
    with open(answers, "w") as file:
        clusters = [
            answer(name, HOSTS // CLUSTERS, private).replace("\"pod0", f"\"{name}-0")
            for name in (f"c{at:03}" for at in range(CLUSTERS))
        ]
        json.dump({"data": [json.loads(text)["data"] for text in clusters]}, file)
    sides = {"empty": "/dev/null"}
    for layout in ("flat", "compact"):
        sides[layout] = f"{folder}/{layout}"
        arguments = ["--identity-file", "~/.ssh/id_ed25519", "--layout", layout]
        Cost([program, "config", "--input", answers, *arguments], environment, sides[layout])
    sides["usual"] = f"{folder}/nine-lines"
    with open(sides["usual"], "w") as file:
        file.writelines(nine_lines(HOSTS))
    sides = {name: ["ssh", "-T", "-G", "-F", config, "github.com"] for name, config in sides.items()}
    cpu = in_turn(25, sides, environment, "cpu")
    for layout, target in (("compact", 3.3), ("flat", 12)):
        table.add(
            f"ssh -G of another host, {HOSTS:,} hosts in {CLUSTERS} clusters, {layout}",
            f"{cpu[layout] * 1000:.1f} ms", f"an empty config {cpu['empty'] * 1000:.1f} ms",
            cpu[layout] / cpu["empty"], target,
        )
    ours, theirs = cpu["compact"] - cpu["empty"], cpu["usual"] - cpu["empty"]
    table.add(
        "compact over an empty config, CPU", f"{ours * 1000:.1f} ms",
        f"nine lines a host {theirs * 1000:.1f} ms", ours / theirs, 0.4,
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


def measure_doctor(table, program, folder, environment):
    """All examinations of 100 clusters of 100 hosts, against what a person waits for; and how often ssh runs."""
    clusters = {f"c{at:03}": answer(f"c{at:03}", DOCTOR_HOSTS, private).encode() for at in range(CLUSTERS)}
    ssh, real, log = f"{folder}/doctor", shutil.which("ssh"), f"{folder}/ssh-runs"
    os.makedirs(f"{folder}/bin")
    with open(f"{folder}/bin/ssh", "w") as file:
        file.write(f'#!/bin/sh\necho >>"{log}"\nexec "{real}" "$@"\n')
    os.chmod(f"{folder}/bin/ssh", 0o755)
    counting = dict(environment, PATH=f"{folder}/bin:{environment['PATH']}")
    with Api(0, clusters) as api:
        options = ["--ssh-dir", ssh, "--api-url", api.url]
        subprocess.run([program, "install", "--all", "-q", *options], env=environment, check=True)
        doctor = [program, "doctor", *options]
        ours = in_turn(3, {"doctor": doctor}, environment)["doctor"]
        open(log, "w").close()
        Cost(doctor, counting)
    runs = os.path.getsize(log)
    table.add(
        f"doctor, {CLUSTERS} clusters of {DOCTOR_HOSTS} hosts", f"{ours:.3f} s", f"the goal {DOCTOR:.3f} s",
        ours / DOCTOR, 1,
    )
    table.add(
        "the same, runs of ssh", str(runs), f"one a cluster and ten more {CLUSTERS + 10}", runs / (CLUSTERS + 10), 1,
    )


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
            # With this level bash leaves out a ~/.bashrc that may take its time.
            "SetEnv SHLVL=2\n"
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
        ours = ["ssh", "-F", f"{ssh}/config", f"prime.live.{name}", "true"]
        theirs = ["ssh", "-F", f"{ssh}/hand", name, "true"]
        pairs = [(Cost(ours, environment).cpu, Cost(theirs, environment).cpu) for _ in range(50)]
        more = statistics.median(one - other for one, other in pairs) * 1000
        plain = statistics.median(other for _, other in pairs) * 1000
        table.add(
            f"ssh {what}, live with nothing to do, CPU", f"{more:+.1f} ms",
            f"by hand {plain:.0f} ms, the goal +{goal} ms", more / goal, 1,
        )
    for sshd, _ in servers.values():
        sshd.terminate()
        sshd.wait()
    part = hashlib.sha256(b"clst01").hexdigest()[:8]
    look = [program, "-q", "sync", "--ssh-dir", ssh, "--if-older", "24h", f"live-{part}"]
    time_of = in_turn(300, {"look": look, "version": [program, "--version"]}, environment, "cpu")
    table.add(
        "sync --if-older with nothing to do, CPU", f"{time_of['look'] * 1000:.2f} ms",
        f"--version {time_of['version'] * 1000:.2f} ms", time_of["look"] / time_of["version"], 1.5,
    )


def measure_check(table, program, folder, environment):
    """A thousand hosts at addresses of their own, against what the limits alone come to."""
    ready = multiprocessing.Queue()
    server = multiprocessing.Process(target=introduce, args=(ready,), daemon=True)
    server.start()
    alive, dead = ready.get(timeout=30)

    def check(what, dead_every, code):
        nodes = [
            dict(node(at, f"127.{1 + (at >> 8)}.{at & 255}.1"), connections=[{
                "podId": f"pod{at:06}", "host": f"127.{1 + (at >> 8)}.{at & 255}.1", "user": "ubuntu",
                "port": dead if at % dead_every else alive, "isControlNode": False,
            }]) for at in range(PROBED)
        ]
        saved = f"{folder}/check.json"
        with open(saved, "w") as file:
            json.dump({"id": "clst01", "name": "bench", "nodes": nodes}, file)
        count = sum(1 for at in range(PROBED) if at % dead_every)
        least = -(-count // JOBS) * DEAD + -(-(PROBED - count) // JOBS) * ANSWER
        command = [program, "check", "--probe-timeout", f"{DEAD}s", "--input", saved]
        times = [Cost(command, environment, code=code).seconds for _ in range(3)]
        ours = statistics.median(times)
        table.add(
            f"check {PROBED:,} hosts that answer in {ANSWER * 1000:.0f} ms{what}", f"{ours:.3f} s",
            f"the limits imply {least:.3f} s", ours / least, 1.1 if count else 1 / least,
        )

    check("", 1, 0)
    check(f", half of them dead, {DEAD} s each", 2, 6)
    server.terminate()
    server.join()


def main():
    program = os.path.abspath(sys.argv[1])
    table = Table()
    with tempfile.TemporaryDirectory(prefix="prime-ssh-bench-") as folder:
        environment = {"PATH": os.environ["PATH"], "HOME": folder, "PRIME_API_KEY": TOKEN}
        measure_large(table, program, folder, environment)
        measure_small(table, program, environment)
        measure_ssh(table, program, folder, environment)
        measure_all(table, program, environment)
        measure_doctor(table, program, folder, environment)
        measure_certificate(table, program, folder, environment)
        measure_live(table, program, folder, environment)
        measure_check(table, program, folder, environment)
    sys.exit(0 if table.show() else 1)


if __name__ == "__main__":
    main()
