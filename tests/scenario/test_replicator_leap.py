"""A backlog is made up for by reading what the peer's rows are now: all of it
is there at once, and whatever breaks it off leaves the log to be followed."""
import threading

import pytest

from test_replicator_flush import backend, stopped, without_flusher
from test_replicator_large import SCHEMA, TABLES
from test_replicator_runs import status
from twins import SITES, running
from wait import wait_until

ROWS = 1500


@pytest.fixture(scope="module")
def shared():
    with running(SCHEMA, TABLES,
                 replicator="leap_above = 16KiB\nverify = 0") as made:
        # rows stand in the order in which they came
        made.query("primary",
                   "ALTER TABLE item SET (autovacuum_enabled = off)")
        yield made


@pytest.fixture
def twins(shared):
    """The backup's replicator is away. The primary has rows 1 to 9."""
    for site in SITES:
        if shared.process[site].poll() is not None:
            shared.start(site)
    for site in SITES:  # one after the other: both would delete the same rows
        shared.query(site, "DELETE FROM item; DELETE FROM person")
        shared.settle(120)
    shared.query("primary", "INSERT INTO item SELECT g, 'old', 'old', g "
                 "FROM generate_series(1, 9) g")
    shared.settle(120)
    for site in SITES:
        shared.query(site, "DELETE FROM gsb.conflict; DELETE FROM gsb.parked")
    shared.stop("backup")
    return shared


def backlog(twins, first=1000):
    twins.query("primary", "DO $$ BEGIN FOR i IN 1..%s LOOP INSERT INTO item "
                "VALUES (%s + i, 'new', repeat('x', 50), i); COMMIT; END LOOP; "
                "END $$", (ROWS, first))


def leap(twins):
    return status(twins, "backup")["in"]["leap"]


def ended(twins, how, timeout=60):
    """Of the process that runs now."""
    wait_until(lambda: leap(twins)[how] > 0, timeout, what=f"a leap is {how}")


def equal(twins, timeout=120):
    twins.settle(timeout)
    for table in ("item", "person"):
        assert twins.same(table), f"{table} differs"


def conflicts(twins, site="backup"):
    return twins.query(site, "SELECT kind, key, part FROM gsb.conflict "
                       "ORDER BY 1, 2, 3")


def test_everything_that_was_written_is_there(twins):
    twins.query("primary", "INSERT INTO person SELECT gen_random_uuid(), 1, "
                "'p' || g FROM generate_series(1, 50) g")
    backlog(twins)
    twins.query("primary", "UPDATE item SET amount = -1 WHERE id = 1")
    twins.query("primary", "DELETE FROM item WHERE id IN (2, 3)")
    twins.query("primary", "INSERT INTO item VALUES (3, 'again', '', 3)")
    twins.query("primary", "UPDATE item SET id = 44 WHERE id = 4")
    twins.query("primary", "UPDATE item SET note = repeat('long', 9999) "
                "WHERE id = 5")
    twins.query("primary", "UPDATE person SET email = 'q' || email")
    twins.query("primary", "SET synchronous_commit = local; "
                "SELECT gsb.barrier('passed over')")
    twins.start("backup")
    ended(twins, "done")
    # row 3 seemed new until it met the one that was deleted
    assert leap(twins)["failed"] == 1
    assert ROWS < leap(twins)["rows"]
    wait_until(lambda: twins.one("backup", "SELECT gsb.barrier_seen("
                                 "'passed over')"))
    wait_until(lambda: twins.one(
        "primary", "SELECT active FROM pg_replication_slots WHERE slot_name = "
        "'gsb_backup'"), what="the log is followed")
    assert twins.same("item") and twins.same("person")
    twins.query("primary", "UPDATE item SET amount = 8 WHERE id = 8")
    twins.query("backup", "UPDATE item SET amount = 9 WHERE id = 9")
    equal(twins)
    assert conflicts(twins) == conflicts(twins, "primary") == []


