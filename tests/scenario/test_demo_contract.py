"""deploy/demo keeps what docs/architecture.md says of it."""
import json
import os
import signal
import ssl
import stat
import subprocess
import urllib.request

import pytest

from clients import Http
from pair import NAMES, ROOT, SITES
from wait import wait_until


def pid_of(pair, name):
    with open(os.path.join(pair.dir, "pid", name), encoding="utf-8") as f:
        return int(f.read())


def state_of(pid):
    with open(f"/proc/{pid}/stat", encoding="utf-8") as f:
        return f.read().rpartition(")")[2].split()[0]


def processes_of(pair, site):
    """By another way than deploy/demo's: the server's own list, and it."""
    children = [row[0] for row in pair.query(
        site, "SELECT pid FROM pg_stat_activity WHERE pid <> "
        "pg_backend_pid()")]
    return [pid_of(pair, f"{site}-db"), *children]


def test_env_names_everything(pair):
    assert pair.env["GSB_URL"] == f"http://127.0.0.1:{pair.port}"
    assert pair.env["GSB_RUN"] == pair.dir
    assert pair.env["GSB_CA"] and os.path.exists(pair.env["GSB_CA"])
    assert pair.env["GSB_TLS_URL"] == f"https://127.0.0.1:{pair.port + 1}"
    with urllib.request.urlopen(
            pair.env["GSB_TLS_URL"] + "/acme/detectbackup", timeout=10,
            context=ssl.create_default_context(
                cafile=pair.env["GSB_CA"])) as answer:
        assert answer.read() == b"Primary"
    for site in SITES:
        assert pair.query(site, "SHOW wal_level") == [("logical",)]
        assert pair.query(site, "SHOW listen_addresses") == [("127.0.0.1",)]
        assert pair.query(site, "SELECT current_setting("
                          "'max_slot_wal_keep_size')::text <> '-1'")[0][0]
    assert pair.status()["state"] == "NORMAL"


def test_each_name_has_pid_log_and_conf(pair):
    states = pair.states()
    assert set(states) == set(NAMES)
    for name in NAMES:
        assert states[name] == "running", name
        os.kill(pid_of(pair, name), 0)
        assert os.path.exists(os.path.join(pair.dir, "log", name))
        assert os.path.exists(os.path.join(pair.dir, "conf", f"{name}.conf"))


def test_secrets_are_closed(pair):
    folder = os.path.join(pair.dir, "secret")
    assert stat.S_IMODE(os.stat(folder).st_mode) == 0o700
    assert os.listdir(folder)
    for name in os.listdir(folder):
        mode = os.stat(os.path.join(folder, name)).st_mode
        assert stat.S_IMODE(mode) == 0o600, name
    for name in NAMES:
        with open(f"/proc/{pid_of(pair, name)}/cmdline",
                  encoding="utf-8") as f:
            assert pair.admin_password() not in f.read()


def test_the_url_answers_and_settings_arrive(pair):
    client = Http(pair.url)
    answer = client.request("GET", f"/{pair.company}/detectbackup")
    assert (answer.status, answer.text) == (200, "Primary")
    client.close()
    with open(os.path.join(pair.dir, "conf", "proxy.conf"),
              encoding="utf-8") as f:
        assert "stable = 2s" in f.read()


