"""Merges that nobody waits for do not wait for the disk, and nothing of them
is acknowledged before it is there; small groups look once whether anything is
to be swept."""
import contextlib
import itertools
import os
import signal
import time

import pytest

from twins import Twins
from wait import wait_until

SCHEMA = """
CREATE TABLE item (id bigint PRIMARY KEY, name text);
GRANT ALL ON item TO gsb_site;
"""
TABLES = """
[table item]
key = id
group.name = name
"""
CALM = "SELECT 1 / (NOT EXISTS (SELECT FROM gsb.sweep))::int"
numbers = itertools.count(1)


@contextlib.contextmanager
def made(**more):
    twins = Twins(SCHEMA, TABLES, **more)
    try:
        twins.make().start()
        flusher(twins)
        yield twins
    finally:
        reports = twins.down()
    assert not reports, "\n".join(reports)


@pytest.fixture(scope="module")
def shared():
    with made(settings="wal_writer_delay = 10s") as found:
        yield found


@pytest.fixture
def twins(shared):
    if shared.process["backup"].poll() is not None:
        shared.start("backup")
    lazy_from_now_on(shared)
    return shared


def flusher(twins):
    return wait_until(lambda: backend(twins, "gsb-replicator flush"),
                      what="the flusher is there")


def backend(twins, name):
    """The process at the backup, or None."""
    found = twins.query("backup", "SELECT pid FROM pg_stat_activity WHERE "
                        "%s IN (application_name, backend_type)", (name,))
    return found[0][0] if found else None


@contextlib.contextmanager
def stopped(*pids):
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)


@contextlib.contextmanager
def without_flusher(twins):
    """It is stopped where it holds no lock."""
    def is_idle():
        pid = flusher(twins)
        os.kill(pid, signal.SIGSTOP)
        if twins.query("backup", "SELECT 1 FROM pg_stat_activity WHERE "
                       "pid = %s AND state = 'idle'", (pid,)):
            return pid
        os.kill(pid, signal.SIGCONT)
        return None

    pid = wait_until(is_idle, what="the flusher is idle")
    try:
        yield pid
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)


def write(twins):
    """The row, and where the primary's log stands then."""
    number = next(numbers)
    twins.query("primary", "INSERT INTO item VALUES (%s, 'n')", (number,))
    return number, twins.one("primary", "SELECT pg_current_wal_lsn()::text")


def is_there(twins, number, site="backup"):
    return twins.query(site, "SELECT 1 FROM item WHERE id = %s", (number,))


def write_and_see(twins):
    number, lsn = write(twins)
    wait_until(lambda: is_there(twins, number))
    return number, lsn


def is_acknowledged(twins, lsn):
    return twins.one("primary", "SELECT coalesce(bool_and(flush_lsn >= "
                     "%s::pg_lsn), false) FROM pg_stat_replication WHERE "
                     "application_name = 'gsb_backup'", (lsn,))


def lazy_from_now_on(twins):
    """A merge is seen while the flusher does nothing, and one flush of it
    acknowledges all."""
    def is_lazy():
        with without_flusher(twins):
            _, lsn = write_and_see(twins)
            lazy = not is_acknowledged(twins, lsn)
        wait_until(lambda: is_acknowledged(twins, lsn))
        return lazy

    wait_until(is_lazy)


def test_a_merge_is_seen_before_it_is_on_the_disk(twins):
    with without_flusher(twins):
        for _ in range(3):
            _, lsn = write_and_see(twins)
            assert not is_acknowledged(twins, lsn)
    wait_until(lambda: is_acknowledged(twins, lsn))


def test_where_no_commit_waits_flushes_are_few(twins):
    """They keep the disk from commits: ten a second."""
    begun, begin = set(), time.monotonic()
    while time.monotonic() < begin + 1.5:
        write(twins)
        begun.add(twins.one("backup", "SELECT query_start FROM "
                            "pg_stat_activity WHERE application_name = "
                            "'gsb-replicator flush'"))
    assert len(begun) <= 10 * (time.monotonic() - begin) + 2