def test_what_comes_again_is_no_conflict_and_what_lost_is_one(twins):
    """While nothing goes either way."""
    twins.query("primary", "UPDATE item SET amount = 70 WHERE id = 7")
    twins.start("backup")
    twins.settle()
    for site in reversed(SITES):
        twins.stop(site)
    twins.query("backup", "UPDATE item SET amount = 71 WHERE id = 7")
    backlog(twins)
    twins.query("primary", "UPDATE item SET amount = 50, name = 'mine' "
                "WHERE id = 5")
    twins.query("backup", "UPDATE item SET amount = 51 WHERE id = 5")
    twins.start("backup")
    ended(twins, "done")
    assert leap(twins)["failed"] == 0
    assert conflicts(twins) == [("edit", "5", "money")]
    twins.start("primary")
    equal(twins)
    assert conflicts(twins) == [("edit", "5", "money")]
    assert twins.one("backup", "SELECT loser ->> 'amount' FROM gsb.conflict"
                     ) == "50"
    assert twins.query("backup", "SELECT name, amount FROM item WHERE id = 5"
                       ) == [("mine", 51)]


@pytest.mark.parametrize("edit, kind", [
    ("UPDATE item SET amount = 51 WHERE id = 5", ("edit", "5", "money")),
    ("DELETE FROM item WHERE id = 5", ("delete", "5", ""))])
def test_what_lost_there_already_is_in_the_log(twins, edit, kind):
    """The peer has merged our newer edit: its own is not to be read any
    more."""
    backlog(twins)
    twins.query("primary", "UPDATE item SET amount = 50 WHERE id = 5")
    twins.query("backup", edit)
    twins.barrier("backup")
    twins.start("backup")
    ended(twins, "failed")
    equal(twins)
    assert leap(twins)["done"] == 0
    assert conflicts(twins) == [kind]


def test_who_is_open_and_idle_comes_when_it_has_committed(twins):
    with twins.connect("primary") as c:
        c.autocommit = False
        c.cursor().execute("INSERT INTO item VALUES (20, 'late', '', 1); "
                           "UPDATE item SET amount = 11 WHERE id = 1")
        backlog(twins)
        twins.start("backup")
        ended(twins, "done")
        assert leap(twins)["failed"] == 0
        assert not twins.query("backup", "SELECT 1 FROM item WHERE id = 20")
        c.commit()
    equal(twins)
    assert twins.query("backup", "SELECT amount FROM item WHERE id IN (1, 20) "
                       "ORDER BY id") == [(11,), (1,)]


def test_whose_statement_goes_on_is_not_leapt_over(twins):
    """It might have committed before the end and not be seen yet."""
    with twins.connect("primary") as c:
        def work():
            c.cursor().execute("INSERT INTO item VALUES (20, 'late', '', 1); "
                               "SELECT FROM pg_advisory_lock(1)")
        with twins.connect("primary") as other:
            other.cursor().execute("SELECT pg_advisory_lock(1)")
            worker = threading.Thread(target=work)
            worker.start()
            wait_until(lambda: twins.query(
                "primary", "SELECT 1 FROM pg_stat_activity WHERE wait_event = "
                "'advisory'"))
            backlog(twins)
            twins.start("backup")
            ended(twins, "failed")
            wait_until(lambda: twins.query(
                "backup", "SELECT 1 FROM item WHERE id = %s", (1000 + ROWS,)),
                60, what="the log is followed")
        worker.join()
    equal(twins)
    assert leap(twins)["done"] == 0


class Held:
    """Somebody at the backup has a row locked that the backlog changes, and
    the leap waits for it."""

    def __init__(self, twins):
        self.twins = twins
        self.local = twins.connect("backup").connection
        self.local.autocommit = False
        try:
            self.wait()
        except BaseException:
            self.local.close()
            raise

    def wait(self):
        twins = self.twins
        self.local.cursor().execute("SELECT FROM item WHERE id = 9 FOR UPDATE")
        backlog(twins)
        twins.query("primary", "UPDATE item SET amount = -amount "
                    "WHERE id < 10")
        twins.start("backup")
        wait_until(lambda: twins.query(
            "backup", "SELECT 1 FROM pg_stat_activity WHERE application_name = "
            "'gsb-replicator apply' AND wait_event_type = 'Lock'"), 60,
                   what="it waits")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.local.close()