def test_what_it_says_to_try_works(pair):
    """Its closing words are a script; here until the primary is back."""
    script = pair.said[pair.said.index("# The pair serves"):
                       pair.said.index('"$GSB_BIN/gsbctl" --connect '
                                       '"$GSB_CTL" watch')]
    done = subprocess.run(["bash", "-euo", "pipefail", "-c", script],
                          cwd=ROOT, capture_output=True, text=True,
                          timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("PrimaryPrimary<?xml")  # http, https
    assert "<serv:gsbStatus>PRIMARY</serv:gsbStatus>" in done.stdout
    assert "X-GSB-Status: PRIMARY" in done.stdout
    assert f'"{pair.env["GSB_ADMIN"]}@' in done.stdout
    assert "NORMAL" in done.stdout
    assert "X-GSB-Status: BACKUP" in done.stdout
    assert done.stdout.rstrip().endswith("Backup")
    pair.restore()


def test_the_dashboard_lets_in_who_has_the_token(pair):
    url, path = (pair.env[f"GSB_DASHBOARD_{what}"]
                 for what in ("URL", "TOKEN_FILE"))
    assert url in pair.said and path in pair.said
    with open(path, encoding="ascii") as f:
        token = f.read().strip()
    client = Http(url.rstrip("/"))
    for offered, status in (("x" * len(token), 401), (token, 200)):
        answer = client.request(
            "POST", "/v1/login",
            json.dumps({"token": offered, "name": "anna"}),
            {"Content-Type": "application/json"})
        assert answer.status == status, answer.text
    client.close()


@pytest.mark.parametrize("name", ["primary-replicator", "backup-collab"])
def test_a_daemon_obeys_every_verb(pair, name):
    first = pid_of(pair, name)
    pair.pause(name)
    assert state_of(first) == "T" and pair.states()[name] == "paused"
    pair.resume(name)
    assert state_of(first) != "T"
    pair.kill(name)
    assert pair.states()[name] == "dead"
    pair.start(name)
    second = pid_of(pair, name)
    assert second != first and pair.states()[name] == "running"
    pair.stop(name)
    assert pair.states()[name] == "stopped"
    pair.start(name)
    assert pair.states()[name] == "running"


def test_a_verb_on_a_database_reaches_all_its_processes(pair):
    pids = processes_of(pair, "backup")
    assert len(pids) > 4
    pair.pause("backup-db")
    assert {state_of(pid) for pid in pids} == {"T"}
    other = processes_of(pair, "primary")
    assert "T" not in {state_of(pid) for pid in other}
    pair.resume("backup-db")
    wait_until(lambda: pair.query("backup", "SELECT 1"))
    pids = processes_of(pair, "backup")
    pair.kill("backup-db")

    def all_gone():
        return all(not os.path.exists(f"/proc/{pid}") or
                   state_of(pid) == "Z" for pid in pids)
    wait_until(all_gone, 5)
    pair.start("backup-db")
    assert pair.query("backup", "SELECT 1") == [(1,)]


def test_a_database_starts_over_a_stale_pid(pair):
    """After kill -9 postmaster.pid may name somebody who lives."""
    pair.kill("backup-db")
    path = os.path.join(pair.dir, "db", "backup", "postmaster.pid")
    with open(path, encoding="utf-8") as f:
        lines = f.readlines()
    with open(path, "w", encoding="utf-8") as f:
        f.writelines([f"{os.getpid()}\n", *lines[1:]])
    pair.start("backup-db")
    assert pair.query("backup", "SELECT 1") == [(1,)]


def test_a_raw_kill_shows_as_dead(pair):
    name = "backup-replicator"
    pair.down_by_us.add(name)
    os.kill(pid_of(pair, name), signal.SIGKILL)
    wait_until(lambda: pair.states()[name] == "dead", 5)
    assert pair.run("status", check=False).returncode == 1
    pair.start(name)


def test_wrong_use_is_explained(pair):
    for arguments, words in (
            (["kill", "primary"], "primary-db"),
            (["fly"], "fly"),
            (["kill"], "kill whom"),
            (["up", "--set", "proxy.stable=3"], "PROGRAM.SECTION.KEY=VALUE"),
            (["up", "--set", "praxy.a.b=c"], "praxy")):
        done = pair.run(*arguments, check=False)
        assert done.returncode != 0 and words in done.stderr, done
    done = pair.run("resume", "proxy", check=False)
    assert done.returncode == 0, done.stderr


def test_another_demo_on_the_same_port_is_refused(pair, tmp_path):
    demo = pair.run.__func__

    class Other:
        dir = str(tmp_path / "other")
        port = pair.port

    done = demo(Other, "up", "--build", pair.build, check=False)
    assert done.returncode == 1
    assert f"port {pair.port}" in done.stderr and "--port" in done.stderr
    assert not os.path.exists(os.path.join(Other.dir, "db"))
