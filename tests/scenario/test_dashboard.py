"""The operators' page, in a browser, against two fake sites."""
import http.client
import json
import os
import signal
import ssl
import tempfile

import pytest

from browser import DESK, PHONE
from certificates import Authority
from fake_pair import FakePair
from wait import wait_until

TOKEN = "a-token-of-the-tests"


@pytest.fixture(scope="module")
def shared():
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "token")
        with open(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "w",
                  encoding="ascii") as f:
            f.write(TOKEN + "\n")
        # a machine that is busy is no site that is in doubt
        pair = FakePair(dashboard={"token_file": path},
                        health={"timeout": "3s", "ttl": "6s"})
        try:
            pair.up()
            yield pair
        finally:
            fault = pair.down()
        assert not fault, fault


@pytest.fixture
def fake(shared):
    for site in ("primary", "backup"):
        shared.set_site(site)
    wait_until(lambda: all(s["verdict"] == "whole" for s in
                           shared.status()["sites"].values()), 60)
    if shared.status()["active"] == "backup":
        shared.order("failback")
    shared.wait_state("NORMAL", 60)
    yield shared


@pytest.fixture
def page(browser, fake):
    """Logged in by an address from gsbctl, which its user's name comes by."""
    browser.open(fake.ctl("dashboard").split()[0])
    browser.wait_text("#serves", "PRIMARY")
    yield browser
    assert not browser.console()


def ask(fake, method, path, body=None, context=None, **fields):
    host = fake.dashboard["listen"]
    connection = http.client.HTTPSConnection(
        host, timeout=30, context=context) if context else \
        http.client.HTTPConnection(host, timeout=30)
    try:
        connection.request(method, path, body and json.dumps(body), {
            k.replace("_", "-"): v for k, v in fields.items()})
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read().decode()
    finally:
        connection.close()


def log_in(fake, body, **more):
    status, fields, text = ask(fake, "POST", "/v1/login", body, **more)
    assert status == 200, text
    return {"Cookie": fields["Set-Cookie"].split(";")[0],
            "X_GSB_CSRF": json.loads(text)["csrf"]}, fields["Set-Cookie"]


def test_nobody_comes_in_but_by_token_or_socket(fake):
    status, fields, text = ask(fake, "GET", "/")
    assert status == 200 and "<script type=\"module\"" in text
    assert "default-src 'none'" in fields["Content-Security-Policy"]
    for method, path in (("GET", "/v1/status"), ("GET", "/v1/samples"),
                         ("POST", "/v1/orders"), ("GET", "/v1/events")):
        assert ask(fake, method, path, {} if method == "POST" else None)[0] \
            == 401
    assert ask(fake, "POST", "/v1/login", {"token": "x", "name": "y"})[0] == 401
    once = fake.ctl("--format", "json", "dashboard")["url"].partition("=")[2]
    me, cookie = log_in(fake, {"once": once})
    assert "HttpOnly" in cookie and "SameSite=Strict" in cookie
    assert ask(fake, "POST", "/v1/login", {"once": once})[0] == 401
    assert ask(fake, "GET", "/v1/status", Cookie=me["Cookie"])[0] == 200
    # the socket's other calls are not for browsers
    assert ask(fake, "POST", "/v1/upgrade", {}, **me)[0] == 404
    assert ask(fake, "POST", "/v1/logout", {}, **me)[0] == 200
    assert ask(fake, "GET", "/v1/status", Cookie=me["Cookie"])[0] == 401


def test_no_other_page_can_give_orders(fake):
    me, _ = log_in(fake, {"token": TOKEN, "name": "anna"})
    order = {"verb": "observe", "reason": "t"}
    status, _, text = ask(fake, "POST", "/v1/orders", order,
                          Cookie=me["Cookie"])
    assert status == 403 and "X-GSB-CSRF" in text
    for fields in ({"Origin": "http://evil.test"},
                   {"Sec_Fetch_Site": "cross-site"},
                   {"Origin": "https://" + fake.dashboard["listen"]}):
        assert ask(fake, "POST", "/v1/orders", order, **me, **fields)[0] == 403
    assert not fake.status()["observe"]
    # who it is says the session, whatever the order says
    status, _, text = ask(
        fake, "POST", "/v1/orders", {**order, "who": "somebody else"},
        Origin="http://" + fake.dashboard["listen"], **me)
    assert status == 200 and json.loads(text)["who"] == "anna (dashboard)"
    fake.order("resume")


