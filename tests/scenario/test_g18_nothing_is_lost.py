"""G18: nothing is lost by a fail-over or a fail-back."""
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
