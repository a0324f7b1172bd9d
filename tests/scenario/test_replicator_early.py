"""Large transactions that only insert are applied while they come, in a
transaction that is open here as long as it is there, and given up as soon as
anybody might mind."""
import itertools
import threading

import pytest

from test_replicator_large import (LARGE, ROWS, SCHEMA, TABLES, count, done,
                                   large, metric)
from twins import SITES, running
from wait import wait_until

MANY = 3 * ROWS
BASES = itertools.count(10 ** 7, 10 ** 7)


@pytest.fixture(scope="module")
def shared():
    with running(SCHEMA, TABLES, replicator="stream_above = 64KiB") as made:
        yield made


@pytest.fixture
def twins(shared):
    for site in SITES:
        if shared.process[site].poll() is not None:
            shared.start(site)
    shared.barrier("primary", 120)
    return shared


@pytest.fixture
def base():
    """Ids that no other test uses stand behind it."""
    return next(BASES)


def many(twins, base, site="backup"):
    return count(twins, f"id BETWEEN {base + 1} AND {base + 10 ** 6}", site)


class Early:
    """A transaction at the primary that is open and goes on (a thread writes)
    with the rows behind base; the backup has inserted some of them."""

    def __init__(self, twins, base, first="SELECT"):
        self.twins, self.before = twins, large(twins)["early"]
        self.connection = twins.connect("primary").connection
        self.connection.autocommit = False
        self.base = self.last = base
        self.stop = threading.Event()
        self.execute(first)
        self.more(ROWS)
        self.writer = threading.Thread(target=self.write)
        self.writer.start()
        try:
            wait_until(lambda: self.is_open() or self.ends(), 120,
                       what="it is applied early")
            assert self.ends() == {}
        except BaseException:
            self.__exit__()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.rest()
        self.connection.close()

    def execute(self, sql, parameters=None):
        self.connection.cursor().execute(sql, parameters)

    def more(self, n):
        self.execute(LARGE, (self.last + 1, self.last + n))
        self.last += n

    def write(self):
        while not self.stop.wait(0.1):
            self.more(1000)

    def rest(self):
        self.stop.set()
        self.writer.join()

    def commit(self):
        self.rest()
        self.connection.commit()

    def is_open(self):
        return self.twins.one(
            "backup", "SELECT count(*) FROM pg_stat_activity a JOIN pg_locks "
            "l USING (pid) WHERE application_name = 'gsb-replicator apply' "
            "AND a.state = 'idle in transaction' "
            "AND l.relation = 'item'::regclass AND mode = 'RowExclusiveLock'"
        ) == 1

    def ends(self):
        """How those ended that were begun early since then."""
        now = large(self.twins)["early"]
        return {end: n - self.before[end] for end, n in now.items()
                if n != self.before[end]}

    def ended(self, how):
        wait_until(lambda: self.ends() != {}, 60, what=f"it ends: {how}")
        assert self.ends() == {how: 1}

    def rows(self):
        return self.last - self.base


def test_it_is_there_when_it_has_committed(twins, base):
    before = metric(twins, 'large_early_total{end="done"}')
    with Early(twins, base, "INSERT INTO person SELECT gen_random_uuid(), 1, "
               "g || '@x' FROM generate_series(1, 100) g") as early:
        # somebody deletes the first who knows nothing of it
        key = str(base + 1)
        twins.query("backup", "INSERT INTO gsb.tombstone VALUES "
                    "('public.item', %s, %s, 0)", (key, 1 << 62))
        assert many(twins, base) == 0
        early.commit()
        wait_until(lambda: many(twins, base) > 0, 120)
        assert many(twins, base) == early.rows() - 1
        done(twins)
        early.ended("done")
    assert metric(twins, 'large_early_total{end="done"}') == before + 1
    assert twins.one("backup", "SELECT count(*) FROM gsb.conflict WHERE "
                     "kind = 'delete' AND key = %s", (key,)) == 1


