"""Web hooks and mail on changes of state and alarms, received by a real SMTP
server and a real HTTP one."""
import email
import email.policy
import hashlib
import hmac
import http.server
import json
import os
import subprocess
import threading

import pytest
from aiosmtpd.controller import Controller

from fake_pair import BIN, FakePair
from ports import free_port
from wait import wait_until

KEY = "a key of the receiver"


class Hook(http.server.ThreadingHTTPServer):
    """Takes what is posted, unless told to fail."""

    def __init__(self, port=0):
        self.status, self.bodies, self.tries = 200, [], 0
        hook = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                hook.tries += 1
                if hook.status == 200:
                    hook.bodies.append((dict(self.headers), body))
                self.send_response(hook.status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        super().__init__(("127.0.0.1", port), Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def texts(self):
        return [json.loads(body)["event"]["text"] for _, body in self.bodies]

    def close(self):
        self.shutdown()
        self.server_close()


class Mailbox:
    def __init__(self, port):
        self.messages, self.refuse = [], None
        self.controller = Controller(self, hostname="127.0.0.1", port=port)
        self.controller.start()

    async def handle_DATA(self, _server, _session, envelope):
        if self.refuse:
            return self.refuse
        self.messages.append(email.message_from_bytes(
            envelope.content, policy=email.policy.default))
        return "250 taken"

    def subjects(self):
        return [m["Subject"] for m in self.messages]


@pytest.fixture(scope="module")
def world():
    hook, port = Hook(), free_port()
    mailbox = Mailbox(port)
    pair = FakePair(notices={
        "webhooks": f"http://127.0.0.1:{hook.server_port}/secret-path",
        "mail_to": "ann@example.com, bob@example.com",
        "mail_from": "gsb@example.com",
        "smtp": f"smtp://127.0.0.1:{port}"})
    pair.write("hook.key", KEY + "\n", 0o600)
    pair.notices["webhook_key_file"] = pair.path("hook.key")
    pair.write("proxy.conf", pair.conf())
    try:
        pair.up()
        yield pair, hook, mailbox
    finally:
        fault = pair.down()
        hook.close()
        mailbox.controller.stop()
    assert not fault, fault


def settle(pair):
    """Back to the beginning, with nothing on its way."""
    wait_until(lambda: all(s["verdict"] == "whole" for s in
                           pair.status()["sites"].values()), 20)
    pair.wait_state("NORMAL")
    wait_until(lambda: waiting(pair) == 0, 20)


def waiting(pair):
    return pair.ctl("notices", "status", "--format", "json")["waiting"]


def test_an_alarm_reaches_everybody(world):
    pair, hook, mailbox = world
    settle(pair)
    pair.set_site("backup", db="down")
    wait_until(lambda: any("the backup is dead" in t for t in hook.texts()),
               10)
    wait_until(lambda: len([s for s in mailbox.subjects()
                            if "the backup is dead" in s]) == 2, 10)
    pair.set_site("backup")
    headers, body = next((h, b) for h, b in hook.bodies
                         if b"the backup is dead" in b)
    doc = json.loads(body)
    assert doc["v"] == 1 and doc["event"]["kind"] == "alarm"
    assert headers["Content-Type"] == "application/json"
    sign = hmac.new(KEY.encode(), body, hashlib.sha256).hexdigest()
    assert headers["X-GSB-Signature"] == "sha256=" + sign
    mail = next(m for m in mailbox.messages
                if "the backup is dead" in m["Subject"])
    assert mail["From"] == "gsb@example.com"
    assert f"gsbctl explain {doc['event']['id']}" in mail.get_content()
    assert {m["To"] for m in mailbox.messages} == {
        "ann@example.com", "bob@example.com"}


def test_changes_of_state_come_in_order(world):
    pair, hook, _ = world
    settle(pair)
    hook.bodies.clear()
    pair.order("switchover", "--to", "backup")
    pair.order("failback")
    settle(pair)
    events = [json.loads(b)["event"] for _, b in hook.bodies]
    ids = [e["id"] for e in events]
    assert ids == sorted(ids) and len(set(ids)) == len(ids)
    moves = [(e["from"], e["to"]) for e in events
             if e["kind"] == "transition"]
    assert moves[0][0] == "NORMAL" and moves[-1][1] == "NORMAL"
    assert all(a[1] == b[0] for a, b in zip(moves, moves[1:])), moves


def test_what_nobody_took_outlives_a_killed_proxy(world):
    pair, hook, mailbox = world
    settle(pair)
    hook.status, hook.tries = 503, 0
    mailbox.refuse = "451 later"
    hook.bodies.clear()
    mailbox.messages.clear()
    pair.set_site("backup", db="down")
    wait_until(lambda: hook.tries > 0 and waiting(pair) >= 3, 10)
    text = pair.ctl("notices", "status")
    assert "503" in text or "451" in text
    pair.kill("proxy")
    hook.status, mailbox.refuse = 200, None
    pair.set_site("backup")
    pair.start("proxy")
    wait_until(lambda: any("the backup is dead" in t for t in hook.texts()),
               20)
    wait_until(lambda: len([s for s in mailbox.subjects()
                            if "the backup is dead" in s]) == 2, 20)
    settle(pair)
    assert os.listdir(pair.path("proxy", "notices")) == []


def test_a_refusal_for_good_is_not_repeated(world):
    pair, _, mailbox = world
    settle(pair)
    mailbox.refuse = "554 never"
    pair.ctl("notices", "test")
    wait_until(lambda: pair.ctl("notices", "status", "--format",
                                "json")["given_up"] >= 2, 10)
    mailbox.refuse = None
    assert waiting(pair) == 0


def test_a_trial_reaches_everybody_and_secrets_stay(world):
    pair, hook, mailbox = world
    settle(pair)
    hook.bodies.clear()
    text = pair.ctl("notices", "test")
    assert "ann@example.com" in text
    wait_until(lambda: any("trial" in t for t in hook.texts()), 10)
    wait_until(lambda: any("[GSB] test" in s for s in mailbox.subjects()), 10)
    with open(pair.path("proxy.log"), encoding="utf-8") as f:
        log = f.read()
    for secret in (KEY, "secret-path"):
        assert secret not in log and secret not in text


def check(pair, **keys):
    """What gsb-proxy --check says of notices like these."""
    before = pair.notices
    pair.notices = {**before, **keys}
    pair.write("wrong.conf", pair.conf())
    pair.notices = before
    run = subprocess.run(
        [os.path.join(BIN, "gsb-proxy"), "--check", "--config",
         pair.path("wrong.conf")], capture_output=True, text=True,
        check=False)
    assert run.returncode != 0
    return run.stderr + run.stdout


def test_wrong_settings_are_named(world):
    pair = world[0]
    assert "notices.webhooks" in check(pair, webhooks="ftp://x/y")
    assert "NAME@HOST" in check(pair, mail_to="nobody")
    assert "smtp://HOST:PORT" in check(pair, smtp="127.0.0.1:25")
    assert "notices.mail_from" in check(pair, mail_from="x")
    pair.write("open.key", "k\n", 0o644)
    assert "chmod 600" in check(pair,
                                webhook_key_file=pair.path("open.key"))
