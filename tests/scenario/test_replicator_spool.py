"""With sync = on a commit waits until the peer has it durably, in its spool,
and not until it is merged there; what was acknowledged is merged, whatever
stops in between."""
import glob
import json
import os
import subprocess
import threading
import urllib.request

import pytest

from twins import SITES, running
from wait import wait_until

SCHEMA = """
CREATE TABLE item (id bigint PRIMARY KEY, name text, note text, amount int);
CREATE TABLE private (id int PRIMARY KEY, t text);
GRANT ALL ON item, private TO gsb_site;
"""
TABLES = """
[table item]
key = id
group.name = name
group.money = amount
"""
# nothing that a test waits for is let go because the peer is slow, and no digest
# by time hides that something was lost
REPLICATOR = "sync_timeout = 5m\nspool_max = 64MiB\nverify = 0\n"
ROWS = 200


@pytest.fixture(scope="module")
def shared():
    with running(SCHEMA, TABLES, sync="on", replicator=REPLICATOR) as made:
        yield made


@pytest.fixture
def twins(shared):
    for site in SITES:
        if shared.server[site].poll() is not None:
            shared.start_db(site)
        if shared.process[site].poll() is not None:
            shared.start(site)
    armed(shared)
    shared.query("primary", "DELETE FROM item; DELETE FROM private")
    shared.query("primary", "INSERT INTO item VALUES (0, 'held', 'n', 0)")
    shared.settle()
    return shared


def armed(twins, timeout=60):
    for site in SITES:
        wait_until(lambda s=site: twins.one(s, "SELECT gsb.sync_state()"
                                            ) == "on",
                   timeout, what=f"{site} armed")


def health(twins, site="backup"):
    return json.loads(twins.one(site, "SELECT gsb.health()::text"))["in"]


def spool(twins, site="backup"):
    url = f"http://127.0.0.1:{twins.status[site]}/status"
    with urllib.request.urlopen(url, timeout=5) as answer:
        return json.load(answer)["in"]["spool"]


def files(twins, site="backup"):
    return glob.glob(os.path.join(twins.dir, f"{site}-state", "spool-*.0*"))


def merge_waits(twins):
    wait_until(lambda: twins.one(
        "backup", "SELECT count(*) FROM pg_stat_activity WHERE "
        "wait_event_type = 'Lock' AND application_name LIKE "
        "'gsb-replicator apply%'") > 0, what="the merge waits")


class Held:
    """While it lasts the backup merges nothing: a row is locked there."""

    def __init__(self, twins):
        self.twins = twins

    def __enter__(self):
        self.holder = self.twins.connect("backup")
        cursor = self.holder.connection.cursor()
        cursor.execute("BEGIN; UPDATE item SET note = 'mine' WHERE id = 0")
        self.commit("UPDATE item SET amount = 1 WHERE id = 0")
        merge_waits(self.twins)
        return self

    def commit(self, sql, parameters=None, timeout=60):
        """It returns; if not, that is told and not waited for."""
        done = []

        def run():
            self.twins.query("primary", sql, parameters)
            done.append(True)
        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        thread.join(timeout)
        assert done, f"not acknowledged in {timeout} s: {sql}"

    def __exit__(self, *_):
        self.holder.connection.close()


def kill(twins):
    """The replicator, and its session that would go on with what it has."""
    twins.kill("backup")
    end_session(twins)
    wait_until(lambda: not twins.query(
        "backup", "SELECT FROM pg_stat_activity WHERE application_name LIKE "
        "'gsb-replicator apply%'"), what="the session has ended")


def end_session(twins):
    twins.query("backup", "SELECT pg_terminate_backend(pid) FROM "
                "pg_stat_activity WHERE application_name LIKE "
                "'gsb-replicator apply%'")


def write(held, first=1, n=ROWS):
    held.commit("INSERT INTO item SELECT g, 'name', 'note', g FROM "
                "generate_series(%s, %s) g", (first, first + n - 1))


def count(twins, site="backup"):
    return twins.one(site, "SELECT count(*) FROM item WHERE id > 0")


def merged(twins, n, timeout=60):
    wait_until(lambda: count(twins) == n, timeout, what=f"{n} rows merged")
    wait_until(lambda: twins.one("backup", "SELECT amount FROM item WHERE "
                                 "id = 0") == 1, timeout)
    wait_until(lambda: not health(twins)["acknowledged"], timeout,
               what="all that was acknowledged is known to be merged")


