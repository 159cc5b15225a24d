"""What is measured against: answers of the API, a server of it, and SSH servers."""

import collections
import json
import multiprocessing
import select
import socket
import threading
import time

BANNER = b"SSH-2.0-OpenSSH_9.9p9 Bench\r\n"
# After which time an SSH server introduces itself.
ANSWER = 0.02


def node(at, host, control=False, of="pod"):
    """A node with every field that the API gives one."""
    pod = f"{of}-{at:06}"
    return {
        "id": pod, "name": f"node-{at}", "remoteId": f"r-{at:08x}", "providerType": "primecompute",
        "type": "HOSTED", "status": "ACTIVE", "installationStatus": "FINISHED", "testStatus": None,
        "finalizerStatus": None, "installationProgress": 100, "installationFailure": None,
        "gpuName": "H100_80GB", "gpuCount": 8, "socket": "SXM5", "priceHr": 18.4, "stoppedPriceHr": 0.0,
        "provisioningPriceHr": 0.0, "basePriceHr": 16.0, "baseCurrency": "usd",
        "environmentType": "ubuntu_22_cuda_12", "userId": "user01", "teamId": "team01", "walletId": "wallet01",
        "isDetached": False, "createdAt": "2026-07-01T09:00:00Z", "updatedAt": "2026-07-02T10:30:00Z",
        "terminatedAt": None, "providerReadyAt": "2026-07-01T09:05:00Z", "piReadyAt": "2026-07-01T09:10:00Z",
        "info": {"rack": at // 32, "driver": "550.54.15"},
        "connections": [{
            "podId": pod, "podName": f"node-{at}", "host": host, "port": 22, "user": "ubuntu",
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
        "info": {}, "nodes": [node(at, place(at), at == 0, identifier) for at in range(count)], "sshKeys": [],
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


def serve(pause, clusters, ready, rate):
    """The API on a loopback port: as little of a server as keeps its connections open. It sends so many
    bytes a second, or as many as it can."""
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

    def send(connection, reply):
        begun, sent = time.monotonic(), 0
        while sent < len(reply):
            if rate:
                time.sleep(max(begun + sent / rate - time.monotonic(), 0))
            part = memoryview(reply)[sent:sent + 2**20 if rate else len(reply)]
            connection.sendall(part)
            sent += len(part)

    def converse(connection):
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        request = b""
        while data := connection.recv(65536):
            request += data
            while b"\r\n\r\n" in request:
                one, _, request = request.partition(b"\r\n\r\n")
                time.sleep(pause)
                send(connection, reply(one.split(b" ", 2)[1].decode()))
        connection.close()

    ready.put(listener.getsockname()[1])
    while True:
        threading.Thread(target=converse, args=(listener.accept()[0],), daemon=True).start()


class Api:
    """A server in a process of its own."""

    def __init__(self, pause, clusters, rate=None):
        ready = multiprocessing.Queue()
        self.process = multiprocessing.Process(target=serve, args=(pause, clusters, ready, rate), daemon=True)
        self.process.start()
        self.url = f"http://127.0.0.1:{ready.get(timeout=30)}"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.join()


def introduce(ready):
    """SSH servers at all of 127.0.0.0/8 that introduce themselves, and a port where nobody answers: the
    queue of its listener is full, so that the system drops whoever comes next.

    A bare loop: what it takes itself would be counted as time of the hosts."""
    server = socket.create_server(("0.0.0.0", 0), backlog=1024)
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
    ready.put((server.getsockname()[1], dead.getsockname()[1]))
    clients = collections.deque()
    while True:
        left = max(clients[0][0] - time.monotonic(), 0) if clients else None
        if select.select([server], [], [], left)[0]:
            clients.append((time.monotonic() + ANSWER, server.accept()[0]))
        while clients and clients[0][0] <= time.monotonic():
            _, client = clients.popleft()
            client.sendall(BANNER)
            # What was not read would make the system reset the connection.
            client.recv(1024, socket.MSG_DONTWAIT)
            client.close()
