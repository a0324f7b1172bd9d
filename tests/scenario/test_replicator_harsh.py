"""A pair whose backup has its clock five minutes ahead, and whose replicators
are killed (-9) at every step of a batch."""
import itertools
import json
import os
import threading
import urllib.request

import pytest

from heals import gsbctl
from twins import OTHER, PG, SITES, Twins
from wait import wait_until
from wall_clock import WallClock
from wire import Fuse, Wire

AHEAD_S = 300
SCHEMA = """
CREATE TABLE item (id bigint PRIMARY KEY, name text, amount int);
CREATE TABLE person (id uuid PRIMARY KEY, company int NOT NULL,
 email text NOT NULL);
CREATE TABLE fragile (id bigint PRIMARY KEY, n int);
GRANT ALL ON item, person, fragile TO gsb_site;
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

[table fragile]
key = id
"""
# all that stands in the group of one transaction of Step
STATEMENTS = ("whole", "tombstones", "merge_", "sweep_", "sweep_dead_",
              "demote_", "promote_", "barrier")
TRANSACTION = """
BEGIN;
DELETE FROM person WHERE id = {before}::text::uuid;
DELETE FROM item WHERE id = 1000 + {n} - 1;
INSERT INTO person VALUES ({p}, 1, 'm{n}@x');
INSERT INTO item VALUES (1000 + {n}, 'new', {n});
UPDATE item SET amount = {n} WHERE id IN (1, 2);
INSERT INTO fragile VALUES ({n}, 5), (1000000 + {n}, 5000);
SELECT gsb.barrier('step-{n}');
SELECT pg_current_wal_insert_lsn() - '0/0'::pg_lsn;
"""


@pytest.fixture(scope="module")
def twins():
    made = Twins(SCHEMA, TABLES, replicator="verify = 0\n")
    wires = {site: Wire(made.port[site]) for site in SITES}
    # the backup's replicator is the one that is killed
    made.local_port["backup"] = wires["backup"].port
    made.peer_port["backup"] = wires["primary"].port
    made.wires = wires
    clock = WallClock(os.path.join(made.dir, "clock"), f"{PG}/postgres")
    clock.jump(AHEAD_S)
    made.server_env["backup"] = clock.env
    try:
        made.make().start()
        made.query("primary", "INSERT INTO item VALUES (1, '', 0), "
                   "(2, '', 0), (3, '', 0), (4, '', 0)")
        made.settle()
        yield made
    finally:
        reports = made.down()
        clock.sweep()
        for wire in wires.values():
            wire.close()
    assert not reports, "\n".join(reports)


def status(twins, site):
    url = f"http://127.0.0.1:{twins.status[site]}"
    with urllib.request.urlopen(url + "/status", timeout=5) as answer:
        return json.load(answer)


def amounts(twins, key):
    return [twins.one(site, "SELECT amount FROM item WHERE id = %s", (key,))
            for site in SITES]


# --- the clock ---------------------------------------------------------------

def test_who_has_seen_a_row_wins_whatever_the_clock_says(twins):
    ahead = twins.one("backup", "SELECT extract(epoch FROM clock_timestamp())"
                      ) - twins.one("primary", "SELECT extract(epoch FROM "
                                    "clock_timestamp())")
    assert AHEAD_S - 60 < ahead < AHEAD_S + 60, "the backup's clock is ahead"
    for turn in range(6):
        site = SITES[1 - turn % 2]  # what is ahead begins
        twins.query(site, "UPDATE item SET amount = %s WHERE id = 3",
                    (100 + turn,))
        twins.barrier(site)
        assert amounts(twins, 3) == [100 + turn] * 2
    # a deletion and a re-creation by those who have seen the row
    twins.query("primary", "DELETE FROM item WHERE id = 3")
    twins.barrier("primary")
    assert twins.query("backup", "SELECT 1 FROM item WHERE id = 3") == []
    twins.query("primary", "INSERT INTO item VALUES (3, 'again', 7)")
    twins.barrier("primary")
    assert amounts(twins, 3) == [7, 7]
    for site in SITES:
        assert twins.query(site, "SELECT * FROM gsb.conflict") == []


