"""A planned switch-over, and the way back, under load: no failed request, no
lost or doubled write."""
import time

from load import Load
from wait import wait_until

RATE = 500  # what the promise names; a sanitizer build takes what it can


def order(pair, *words):
    pair.ctl(*words, "--reason", "scenario", "--yes", "--wait")


def test_switchover_and_back_under_load(pair):
    with Load(pair, workers=8, rate=RATE) as load:
        wait_until(lambda: load.count() > 300, 60)
        order(pair, "switchover", "--to", "backup")
        moved = time.monotonic()
        wait_until(lambda: load.first_after(moved, "BACKUP"), 10)
        assert pair.detect() == "Backup"
        before = load.count()
        wait_until(lambda: load.count() > before + 300, 60)
        order(pair, "switchover", "--to", "primary")
        moved = time.monotonic()
        wait_until(lambda: load.first_after(moved, "PRIMARY"), 10)
        assert pair.detect() == "Primary"
        before = load.count()
        wait_until(lambda: load.count() > before + 300, 60)
    load.check()
