"""Large transactions are streamed before their end, kept in a file, and
applied whole on a session of their own; small ones pass them by."""
import os
import random
import threading
import urllib.request

import pytest

from test_replicator_runs import Cutter, equal, status
from twins import OTHER, SITES, running
from wait import wait_until

SCHEMA = """
CREATE TABLE item (id bigint PRIMARY KEY, name text, note text, amount int);
CREATE TABLE person (id uuid PRIMARY KEY, company int NOT NULL,
 email text NOT NULL);
GRANT ALL ON item, person TO gsb_site;
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
"""
ROWS = 4000
LARGE = ("INSERT INTO item SELECT g, 'large', repeat('x', 100), g "
         "FROM generate_series(%s, %s) g")
HOT, LAST = 1000, 10 ** 6


@pytest.fixture(scope="module")
def shared():
    with running(SCHEMA, TABLES, replicator="stream_above = 64KiB") as made:
        yield made


@pytest.fixture
def twins(shared):
    for site in SITES:
        if shared.process[site].poll() is not None:
            shared.start(site)
    for site in SITES:
        shared.query(site, "DELETE FROM item; DELETE FROM person")
        shared.settle(120)
        shared.query(site, "DELETE FROM gsb.conflict")
    return shared


def large(twins, site="backup"):
    return status(twins, site)["in"]["large"]


def count(twins, where, site="backup"):
    return twins.one(site, f"SELECT count(*) FROM item WHERE {where}")


class Held:
    """Somebody at the backup keeps row LAST locked. A large transaction of
    the primary waits for it, and has merged row HOT: rows that were edited go
    in the order of their keys, and before those that are new."""

    def __init__(self, twins):
        self.twins = twins
        twins.query("primary", "INSERT INTO item VALUES (%s, '', '', 0), "
                    "(%s, '', '', 0)", (HOT, LAST))
        twins.barrier("primary")
        self.local = twins.connect("backup").connection
        self.local.autocommit = False
        self.local.cursor().execute("SELECT FROM item WHERE id = %s "
                                    "FOR UPDATE", (LAST,))
        before = large(twins)
        twins.query("primary", f"BEGIN; {LARGE}; UPDATE item SET amount = 7 "
                    "WHERE id IN (%s, %s); COMMIT",
                    (1001, 1000 + ROWS, HOT, LAST))
        wait_until(lambda: twins.one(
            "backup", "SELECT count(*) FROM pg_stat_activity WHERE "
            "application_name = 'gsb-replicator apply' AND "
            "wait_event_type = 'Lock'") == 1, 60,
                   what="the large one has come and waits")
        self.before = before

    def __enter__(self):
        return self

    def release(self):
        self.local.close()

    def __exit__(self, *_):
        self.release()


def done(twins, timeout=120):
    wait_until(lambda: large(twins)["pending"] == 0, timeout,
               what="the large one is applied")
    twins.settle(timeout)
    for table in ("item", "person"):
        assert twins.same(table), f"{table} differs"
    for site in SITES:
        assert twins.query(site, "SELECT rel, key, message FROM gsb.parked"
                           ) == []


def test_small_ones_pass_and_barriers_do_not(twins):
    with Held(twins) as held:
        for number in range(2, 12):
            twins.query("primary", "INSERT INTO item VALUES (%s, 's', '', 1)",
                        (number,))
        wait_until(lambda: count(twins, "id BETWEEN 2 AND 11") == 10, 60,
                   what="small ones are applied")
        twins.query("primary", "SELECT gsb.barrier('behind')")
        twins.query("primary", "INSERT INTO item VALUES (12, 's', '', 1)")
        wait_until(lambda: count(twins, "id = 12") == 1, 60)
        # a fail-over waits for it, and nobody sees a part of it
        wait_until(lambda: twins.one("backup", "SELECT gsb.health() #> "
                                     "'{in,pending}'") == 1, 60)
        assert count(twins, "id > 1000") == 1
        assert not twins.one("backup", "SELECT gsb.barrier_seen('behind')")
        held.release()
        wait_until(lambda: twins.one("backup",
                                     "SELECT gsb.barrier_seen('behind')"),
                   120, what="the barrier is seen")
        assert count(twins, "id > 1000") == ROWS + 1
        assert count(twins, "amount = 7 AND id IN (1000, 1000000)") == 2
        after = large(twins)
        assert after["transactions"] == held.before["transactions"] + 1
        done(twins)
    # what was written after it and came before it is no conflict
    assert status(twins, "backup")["health"]["conflicts"] == 0