def test_commits_do_not_wait_for_the_merge(twins):
    assert wait_until(lambda: not health(twins)["acknowledged"])
    with Held(twins) as held:
        for number in range(5):
            write(held, 1 + 10 * number, 10)
        # what is not replicated does not wait for what is
        held.commit("INSERT INTO private VALUES (1, 'x')")
        assert count(twins) == 0
        found = health(twins)
        assert found["acknowledged"] and found["pending"] >= 1
        assert spool(twins)["bytes"] > 0
        assert spool(twins)["state"] == "on"
    merged(twins, 50)
    assert health(twins)["pending"] == 0
    wait_until(lambda: spool(twins)["bytes"] == 0)
    armed(twins, 1)


@pytest.mark.long
def test_a_dead_peer_is_not_needed_for_what_it_was_promised(twins):
    """kill -9 of the replicator and of both databases; only one returns."""
    with Held(twins) as held:
        write(held)
        kill(twins)
        # who asks while nobody runs is told
        assert health(twins)["acknowledged"]
        assert health(twins)["pending"] >= 1
        twins.kill("primary")
        twins.kill_db("primary")
        twins.kill_db("backup")
    twins.start_db("backup")
    assert health(twins)["acknowledged"] and count(twins) == 0
    twins.start("backup")
    merged(twins, ROWS)
    twins.start_db("primary")
    twins.start("primary")
    twins.settle(60)
    assert twins.same("item")


@pytest.mark.long
def test_kills_while_it_is_read_again(twins):
    with Held(twins) as held:
        write(held)
        for _ in range(3):
            kill(twins)
            twins.start("backup")
            held.commit("INSERT INTO item SELECT max(id) + 1, 'more', 'n', 1 "
                        "FROM item", timeout=120)
        kill(twins)
    twins.start("backup")
    merged(twins, ROWS + 3)
    twins.settle(60)
    assert twins.same("item")


@pytest.mark.long
def test_a_lost_spool_is_a_gap_and_healed(twins):
    with Held(twins) as held:
        write(held)
        kill(twins)
        assert files(twins)
        for path in files(twins):
            os.unlink(path)
    twins.start("backup")
    merged(twins, ROWS, 120)
    with open(twins.log("backup"), encoding="utf-8") as f:
        assert "alarm=gap" in f.read()
    twins.settle(60)


@pytest.mark.long
def test_a_damaged_spool_is_a_gap_and_healed(twins):
    with Held(twins) as held:
        for number in range(5):
            write(held, 1 + 10 * number, 10)
        kill(twins)
        path = max(files(twins))
        with open(path, "r+b") as f:
            text = f.read()
            # in its middle: the second frame that has a row
            at = text.index(b"gsbF", text.index(b"name") + 1)
            f.seek(at + 60)
            f.write(b"\xff\xff")
    twins.start("backup")
    merged(twins, 50, 120)
    with open(twins.log("backup"), encoding="utf-8") as f:
        assert "why=\"it is damaged\"" in f.read()
    twins.settle(60)


class Writer(threading.Thread):
    """Commits of 100 kB at the primary, one behind the other."""

    def __init__(self, twins, n):
        super().__init__(daemon=True)
        self.twins, self.n, self.done = twins, n, 0
        self.start()

    def run(self):
        with self.twins.connect(
                "primary", application_name="writer") as c:
            cursor = c.cursor()
            for number in range(1, self.n + 1):
                cursor.execute("INSERT INTO item VALUES (%s, repeat('x', "
                               "100000), 'n', %s)", (number, number))
                self.done = number

    def waits(self):
        return self.twins.one(
            "primary", "SELECT count(*) FROM pg_stat_activity WHERE "
            "application_name = 'writer' AND wait_event = 'SyncRep'") == 1

    def ended(self, timeout=120):
        self.join(timeout)
        assert self.done == self.n, f"{self.done} of {self.n} acknowledged"


def alarms(twins):
    with open(twins.log("backup"), encoding="utf-8") as f:
        return f.read().count("alarm=")


def test_more_than_apply_takes_goes_to_the_spool_alone(twins):
    """And is there, once, after kill -9 of the replicator and the database."""
    before = alarms(twins)
    with Held(twins):
        writer = Writer(twins, 120)
        writer.ended()
        assert spool(twins)["bytes"] > 120 * 100000
        assert spool(twins)["state"] == "on"
        kill(twins)
        twins.kill_db("backup")
    twins.start_db("backup")
    assert count(twins) == 0
    twins.start("backup")
    merged(twins, 120)
    twins.settle(60)
    assert twins.same("item")
    assert alarms(twins) == before, "nothing had to be healed"


def restart_with(twins, old, new):
    twins.stop("backup")
    path = twins.conf("backup")
    with open(path, encoding="utf-8") as f:
        text = f.read()
    assert old in text
    with open(path, "w", encoding="utf-8") as f:
        f.write(text.replace(old, new))
    twins.start("backup")
    armed(twins)


