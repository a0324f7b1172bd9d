"""The replicator alone, between two private clusters: both ways, without
echo, over every kill, and the promise of synchronous commit."""
import json
import os
import random
import signal
import socket
import threading
import time
import urllib.request

import pytest

from calm import calm_seconds
from twins import OTHER, SITES, Twins
from wait import wait_until

SCHEMA = """
CREATE TABLE item (id bigint PRIMARY KEY, name text, note text, amount int);
CREATE TABLE person (id uuid PRIMARY KEY, company int NOT NULL,
 email text NOT NULL);
CREATE TABLE private (id int PRIMARY KEY, t text);
GRANT ALL ON item, person, private TO gsb_site;
"""
TABLES = """
[table item]
key = id
group.name = name
group.money = amount

[table person]
key = id
unique.email = company, email
group.email = email
fold.email = lower
"""


def make(**more):
    twins = Twins(SCHEMA, TABLES, **more)
    try:
        return twins.make()
    except BaseException:
        twins.down()
        raise


@pytest.fixture(scope="module")
def shared():
    twins = make().start()
    yield twins
    reports = twins.down()
    assert not reports, "\n".join(reports)


@pytest.fixture
def twins(shared):
    for site in SITES:
        if shared.process[site].poll() is not None:
            shared.start(site)
    shared.query("primary", "DELETE FROM item")
    shared.settle()
    shared.query("backup", "DELETE FROM item")
    shared.settle()
    return shared


@pytest.fixture
def armed():
    """Synchronous on both sites."""
    twins = make(sync="on").start()
    try:
        for site in SITES:
            wait_until(lambda s=site: state(twins, s) == "on",
                       what=f"{site} armed")
        yield twins
    finally:
        reports = twins.down()
    assert not reports, "\n".join(reports)


def state(twins, site):
    return twins.one(site, "SELECT gsb.sync_state()")


def status(twins, site):
    url = f"http://127.0.0.1:{twins.status[site]}"
    with urllib.request.urlopen(url + "/status", timeout=5) as answer:
        return json.load(answer)


def equal(twins):
    twins.settle()
    for table in ("item", "person"):
        wait_until(lambda t=table: twins.same(t), what=f"{table} is equal")


def test_rows_go_both_ways_and_not_back(twins):
    before = status(twins, "primary")["in"]
    twins.query("primary", "INSERT INTO item VALUES (1, 'one', 'n', 1)")
    twins.query("backup", "INSERT INTO item VALUES (2, 'two', 'n', 2)")
    equal(twins)
    twins.query("primary", "UPDATE item SET amount = 7 WHERE id = 2")
    twins.query("backup", "UPDATE item SET name = 'eins' WHERE id = 1")
    equal(twins)
    assert twins.query("primary", "SELECT id, name, amount FROM item "
                       "ORDER BY 1") == [(1, "eins", 1), (2, "two", 7)]
    after = status(twins, "primary")["in"]
    assert after["echo_bytes"] > before["echo_bytes"]
    # what came from here and back again was merged nowhere
    assert after["rows"] - before["rows"] <= 2
    assert status(twins, "primary")["health"]["conflicts"] == 0


def test_idle_sites_write_no_log_for_each_other(twins):
    """Acknowledging must not make log that is to be acknowledged."""
    twins.settle()
    sql = "SELECT pg_current_wal_insert_lsn() - '0/0'::pg_lsn"
    before = twins.one("primary", sql)
    ends = time.monotonic() + 3
    wait_until(lambda: time.monotonic() > ends, pause=0.2)
    assert twins.one("primary", sql) - before < 64 * 1024


def test_deletes_and_recreations(twins):
    twins.query("primary", "INSERT INTO item SELECT g, 'a', 'b', g "
                "FROM generate_series(1, 50) g")
    equal(twins)
    twins.query("backup", "DELETE FROM item WHERE id % 2 = 0")
    twins.query("primary", "UPDATE item SET amount = -1 WHERE id <= 10")
    equal(twins)
    assert twins.one("primary", "SELECT count(*) FROM item") == 25
    twins.query("primary", "INSERT INTO item VALUES (2, 'again', '', 0)")
    equal(twins)
    assert twins.one("backup", "SELECT name FROM item WHERE id = 2") == "again"


