"""Orders of operators through gsbctl, against two fake sites."""
import signal
import subprocess
import threading
import urllib.request

import pytest

from fake_pair import BIN, Clients, FakePair
from wait import wait_until


@pytest.fixture(scope="module")
def shared():
    pair = FakePair(max_drain="1s", max_hold="4s")
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
                           shared.status()["sites"].values()), 20)
    if shared.status()["active"] == "backup":
        shared.order("failback")
    shared.wait_state("NORMAL")
    yield shared


def test_there_and_back_without_a_failed_request(fake):
    with Clients(fake):
        fake.order("switchover", "--to", "backup")
        assert fake.get()[1]["site"] == "backup"
        status = fake.status()
        assert (status["state"], status["mode"]) == ("MAINTENANCE", "held")
        assert not status["degraded"]
        fake.order("failback")
        assert fake.get()[1]["site"] == "primary"
        fake.order("switchover", "--to", "backup")
        fake.order("switchover", "--to", "primary")
    assert fake.status()["mode"] == "automatic"


def test_what_is_so_already_is_done(fake):
    assert "already" in fake.order("failback")
    assert "already" in fake.order("failover", "--to", "primary")


def test_failover_by_order(fake):
    with Clients(fake):
        fake.order("failover", "--to", "backup")
        assert fake.get()[1]["site"] == "backup"
        wait_until(lambda: not fake.status()["degraded"], 10)
        fake.order("failback")


def test_what_a_failover_leaves_behind_is_said_before_it(fake):
    fake.set_site("primary", sync="degraded")
    wait_until(lambda: fake.status()["degraded"], 10)
    for _ in range(3):
        assert fake.get(method="POST", body=b"x")[0] == 200
    text = fake.order("failover", "--to", "backup", status=2)
    assert "rule data-loss" in text and "--allow-data-loss" in text
    assert "3 requests that may have written, since 20" in text
    text = fake.order("failover", "--to", "backup", "--allow-data-loss")
    before, _, after = text.partition("NORMAL -> FENCING")
    assert "not seen until the primary is back: 3 requests" in before
    assert after


def test_a_dry_run_changes_nothing(fake):
    before = fake.status()["epoch"]
    assert "moves" in fake.ctl("switchover", "--to", "backup", "--reason",
                               "t", "--dry-run")
    assert fake.status()["epoch"] == before


def test_refusals_name_rule_and_override(fake):
    fake.set_site("backup", sync="degraded")
    wait_until(lambda: fake.status()["sites"]["backup"]["replication"][
        "sync"] == "degraded", 10)
    text = fake.order("switchover", "--to", "backup", status=2)
    assert "rule behind" in text and "--allow-behind" in text
    fake.set_site("backup", db="down")
    wait_until(lambda: fake.status()["sites"]["backup"]["verdict"] == "dead",
               10)
    text = fake.order("switchover", "--to", "backup", status=2)
    assert "rule target-dead" in text and "no flag" in text
    assert fake.ctl("readiness", status=4)


def test_mails_are_counted_by_site(fake):
    fake.set_site("primary", mail={"sent": 7, "failed_tries": 5,
                                   "given_up": 2})
    sent = 'gsb_mail_%s_total{site="%s"}'
    wait_until(lambda: fake.metric(sent % ("sent", "primary")) == 7, 60)
    assert fake.metric(sent % ("failed_tries", "primary")) == 5
    assert fake.metric(sent % ("given_up", "primary")) == 2
    # nothing is said of a site that counts none
    assert fake.metric(sent % ("sent", "backup")) is None


def gate(fake, name):
    return next(g for g in fake.ctl("--format", "json", "readiness",
                                    status=None)["readiness"]["gates"]
                if g["gate"] == name)


@pytest.mark.parametrize("site,setting,name,words", [
    ("backup", {"parked": 2}, "parked", "backup 2"),
    ("primary", {"key_conflicts": 1}, "conflicts", "primary 1"),
    ("backup", {"version": "1.2"}, "versions", "1.2"),
    ("backup", {"disk": 20}, "disk", "backup 2 %"),
    ("primary", {"ahead_ms": 3600000}, "clocks", "primary +3"),
    ("backup", {"copy_us": 1}, "copy", "h ago"),
])
def test_a_gate_bars_a_switch_and_is_named(fake, site, setting, name, words):
    fake.set_site(site, **setting)
    wait_until(lambda: gate(fake, name)["verdict"] == "bad", 10)
    assert words in gate(fake, name)["value"]
    assert name in fake.ctl("readiness", status=4)
    text = fake.order("switchover", "--to", "backup", status=2)
    assert f"rule {name}" in text and "--force" in text
    assert fake.status()["state"] == "NORMAL"