def test_the_operator_sees_by_how_much_a_clock_is_ahead(twins):
    """Edits that have not seen each other: the clocks decide, and it is told
    by how much."""
    wait_until(lambda: status(twins, "primary")["in"]["clock_ahead_us"] >
               (AHEAD_S - 60) * 10**6, what="the primary knows of it")
    with urllib.request.urlopen(
            f"http://127.0.0.1:{twins.status['primary']}/metrics",
            timeout=5) as answer:
        lines = answer.read().decode().splitlines()
    told, = (line for line in lines if line.startswith(
        "gsb_replicator_clock_skew_seconds "))
    assert AHEAD_S - 60 < float(told.split()[1]) < AHEAD_S + 1
    for site in SITES:
        twins.stop(site)
    twins.query("backup", "UPDATE item SET amount = 1 WHERE id = 4")
    twins.query("primary", "UPDATE item SET amount = 2 WHERE id = 4")
    twins.start()
    twins.settle()
    assert amounts(twins, 4) == [1, 1], "the earlier edit, by a later clock"
    (skew,), = twins.query("backup", "SELECT skew_us FROM gsb.conflict "
                           "WHERE kind = 'edit' AND key = '4'")
    assert (AHEAD_S - 60) * 10**6 < skew <= AHEAD_S * 10**6
    shown = gsbctl(twins, "backup", "conflicts").stdout
    assert "public.item 4  edit money" in shown, shown
    assert "won: backup, " in shown and "newer" in shown, shown


# --- kill -9 -----------------------------------------------------------------

def uid(n):
    return f"00000000-0000-4000-8000-{n:012d}"


class Step:
    """A transaction with everything in it, merged while it is killed."""
    numbers = itertools.count(1)

    def __init__(self, twins):
        self.twins = twins
        self.n = next(self.numbers)
        self.killed = False

    def write(self):
        """While the backup does not hear of it; then its own, later ones:
        one for the same e-mail, one for the same column."""
        twins, n = self.twins, self.n
        with twins.connect("primary") as c:
            cursor = c.cursor()
            cursor.execute(TRANSACTION.format(
                n=n, p="%s", before="%s"), (uid(n - 1), uid(n)))
            self.lsn = int(cursor.fetchone()[0])
            cursor.execute("COMMIT")
        twins.query("backup", "INSERT INTO person VALUES (%s, 1, %s)",
                    (uid(10**6 + n), f"M{n}@x"))
        twins.query("backup", "UPDATE item SET amount = -%s WHERE id = 2",
                    (n,))

    def start(self, which, fuse):
        """The backup's replicator, until the fuse has blown or all is done."""
        twins, started = self.twins, threading.Event()

        def kill():
            started.wait()
            twins.process["backup"].kill()
        fuse.kill = kill
        twins.wires[which].fuse = fuse
        twins.start("backup")
        started.set()
        wait_until(lambda: fuse.blown.is_set() or self.is_seen() and
                   self.is_acknowledged(), what=f"step {self.n}")
        self.killed = fuse.blown.is_set()
        if not self.killed:
            twins.process["backup"].kill()
        twins.process["backup"].wait()
        twins.wires[which].fuse = None
        wait_until(lambda: not twins.one(
            "backup", "SELECT count(*) FROM pg_stat_activity WHERE "
            "application_name LIKE 'gsb-replicator%'"),
            what="its sessions have ended")

    def is_seen(self):
        return self.twins.one("backup", "SELECT gsb.barrier_seen(%s)",
                              (f"step-{self.n}",))

    def is_acknowledged(self):
        return self.twins.one(
            "primary", "SELECT confirmed_flush_lsn - '0/0'::pg_lsn FROM "
            "pg_replication_slots WHERE slot_name = 'gsb_backup'") > self.lsn

    def judge(self, parked=0):
        twins, n = self.twins, self.n
        whole = self.is_seen()
        there = twins.one("backup", "SELECT count(*) FROM item WHERE id = %s",
                          (1000 + n,))
        assert there == whole, "all of a batch or nothing"
        assert whole or not self.is_acknowledged(), "lost"
        twins.start("backup")
        twins.settle()
        merged = status(twins, "backup")["in"]["rows"]
        assert (merged == 0) == whole, f"twice, or never: {merged}, {whole}"
        for table in ("item", "person"):
            assert twins.same(table)
        assert twins.query("primary", "SELECT id, amount FROM item WHERE id "
                           "IN (1, 2) OR id > 1000 ORDER BY id") == [
            (1, n), (2, -n), (1000 + n, n)]
        assert twins.query(
            "backup", "SELECT id, gsb_key_email FROM person WHERE email "
            "ILIKE %s ORDER BY id", (f"m{n}@x",)) == [
                (uid(n), f"m{n}@x"), (uid(10**6 + n), f"m{n}@x#" +
                                      uid(10**6 + n))]
        # its holder is gone, the other one has it
        assert twins.one("backup", "SELECT count(*) FROM person WHERE "
                         "gsb_key_email LIKE '%%#%%'") == 1
        assert twins.query(
            "backup", "SELECT kind, count(*) FROM gsb.conflict WHERE "
            "key IN (%s, '2') AND greatest(winner_v, loser_v) >> 8 > "
            "%s GROUP BY 1 ORDER BY 1", (uid(10**6 + n), self.since)) == [
                ("edit", 1), ("key", 1)]
        assert twins.query("backup", "SELECT id FROM fragile WHERE id %% "
                           "1000000 = %s AND n < 1000", (n,)) == [(n,)]
        # those of the steps before are tried again at each start
        assert twins.query("backup", "SELECT key FROM gsb.parked WHERE rel = "
                           "'public.fragile' AND key = %s",
                           (f"{10**6 + n}",)) == [(f"{10**6 + n}",)] * parked

    def run(self, which, fuse, parked=0):
        twins = self.twins
        twins.kill("backup")
        self.since = twins.one(
            "backup", "SELECT coalesce(max(greatest(winner_v, loser_v)), 0) "
            ">> 8 FROM gsb.conflict")
        self.write()
        self.start(which, fuse)
        self.judge(parked)
        return self.killed