def test_long_values_that_did_not_change(twins):
    long = "".join(random.Random(1).choices("abcdefghij", k=20000))
    twins.query("primary", "INSERT INTO item VALUES (1, 'x', %s, 1)", (long,))
    equal(twins)
    twins.query("primary", "UPDATE item SET amount = 2 WHERE id = 1")
    equal(twins)
    # the target has lost the row behind the replicator's back
    with twins.connect("backup") as c:
        c.cursor().execute("SET session_replication_role = replica; "
                           "DELETE FROM item WHERE id = 1")
    twins.query("primary", "UPDATE item SET amount = 3 WHERE id = 1")
    equal(twins)
    assert twins.one("backup", "SELECT note FROM item WHERE id = 1") == long
    assert status(twins, "backup")["in"]["fetched_rows"] >= 1


def test_a_huge_transaction(twins):
    twins.query("primary", "INSERT INTO item SELECT g, repeat('x', 200), "
                "repeat('y', 200), g FROM generate_series(1, 60000) g")
    twins.barrier("primary", timeout=120)
    assert twins.one("backup", "SELECT count(*), sum(amount) FROM item"
                     ) == 60000
    assert twins.one("primary", "SELECT count(*) FROM gsb.parked") == 0
    equal(twins)


class Load(threading.Thread):
    """Writes numbered rows on one site until it is told to end."""

    def __init__(self, twins, site, base):
        super().__init__(daemon=True)
        self.twins, self.site, self.base = twins, site, base
        self.acknowledged = set()
        self.tried = 0
        self.ending = False

    def run(self):
        while not self.ending:
            try:
                with self.twins.connect(self.site, connect_timeout=2) as c:
                    self.write(c.cursor())
            except Exception:  # pylint: disable=broad-except
                pass  # the database is away: on with the next number

    def write(self, cursor):
        while not self.ending:
            self.tried += 1
            number = self.base + self.tried
            cursor.execute("INSERT INTO item VALUES (%s, %s, 'n', 0)",
                           (number, self.site))
            self.acknowledged.add(number)
            cursor.execute("UPDATE item SET amount = amount + 1 "
                           "WHERE id = %s", (number,))

    def end(self):
        self.ending = True
        self.join()
        return self.acknowledged


def test_kills_of_replicators_lose_and_double_nothing(twins):
    loads = [Load(twins, "primary", 10 ** 6), Load(twins, "backup", 10 ** 7)]
    for load in loads:
        load.start()
    for turn in range(4):
        site = SITES[turn % 2]
        seen = len(loads[0].acknowledged)
        wait_until(lambda: len(loads[0].acknowledged) > seen + 30)
        twins.kill(site)
        twins.start(site)
    acknowledged = loads[0].end() | loads[1].end()
    equal(twins)
    here = {row[0] for row in twins.query("backup", "SELECT id FROM item")}
    assert acknowledged <= here
    assert twins.one("primary", "SELECT count(*) FROM item "
                     "WHERE amount > 1") == 0


@pytest.mark.parametrize("site", SITES)
def test_kills_of_a_database(twins, site):
    loads = [Load(twins, "primary", 10 ** 6), Load(twins, "backup", 10 ** 7)]
    for load in loads:
        load.start()
    other = loads[SITES.index(OTHER[site])]
    for _ in range(2):
        seen = len(other.acknowledged)
        wait_until(lambda: len(other.acknowledged) > seen + 50)
        twins.kill_db(site)
        twins.start_db(site)
    acknowledged = loads[0].end() | loads[1].end()
    equal(twins)
    here = {row[0] for row in twins.query("backup", "SELECT id FROM item")}
    assert acknowledged <= here


class Cutter(threading.Thread):
    """A TCP relay in front of a database, whose connections can be cut or
    left silent."""

    def __init__(self, port):
        super().__init__(daemon=True)
        self.target = port
        self.server = socket.create_server(("127.0.0.1", 0))
        self.port = self.server.getsockname()[1]
        self.pairs = []
        self.silent = threading.Event()
        self.start()

    def run(self):
        while True:
            client, _ = self.server.accept()
            try:
                there = socket.create_connection(("127.0.0.1", self.target))
            except OSError:
                client.close()
                continue
            self.pairs.append((client, there))
            for a, b in ((client, there), (there, client)):
                threading.Thread(target=self.relay, args=(a, b),
                                 daemon=True).start()

    def relay(self, a, b):
        try:
            while data := a.recv(65536):
                while self.silent.is_set():
                    time.sleep(0.05)  # stands for a network that is away
                b.sendall(data)
        except OSError:
            pass
        for s in (a, b):
            try:  # the other direction's recv must not outlive the close
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            s.close()

    def cut(self):
        for pair in self.pairs:
            for s in pair:
                try:
                    s.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass
        self.pairs = []