@pytest.mark.long
def test_a_full_spool_makes_commits_wait(twins):
    restart_with(twins, "spool_max = 64MiB", "spool_max = 6MiB")
    try:
        with Held(twins):
            writer = Writer(twins, 120)
            wait_until(lambda: spool(twins)["state"] == "full" and
                       writer.waits(), 60, what="it is full")
            assert 40 < writer.done < 120
            # one that has come meanwhile, and the file's head
            assert spool(twins)["bytes"] < (6 << 20) + 500000
        writer.ended()
        merged(twins, 120)
        wait_until(lambda: spool(twins)["state"] == "on")
    finally:
        restart_with(twins, "spool_max = 6MiB", "spool_max = 64MiB")
    twins.settle(60)
    assert twins.same("item")


SMALL_DISK = """
mkdir "$1.small"
mount -t tmpfs -o size=10m,mode=0700 none "$1.small"
rm -f "$1"/spool-*
cp -a "$1"/. "$1.small"
mount --bind "$1.small" "$1"
shift
exec "$@"
"""


def start_on_small_disk(twins):
    """Its state_dir is a copy that nobody else sees, and goes with it."""
    folder = os.path.join(twins.dir, "backup-state")
    with open(twins.log("backup"), "ab") as log:
        twins.process["backup"] = subprocess.Popen(
            ["unshare", "--mount", "sh", "-ec", SMALL_DISK, "sh", folder,
             twins.program, "--config", twins.conf("backup")],
            stdout=log, stderr=log)


@pytest.mark.skipif(os.geteuid() != 0, reason="mounts")
def test_a_full_disk_makes_commits_wait(twins):
    """Also where the session on the database ends meanwhile."""
    before = alarms(twins)
    twins.stop("backup")
    start_on_small_disk(twins)
    try:
        armed(twins)
        with Held(twins):
            writer = Writer(twins, 120)
            wait_until(lambda: spool(twins)["state"] == "failed" and
                       writer.waits(), 60, what="the disk is full")
            assert 70 < writer.done < 120, "behind, not at hand"
            end_session(twins)
            merge_waits(twins)
        writer.ended()
        merged(twins, 120)
        twins.settle(60)
        assert twins.same("item")
        assert alarms(twins) == before, "nothing had to be healed"
    finally:
        twins.stop("backup")
    twins.start("backup")


@pytest.mark.long
def test_an_unwritable_folder_only_makes_commits_wait(twins):
    twins.stop("backup")
    twins.start("backup")  # it begins a file with the first that comes
    armed(twins)
    wait_until(lambda: twins.one("primary", "SELECT count(*) FROM "
                                 "pg_stat_replication") == 1)
    folder = os.path.join(twins.dir, "backup-state")
    os.rename(folder, folder + "-away")
    try:
        with twins.connect("primary") as c:
            c.cursor().execute("INSERT INTO item VALUES (1, 'a', 'b', 1)")
        assert count(twins) == 1, "acknowledged, and neither spooled nor merged"
        assert spool(twins)["state"] == "failed"
    finally:
        os.rename(folder + "-away", folder)

    def again():
        twins.query("primary", "INSERT INTO item SELECT max(id) + 1, 'a', "
                    "'b', 1 FROM item")
        return spool(twins)["state"] == "on"
    wait_until(again, 60, pause=0.5, what="it is written again")
    twins.settle()
    assert twins.same("item")


@pytest.mark.long
def test_remote_apply_waits_for_the_merge(twins):
    """SIGHUP, there and back."""
    for site in SITES:
        set_mode(twins, site, "remote_apply")
    try:
        for site in SITES:
            wait_until(lambda s=site: twins.one(
                s, "SELECT gsb.sync_state()") == "remote_apply")
        for number in range(1, 20):
            with twins.connect("primary") as c:
                c.cursor().execute("INSERT INTO item VALUES (%s, 'a', 'b', 1)",
                                   (number,))
            assert count(twins) == number, "acknowledged and not merged"
        wait_until(lambda: not health(twins)["acknowledged"])
    finally:
        for site in SITES:
            set_mode(twins, site, "on")
    armed(twins)
    with Held(twins) as held:
        write(held, 100, 10)
    merged(twins, 29)


def set_mode(twins, site, mode):
    with open(twins.conf(site), encoding="utf-8") as f:
        lines = f.read().splitlines()
    lines = [f"sync = {mode}" if line.startswith("sync = ") else line
             for line in lines]
    with open(twins.conf(site), "w", encoding="utf-8") as f:
        f.write("\n".join(lines) + "\n")
    twins.process[site].send_signal(1)
