"""What the peer does not have yet: commits at risk, and log that is kept."""
import os
import subprocess

import pytest

from test_replicator_runs import SCHEMA, TABLES, state, status
from twins import PG, SITES, Twins
from wait import wait_until

WRAP = 1 << 32
FIRST = WRAP - 5000  # the primary's first transaction
PER_SEGMENT = 32768 * 32  # transactions in a file of pg_xact


class NearTheWrap(Twins):
    """The primary's transactions are soon those of the next four billion."""

    def start_db(self, site):
        if site == "primary" and site not in self.server:
            self.age()
        super().start_db(site)

    def age(self):
        data = self.data("primary")
        # of rows from before nothing must hang on their transactions
        subprocess.run(
            self.as_owner(f"{PG}/postgres", "--single", "-D", data, "-c",
                          "track_commit_timestamp=off", "template1"),
            input="VACUUM FREEZE;\n", text=True, check=True, cwd="/",
            capture_output=True)
        subprocess.run(
            self.as_owner(f"{PG}/pg_resetwal", "-x", str(FIRST), "-u",
                          str(FIRST), "-D", data),
            check=True, capture_output=True, cwd="/")
        with open(os.path.join(data, "postgresql.conf"), "a",
                  encoding="utf-8") as f:
            f.write("autovacuum = off\n")
        segment = os.path.join(data, "pg_xact",
                               f"{FIRST // PER_SEGMENT:04X}")
        with open(segment, "wb") as f:
            f.truncate(PER_SEGMENT // 4)  # two bits for each
        if os.geteuid() == 0:
            subprocess.run(["chown", "postgres:postgres", segment],
                           check=True)


@pytest.fixture(scope="module")
def armed():
    twins = NearTheWrap(SCHEMA, TABLES, sync="on")
    try:
        twins.make().start()
        for site in SITES:
            wait_until(lambda s=site: state(twins, s) == "on",
                       what=f"{site} armed")
        yield twins
    finally:
        reports = twins.down()
    assert not reports, "\n".join(reports)


def test_foreign_log_is_let_go(armed):
    """A day of writing that is not replicated, in a few steps: what the slot
    keeps does not grow with it."""
    def kept():
        # the slot's way forward stands in the log with the running
        # transactions; without a checkpoint that takes 15 s
        armed.query("primary", "CHECKPOINT")
        return armed.one("primary", "SELECT gsb.health() #> "
                         "'{out,retained_bytes}'")
    size = "SELECT pg_current_wal_lsn() - '0/0'::pg_lsn"
    begun = armed.one("primary", size)
    for _ in range(4):
        armed.query("primary", "INSERT INTO private SELECT g, repeat('x', 400)"
                    " FROM generate_series(1000, 30000) g; DELETE FROM "
                    "private WHERE id >= 1000; SELECT pg_switch_wal()")
        wait_until(lambda: kept() < 4 << 20, pause=0.3,
                   what="the log is let go")
    assert armed.one("primary", size) - begun > 64 << 20


def test_commits_at_risk_are_counted(armed):
    """Never too few; a digest's barriers may come on top. Over the end of
    the numbers of transactions, the first three of which do not exist."""
    def at_risk():
        return status(armed, "primary")["out"]["at_risk"]
    def next_number(cursor):
        cursor.execute("SELECT pg_current_xact_id()::text::int8")
        return cursor.fetchone()[0]
    with armed.connect("primary") as c:
        while next_number(c.cursor()) < WRAP - 40:
            pass
        wait_until(lambda: at_risk() == 0, what="the peer has all")
        armed.kill("backup")
        wait_until(lambda: state(armed, "primary") == "degraded")
        assert next_number(c.cursor()) < WRAP, "too late"
    number, written = 0, 0
    while number < WRAP + 10:
        written += 1
        number = armed.one(
            "primary", "INSERT INTO item VALUES (%s, 's', 's', 1) RETURNING "
            "pg_current_xact_id()::text::int8", (written,))
    assert written > 10
    wait_until(lambda: at_risk() >= written, what=f"{written} are counted")
    wait_until(lambda: status(armed, "primary")["out"]["counted_xid"] > WRAP,
               what="it counts on behind the last number")
    # a restart forgets none
    armed.stop("primary")
    armed.start("primary")
    told = "SELECT extract(epoch FROM at) FROM gsb.status"
    for _ in range(3):
        before = armed.one("primary", told)
        wait_until(lambda: armed.one("primary", told) > before)  # noqa
    assert at_risk() >= written
    out = armed.one("primary", "SELECT gsb.health() -> 'out'")
    assert out["at_risk"] >= written and out["at_risk_since_us"] > 0
    armed.start("backup")
    wait_until(lambda: at_risk() == 0 and state(armed, "primary") == "on")
