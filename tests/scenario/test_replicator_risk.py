"""What the peer does not have yet: commits at risk, and log that is kept."""
import pytest

from test_replicator_runs import make, state, status
from twins import SITES
from wait import wait_until


@pytest.fixture(scope="module")
def armed():
    twins = make(sync="on")
    try:
        twins.start()
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
    """Never too few; a digest's barriers may come on top."""
    def at_risk():
        return status(armed, "primary")["out"]["at_risk"]
    wait_until(lambda: at_risk() == 0, what="the peer has all")
    armed.kill("backup")
    wait_until(lambda: state(armed, "primary") == "degraded")
    for number in range(7):
        armed.query("primary", "INSERT INTO item VALUES (%s, 's', 's', 1)",
                    (number,))
    wait_until(lambda: at_risk() >= 7)
    # a restart forgets none
    armed.stop("primary")
    armed.start("primary")
    written = "SELECT extract(epoch FROM at) FROM gsb.status"
    for _ in range(3):
        before = armed.one("primary", written)
        wait_until(lambda: armed.one("primary", written) > before)  # noqa
    assert at_risk() >= 7
    out = armed.one("primary", "SELECT gsb.health() -> 'out'")
    assert out["at_risk"] >= 7 and out["at_risk_since_us"] > 0
    armed.start("backup")
    wait_until(lambda: at_risk() == 0 and state(armed, "primary") == "on")