def test_a_wrong_token_and_the_right_one(browser, fake):
    browser.open(f"http://{fake.dashboard['listen']}/")
    browser.wait("#login")
    assert not browser.axe()
    browser.screenshot("dashboard-login")
    browser.fill("#name", "<b>anna</b>")
    browser.fill("#token", "not-the-right-token")
    browser.click("#login button")
    browser.wait_text("#login-fault", "not the token")
    browser.fill("#token", TOKEN)
    browser.press("Enter")
    browser.wait_text("#serves", "PRIMARY")
    assert browser.text("#who") == "<b>anna</b>"
    browser.open(f"http://{fake.dashboard['listen']}/")  # it stays logged in
    browser.wait_text("#serves", "PRIMARY")
    browser.click("#logout")
    browser.wait("#login")
    assert all("401" in line for line in browser.console())


def test_it_shows_what_gsbctl_says(page, fake):
    page.wait_text("#todo", "Nothing.")
    page.wait_text("#serves-more", f"epoch {fake.status()['epoch']}")
    page.wait_text("#pair .site.primary", "serves, whole")
    page.wait_text("#pair .site.backup", "stands by, whole")
    page.wait_text("#pair .between", "primary to backup: 0 ms behind")
    page.wait_text("#pair .between", "backup to primary: 0 ms behind")

    def gates_are_the_same():
        shown = page.run(
            "return [...document.querySelectorAll('#gates tr')].map("
            "r => [...r.children].map(c => c.textContent))")
        told = [[g["gate"], g["verdict"], g["value"], g["limit"]]
                for g in fake.status()["readiness"]["gates"]]
        # how far the clocks are apart changes with each look
        return len(told) > 5 and told == [
            row[:4] if row[0] != "clocks" else told[i]
            for i, row in enumerate(shown)]

    page.wait(gates_are_the_same)
    page.wait("#events tr")
    assert page.text("#events td:last-child") in fake.ctl("--format", "tsv",
                                                          "events")
    page.wait_text("#graphs", "primary to backup: 0 ms")
    fake.set_site("backup", parked=2, disk=20)
    page.wait_text("#todo", "backup 2")
    page.wait_text("#ready", "No")
    assert page.find("#verdict").get_attribute("data-level") == "warn"


def test_everybody_can_use_it(page, fake):
    page.wait_text("#graphs", "primary to backup: 0 ms")
    for scheme in ("light", "dark"):
        page.scheme(scheme)
        for name, size in (("desk", DESK), ("phone", PHONE)):
            page.size(*size)
            assert page.wide() == 0
            page.screenshot(f"dashboard-{scheme}-{name}")
        assert not page.axe()
    page.size(*DESK)
    page.click("#do-redirect-add")
    page.wait_text("#dialog-says", "It would go")
    assert not page.axe()
    page.press("Escape")
    page.wait(lambda: not page.shown("#dialog"))
    assert page.focus().startswith("button#do-redirect-add")


def test_a_switch_by_mouse_and_a_return_by_keyboard(page, fake):
    reason = "<script>alert(1)</script> & \"tests\""
    page.click("#do-switchover")
    page.wait_text("#dialog-says", "everybody moves to the backup")
    page.click("#dialog-go")  # without a reason nothing goes
    assert page.shown("#dialog") and fake.status()["active"] == "primary"
    page.fill("#reason", reason)
    page.click("#dialog-go")
    page.wait_text("#serves", "BACKUP")
    assert fake.get()[1]["site"] == "backup"
    page.wait_text("#order", "done")
    assert reason in page.text("#order")
    page.wait(lambda: reason in page.text("#events"))
    assert len(page.all("script")) == 1
    order = fake.status()["order"]
    assert order["reason"] == reason
    assert order["who"].endswith(" (dashboard)")
    page.screenshot("dashboard-backup")

    page.wait("#do-failback")
    page.run("document.activeElement.blur()")
    page.tab_to("#do-failback")
    page.press("Enter")
    page.wait_text("#dialog-says", "It would go")
    assert page.focus() == "input#reason"
    page.press(*"home", "Enter")
    page.wait_text("#serves", "PRIMARY")
    assert fake.status()["order"]["reason"] == "home"


