"""No moment has two answering sites, judged by answers: each carries its
epoch and the machine's monotonic clock, read on the wire to the proxy. And a
site that was paused between its last check and its COMMIT does no harm."""
import random

import pytest

from leases import BLOWS, Clients, Wired, late_commit, run
from wait import wait_until


@pytest.fixture(name="wired", scope="module")
def made_wired():
    with Wired() as wired:
        yield wired


def test_no_overlap_of_answers(wired):
    """One of each; tests/bench/leases does a thousand."""
    chance = random.Random(1)
    with Clients(wired.demo):
        moved = [bool(run(wired, blow, chance.random() * 2))
                 for blow in BLOWS]
    assert sum(moved) >= len(BLOWS) // 2, "hardly anything has moved"


def test_a_commit_after_its_lease_folds_and_later_edits_win(wired):
    wired.demo.restore()
    late_commit(wired, 3)


@pytest.mark.long
def test_a_commit_a_minute_after_its_lease(wired):
    wired.demo.restore()
    late_commit(wired, 60)


def test_forged_grants_are_refused(wired):
    wired.demo.restore()
    tap = wired.taps["backup"]
    wait_until(lambda: tap.grants, 10)
    grant = tap.grants[-1]
    before = wired.demo.status()["epoch"]
    for forged in (grant.replace(b'"serve":false', b'"serve":true '),
                   grant.replace(b"GSB-Signature", b"X-Signature-0"),
                   grant.replace(b"GSB-Signature: k1.", b"GSB-Signature: k9.")):
        assert forged != grant
        tap.grants = [forged]
        assert tap.say_again()[0].startswith(b"HTTP/1.1 403")
    assert wired.demo.status()["epoch"] == before