def test_forced_a_write_that_does_not_end_is_answered_by_the_new_site(fake):
    fake.set_site("primary", slow_ms=4000)
    done = []
    client = threading.Thread(
        target=lambda: done.append(fake.get(method="POST", body=b"x")))
    client.start()
    wait_until(lambda: fake.status()["sites"]["primary"]["traffic"][
        "may_write"] == 1, 10)
    fake.order("switchover", "--to", "backup", "--force")
    client.join()
    assert done[0][0] == 200 and done[0][1]["site"] == "backup"


def test_without_a_terminal_a_yes_is_needed(fake):
    text = fake.ctl("switchover", "--to", "backup", "--reason", "t", status=1)
    assert "--yes" in text
    assert fake.status()["state"] == "NORMAL"


def test_usage_is_explained(fake):
    assert "--reason" in fake.ctl("switchover", "--to", "backup", status=1)
    assert "primary or backup" in fake.ctl("failover", "--to", "moon",
                                           "--reason", "t", status=1)
    assert "not a verb" in fake.ctl("fly", status=1)
    done = subprocess.run([BIN + "/gsbctl", "--connect", "/none", "status"],
                          capture_output=True, text=True, check=False)
    assert done.returncode == 5 and "/none" in done.stderr


def test_abort_when_a_write_does_not_end(fake):
    fake.set_site("primary", slow_ms=2500)
    done = []
    client = threading.Thread(
        target=lambda: done.append(fake.get(method="POST", body=b"x")))
    client.start()
    wait_until(lambda: fake.status()["sites"]["primary"]["traffic"][
        "may_write"] == 1, 10)
    text = fake.order("switchover", "--to", "backup", status=6)
    assert "max_drain" in text
    fake.set_site("primary")
    client.join()
    assert done[0][0] == 200 and done[0][1]["site"] == "primary"
    assert fake.status()["active"] == "primary"


def test_abort_when_the_barrier_does_not_come(fake):
    fake.set_site("backup", barriers_blocked=True)
    with Clients(fake):
        text = fake.order("switchover", "--to", "backup", status=6)
    assert "barrier" in text


def test_abort_when_the_new_site_dies(fake):
    fake.set_site("backup", barriers_blocked=True)
    order = threading.Thread(
        target=lambda: fake.order("switchover", "--to", "backup", status=6))
    with Clients(fake):
        order.start()
        wait_until(lambda: fake.status()["state"] == "SYNC", 5, 0.01)
        fake.send("backup-web", signal.SIGKILL)
        order.join()
        fake.wait_state("NORMAL")
    fake.start("backup-web")


def test_cancel(fake):
    fake.set_site("backup", barriers_blocked=True)
    order = threading.Thread(
        target=lambda: fake.order("switchover", "--to", "backup", status=6))
    order.start()
    wait_until(lambda: fake.status()["state"] == "SYNC", 5, 0.01)
    fake.order("cancel")
    order.join()
    fake.wait_state("NORMAL")


def test_pause_bars_automation(fake):
    fake.order("pause", "--expires-in", "1h")
    fake.set_site("primary", db="down")
    fake.wait_state("CLOSED")
    assert "paused" in fake.status()["failover"]["why_not"]
    fake.set_site("primary")
    fake.wait_state("NORMAL")
    fake.order("resume")
    assert fake.status()["failover"]["why_not"] != "automation is paused"
    wait_until(lambda: fake.status()["failover"]["ready"], 60)


def test_maintenance(fake):
    assert "not under" in fake.ctl("maintenance", "status")
    with Clients(fake):
        fake.order("maintenance", "start", "--until", "1s")
        assert fake.get()[1]["site"] == "backup"
        assert "under maintenance" in fake.ctl("status")
        wait_until(lambda: "should have ended" in fake.ctl("events"), 10)
        text = fake.order("failback", status=2)
        assert "rule maintenance" in text and "finish" in text
        fake.set_site("primary", barriers_blocked=True)
        text = fake.order("maintenance", "finish", "--wait", "2s", status=3)
        assert "… CATCHING_UP for " in text, "who waits is told what for"
        fake.set_site("primary")
        fake.wait_state("NORMAL")
        assert fake.get()[1]["site"] == "primary"
    assert fake.status()["maintained_us"] == 0