def to_apply(count):
    """The messages of a group, from the first on."""
    return Fuse(count, "gsb-replicator apply",
                begins=lambda m: m[5:].startswith((b"whole\0",
                                                   b"whole_lazy\0")))


def feedback(count):
    """What is acknowledged to the peer."""
    return Fuse(count, "gsb_backup", wanted=lambda m: m[:1] == b"d" and
                m[5:6] == b"r")


def every(twins, which, fuse, counts, parked=0):
    """Killed at each of these; how many there were."""
    kills = 0
    for count in counts:
        try:
            if not Step(twins).run(which, fuse(count), parked):
                return kills
        except Exception as e:
            raise AssertionError(f"killed before message {count}") from e
        kills += 1
    return kills


def learn(twins):
    """How many messages a group is; that all is in it which can be. It is
    two runs: what has to be prepared, and the transaction."""
    fuse = to_apply(-1)
    for wanted in (to_apply(-1), fuse):  # the first has nothing to delete
        assert not Step(twins).run("backup", wanted)
    names = [m[1:].split(b"\0")[0].decode() for m in fuse.seen
             if m[:1] == b"P"]
    for wanted in STATEMENTS:
        assert any(name.startswith(wanted) for name in names), (wanted, names)
    ends = [i + 1 for i, m in enumerate(fuse.seen) if m[:1] == b"S"]
    return ends[1]


def test_killed_amid_a_batch_nothing_is_lost_and_nothing_twice(twins):
    total = learn(twins)
    some = sorted({1, 2, *range(5, total, total // 8), total - 1, total})
    assert every(twins, "backup", to_apply, some) == len(some)
    assert every(twins, "primary", feedback, (1, 2)) == 2


@pytest.mark.long
def test_killed_at_every_message_of_a_batch(twins):
    total = learn(twins)
    assert every(twins, "backup", to_apply, itertools.count(1)) >= total
    assert every(twins, "primary", feedback, itertools.count(1)) > 2


@pytest.mark.long
def test_killed_while_a_row_is_sought_that_cannot_be_merged(twins):
    """The batch fails, is halved and halved again, its row is parked."""
    twins.query("backup", "ALTER TABLE fragile ADD CONSTRAINT small "
                "CHECK (n < 1000) NOT VALID")
    kills = every(twins, "backup", to_apply, itertools.count(3, 7), 1)
    assert kills > 20, "more than what the batch as a whole is"
    twins.query("backup", "ALTER TABLE fragile DROP CONSTRAINT small")
    twins.install("backup")
    wait_until(lambda: twins.query("backup", "SELECT 1 FROM gsb.parked")
               == [], what="all are tried again")
    twins.settle()
    assert twins.same("fragile")