def test_cuts_of_the_stream(twins):
    cutter = Cutter(twins.port["primary"])
    twins.stop("backup")
    twins.peer_port["backup"] = cutter.port
    twins.configure()
    twins.start("backup")
    load = Load(twins, "primary", 10 ** 6)
    load.start()
    for _ in range(10):
        seen = len(load.acknowledged)
        wait_until(lambda: len(load.acknowledged) > seen + 20)
        cutter.cut()
    acknowledged = load.end()
    equal(twins)
    here = {row[0] for row in twins.query("backup", "SELECT id FROM item")}
    assert acknowledged <= here
    twins.stop("backup")
    twins.peer_port["backup"] = twins.port["primary"]
    twins.configure()
    twins.start("backup")


def test_a_deadlock_with_somebody_here_passes_by_itself(twins):
    """Apply is the one that is broken off: the other one is patient."""
    waits = ("SELECT count(*) FROM pg_stat_activity WHERE application_name = "
             "'gsb-replicator apply' AND wait_event_type = 'Lock'")
    twins.query("primary", "INSERT INTO item VALUES (1, 'a'), (2, 'b')")
    twins.query("backup", "ALTER ROLE gsb_replicator SET deadlock_timeout = "
                "'2s'; SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE application_name = 'gsb-replicator apply'")
    twins.settle()
    try:
        before = status(twins, "backup")["in"]["retries"]
        with twins.connect("backup") as c:
            c.autocommit = False
            cursor = c.cursor()
            cursor.execute("SET LOCAL deadlock_timeout = '1h'; "
                           "UPDATE item SET amount = 2 WHERE id = 2")
            twins.query("primary", "UPDATE item SET note = 'p' WHERE id = 1; "
                        "UPDATE item SET note = 'p' WHERE id = 2")
            wait_until(lambda: twins.one("backup", waits) == 1,
                       what="apply waits for row 2")
            cursor.execute("UPDATE item SET amount = 1 WHERE id = 1")
            c.commit()
        twins.settle()
        assert status(twins, "backup")["in"]["retries"] > before
        for site in SITES:
            assert twins.query(site, "SELECT id, note, amount FROM item "
                               "ORDER BY id") == [(1, "p", 1), (2, "p", 2)]
            assert twins.one(site, "SELECT count(*) FROM gsb.parked") == 0
    finally:
        twins.query("backup", "ALTER ROLE gsb_replicator RESET "
                    "deadlock_timeout")


def test_a_row_that_cannot_be_merged_is_parked(twins):
    """One of a thousand; and it is merged when the schema is mended."""
    twins.query("backup", "ALTER TABLE item ADD CONSTRAINT small "
                "CHECK (amount < 1000)")
    try:
        twins.query("primary", "INSERT INTO item SELECT g, 'x', 'y', "
                    "CASE g WHEN 617 THEN 5000 ELSE 5 END "
                    "FROM generate_series(1, 1000) g")
        twins.barrier("primary")
        assert twins.one("backup", "SELECT count(*) FROM item") == 999
        (rel, key, sqlstate, message, payload), = twins.query(
            "backup", "SELECT rel, key, sqlstate, message, "
            "convert_from(payload, 'UTF8')::json FROM gsb.parked")
        assert (rel, key, sqlstate) == ("public.item", "617", "23514")
        assert "small" in message
        assert payload["id"] == f"{617:016x}"  # as it came, binary
        assert payload["amount"] == f"{5000:08x}"
        assert payload["name"] == b"x".hex()
        now = status(twins, "backup")["in"]
        assert now["parked_rows"] == 1 and not now["stuck"]
    finally:
        twins.query("backup", "ALTER TABLE item DROP CONSTRAINT small")
    twins.install("backup")  # as every schema step ends
    wait_until(lambda: twins.query("backup", "SELECT 1 FROM gsb.parked")
               == [], what="it is tried again")
    equal(twins)
    assert twins.one("backup", "SELECT amount FROM item WHERE id = 617"
                     ) == 5000


