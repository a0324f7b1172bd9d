"""TLS between the proxy and the sites: probes and requests alike go there
verified, and whoever is no site gets nothing."""
import hashlib
import json
import os

import pytest

from certificates import Authority
from fake_pair import FakePair
from wait import wait_until


@pytest.fixture(name="made")
def fixture_made(tmp_path):
    """An authority; what makes a pair, which the fixture ends."""
    folder = str(tmp_path)
    authority = Authority(folder)
    site, proxy = os.path.join(folder, "site"), os.path.join(folder, "proxy")
    authority.issue(site, "IP:127.0.0.1")
    authority.issue(proxy, "DNS:proxy")
    pairs = []

    def make(client_ca="", **sites):
        pair = FakePair(site_tls=(site, client_ca), sites={
            "ca_file": authority.pem, **sites},
            limits={"connect_time": "10s"}, fail_hold="1s")
        pairs.append(pair)
        return pair
    yield authority, proxy + ".pem", make
    for pair in pairs:
        fault = pair.down()
        assert not fault, fault


def start(pair):
    pair.start("primary-web", "primary-collab", "backup-web",
               "backup-collab", "proxy")


def test_requests_go_over_tls(made):
    authority, certificate, make = made
    pair = make(client_ca=authority.pem, certificate=certificate).up()
    body = os.urandom(2_000_000)
    for _ in range(3):
        status, doc = pair.get(method="POST", body=body)
        assert status == 200 and doc["site"] == "primary"
        assert doc["sha256"] == hashlib.sha256(body).hexdigest()
    connection = pair.client()
    connection.request("GET", "/acme/bytes/5000000")
    assert connection.getresponse().read() == bytes(5_000_000)
    connection.close()
    assert pair.metric("gsb_proxy_reuses_total") > 0
    assert pair.metric("gsb_proxy_tls_handshakes_total") > 0
    pair.order("switchover", "--to", "backup", "--wait")
    assert pair.get()[1]["site"] == "backup"
    pair.kill("backup-web")
    wait_until(lambda: pair.status()["active"] == "primary", 30)
    assert pair.get()[1]["site"] == "primary"


def told(pair):
    return json.dumps(pair.status())


@pytest.mark.parametrize("what, says", [
    ("stranger", "SSL certificate problem"),
    ("name", "no alternative certificate subject name"),
    ("nothing shown", "certificate required")])
def test_who_is_no_site_gets_nothing(made, what, says):
    """A pair that was good; the reason is there for operators to see."""
    authority, _, make = made
    pair = make().up()
    assert pair.get()[0] == 200
    site = pair.site_tls[0]
    client_ca = ""
    if what == "stranger":
        Authority(pair.dir, "stranger").issue(site, "IP:127.0.0.1")
    elif what == "name":
        authority.issue(site, "DNS:elsewhere", "IP:127.0.0.2")
    else:
        client_ca = authority.pem
    pair.site_tls = (site, client_ca)
    services = ("primary-web", "backup-web")
    pair.kill(*services)
    pair.start(*services)
    wait_until(lambda: says in told(pair), 20, what=says)
    assert pair.get()[0] == 503


def test_bad_files_are_named(made):
    _, _, make = made
    pair = make(certificate="/nowhere/x.pem")
    start(pair)
    wait_until(lambda: pair.processes["proxy"].poll() is not None, 20)
    assert pair.processes.pop("proxy").returncode == 1
    assert "sites: /nowhere/x.pem" in pair.log()