@pytest.mark.parametrize("what", ("replicator", "database"))
def test_kills_while_one_waits(twins, what):
    twins.query("primary", "INSERT INTO item VALUES (2, 's', '', 1)")
    with Held(twins) as held:
        twins.query("primary", "UPDATE item SET amount = 3 WHERE id = 2")
        wait_until(lambda: count(twins, "amount = 3 AND id = 2") == 1, 60)
        # by somebody who has seen it
        twins.query("backup", "UPDATE item SET amount = 5 WHERE id = 2")
        if what == "replicator":
            twins.kill("backup")
            held.release()
            twins.start("backup")
        else:
            held.release()
            twins.kill_db("backup")
            twins.start_db("backup")
        twins.query("primary", "UPDATE item SET name = 'later' WHERE "
                    "id IN (1001, 2)")
        wait_until(lambda: count(twins, "id > 1000") == ROWS + 1, 120,
                   what="it has come again")
        done(twins)
    assert count(twins, "name = 'later'") == 2
    assert count(twins, "amount = 5 AND id = 2") == 1
    # what came again is no news, whoever wrote over it meanwhile
    assert status(twins, "backup")["health"]["conflicts"] == 0


def test_a_small_one_that_needs_its_rows_comes_after_it(twins):
    before = status(twins, "backup")["in"]["retries"]
    with Held(twins) as held:
        twins.query("primary", "INSERT INTO item VALUES (2, 's', '', 1); "
                    "UPDATE item SET name = 'small' WHERE id = %s; "
                    "DELETE FROM item WHERE id = 1003", (HOT,))
        wait_until(lambda: status(twins, "backup")["in"]["retries"] > before,
                   60, what="it gives way")
        assert large(twins)["pending"] == 1
        held.release()
        done(twins)
    assert twins.query("backup", "SELECT id, name FROM item WHERE id IN "
                       "(2, 1000, 1003) ORDER BY id") == [
                           (2, "s"), (1000, "small")]
    assert status(twins, "backup")["health"]["conflicts"] == 0


def test_a_deadlock_of_both_passes_by_itself(twins):
    """The large one holds HOT and waits for LAST; the small one holds 2 and
    waits for HOT; whoever holds LAST then waits for 2."""
    twins.query("primary", "INSERT INTO item VALUES (2, 'two', 'n', 0)")
    before = status(twins, "backup")["in"]["retries"]
    with Held(twins) as held:
        twins.query("primary", "UPDATE item SET note = 'small' WHERE "
                    "id IN (2, %s)", (HOT,))
        wait_until(lambda: status(twins, "backup")["in"]["retries"] > before,
                   60, what="the small one gives way")
        held.local.cursor().execute("SET deadlock_timeout = '1h'; UPDATE "
                                    "item SET amount = 5 WHERE id = 2")
        held.local.commit()
        done(twins)
    assert twins.query("backup", "SELECT id, note FROM item WHERE id IN "
                       "(2, 1000) ORDER BY id") == [
                           (2, "small"), (1000, "small")]


@pytest.mark.parametrize("end", ("COMMIT", "ROLLBACK"))
def test_parts_that_abort(twins, end):
    before = large(twins)
    with twins.connect("primary") as c:
        c.autocommit = False
        cursor = c.cursor()
        for part in range(1, 6):
            first = part * 10000
            cursor.execute("SAVEPOINT a")
            cursor.execute(LARGE, (first, first + 999))
            cursor.execute("SAVEPOINT b")
            cursor.execute("UPDATE item SET name = 'inner' WHERE id >= %s",
                           (first,))
            cursor.execute("ROLLBACK TO b" if part != 2 else "RELEASE b")
            cursor.execute("ROLLBACK TO a" if part % 2 else "RELEASE a")
        # it comes before its end
        wait_until(lambda: large(twins)["kept_bytes"] > 0, 60,
                   what="it is streamed")
        assert count(twins, "true") == 0
        cursor.execute(end)
    done(twins)
    wanted = [(2, "inner", 1000), (4, "large", 1000)]
    assert twins.query(
        "backup", "SELECT id / 10000, name, count(*) FROM item GROUP BY 1, 2 "
        "ORDER BY 1") == (wanted if end == "COMMIT" else [])
    wait_until(lambda: large(twins)["kept_bytes"] == 0, 60)
    assert large(twins)["transactions"] - before["transactions"] == (
        1 if end == "COMMIT" else 0)


