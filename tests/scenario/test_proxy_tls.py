"""TLS at the proxy, seen by clients: names, versions, tickets, staples,
clients' certificates, and all of that read again while connections go on."""
import hashlib
import http.client
import json
import os
import signal
import socket
import ssl
import subprocess

import pytest

from certificates import Authority
from fake_pair import FakePair
from wait import wait_until


@pytest.fixture(scope="module", name="pair")
def fixture_pair(tmp_path_factory):
    folder = str(tmp_path_factory.mktemp("tls"))
    authority = Authority(folder)
    os.mkdir(os.path.join(folder, "many"))
    authority.issue(os.path.join(folder, "first"), "DNS:first.test",
                    "IP:127.0.0.1", "IP:::1")
    authority.issue(os.path.join(folder, "many", "a"), "DNS:a.test",
                    "DNS:*.wild.test")
    authority.issue(os.path.join(folder, "many", "b"), "DNS:b.test")
    authority.staple(os.path.join(folder, "many", "b"))
    pair = FakePair(tls={"certificates": f"{folder}/first.pem, {folder}/many"},
                    proxy={"workers": "2"}, limits={"head_time": "1s"})
    pair.folder, pair.authority = folder, authority
    pair.up()
    yield pair
    fault = pair.down()
    assert not fault, fault


def context(pair, low=None, high=None, alpn=None, cert=None):
    c = ssl.create_default_context(cafile=pair.authority.pem)
    if low:
        c.minimum_version, c.maximum_version = low, high or low
    if alpn:
        c.set_alpn_protocols(alpn)
    if cert:
        c.load_cert_chain(cert + ".pem", cert + ".key")
    return c


def connect(pair, name="first.test", ctx=None, session=None,
            host="127.0.0.1"):
    raw = socket.create_connection((host, pair.tls_port), 10)
    try:
        return (ctx or context(pair)).wrap_socket(
            raw, server_hostname=name, session=session)
    except Exception:
        raw.close()
        raise


def ask(sock, path="/acme/x", method="GET", body=None):
    connection = http.client.HTTPConnection("first.test")
    connection.sock = sock
    connection.request(method, path, body)
    answer = connection.getresponse()
    text = answer.read()
    assert answer.status == 200, (answer.status, text)
    return text if path.startswith("/acme/bytes") else json.loads(text)


@pytest.mark.parametrize("version", ["TLSv1_2", "TLSv1_3"])
@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_requests_in_both_versions_and_families(pair, version, host):
    want = getattr(ssl.TLSVersion, version)
    with connect(pair, ctx=context(pair, want), host=host) as s:
        assert s.version() == version.replace("_", ".")
        for _ in range(3):
            doc = ask(s)
            assert (doc["proto"], doc["for"]) == ("https", host)


def test_older_versions_are_refused(pair):
    done = subprocess.run(
        ["openssl", "s_client", "-tls1_1", "-cipher", "ALL@SECLEVEL=0",
         "-connect", f"127.0.0.1:{pair.tls_port}"], capture_output=True,
        stdin=subprocess.DEVNULL, check=False, timeout=20)
    assert done.returncode != 0
    assert b"alert protocol version" in done.stderr


def names_of(sock):
    return {v for _, v in sock.getpeercert()["subjectAltName"]}


@pytest.mark.parametrize("name, shown", [
    ("first.test", "first.test"), ("a.test", "a.test"), ("B.test", "b.test"),
    ("x.wild.test", "a.test")])
def test_the_name_chooses_the_certificate(pair, name, shown):
    with connect(pair, name) as s:
        assert shown in names_of(s)
        ask(s)


def test_an_unknown_name_is_shown_the_first_certificate(pair):
    ctx = context(pair)
    ctx.check_hostname = False
    for name in ("nobody.test", "deep.x.wild.test", "wild.test"):
        with connect(pair, name, ctx) as s:
            assert "first.test" in names_of(s)


def test_protocols_are_agreed_on(pair):
    with connect(pair, ctx=context(pair, alpn=["x", "http/1.1"])) as s:
        assert s.selected_alpn_protocol() == "http/1.1"
        ask(s)
    with pytest.raises(ssl.SSLError, match="no application protocol"):
        connect(pair, ctx=context(pair, alpn=["spdy/3"]))


