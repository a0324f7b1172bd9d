"""What becomes of requests when their site is killed, stopped or slow under
load: the outcomes of docs/proxy.md's table, each answer accounted for by what
the sites executed. Nothing here hangs on how fast the machine is."""
import http.client
import itertools
import json
import os
import select
import signal
import socket
import threading
import time

import pytest

from fake_pair import FakePair
from wait import wait_until

WORKERS = 100
BIG = 64 << 20  # more than all buffers on the way hold
BEGINNING = 1 << 20
# In so many seconds a site comes to bear all that it may bear, from 32 on.
SLOW_START_S, SITE_REQUESTS = 60, 1024


@pytest.fixture(name="pair", scope="module")
def fixture_pair():
    pair = FakePair(limits={"body_buffer": "64KiB",
                            "slow_start": f"{SLOW_START_S}s",
                            "site_requests": SITE_REQUESTS},
                    fail_hold="60s", stable="200ms")
    pair.up()
    for site in ("primary", "backup"):
        pair.set_site(site, record=True, slow_ms=50)
    yield pair
    fault = pair.down()
    assert not fault, fault


class Load:
    """Numbered requests; outcomes[number] = (method, status, site)."""
    numbers = itertools.count()

    def __init__(self, pair):
        self.pair = pair
        self.ended = threading.Event()
        self.outcomes = {}
        self.threads = [threading.Thread(target=self.run, args=(method,))
                        for method, _ in zip(
                            itertools.cycle(("GET", "PUT", "POST")),
                            range(WORKERS))]

    def run(self, method):
        connection = self.pair.client()
        connection.timeout = 120
        connection.sock.settimeout(120)
        while not self.ended.is_set():
            number = next(self.numbers)
            body = None if method == "GET" else b"body"
            connection.request(method, f"/acme/x/{number}", body)
            answer = connection.getresponse()
            text = answer.read()
            self.outcomes[number] = (
                method, answer.status,
                json.loads(text)["site"] if answer.status == 200 else text)
        connection.close()

    def wait_site(self, site):
        """Until that one has answered some more."""
        before = len(self.outcomes)
        wait_until(lambda: sum(o[2] == site for n, o in
                               list(self.outcomes.items())[before:]) > 50, 90)

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        self.wait_site("primary")
        return self

    def __exit__(self, *problem):
        self.ended.set()
        for thread in self.threads:
            thread.join()

    def check(self):
        """Each was answered well, and is one request to all who saw it."""
        assert not [o for o in self.outcomes.values() if o[1] != 200]
        executed = {}
        for _, _, method, path, request in seen(self.pair):
            if path.startswith("/acme/x/"):
                executed.setdefault(int(path.rpartition("/")[2]), []).append(
                    (method, request))
        for number, outcome in self.outcomes.items():
            assert set(m for m, _ in executed[number]) == {outcome[0]}
            assert len(set(r for _, r in executed[number])) == 1
            assert len(executed[number]) <= 3, executed[number]


def seen(pair, *sites):
    """What the sites have begun to execute, in order of each."""
    for site in sites or ("primary", "backup"):
        path = pair.path("state", site + ".seen")
        if os.path.exists(path):
            with open(path, encoding="utf-8") as f:
                yield from map(json.loads, f.read().splitlines())


def begin_answer(pair):
    """Of it the first byte has come, and the last one cannot have."""
    connection = pair.client()
    connection.request("GET", f"/acme/bytes/{BIG}")
    answer = connection.getresponse()
    assert answer.status == 200
    assert len(answer.read(BEGINNING)) == BEGINNING
    return answer


def begin_upload(pair):
    """All but the end of it, so most of it has left the proxy."""
    s = pair.connect(("127.0.0.1", pair.port), 60)
    s.sendall(b"POST /acme/up HTTP/1.1\r\nHost: x\r\nContent-Length: "
              b"%d\r\n\r\n" % BIG + bytes(BIG - 1))
    return s