def test_what_a_crash_takes_comes_again(twins):
    with without_flusher(twins), stopped(backend(twins, "walwriter")):
        number, _ = write_and_see(twins)
        with stopped(twins.process["backup"].pid):
            twins.kill_db("backup")
            twins.start_db("backup")
            assert not is_there(twins, number), "the crash took nothing"
    wait_until(lambda: is_there(twins, number))
    twins.settle()
    assert twins.same("item")


def test_whoever_may_not_flush_waits_for_the_disk(twins):
    progress = "FUNCTION pg_replication_origin_progress(text, boolean)"
    twins.query("backup", f"REVOKE EXECUTE ON {progress} FROM gsb_replicator")
    write(twins)
    wait_until(lambda: "each group waits" in twins.tail("backup"))
    _, lsn = write(twins)
    wait_until(lambda: is_acknowledged(twins, lsn))
    twins.query("backup", f"GRANT EXECUTE ON {progress} TO gsb_replicator")
    wait_until(lambda: "need not wait" in twins.tail("backup"))
    lazy_from_now_on(twins)


def test_a_flusher_that_is_lost_is_replaced(twins):
    with without_flusher(twins) as pid:
        _, lsn = write_and_see(twins)
        twins.query("backup", "SELECT pg_terminate_backend(%s)", (pid,))
    wait_until(lambda: is_acknowledged(twins, lsn))
    wait_until(lambda: flusher(twins) != pid)
    lazy_from_now_on(twins)


def test_a_replicator_that_ends_knows_what_is_durable(twins):
    """And so what it merged last, from which a leap would begin."""
    with without_flusher(twins):
        number, _ = write_and_see(twins)
        twins.process["backup"].terminate()  # once more would be at once
    assert twins.process["backup"].wait(10) == 0
    xid = twins.one("primary", "SELECT xmin::text::int8 FROM item "
                    "WHERE id = %s", (number,))
    path = os.path.join(twins.dir, "backup-state", "progress-gsb_backup")
    with open(path, encoding="ascii") as f:
        assert int(f.read().split()[5], 16) == xid


def test_a_commit_that_is_waited_for_is_flushed_by_itself():
    with made(sync="on") as twins:
        wait_until(lambda: twins.one("primary", "SELECT gsb.sync_state()") ==
                   "on", what="armed")
        with without_flusher(twins):
            for _ in range(20):
                write(twins)
            assert twins.one("primary", "SELECT gsb.sync_state()") == "on"


def without_sweeps(twins):
    """Small groups go so from now on."""
    def is_calm():
        write_and_see(twins)
        return twins.query("backup", "SELECT 1 FROM pg_stat_activity WHERE "
                           "application_name = 'gsb-replicator apply' AND "
                           "query = %s", (CALM,))

    wait_until(is_calm, what="groups without sweeps")


def test_a_delete_that_a_merge_waited_for_is_not_undone(twins):
    """The merge began before it was seen; the row never lives again."""
    number, _ = write_and_see(twins)
    without_sweeps(twins)
    with twins.connect("backup") as c:
        cursor = c.cursor()
        with stopped(twins.process["backup"].pid):
            twins.query("primary", "UPDATE item SET name = 'm' WHERE id = %s",
                        (number,))
            cursor.execute("BEGIN; DELETE FROM item WHERE id = %s", (number,))
        wait_until(lambda: twins.query(
            "backup", "SELECT 1 FROM pg_stat_activity WHERE application_name "
            "= 'gsb-replicator apply' AND wait_event_type = 'Lock'"),
            what="the merge waits")
        cursor.execute("COMMIT")
        lived = []

        def is_swept():
            cursor.execute(
                "SELECT (SELECT count(*) FROM item WHERE id = %s), "
                "(SELECT count(*) FROM gsb.sweep)", (number,))
            living, waiting = cursor.fetchone()
            lived.append(living)
            return waiting == 0 and not is_there(twins, number, "primary")

        wait_until(is_swept, pause=0.001)
    assert not any(lived), f"seen in {sum(lived)} of {len(lived)} looks"
    twins.settle()
    assert twins.same("item")
    assert not is_there(twins, number)
    without_sweeps(twins)