@pytest.mark.parametrize("version", ["TLSv1_2", "TLSv1_3"])
def test_sessions_go_on_at_any_worker(pair, version):
    ctx = context(pair, getattr(ssl.TLSVersion, version))
    with connect(pair, ctx=ctx) as s:
        ask(s)
        session = s.session
        assert not s.session_reused
    before = pair.metric("gsb_proxy_tls_resumed_total")
    for _ in range(12):  # both workers have their turn
        with connect(pair, ctx=ctx, session=session) as s:
            assert s.session_reused
            ask(s)
            if version == "TLSv1_3":
                session = s.session
    assert pair.metric("gsb_proxy_tls_resumed_total") == before + 12


def test_a_staple_is_given_where_there_is_one(pair):
    def said(name):
        return subprocess.run(
            ["openssl", "s_client", "-status", "-servername", name,
             "-connect", f"127.0.0.1:{pair.tls_port}"], capture_output=True,
            stdin=subprocess.DEVNULL, check=True, timeout=20).stdout
    assert b"OCSP Response Status: successful" in said("b.test")
    assert b"OCSP response: no response sent" in said("a.test")


def test_large_bodies_both_ways(pair):
    with connect(pair) as s:
        body = os.urandom(3_000_000)
        assert ask(s, method="POST", body=body)["sha256"] == \
            hashlib.sha256(body).hexdigest()
        assert ask(s, "/acme/bytes/5000000") == bytes(5_000_000)


class Records:
    """A client that sees its records, to send them in pieces."""
    def __init__(self, pair, version):
        self.raw = socket.create_connection(("127.0.0.1", pair.tls_port), 10)
        self.raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context(pair, version).wrap_bio(
            self.incoming, self.outgoing, server_hostname="first.test")

    def until(self, done):
        """By single bytes, what there is to be sent."""
        while True:
            try:
                return done()
            except ssl.SSLWantReadError:
                for byte in self.outgoing.read():
                    self.raw.sendall(bytes([byte]))
                got = self.raw.recv(65536)
                assert got, "the proxy closed"
                self.incoming.write(got)

    def request(self):
        for line in (b"GET /acme/bytes/10 HTTP/1.1\r\n",
                     b"Host: first.test\r\n\r\n"):
            self.tls.write(line)
        return self.outgoing.read()

    def answer(self):
        got = b""
        while not got.endswith(b"\r\n\r\n" + bytes(10)):
            more = self.until(lambda: self.tls.read(65536))
            assert more, (got, "the proxy closed")
            got += more
        assert got.startswith(b"HTTP/1.1 200"), got


@pytest.mark.parametrize("version", ["TLSv1_2", "TLSv1_3"])
def test_records_may_be_cut_anywhere(pair, version):
    client = Records(pair, getattr(ssl.TLSVersion, version))
    with client.raw:
        client.until(client.tls.do_handshake)
        client.raw.sendall(client.outgoing.read())
        for cut in (1, 4, 5, 6, 40, 70):
            first, second = client.request(), client.request()
            client.raw.sendall(first + second[:cut])
            client.answer()
            client.raw.sendall(second[cut:])
            client.answer()


def test_a_slow_reader_gets_all(pair):
    raw = socket.create_connection(("127.0.0.1", pair.tls_port), 10)
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
    with context(pair).wrap_socket(raw, server_hostname="first.test") as s:
        assert ask(s, "/acme/bytes/3000000") == bytes(3_000_000)


def test_the_end_is_said(pair):
    """What a client got is whole: close_notify comes before the end."""
    with connect(pair) as s:
        s.suppress_ragged_eofs = False
        s.sendall(b"GET /acme/x HTTP/1.1\r\nHost: x\r\n"
                  b"Connection: close\r\n\r\n")
        got = b""
        while piece := s.recv(65536):
            got += piece
        assert got.startswith(b"HTTP/1.1 200") and got.endswith(b"}")