def test_a_cut_inside_one(twins):
    cutter = Cutter(twins.port["primary"])
    twins.stop("backup")
    twins.peer_port["backup"] = cutter.port
    twins.configure()
    twins.start("backup")
    try:
        with twins.connect("primary") as c:
            c.autocommit = False
            cursor = c.cursor()
            for part in range(3):
                cursor.execute(LARGE, (part * 10000, part * 10000 + 1999))
                wait_until(lambda: large(twins)["kept_bytes"] > 0, 60,
                           what="it is streamed")
                before = metric(twins, "connects_total")
                cutter.cut()
                wait_until(lambda: metric(  # pylint: disable=W0640
                    twins, "connects_total") > before, 60,  # noqa
                           what="it streams again")
            c.commit()
        wait_until(lambda: count(twins, "true") == 6000, 120)
        done(twins)
    finally:
        twins.stop("backup")
        twins.peer_port["backup"] = twins.port["primary"]
        twins.configure()
        twins.start("backup")


def test_what_it_introduces_is_known_to_small_ones(twins):
    """The peer introduces a relation on a connection once."""
    twins.stop("backup")
    twins.start("backup")
    wait_until(lambda: status(twins, "backup")["in"]["state"] == "streaming")
    before = metric(twins, "connects_total")
    twins.query("primary", LARGE, (1001, 1000 + ROWS))
    twins.query("primary", "INSERT INTO item VALUES (1, 'small', '', 0)")
    wait_until(lambda: count(twins, "true") == ROWS + 1, 60)
    assert metric(twins, "connects_total") == before
    done(twins)


def metric(twins, name):
    url = f"http://127.0.0.1:{twins.status['backup']}/metrics"
    with urllib.request.urlopen(url, timeout=5) as answer:
        for line in answer.read().decode().splitlines():
            if line.startswith(f"gsb_replicator_{name} "):
                return int(line.split()[1])
    raise AssertionError(f"no metric {name}")


def test_no_room_for_the_file(twins):
    """It comes as a whole then, in pieces."""
    folder = os.path.join(twins.dir, "backup-state")
    before = large(twins)["transactions"]
    os.rename(folder, folder + "-away")
    try:
        twins.query("primary", LARGE, (1001, 1000 + ROWS))
        wait_until(lambda: count(twins, "true") == ROWS, 120)
    finally:
        os.rename(folder + "-away", folder)
    assert large(twins)["transactions"] == before
    done(twins)
    twins.stop("backup")
    twins.start("backup")  # it streams them again


def test_rows_that_cannot_be_merged_are_parked(twins):
    twins.query("backup", "ALTER TABLE item ADD CONSTRAINT small "
                "CHECK (amount <> 1777)")
    try:
        twins.query("primary", LARGE, (1001, 1000 + ROWS))
        twins.barrier("primary", 120)
        assert count(twins, "true") == ROWS - 1
        assert twins.query("backup", "SELECT rel, key, sqlstate FROM "
                           "gsb.parked") == [("public.item", "1777", "23514")]
        assert large(twins)["parked_rows"] >= 1
    finally:
        twins.query("backup", "ALTER TABLE item DROP CONSTRAINT small; "
                    "DELETE FROM gsb.parked")


def test_both_ways_at_once_with_the_same_rows_and_values(twins):
    """Both sites write the same keys and e-mails in large transactions."""
    r = random.Random(5)
    emails = [f"{n}@x" for n in range(1500)]
    errors = []

    def write(site):
        try:
            mine = emails[:]
            r.shuffle(mine)
            twins.query(
                site, LARGE + "; INSERT INTO person SELECT gen_random_uuid(),"
                " 1, e FROM unnest(%s) e", (1001, 1000 + ROWS, mine))
            twins.query(site, "UPDATE item SET name = %s, amount = amount + 1",
                        (site,))
        except Exception as e:  # pylint: disable=broad-except
            errors.append(e)
    writers = [threading.Thread(target=write, args=(s,)) for s in SITES]
    for w in writers:
        w.start()
    for w in writers:
        w.join()
    # one of the two may have met the other's rows
    assert len(errors) < 2, errors
    done(twins)
    for site in SITES:
        assert twins.one(site, "SELECT count(DISTINCT (company, gsb_key_email"
                         ")) = count(*) FROM person"), site
        assert OTHER[site]


@pytest.mark.long
def test_a_million_rows(twins):
    twins.query("primary", LARGE, (1001, 1000 + 10 ** 6))
    for number in range(1, 100):
        twins.query("primary", "INSERT INTO item VALUES (%s, 's', '', 1)",
                    (number,))
    wait_until(lambda: count(twins, "id < 1000") == 99, 60)
    wait_until(lambda: count(twins, "true") == 10 ** 6 + 99, 900, pause=1)
    equal(twins)