def test_an_open_local_transaction_only_delays(twins):
    twins.query("primary", "INSERT INTO item VALUES (1, 'a', 'b', 1)")
    equal(twins)
    with twins.connect("backup") as c:
        c.autocommit = False
        c.cursor().execute("UPDATE item SET name = 'local' WHERE id = 1")
        twins.query("primary", "UPDATE item SET amount = 9 WHERE id = 1")
        wait_until(lambda: twins.one(
            "backup", "SELECT count(*) FROM pg_stat_activity WHERE "
            "wait_event_type = 'Lock' AND application_name LIKE "
            "'gsb-replicator%'") == 1, what="the merge waits")
        c.commit()
    equal(twins)
    assert twins.query("primary", "SELECT name, amount FROM item") == [
        ("local", 9)]


def test_sigterm_ends_within_a_second_under_load(twins):
    load = Load(twins, "primary", 10 ** 6)
    load.start()
    wait_until(lambda: len(load.acknowledged) > 50)
    assert twins.stop("backup") < 1.5
    twins.start("backup")
    load.end()
    equal(twins)


def test_metrics(twins):
    url = f"http://127.0.0.1:{twins.status['backup']}/metrics"
    with urllib.request.urlopen(url, timeout=5) as answer:
        text = answer.read().decode()
    for name in ("sync{state=\"off\"} 1", "stream_up 1", "database_up 1",
                 "lag_bytes{stage=\"applied\"} 0", "conflicts ", "parked "):
        assert "gsb_replicator_" + name in text, name


# --- synchronous commit ---------------------------------------------------

def commit_time(twins, site, number):
    begin = time.monotonic()
    twins.query(site, "INSERT INTO item VALUES (%s, 's', 's', 1)", (number,))
    return calm_seconds(begin)


def test_what_is_acknowledged_is_there(armed):
    for number in range(30):
        site = SITES[number % 2]
        armed.query(site, "INSERT INTO item VALUES (%s, 's', 's', 1)",
                    (number,))
        assert armed.query(OTHER[site], "SELECT 1 FROM item WHERE id = %s",
                           (number,)), "acknowledged, and not on the peer"
    # a table that is not replicated waits and is released as well
    begin = time.monotonic()
    armed.query("primary", "INSERT INTO private VALUES (1, 'x')")
    armed.query("primary", "ALTER TABLE private ADD COLUMN u int DEFAULT 7")
    armed.query("primary", "CREATE INDEX ON private (u)")
    assert calm_seconds(begin) < 5
    assert state(armed, "primary") == "on"


def test_sighup_changes_what_commits_wait_for(armed):
    for turn, mode in enumerate(("remote_apply", "on", "off", "on")):
        armed.sync = mode
        armed.configure()
        for site in SITES:
            armed.process[site].send_signal(signal.SIGHUP)
        for site in SITES:
            wait_until(lambda s=site, m=mode: state(armed, s) == m,
                       what=f"{site}: {mode}")
            commit_time(armed, site, 2 * turn + SITES.index(site))


def test_degrades_after_the_timeout_and_arms_again(armed):
    armed.kill("backup")
    begin = time.monotonic()
    assert commit_time(armed, "primary", 1) < 6
    assert time.monotonic() - begin > 2
    assert state(armed, "primary") == "degraded"
    assert commit_time(armed, "primary", 2) < 1
    armed.start("backup")
    wait_until(lambda: state(armed, "primary") == "on")
    armed.query("primary", "INSERT INTO item VALUES (3, 's', 's', 1)")
    assert armed.query("backup", "SELECT id FROM item ORDER BY 1") == [
        (1,), (2,), (3,)]
    with open(armed.log("primary"), encoding="utf-8") as f:
        assert "alarm=degraded" in f.read()


def test_degrades_at_once_when_the_peer_is_dead(armed):
    armed.kill("backup")
    begin = time.monotonic()
    waiting = threading.Thread(target=commit_time, args=(armed, "primary", 1))
    waiting.start()
    wait_until(lambda: armed.one("primary", "SELECT count(*) FROM "
                                 "pg_stat_activity WHERE wait_event = "
                                 "'SyncRep'") == 1)
    armed.query("primary", "SET synchronous_commit = local; "
                "SELECT gsb.peer_dead()")
    waiting.join()
    assert calm_seconds(begin) < 2.5
    assert state(armed, "primary") == "degraded"


def test_a_restart_of_the_replicator_does_not_degrade(armed):
    for site in SITES:
        armed.stop(site)
        armed.start(site)
        assert commit_time(armed, OTHER[site], SITES.index(site)) < 2.5
    for site in SITES:
        assert armed.one(site, "SELECT degradations FROM gsb.sync") == \
            armed.one(site, "SELECT degradations FROM gsb.sync")
        assert state(armed, site) == "on"
        assert status(armed, site)["out"]["degradations"] == 0