def test_what_is_no_handshake_is_closed(pair):
    failed = pair.metric("gsb_proxy_tls_failed_total")
    with socket.create_connection(("127.0.0.1", pair.tls_port), 10) as s:
        s.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        wait_until(lambda: s.recv(100) == b"", 10)
    assert pair.metric("gsb_proxy_tls_failed_total") == failed + 1
    with socket.create_connection(("127.0.0.1", pair.tls_port), 10) as s:
        s.sendall(b"\x16\x03\x01")  # and nothing more, for head_time
        assert s.recv(100) == b""


def test_metric_of_the_end_of_each_certificate(pair):
    end = pair.metric("gsb_proxy_certificate_end_seconds{file=\""
                 f"{pair.folder}/many/a.pem\"}}")
    text = subprocess.check_output(
        ["openssl", "x509", "-noout", "-enddate", "-in",
         f"{pair.folder}/many/a.pem"], text=True).strip().partition("=")[2]
    assert end == ssl.cert_time_to_seconds(text)


def test_the_certificate_that_ends_first_is_a_gate(pair):
    gate = {g["gate"]: g for g in pair.status()["readiness"]["gates"]}
    assert gate["certificates"]["verdict"] == "good", gate
    assert 700 <= int(gate["certificates"]["value"].split()[0]) < 720, gate


def reload(pair, want, **tls):
    """Reads the configuration again; want: what the log says then."""
    at = len(pair.log())
    pair.tls.update(tls)
    pair.write("proxy.conf", pair.conf())
    pair.send("proxy", signal.SIGHUP)
    wait_until(lambda: want in pair.log()[at:], 10, what=want)


def fingerprint(sock):
    return sock.getpeercert(binary_form=True)


def test_reload_changes_certificates_and_closes_nothing(pair):
    path = os.path.join(pair.folder, "many", "a")
    with connect(pair, "a.test") as old:
        ask(old)  # from now on it may be idle for longer than head_time
        pair.authority.issue(path, "DNS:a.test", "DNS:new.test")
        reload(pair, "reload")

        def renewed():
            with connect(pair, "new.test") as s:
                ask(s)
                return "new.test" in names_of(s)
        wait_until(renewed, 10)
        ask(old)  # nothing was closed


def test_a_bad_file_changes_nothing_and_is_named(pair):
    path = os.path.join(pair.folder, "many", "b.pem")
    with open(path, encoding="ascii") as f:
        good = f.read()
    with connect(pair, "b.test") as s:
        shown = fingerprint(s)
    for bad in ("nonsense", good[:200], ""):
        with open(path, "w", encoding="ascii") as f:
            f.write(bad)
        reload(pair, path)
        with connect(pair, "b.test") as s:
            assert fingerprint(s) == shown
            ask(s)
    os.chmod(path[:-4] + ".key", 0o644)
    with open(path, "w", encoding="ascii") as f:
        f.write(good)
    reload(pair, "its mode should be 0600")
    os.chmod(path[:-4] + ".key", 0o600)


def test_clients_show_certificates_if_that_is_wanted(pair):
    mine, other = os.path.join(pair.folder, "me"), \
        os.path.join(pair.folder, "foreign")
    pair.authority.issue(mine, "DNS:me")
    Authority(pair.folder, "foreign-ca").issue(other, "DNS:foreign")

    def works(cert):
        try:
            with connect(pair, ctx=context(pair, cert=cert)) as s:
                ask(s)
                return True
        except (OSError, http.client.HTTPException):
            return False
    ctx = context(pair)
    with connect(pair, ctx=ctx) as s:
        ask(s)
        old = s.session
    reload(pair, "reload", client_certificates="ask",
           client_ca=pair.authority.pem)
    wait_until(lambda: not works(other), 10)
    assert works(mine) and works(None)
    reload(pair, "reload", client_certificates="require")
    wait_until(lambda: not works(None), 10)
    assert works(mine) and not works(other)
    # A ticket from before that rule opens nothing.
    with pytest.raises((OSError, http.client.HTTPException)):
        with connect(pair, ctx=ctx, session=old) as s:
            ask(s)
    reload(pair, "reload", client_certificates="off")
    wait_until(lambda: works(None), 10)