def test_all_of_it_is_seen_at_once(twins):
    with Held(twins):
        assert leap(twins)["active"]
        assert status(twins, "backup")["in"]["state"] == "catchup"
        assert twins.one("backup", "SELECT count(*) FROM item WHERE id > 9 "
                         "OR amount < 0") == 0
    ended(twins, "done")
    assert leap(twins)["failed"] == 0
    equal(twins)


def test_what_is_leapt_over_is_on_the_disk(twins):
    """Before the peer lets go of its log."""
    with Held(twins) as held:
        with without_flusher(twins), stopped(backend(twins, "walwriter")):
            held.local.rollback()
            ended(twins, "done")
            with stopped(twins.process["backup"].pid):
                twins.kill_db("backup")
                twins.start_db("backup")
                assert twins.one("backup", "SELECT count(*) FROM item "
                                 "WHERE id > 999") == ROWS
    equal(twins)


@pytest.mark.parametrize("who", ["replicator", "database", "peer"])
def test_killed_in_the_midst_of_it(twins, who):
    with Held(twins):
        if who == "replicator":
            twins.kill("backup")
        else:
            twins.kill_db("backup" if who == "database" else "primary")
    if who == "replicator":
        twins.start("backup")
    else:
        twins.start_db("backup" if who == "database" else "primary")
    wait_until(lambda: twins.query(
        "backup", "SELECT 1 FROM item WHERE id = %s", (1000 + ROWS,)), 60)
    equal(twins)
    assert conflicts(twins) == []


def test_a_row_that_is_known_is_no_end_of_it(twins):
    """One request was executed on both sites. Its row stands behind all others,
    and what has come before is merged by then: so all of it starts over."""
    twins.stop("primary")
    backlog(twins)
    stamp = twins.one("backup", "SELECT (extract(epoch FROM now()) * 1000000 "
                      "- 946684800000000)::bigint")
    for site in SITES:
        twins.query(site, f"SET gsb.stamp = '{stamp}'; "
                    "INSERT INTO item VALUES (30, 'both', '', 1)")
    twins.start("backup")
    ended(twins, "done")
    assert leap(twins)["failed"] == 1
    twins.start("primary")
    equal(twins)
    assert twins.one("backup", "SELECT count(*) FROM item WHERE id = 30") == 1
    assert conflicts(twins) == []


def test_a_row_that_cannot_be_merged_is_parked_by_the_log(twins):
    twins.query("backup", "ALTER TABLE item ADD CONSTRAINT poison "
                "CHECK (amount <> 6666)")
    try:
        twins.query("primary", "INSERT INTO item VALUES (40, '', '', 6666)")
        backlog(twins)
        twins.start("backup")
        ended(twins, "failed", 120)
        twins.barrier("primary", 120)
        assert leap(twins)["done"] == 0
        assert twins.query("backup", "SELECT key FROM gsb.parked") == [("40",)]
        assert twins.one("backup", "SELECT count(*) FROM item WHERE id > 999"
                         ) == ROWS
    finally:
        twins.query("backup", "ALTER TABLE item DROP CONSTRAINT poison")
    twins.query("primary", "DELETE FROM item WHERE id = 40")


def test_small_backlogs_and_a_site_that_has_all_are_not_leapt(twins):
    twins.query("primary", "UPDATE item SET amount = 5 WHERE id = 5")
    twins.start("backup")
    equal(twins)
    assert leap(twins) == {"active": False, "done": 0, "failed": 0, "rows": 0}


def test_other_columns_there_are_not_leapt_over(twins):
    with open(twins.log("backup"), encoding="utf-8") as f:
        seen = len(f.read())
    twins.query("primary", "ALTER TABLE item ADD extra int")
    twins.query("primary", "UPDATE item SET extra = 3 WHERE id = 3")
    backlog(twins)
    twins.start("backup")
    ended(twins, "failed")
    twins.barrier("primary", 120)
    assert leap(twins)["done"] == 0
    with open(twins.log("backup"), encoding="utf-8") as f:
        assert "public.item has other columns at the peer" in f.read()[seen:]
    twins.query("backup", "ALTER TABLE item ADD extra int")
    for site in SITES:
        twins.install(site)
    wait_until(lambda: twins.one("backup", "SELECT extra FROM item "
                                 "WHERE id = 3") == 3, 60)
    equal(twins)