class Collab(threading.Thread):
    """Takes one WebSocket, says a frame and dies by a reset when told."""

    def __init__(self, port):
        super().__init__()
        self.listener = socket.create_server(("127.0.0.1", port))
        self.dies = threading.Event()
        self.start()

    def run(self):
        s, _ = self.listener.accept()
        while b"\r\n\r\n" not in s.recv(4096):
            pass
        s.sendall(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade"
                  b"\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: x\r\n\r\n"
                  b"\x81\x02hi")
        self.dies.wait()
        s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1" + bytes(7))
        s.close()
        self.listener.close()


def join_room(pair):
    s = pair.connect(("127.0.0.1", pair.port), 60)
    s.sendall(b"GET /acme/ws/P/1 HTTP/1.1\r\nHost: x\r\nConnection: Upgrade"
              b"\r\nUpgrade: websocket\r\n\r\n")
    room = s.makefile("rb")
    while line := room.readline().strip():
        assert line.isascii()
    assert room.read(4) == b"\x81\x02hi"
    return room


def reload(pair, **limits):
    pair.limits.update(limits)
    pair.write("proxy.conf", pair.conf())
    pair.ctl("proxy", "reload")


def test_slow(pair):
    """Slow is no failure of a site that answers for its health; a request
    has its deadline."""
    epoch = pair.status()["epoch"]
    reload(pair, upstream_time="1s")
    pair.set_site("primary", record=True, slow_ms=30000)
    for method in ("GET", "POST"):
        assert pair.get(method=method)[0] == 504
    pair.set_site("primary", record=True, slow_ms=50)
    reload(pair, upstream_time="30s")
    assert pair.get()[1]["epoch"] == epoch


def stop(process):
    process.send_signal(signal.SIGSTOP)

    def stopped():
        with open(f"/proc/{process.pid}/stat", encoding="utf-8") as f:
            return f.read().rpartition(")")[2].split()[0] == "T"
    wait_until(stopped)


def is_open(s):
    """Nothing has come behind the answer, not an end either."""
    return not select.select([s], [], [], 0)[0]


def test_a_proxy_that_stood_still_reads_before_it_judges(pair):
    """A request that came in time, while it was stopped, is answered."""
    reload(pair, idle_time="300ms")
    ask = b"GET /acme/x HTTP/1.1\r\nHost: x\r\n\r\n"
    came = False
    while not came:
        with pair.connect(("127.0.0.1", pair.port), 60) as s:
            s.sendall(ask)
            assert s.recv(4096).startswith(b"HTTP/1.1 200 ")
            stop(pair.processes["proxy"])
            came = is_open(s)  # else the time was over before
            s.sendall(ask)
            time.sleep(0.5)
            pair.send("proxy", signal.SIGCONT)
            assert not came or s.recv(4096).startswith(b"HTTP/1.1 200 ")
    reload(pair, idle_time="75s")


def test_killed(pair):
    collab = Collab(pair.idle[0])
    room = join_room(pair)
    answer, upload = begin_answer(pair), begin_upload(pair)
    with Load(pair) as load:
        blow = time.monotonic()
        pair.kill("primary-web")
        load.wait_site("backup")
        # Its last byte comes when nobody is there who knows the others.
        upload.sendall(b".")
        assert b" 503 " in upload.makefile("rb").readline()
        with pytest.raises((http.client.IncompleteRead, ConnectionError)):
            answer.read()
        collab.dies.set()
        assert room.read(4)[2:] == b"\x03\xf4"
    load.check()
    assert pair.metric("gsb_proxy_cut_total") >= 1
    per_s = (SITE_REQUESTS - 32) / SLOW_START_S
    for at, together, *_ in seen(pair, "backup"):
        assert together <= 32 + per_s * (at - blow) + 1, (at - blow, together)


def test_stopped(pair):
    """Who hangs at a site that has lost its right is moved from it."""
    pair.start("primary-web")
    pair.wait_state("NORMAL", 90)
    with Load(pair) as load:
        pair.send("primary-web", signal.SIGSTOP)
        load.wait_site("backup")
        pair.send("primary-web", signal.SIGCONT)
    load.check()
