"""The PROXY protocol: a balancer before the proxy says who the client is,
and nobody else is believed."""
import json
import socket
import ssl
import struct

import pytest

from certificates import Authority
from fake_pair import FakePair
from wait import wait_until

REQUEST = b"GET /acme/x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
V1 = b"PROXY TCP4 192.0.2.7 10.0.0.1 5000 443\r\n"
V1_V6 = b"PROXY TCP6 2001:db8::7 ::1 5000 443\r\n"
MAGIC = b"\r\n\r\n\0\r\nQUIT\n"
V2 = MAGIC + b"\x21\x11" + struct.pack(">H4s4sHH", 12, bytes((192, 0, 2, 7)),
                                       bytes(4), 5000, 443)
LOCAL = MAGIC + b"\x20\x00\x00\x00"


@pytest.fixture(scope="module", name="pair")
def fixture_pair(tmp_path_factory):
    folder = tmp_path_factory.mktemp("introduced")
    authority = Authority(str(folder))
    authority.issue(str(folder / "x"), "IP:127.0.0.1")
    pair = FakePair(tls={"certificates": folder / "x.pem"},
                    proxy={"proxy_protocol": "10.0.0.0/8, 127.0.0.1"},
                    limits={"head_time": "1s", "connections_per_address": "3"})
    pair.ca = authority.pem
    pair.up()
    yield pair
    fault = pair.down()
    assert not fault, fault


def connect(pair, source="127.0.0.1", port=None):
    return socket.create_connection(("127.0.0.1", port or pair.port), 10,
                                    (source, 0))


def rest(sock):
    got = b""
    try:
        while piece := sock.recv(65536):
            got += piece
    except ConnectionError:
        pass
    sock.close()
    return got


def seen(answer):
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200"), answer
    return json.loads(body)["for"]


@pytest.mark.parametrize("header, client", [
    (V1, "192.0.2.7"), (V1_V6, "2001:db8::7"), (V2, "192.0.2.7"),
    (LOCAL, "127.0.0.1"), (b"PROXY UNKNOWN\r\n", "127.0.0.1")])
@pytest.mark.parametrize("step", [1, 1000])
def test_the_client_is_who_the_balancer_says(pair, header, client, step):
    s = connect(pair)
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    text = header + REQUEST
    for i in range(0, len(text), step):
        s.sendall(text[i:i + step])
    assert seen(rest(s)) == client


def test_before_tls_too(pair):
    s = connect(pair, port=pair.tls_port)
    s.sendall(V2)
    s = ssl.create_default_context(cafile=pair.ca).wrap_socket(
        s, server_hostname="127.0.0.1")
    s.sendall(REQUEST)
    assert seen(rest(s)) == "192.0.2.7"


@pytest.mark.parametrize("wrong", [
    REQUEST, V1[:-2] + b"\n" + REQUEST, b"PROXY TCP4 x y 1 2\r\n" + REQUEST,
    MAGIC + b"\x31\x11\x00\x0c" + bytes(12) + REQUEST, b"PROXY "])
def test_without_a_right_introduction_nothing_is_answered(pair, wrong):
    s = connect(pair)
    s.sendall(wrong)
    assert rest(s) == b""


def test_others_are_not_believed(pair):
    s = connect(pair, "127.0.0.2")
    s.sendall(V1 + REQUEST)
    assert rest(s).startswith(b"HTTP/1.1 400")
    s = connect(pair, "127.0.0.2")
    s.sendall(REQUEST)
    assert seen(rest(s)) == "127.0.0.2"


def test_the_limit_is_of_the_client_not_of_the_balancer(pair):
    held = []
    for last in range(1, 9):
        s = connect(pair)
        s.sendall(V1.replace(b".7", b".%d" % last))
        held.append(s)
    for _ in range(2):
        s = connect(pair)
        s.sendall(V1.replace(b".7", b".1"))
        held.append(s)

    def turned_away():
        s = connect(pair)
        s.sendall(V1.replace(b".7", b".1") + REQUEST)
        return rest(s) == b""
    wait_until(turned_away, 10)
    s = connect(pair)
    s.sendall(V1.replace(b".7", b".9") + REQUEST)
    assert seen(rest(s)) == "192.0.2.9"
    for s in held:
        s.close()
