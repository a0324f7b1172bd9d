"""G18: nothing is lost by a fail-over or a fail-back."""
import pytest

from load import Load, titles
from wait import wait_until

PRIMARY = ("primary-web", "primary-collab", "primary-replicator",
           "primary-db")


def test_g18_acknowledged_writes_are_on_the_backup_when_it_serves(pair):
    assert pair.query("primary", "SELECT gsb.sync_state()") == [("on",)]
    with Load(pair, workers=4, rate=80) as load:
        wait_until(lambda: load.count() > 150, 30)
        safe = load.answered_titles()
        pair.kill(*PRIMARY)
        safe = sorted(set(safe) | {
            d.title for d in load.deeds() if d.title and not d.fault
            and d.site == "PRIMARY"})
        wait_until(lambda: pair.detect() == "Backup", 30, 0.01)
        there = set(titles(pair, "backup", load.prefix))
        lost = [title for title in safe if title not in there]
        assert safe and not lost, lost
        before = load.count()
        wait_until(lambda: load.count() > before + 40, 30)
        pair.restore()
    load.check()


@pytest.mark.long
def test_g18_what_is_acknowledged_and_not_merged_is_waited_for(make_pair):
    """The backup has it durably and may not merge it for now; the primary
    dies; nothing is served before all is there."""
    pair = make_pair("replicator.replicator.spool_max=64MiB")
    pair.restore()
    client = pair.xml()
    assert client.create_meeting("late-0").good
    wait_until(lambda: titles(pair, "backup", "late"), 30)
    held = pair.db("backup")
    held.autocommit = False
    held.cursor().execute("LOCK TABLE meeting IN SHARE MODE")
    try:
        for number in range(1, 6):
            assert client.create_meeting(f"late-{number}").good
        assert len(titles(pair, "backup", "late")) == 1
        pair.kill(*PRIMARY)
        wait_until(lambda: pair.status()["state"] == "FENCING" and
                   acknowledged(pair), 30, what="the fail-over waits")
        assert "acknowledged" in pair.ctl("status")
        # the replicator that would merge it ends, too
        pair.kill("backup-replicator")
        pair.start("backup-replicator")
        # longer than for what nobody was promised, and across its start
        for _ in range(50):
            assert wait_until(lambda: acknowledged(pair), 30, 0.1)
            assert pair.status()["state"] == "FENCING"
    finally:
        held.close()
    wait_until(lambda: pair.detect() == "Backup", 60, 0.01)
    assert len(titles(pair, "backup", "late")) == 6
    assert client.create_meeting("late-6").site == "BACKUP"
    client.close()
    pair.restore()
    assert len(titles(pair, "primary", "late")) == 7
    assert not pair.new_reports() and not pair.died()


def acknowledged(pair):
    found = pair.status()["sites"]["backup"]["replication"]
    return found and found["in"]["acknowledged"]


def is_behind(pair):
    gates = {gate["gate"]: gate["verdict"]
             for gate in pair.status()["readiness"]["gates"]}
    return gates["lag-there"] == "bad"


def test_g18_without_sync_both_tails_meet(make_pair):
    pair = make_pair("replicator.replicator.sync=off")
    pair.restore()
    assert pair.query("primary", "SELECT gsb.sync_state()") == [("off",)]
    client = pair.xml()
    # a tail that the backup cannot have
    pair.kill("backup-replicator")
    for number in range(10):
        assert client.create_meeting(f"tail-{number}").good
    wait_until(lambda: is_behind(pair), 30)
    refused = pair.ctl("failover", "--to", "backup", "--reason", "test",
                       "--yes", check=False)
    assert refused.returncode == 2 and "rule data-loss" in refused.stderr
    assert "--allow-data-loss" in refused.stderr
    assert "behind when it last told" in refused.stderr, "what is at risk"
    pair.kill("primary-web", "primary-db", "primary-replicator",
              "primary-collab")
    wait_until(lambda: pair.detect() == "Backup", 30)
    for number in range(10):
        answer = client.create_meeting(f"new-{number}")
        assert answer.good and answer.site == "BACKUP", answer.text
    client.close()
    assert not titles(pair, "backup", "tail")
    told = pair.ctl("events").partition("it alone has: ")[2]
    assert "behind when it last told" in told
    with Load(pair, workers=2, rate=30) as load:
        pair.restore()
        assert pair.detect() == "Primary"
        before = load.count()
        wait_until(lambda: load.count() > before + 20, 30)
    load.check()
    for site in ("primary", "backup"):
        assert len(titles(pair, site, "tail")) == 10
        assert len(titles(pair, site, "new")) == 10
    assert not pair.new_reports() and not pair.died()