@pytest.mark.long
def test_a_redirect_and_its_end(page, fake):
    page.click("#do-redirect-add")
    page.wait_text("#dialog-says", "It would go")
    page.choose("#what", "c:acme")
    page.choose("#to", "backup")
    page.fill("#reason", "for acme")
    page.click("#dialog-go")
    page.wait_text("#redirects", "acme to the backup until")
    assert fake.get()[1]["site"] == "backup"
    page.click("#redirects button")
    page.wait_text("#dialog-title", "End the redirect of acme")
    page.press(*"done", "Enter")
    page.wait_text("#redirects", "None")
    assert not fake.status()["redirects"]


def test_a_refusal_names_its_rule(page, fake):
    fake.set_site("backup", sync="degraded")
    wait_until(lambda: fake.status()["sites"]["backup"]["replication"][
        "sync"] == "degraded", 60)
    page.click("#do-switchover")
    page.wait_text("#dialog-says", "Refused by rule behind")
    assert "--allow-behind" in page.text("#dialog-flag")
    page.fill("#reason", "try it")
    page.click("#dialog-go")
    page.wait(lambda: "try it" in fake.ctl("events"))
    assert page.shown("#dialog") and fake.status()["state"] == "NORMAL"
    page.click("#dialog-close")
    fake.set_site("backup", db="down")
    page.wait_text("#todo", "Mend the backup: its database does not answer")
    page.click("#do-switchover")
    page.wait_text("#dialog-says", "rule target-dead")
    assert "No flag overrides it" in page.text("#dialog-says")
    assert not page.shown("#dialog-flag")
    page.driver.get_log("browser")  # 409 is what the browser complains of


def test_a_failover_shows_by_itself(page, fake):
    fake.kill("primary-web", "primary-collab")
    try:
        page.wait_text("#serves", "BACKUP")
        page.wait_text("#todo", "Mend the primary")
        assert page.text("#well") == "Not safe"
        assert page.text("#pair .site.primary .role") == "down"
        page.screenshot("dashboard-failover")
        assert not page.axe()
    finally:
        fake.start("primary-web", "primary-collab")
    page.wait_text("#serves", "PRIMARY")


@pytest.mark.long
def test_what_is_old_is_said_to_be_old(page, fake):
    fake.send("proxy", signal.SIGSTOP)
    try:
        page.wait_text("#stale", "what you see is old")
    finally:
        fake.send("proxy", signal.SIGCONT)
    page.wait(lambda: not page.shown("#stale"))
    page.driver.get_log("browser")


def test_by_tls_when_configured():
    with tempfile.TemporaryDirectory() as folder:
        ca = Authority(folder)
        ca.issue(os.path.join(folder, "a"), "IP:127.0.0.1")
        pair = FakePair(tls={"certificates": os.path.join(folder, "a.pem")},
                        dashboard={"tls": "yes"})
        try:
            pair.start("proxy")
            wait_until(lambda: os.path.exists(pair.socket), 60)
            url = pair.ctl("dashboard").split()[0]
            assert url.startswith("https://127.0.0.1:")
            context = ssl.create_default_context(cafile=ca.pem)
            context.set_alpn_protocols(["h2", "http/1.1"])
            me, cookie = log_in(pair, {"once": url.partition("=")[2]},
                                context=context)
            assert "; Secure" in cookie
            status, _, text = ask(pair, "GET", "/v1/status", context=context,
                                  Cookie=me["Cookie"])
            assert status == 200 and json.loads(text)["state"] == "START"
            assert ask(pair, "GET", "/style.css", context=context)[0] == 200
            with pytest.raises((OSError, http.client.HTTPException)):
                ask(pair, "GET", "/")
        finally:
            fault = pair.down()
        assert not fault, fault
