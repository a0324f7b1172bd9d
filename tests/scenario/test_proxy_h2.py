"""HTTP/2 at the proxy: what clients get, and what attackers do not."""
import hashlib
import json
import os
import random
import signal
import socket
import struct
import subprocess
import threading

import pytest

import h2raw
from certificates import Authority
from fake_pair import FakePair
from h2raw import (CALM, DATA, END_HEADERS, END_STREAM, GOAWAY, HEADERS, MORE,
                   PING, PRIORITY, RST, SETTINGS, WINDOW, Client)
from wait import wait_until

OK = 0x88  # :status: 200, RFC 7541 A


def made(folder):
    authority = Authority(str(folder))
    authority.issue(str(folder / "x"), "DNS:localhost", "IP:127.0.0.1")
    pair = FakePair(tls={"certificates": folder / "x.pem"},
                    limits={"head_time": "1s"})
    pair.ca = authority.pem
    pair.up()
    yield pair
    fault = pair.down()
    assert not fault, fault


@pytest.fixture(scope="module", name="pair")
def fixture_pair(tmp_path_factory):
    yield from made(tmp_path_factory.mktemp("h2"))


@pytest.fixture(name="fresh")
def fixture_fresh(tmp_path):
    yield from made(tmp_path)


def curl(pair, path, *options, plain=False):
    where = ["--http2-prior-knowledge", f"http://127.0.0.1:{pair.port}{path}"
             ] if plain else ["--http2", "--cacert", pair.ca,
                              f"https://127.0.0.1:{pair.tls_port}{path}"]
    done = subprocess.run(
        ["curl", "-sS", "--max-time", "30", "-w",
         "\n%{http_version} %{http_code}", *options, *where],
        capture_output=True, check=True)
    text, _, said = done.stdout.rpartition(b"\n")
    version, status = said.decode().split()
    assert version == "2"
    return int(status), text


@pytest.mark.parametrize("plain", [False, True])
def test_requests_and_bodies_both_ways(pair, plain):
    status, text = curl(pair, "/acme/x?a=b", "-H", "X-Forwarded-For: 6.6.6.6",
                        "-H", "GSB-Epoch: 99", plain=plain)
    doc = json.loads(text)
    assert status == 200 and doc["for"] == "127.0.0.1"
    assert doc["proto"] == ("http" if plain else "https")
    body = os.urandom(3_000_000)
    path = pair.path("body")
    with open(path, "wb") as f:
        f.write(body)
    for size in (0, 1, 3_000_000):
        os.truncate(path, size)
        status, text = curl(pair, "/acme/x", "--data-binary", "@" + path,
                            plain=plain)
        assert json.loads(text)["sha256"] == hashlib.sha256(
            body[:size]).hexdigest()
        with open(path, "wb") as f:
            f.write(body)
    assert curl(pair, "/acme/bytes/5000000", plain=plain)[1] == \
        bytes(5_000_000)
    assert curl(pair, "/acme/detectbackup", "-I", plain=plain)[0] == 200
    # Answers of our own, and what the strict parser refuses.
    assert curl(pair, "/gsb/lease", plain=plain)[0] == 404
    assert curl(pair, "/acme/detectbackup", plain=plain) == (200, b"Primary")
    assert curl(pair, "/acme/%zz", "--path-as-is", plain=plain)[0] == 400


