"""Many connections that do nothing, or next to nothing: others do not feel
them, and what each limit turns away is counted under its name."""
import resource
import socket

import pytest

from fake_pair import FakePair
from wait import wait_until

IDLE = 10_000


@pytest.fixture(scope="module", name="pair")
def fixture_pair():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    pair = FakePair(limits={"connections": IDLE + 100, "head_time": "120s",
                            "connections_per_address": IDLE + 50,
                            "idle_time": "120s"})
    pair.up()
    yield pair
    fault = pair.down()
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert not fault, fault


def met(pair, limit):
    return pair.metric(f'gsb_proxy_limit_total{{limit="{limit}"}}')


def connect(pair):
    return socket.create_connection(("127.0.0.1", pair.port), 30)


def test_ten_thousand_idle_connections(pair):
    """Half of them silent, half within a head; requests go on."""
    idle = [connect(pair) for _ in range(IDLE)]
    for s in idle[::2]:
        s.sendall(b"GET /acme/x HTTP/1.1\r\nHost: ")
    wait_until(lambda: pair.metric("gsb_proxy_clients") == IDLE, 60)
    for i in range(20):
        status, doc = pair.get(method="POST" if i % 2 else "GET",
                               body=b"b" * (i % 2))
        assert (status, doc["site"]) == (200, "primary")
    # One address has its bound ...
    more = [connect(pair) for _ in range(60)]
    wait_until(lambda: met(pair, "connections_per_address") == 10, 30)
    for s in more:
        s.close()
    wait_until(lambda: pair.metric("gsb_proxy_clients") == IDLE, 30)
    # ... and each of those that wait is served when it asks.
    for i, s in enumerate(idle[:10]):
        s.sendall(b"GET /acme/x HTTP/1.1\r\nHost: x\r\n\r\n" if i % 2
                  else b"x\r\n\r\n")
        assert s.recv(100).startswith(b"HTTP/1.1 200")
    for s in idle:
        s.close()
    wait_until(lambda: pair.metric("gsb_proxy_clients") == 0, 60)
    assert met(pair, "connections_per_address") == 10


def test_half_open_clients_are_forgotten(pair):
    """They vanish by a reset, or end their side: before, within and behind
    a request."""
    before = pair.metric("gsb_proxy_client_gone_total")
    for sent in (b"", b"GET / HT", b"POST /acme/x HTTP/1.1\r\nHost: x\r\n"
                 b"Content-Length: 9\r\n\r\nabc"):
        for ends in (lambda s: s.shutdown(socket.SHUT_WR),
                     lambda s: s.setsockopt(
                         socket.SOL_SOCKET, socket.SO_LINGER,
                         b"\1\0\0\0\0\0\0\0") or s.close()):
            s = connect(pair)
            s.sendall(sent)
            ends(s)
            wait_until(lambda: pair.metric("gsb_proxy_clients") == 0, 20)
            s.close()
    assert pair.metric("gsb_proxy_client_gone_total") == before + 2
    assert pair.get()[0] == 200


def test_the_end_of_the_certificates_is_no_gate_without_tls(pair):
    gate = {g["gate"]: g for g in pair.status()["readiness"]["gates"]}
    assert gate["certificates"]["verdict"] == "good", gate
    assert gate["certificates"]["value"] == "none is used"