def test_a_drill_goes_there_and_back_and_reports(fake):
    with Clients(fake):
        report = fake.order("drill", "--report", fake.path("report"))
    with open(fake.path("report"), encoding="utf-8") as f:
        report = f.read()
    assert "passed" in report and report.count("were held for") == 2
    assert "| lag-there | good |" in report and "| backup | " in report
    fake.set_site("backup", parked=1)
    wait_until(lambda: gate(fake, "parked")["verdict"] == "bad", 10)
    assert "FAILED" in fake.order("drill", status=2)


def test_observing_says_and_does_nothing(fake):
    fake.order("observe")
    assert "already" in fake.order("observe")
    fake.set_site("primary", db="down")
    fake.wait_state("CLOSED")
    assert "only observes" in fake.ctl("status")
    assert fake.ctl("events").count("would take over now") == 1
    fake.set_site("primary")
    fake.wait_state("NORMAL")
    fake.order("resume")
    assert fake.status()["failover"]["ready"]
    assert fake.status()["epoch"] == fake.status()["sites"]["primary"][
        "services"]["web"]["epoch"]


def test_the_audit_log_shows_what_was_done_to_it(fake):
    assert "the chain is whole" in fake.ctl("audit", "verify")
    assert "resume by" in fake.ctl("audit", "tail")
    path = fake.path("proxy", "audit.log")
    with open(path, encoding="utf-8") as f:
        right = f.read()
    with open(path, "w", encoding="utf-8") as f:
        f.write(right.replace("begins", "began", 1))
    assert "was changed" in fake.ctl("audit", "verify", status=4)
    with open(path, "w", encoding="utf-8") as f:
        f.write(right)
    assert fake.ctl("--format", "json", "audit", "verify")["good"]


def test_new_keys_without_a_pause(fake):
    with open(fake.path("keys"), encoding="utf-8") as f:
        old = f.read()
    new = "k2 " + "5a" * 32 + "\n"
    services = ("primary-web", "primary-collab", "backup-web",
                "backup-collab")
    with Clients(fake):
        fake.write("keys", new + old, 0o600)
        text = fake.order("keys", "rotate", status=2)
        assert "does not know key k2" in text and "--force" in text
        for name in services:
            fake.send(name, signal.SIGHUP)
        wait_until(lambda: fake.ctl("keys", "status").count("k2,k1") == 4, 10)
        assert "k2 signs" in fake.order("keys", "rotate")
        fake.order("switchover", "--to", "backup")
        fake.order("failback")
        fake.write("keys", old, 0o600)
        assert "k1 signs" in fake.order("keys", "rotate")
        for name in services:
            fake.send(name, signal.SIGHUP)
        wait_until(lambda: fake.ctl("keys", "status").count("k2") == 0, 10)
    assert fake.status()["epoch"] == fake.status()["sites"]["primary"][
        "services"]["web"]["epoch"]


def test_companies(fake):
    assert fake.ctl("--format", "json", "company", "list")["companies"] == \
        ["acme"]
    fake.write("secret", "hush\n", 0o600)
    words = ["--site-id", "7", "--partner-id", "p", "--admin", "a",
             "--password-file", fake.path("secret")]
    assert "beta" in fake.ctl("company", "add", "beta", *words)
    assert "exists" in fake.ctl("company", "add", "acme", *words, status=2)
    fake.write("secret", "hush\n", 0o644)
    assert "0600" in fake.ctl("company", "add", "b", *words, status=1)


def test_events_explain_fsm(fake):
    fake.order("pause", "--expires-in", "1m")
    fake.order("resume")
    events = fake.ctl("--format", "tsv", "events")
    assert "pause by" in events and "resume by" in events
    assert "not an event" in fake.ctl("explain", "zero", status=1)
    assert "what was known" in fake.ctl("explain")
    assert "stateDiagram" in fake.ctl("fsm", "--mermaid")


def test_metrics(fake):
    with urllib.request.urlopen(
            f"http://127.0.0.1:{fake.metrics}/metrics", timeout=5) as answer:
        text = answer.read().decode()
    assert 'gsb_control_state{state="NORMAL"} 1' in text
    assert 'gsb_control_up{site="backup",service="collab"} 1' in text
    assert "gsb_proxy_" in text