def test_it_is_rolled_back(twins, base):
    with Early(twins, base) as early:
        early.rest()
        early.connection.rollback()
        wait_until(lambda: not early.is_open(), 60, what="so it is here")
        assert early.ends() == {}
        assert many(twins, base) == 0
        twins.query("primary", "INSERT INTO item VALUES (%s, 's', '', 1)",
                    (base + 1,))
        done(twins)


def test_a_part_of_it_is_rolled_back(twins, base):
    with Early(twins, base, "SAVEPOINT a") as early:
        early.rest()
        early.execute("ROLLBACK TO a")
        early.execute(LARGE, (base + 1, base + 900))
        early.connection.commit()
        wait_until(lambda: many(twins, base) == 900, 60)
        early.ended("part")
        done(twins)


def test_it_does_more_than_insert(twins, base):
    with Early(twins, base) as early:
        early.rest()
        early.execute("UPDATE item SET name = 'edited' WHERE id = %s; "
                      "DELETE FROM item WHERE id = %s", (base + 2, base + 3))
        early.more(MANY)
        early.ended("unfit")
        early.connection.commit()
        wait_until(lambda: many(twins, base) == early.rows() - 1, 120)
        done(twins)
    assert count(twins, f"name = 'edited' AND id = {base + 2}") == 1


def test_nobody_waits_for_it(twins, base):
    with Early(twins, base) as early:
        twins.query("backup", "SET statement_timeout = '60s'; INSERT INTO "
                    "item VALUES (%s, 'local', '', 1)", (base + 1,))
        early.ended("blocks")
        early.commit()
        wait_until(lambda: many(twins, base) == early.rows(), 120)
        done(twins)


def test_it_waits_for_nobody(twins, base):
    """Somebody here has inserted a key of it, and has not committed."""
    with twins.connect("backup") as c:
        c.autocommit = False
        c.cursor().execute("INSERT INTO item VALUES (%s, 'local', '', 1)",
                           (base + ROWS,))
        before = large(twins)["early"]["locked"]
        with twins.connect("primary") as writer:
            writer.autocommit = False
            for part in range(MANY // 1000):
                writer.cursor().execute(LARGE, (base + 1 + part * 1000,
                                                base + 1000 + part * 1000))
            wait_until(lambda: large(twins)["early"]["locked"] == before + 1,
                       60, what="it is given up")
            writer.commit()
        c.rollback()
    wait_until(lambda: many(twins, base) == MANY, 120)
    done(twins)


def test_a_row_is_known_here(twins, base):
    twins.stop("primary")
    twins.query("backup", "INSERT INTO person VALUES (gen_random_uuid(), 1, "
                "'known@x')")
    before = large(twins)["early"]["known"]
    twins.query("primary", LARGE + "; INSERT INTO person SELECT "
                "gen_random_uuid(), 1, 'known@x'", (base + 1, base + MANY))
    wait_until(lambda: many(twins, base) == MANY, 120)
    twins.start("primary")
    done(twins)
    assert large(twins)["early"]["known"] == before + 1
    assert twins.one("backup", "SELECT count(*) FROM person WHERE "
                     "gsb_key_email <> email") == 1


@pytest.mark.parametrize("what", ("replicator", "database"))
def test_kills_in_the_middle(twins, base, what):
    with Early(twins, base) as early:
        if what == "replicator":
            twins.kill("backup")
            early.commit()
            twins.start("backup")
        else:
            twins.kill_db("backup")
            early.commit()
            twins.start_db("backup")
        wait_until(lambda: many(twins, base) == early.rows(), 120,
                   what="it has come again")
        done(twins)


def test_another_large_one_commits_before_it(twins, base):
    with Early(twins, base) as early:
        twins.query("primary", LARGE, (base + 10 ** 5 + 1,
                                       base + 10 ** 5 + ROWS))
        wait_until(lambda: many(twins, base) == ROWS, 120)
        early.ended("passed")
        early.commit()
        wait_until(lambda: many(twins, base) == early.rows() + ROWS, 120)
        done(twins)


def test_it_lets_go_when_it_rests(twins, base):
    with Early(twins, base) as early:
        early.rest()
        early.ended("idle")
        assert not early.is_open()
        early.commit()
        wait_until(lambda: many(twins, base) == early.rows(), 120)
        done(twins)
