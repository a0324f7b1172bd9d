"""Malformed HTTP, XML, JSON and configuration: a clear error in the form of
the caller's API, or with file and line; no process ends by it (conftest looks
after each test)."""
import os
import socket
import subprocess

import pytest

from clients import Http
from pair import ROOT


def raw(pair, data):
    """What the one URL's port answers to these bytes."""
    with socket.create_connection(("127.0.0.1", pair.port), timeout=30) as s:
        s.sendall(data)
        s.shutdown(socket.SHUT_WR)
        answer = b""
        while chunk := s.recv(65536):
            answer += chunk
    return answer


@pytest.mark.parametrize("data", [
    b"GET / HTTP/1.1\nHost: a\n\n",
    b"GET / HTTP/1.1\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost : a\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\nX: b\r\n c\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1x\r\n\r\na",
    b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"g\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"a" * 200_000 + b"\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    b"\x00" * 1000 + b"\r\n\r\n",
], ids=["bare-lf", "no-host", "two-hosts", "space-before-colon", "folded",
        "both-lengths", "bad-length", "bad-chunk", "large-field", "tls",
        "zeros"])
def test_malformed_http(pair, data):
    answer = raw(pair, data)
    assert answer.startswith(b"HTTP/1.1 4"), answer[:200]
    assert b"500" not in answer.split(b"\r\n")[0]
    assert pair.detect() == "Primary"


def test_reserved_fields_and_paths_of_clients_are_nothing(pair):
    """A client cannot pose as the proxy."""
    client = Http(pair.url)
    for path in ("/gsb/lease", "/gsb/barrier", "/gsb/companies"):
        assert client.request("POST", path, "{}").status == 404, path
    answer = client.request(
        "GET", "/v1/people/me", headers={
            "GSB-Epoch": "999", "GSB-Site": "backup",
            "GSB-Request": "x;1"})
    assert answer.status == 401
    assert not [k for k, _ in answer.getheaders()
                if k.lower().startswith("gsb-")]
    client.close()


@pytest.mark.parametrize("text", [
    "", "no xml", "<", "<a>", "<a></b>", "<!DOCTYPE a><a/>",
    "<a>" * 5000, "<message><header/></message>",
    "<message><header><securityContext/></header><body><bodyContent "
    "xsi:type='java:com.webex.service.binding.user.Nothing'/></body>"
    "</message>", "\x00\x01",
    "XML=" + "%3C" * 100,
], ids=["empty", "text", "open", "unclosed", "crossed", "doctype", "deep",
        "bare", "unknown", "control", "form"])
def test_malformed_xml(pair, text):
    client = pair.xml()
    answer = client.post(text)
    assert answer.status == 200
    assert answer.type == "text/xml;charset=UTF-8"
    assert answer.get("result") == "FAILURE", answer.text
    assert answer.get("reason") and answer.site == "PRIMARY"
    client.close()


@pytest.mark.parametrize("text", [
    "", "{", "[]", "{\"title\":1}", "null", "\"a\"", "{\"title\":\"a\"}",
    "{\"title\":\"a\",\"start\":\"yesterday\",\"end\":\"never\"}",
    "[" * 100_000,
], ids=["empty", "open", "list", "number", "null", "string", "no-start",
        "no-times", "deep"])
def test_malformed_json(pair, text):
    client = pair.json()
    before = len(pair.query("primary", "SELECT 1 FROM meeting"))
    answer = client.http.request(
        "POST", "/v1/meetings", text.encode(), {
            "Authorization": f"Bearer {client.token}",
            "Content-Type": "application/json"})
    assert answer.status == 400, (answer.status, answer.text)
    assert answer.getheader("Content-Type", "").startswith("application/json")
    assert '"message"' in answer.text and '"trackingId"' in answer.text
    assert len(pair.query("primary", "SELECT 1 FROM meeting")) == before
    client.close()


@pytest.mark.parametrize("program, name", [
    ("gsb-primary", "primary-web"), ("gsb-backup", "backup-web"),
    ("gsb-replicator", "primary-replicator"), ("gsb-proxy", "proxy")])
@pytest.mark.parametrize("wrong", [
    "[log\n", "no = section\n", "[nonsense]\na = b\n", "[log]\nlevel = loud\n",
    "[log]\nlevle = info\n"],
    ids=["open", "no-section", "section", "value", "key"])
def test_wrong_configuration_names_file_and_line(pair, tmp_path, program,
                                                 name, wrong):
    with open(os.path.join(pair.dir, "conf", f"{name}.conf"),
              encoding="utf-8") as f:
        good = f.read()
    path = tmp_path / "a.conf"
    command = [os.path.join(pair.env["GSB_BIN"], program), "--check",
               "--config", str(path)]
    path.write_text(good)
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT,
                          timeout=30, check=False)
    assert done.returncode == 0, done.stderr
    path.write_text(wrong + good)
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT,
                          timeout=30, check=False)
    assert done.returncode == 1, (done.returncode, done.stderr)
    assert f"{path}:" in done.stderr, done.stderr