def test_names_of_answers_are_small(pair):
    names = ["X", "X-abc", "ABCDEFGH", "abcdefgh", "X-AZaz09^_`",
             "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "X-~!$&'*+-.^_`|0123456789-Z"]
    head, _, _ = curl(pair, "/acme/names/" + "/".join(names), "-D", "-",
                      "--path-as-is", plain=True)[1].partition(b"\r\n\r\n")
    got = [line.split(b":")[0].decode() for line in head.split(b"\r\n")]
    assert [n for n in got if n in {x.lower() for x in names}] == \
        [x.lower() for x in names]


def heads_with_table(pair, size):
    """Ten answers' header blocks for a client that keeps so much of them."""
    with Client(pair.port, struct.pack(">HI", 1, size)) as c:
        for stream in range(1, 21, 2):
            c.get(stream, "/acme/names/X-Long-Name-Of-A-Field")
            yield c.wait(HEADERS, stream)


def test_heads_are_as_short_as_the_client_s_table_lets_them(pair):
    first, *others = heads_with_table(pair, 0)
    assert first[:2] == bytes([0x20, OK])
    assert {len(b) for b in others} == {len(first) - 1}
    first, *others = heads_with_table(pair, 4096)
    assert min(len(b) for b in others) < len(first) / 2
    # A table for one line of this answer, not for two.
    first, *others = heads_with_table(pair, 70)
    assert first[:3] == bytes([0x3f, 70 - 31, OK])
    assert min(len(b) for b in others) > len(first) / 2


def test_heads_on_one_connection_are_the_same_to_a_client(pair):
    """curl reads them with the table of a connection that it keeps."""
    url = f"https://127.0.0.1:{pair.tls_port}/acme/names/X-A/X-B"
    out = subprocess.run(
        ["curl", "-sS", "--max-time", "30", "--http2", "--cacert", pair.ca,
         "-D", "-", "-w", "%{num_connects}\n",
         *["-o", os.devnull, url] * 5],
        capture_output=True, check=True, text=True).stdout
    answers = out.split("HTTP/2 200")[1:]
    assert [a.split()[-1] for a in answers] == ["1", "0", "0", "0", "0"]
    fields = [{line for line in a.splitlines()[1:-1]
               if not line.startswith("date:")} for a in answers]
    assert any(f.startswith("x-a:") for f in fields[0])
    assert all(f == fields[0] for f in fields)


def test_a_body_of_unknown_length_and_trailers(pair):
    with Client(pair.port) as c:
        c.send(HEADERS, END_HEADERS, 1, h2raw.head("POST", "/acme/x"))
        c.send(DATA, 0, 1, b"one ")
        c.send(DATA, 0, 1, b"two")
        c.send(HEADERS, END_HEADERS | END_STREAM, 1,
               h2raw.block(("x-checksum", "7")))
        status, text = c.answer(1)
        assert status == OK
        doc = json.loads(text)
        assert doc["sha256"] == hashlib.sha256(b"one two").hexdigest()
        assert doc["trailers"] == ["x-checksum: 7"]
        # A trailer that must stand in the head is no trailer.
        c.send(HEADERS, END_HEADERS, 3, h2raw.head("POST", "/acme/x"))
        c.send(HEADERS, END_HEADERS | END_STREAM, 3,
               h2raw.block(("content-length", "7")))
        assert c.answer(3)[0] != OK
        c.get(5, "/acme/trailers")
        frames = []
        while not frames or not frames[-1][1] & END_STREAM:
            f = c.read()
            if f[2] == 5:
                frames.append(f)
        assert [f[0] for f in frames] == [HEADERS, DATA, HEADERS]
        assert frames[1][3] == b"hello"
        assert frames[2][3].endswith(b"\x017")  # its value


def test_cookies_are_put_together(pair):
    with Client(pair.port) as c:
        c.send(HEADERS, END_HEADERS | END_STREAM, 1, h2raw.head(
            "GET", "/acme/x", ("cookie", "a=1"), ("cookie", "b=2")))
        assert json.loads(c.answer(1)[1])["cookie"] == "a=1; b=2"


@pytest.mark.parametrize("fields", [
    [("host", "other")], [("content-length", "-1")],
    [("content-length", "5"), ("content-length", "6")],
    [("x" * 60, "y" * 60)] * 101, [("big", "y" * 17000)]])
def test_what_is_no_request_is_refused_and_others_go_on(pair, fields):
    with Client(pair.port) as c:
        c.send(HEADERS, END_STREAM, 1, b"")
        block = h2raw.head("GET", "/acme/x", *fields)
        pieces = [block[i:i + 16000] for i in range(0, len(block), 16000)]
        for i, piece in enumerate(pieces):
            c.send(MORE, END_HEADERS if i == len(pieces) - 1 else 0, 1, piece)
        assert c.answer(1)[0] != OK
        c.get(3)
        assert c.answer(3)[0] == OK
    assert curl(pair, "/acme/x")[0] == 200


def test_many_streams_of_many_connections(pair):
    said = subprocess.run(
        ["h2load", "-n", "3000", "-c", "8", "-m", "40",
         f"https://127.0.0.1:{pair.tls_port}/acme/x"], capture_output=True,
        text=True, check=True).stdout
    assert "3000 succeeded, 0 failed" in said, said


def stream_ids():
    return iter(range(1, 1 << 30, 2))


def rapid_reset(c):
    for i in stream_ids():
        yield c.frame(HEADERS, END_HEADERS | END_STREAM, i, h2raw.head()) + \
            c.frame(RST, 0, i, struct.pack(">I", 8))
        if i > 20000:
            return


def continuations(c):
    yield c.frame(HEADERS, END_STREAM, 1, h2raw.head())
    for i in range(20000):
        yield c.frame(MORE, 0, 1, h2raw.block((f"x-{i}", "y")))


def resets_by_us(c):
    """MadeYouReset: faults for which the server has to reset the stream."""
    for i in stream_ids():
        yield c.frame(HEADERS, END_HEADERS | END_STREAM, i, h2raw.head()) + \
            c.frame(WINDOW, 0, i, struct.pack(">I", 0x7fffffff))
        if i > 20000:
            return


def crumbs(c):
    """A window of one byte, opened byte by byte."""
    yield c.frame(SETTINGS, 0, 0, struct.pack(">HI", 4, 1))
    yield c.frame(HEADERS, END_HEADERS | END_STREAM, 1,
                  h2raw.head("GET", "/acme/bytes/100000"))
    for _ in range(20000):
        yield c.frame(WINDOW, 0, 1, struct.pack(">I", 1))


def empties(c):
    yield c.frame(HEADERS, END_HEADERS, 1, h2raw.head("POST"))
    for _ in range(20000):
        yield c.frame(DATA, 0, 1)


ATTACKS = {
    "rapid reset": rapid_reset,
    "continuations": continuations,
    "resets by us": resets_by_us,
    "crumbs": crumbs,
    "empty data": empties,
    "pings": lambda c: (c.frame(PING, 0, 0, bytes(8)) for _ in range(20000)),
    "settings": lambda c: (c.frame(SETTINGS, 0, 0, struct.pack(
        ">HI", 4, 65535 + i)) for i in range(20000)),
    "large settings": lambda c: (c.frame(SETTINGS, 0, 0, struct.pack(
        ">HI", 0x99, 1) * 100) for _ in range(200)),
    "priorities": lambda c: (c.frame(PRIORITY, 0, 3 + 2 * (i % 1000),
                                     struct.pack(">IB", 1, 1))
                             for i in range(20000)),
}


def test_attacks_end_the_connection_and_nobody_else_notices(pair):
    faults = []
    over = threading.Event()

    def ask():
        while not over.is_set():
            try:
                if curl(pair, "/acme/x")[0] != 200:
                    faults.append("no 200")
            except (subprocess.CalledProcessError, AssertionError) as e:
                faults.append(repr(e))
    other = threading.Thread(target=ask)
    other.start()
    try:
        for name, attack in ATTACKS.items():
            before = pair.metric("gsb_proxy_h2_calmed_total")
            with Client(pair.port) as c:
                assert c.flood(attack(c)), name
            if name != "large settings":  # nghttp2 ends that by itself
                wait_until(lambda: pair.metric(
                    "gsb_proxy_h2_calmed_total") == before + 1, 10,
                    what=name)
    finally:
        over.set()
        other.join()
    assert not faults, faults[:3]
    wait_until(lambda: pair.metric("gsb_proxy_clients") == 0, 10)
    assert pair.metric("gsb_proxy_in_flight{site=\"primary\"}") == 0


def test_the_last_word_says_why(pair):
    with Client(pair.port) as c:
        c.sock.sendall(c.frame(PING, 0, 0, bytes(8)) * 230)
        assert c.end()[0] == CALM


@pytest.mark.parametrize("wrong", [
    b"PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n" + bytes(20),
    h2raw.MAGIC + Client.frame(HEADERS, 5, 1, h2raw.head()),
    h2raw.MAGIC + Client.frame(SETTINGS, 0, 0) +
    Client.frame(HEADERS, 5, 2, h2raw.head()),
    h2raw.MAGIC + Client.frame(SETTINGS, 0, 0) +
    Client.frame(DATA, 1, 1, b"x"),
    h2raw.MAGIC + Client.frame(SETTINGS, 0, 0) +
    Client.frame(HEADERS, 5, 1, b"\xff\xff\xff\xff\xff\xff"),
    h2raw.MAGIC + Client.frame(SETTINGS, 0, 0) +
    Client.frame(WINDOW, 0, 0, struct.pack(">I", 0x7fffffff))])
def test_broken_framing_ends_the_connection(pair, wrong):
    with Client(pair.port) as c:
        c.sock.close()
        c.sock = socket.create_connection(("127.0.0.1", pair.port), 15)
        c.sock.sendall(wrong)
        c.end()  # or the test times out
    assert curl(pair, "/acme/x")[0] == 200


def random_frame(chance, i):
    kind = chance.choice([DATA, HEADERS, HEADERS, PRIORITY, RST, SETTINGS, 5,
                          PING, GOAWAY, WINDOW, MORE, 77])
    stream = chance.choice([0, 1, i * 2 + 1, i * 2 + 1, chance.randrange(9)])
    payload = chance.choice([
        b"", h2raw.head(), h2raw.head("POST"), h2raw.head("GET", "/acme/*"),
        chance.randbytes(4), chance.randbytes(8),
        chance.randbytes(chance.randrange(300)),
        h2raw.block(("te", "trailers"), ("x", "\x01"))])
    return Client.frame(kind, chance.choice([0, 1, 4, 5, 8, 32, 255]), stream,
                        payload)


def test_random_frames_harm_nobody(pair):
    for seed in range(300):
        chance = random.Random(seed)
        with Client(pair.port) as c:
            try:
                for i in range(chance.randrange(1, 30)):
                    c.sock.sendall(random_frame(chance, i))
            except OSError:
                pass
    assert curl(pair, "/acme/x")[0] == 200
    wait_until(lambda: pair.metric("gsb_proxy_clients") == 0, 10)
    assert pair.metric("gsb_proxy_in_flight{site=\"primary\"}") == 0
    assert pair.metric("gsb_proxy_holding") == 0


def test_half_a_head_is_timed(pair):
    with Client(pair.port) as c:
        c.send(HEADERS, END_STREAM, 1, h2raw.head())
        c.end()


def test_a_stream_that_is_not_read_holds_nobody_up(pair):
    settings = struct.pack(">HI", 4, 0)  # no window at all
    with Client(pair.port, settings) as c:
        for i in range(1, 40, 2):
            c.get(i, "/acme/bytes/2000000")
        c.get(41, "/acme/detectbackup")
        c.wait(HEADERS, 41)
        c.send(WINDOW, 0, 41, struct.pack(">I", 100))
        assert c.wait(DATA, 41) == b"Primary"
        c.send(WINDOW, 0, 0, struct.pack(">I", 3_000_000))
        c.send(WINDOW, 0, 1, struct.pack(">I", 2_000_000))
        body = b""
        while len(body) < 2_000_000:
            body += c.wait(DATA, 1)
        assert body == bytes(2_000_000)


def test_what_a_connection_may_keep_is_bounded(fresh):
    """Bodies beyond that are not kept until they are whole; a new stream is
    put off. What was begun ends well."""
    fresh.limits["h2_buffer"] = "100KiB"
    fresh.write("proxy.conf", fresh.conf())
    fresh.ctl("proxy", "reload")
    piece = b"b" * 16384

    with Client(fresh.port) as c:
        c.wait(WINDOW, 0)
        for stream in (1, 3):
            c.send(HEADERS, END_HEADERS, stream,
                   h2raw.head("POST", "/acme/x"))
            for _ in range(4):
                c.send(DATA, 0, stream, piece)
        wait_until(lambda: fresh.metric("gsb_proxy_streamed_total") == 1, 20)
        assert fresh.metric('gsb_proxy_limit_total{limit="h2_buffer"}') == 1
        for stream in (1, 3):
            c.send(DATA, END_STREAM, stream, b"end")
            status, text = c.answer(stream)
            assert status == OK
            assert json.loads(text)["sha256"] == hashlib.sha256(
                4 * piece + b"end").hexdigest()
    # Answers that are not taken.
    with Client(fresh.port, struct.pack(">HI", 4, 0)) as c:
        for stream in range(1, 150, 2):
            c.get(stream, "/acme/bytes/3000000")
            while (f := c.read())[2] != stream or f[0] not in (HEADERS, RST):
                assert f[0] != GOAWAY
            if f[0] == RST:
                break
        assert f[0] == RST and f[3] == b"\0\0\0\x07"  # REFUSED_STREAM
    assert fresh.get()[0] == 200


def test_a_retiring_process_says_goodbye(fresh):
    """Idle or not, its clients are told to go to the next one; what they
    asked for until they heard is answered."""
    with Client(fresh.port) as idle, Client(fresh.port) as busy:
        for c in (idle, busy):
            c.get(1)
            assert c.answer(1)[0] == OK
        busy.send(HEADERS, END_HEADERS, 3, h2raw.head("POST", "/acme/x"))
        before = fresh.status()["pid"]
        fresh.ctl("proxy", "upgrade")
        busy.send(DATA, END_STREAM, 3, b"x")
        assert busy.answer(3)[0] == OK
        for c in (idle, busy):
            code, _ = c.end()
            assert code == 0
    status = fresh.status()
    assert status["pid"] != before
    assert curl(fresh, "/acme/x")[0] == 200
    fresh.processes["proxy"].wait(30)
    fresh.end_successor()


def test_requests_wait_for_a_switch_as_any(fresh):
    """Held, resent, moved: nothing of it is to be seen (routing.md)."""
    load = subprocess.Popen(
        ["h2load", "-D", "6", "-c", "4", "-m", "10",
         f"https://127.0.0.1:{fresh.tls_port}/acme/x"],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    fresh.order("switchover", "--to", "backup", "--wait")
    assert json.loads(curl(fresh, "/acme/x")[1])["site"] == "backup"
    fresh.kill("backup-web")
    wait_until(lambda: fresh.status()["active"] == "primary", 30)
    said = load.communicate(timeout=60)[0]
    assert " 0 failed, 0 errored, 0 timeout" in said, said
    assert " 0 3xx, 0 4xx, 0 5xx" in said, said


def test_draining_says_goodbye_and_answers_what_runs(fresh):
    fresh.set_site("primary", slow_ms=800)
    with Client(fresh.port) as c, Client(fresh.port) as idle:
        c.get(1)
        idle.wait(SETTINGS)
        wait_until(lambda: fresh.metric(
            "gsb_proxy_in_flight{site=\"primary\"}") == 1, 10)
        fresh.send("proxy", signal.SIGTERM)
        assert c.wait(GOAWAY)[:4] == b"\x7f\xff\xff\xff"
        c.get(3)  # it was on its way
        assert c.answer(1)[0] == OK
        assert c.answer(3)[0] == OK
        code, frames = c.end()
        assert code == 0 and [f for f in frames if f[0] == GOAWAY]
        assert idle.end()[0] == 0
    assert fresh.processes["proxy"].wait(20) == 0
