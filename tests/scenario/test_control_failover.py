"""The proxy's own decisions, against two fake sites: deaths, splits, the way
back, lost records. The product's promises are proved on the real pair."""
import concurrent.futures
import json
import os
import signal
import time

import pytest

from calm import calm_seconds
from fake_pair import BIN, Clients, FakePair
from wait import wait_until
from wall_clock import WallClock


def made():
    pair = FakePair()
    try:
        pair.up()
        yield pair
    finally:
        fault = pair.down()
    assert not fault, fault


@pytest.fixture(name="shared", scope="module")
def made_shared():
    yield from made()


@pytest.fixture(name="alone")
def made_alone():
    yield from made()


@pytest.fixture
def fake(shared):
    shared.restore()
    yield shared


def moved(fake, name, number, bound):
    """Its service fails: when, and how long nobody answered."""
    epoch = fake.status()["epoch"]
    with Clients(fake) as clients:
        start = time.monotonic()
        fake.send(name, number)
        first = clients.wait_first("backup", start, 30)
        took = calm_seconds(start, first)
        assert took < bound, took
    status = fake.status()
    assert status["active"] == "backup"
    assert status["epoch"] == epoch + 1
    assert status["degraded"]
    return first - start


def test_the_way_back(fake):
    """The first of this hour: each fail-over doubles the wait."""
    epoch = fake.status()["epoch"]
    with Clients(fake) as clients:
        fake.kill("primary-web")
        start = time.monotonic()
        clients.wait_first("backup", start)
        fake.start("primary-web")
        fake.wait_state("NORMAL")
        clients.wait_first("primary", time.monotonic())
    status = fake.status()
    assert status["epoch"] == epoch + 2
    assert not status["degraded"]
    assert fake.get()[1]["peer"] == "alive"


def test_wall_clocks_that_jump_by_an_hour_are_no_matter():
    """Of the proxy here; a site's: test_site_gate. The machine may stall."""
    pair = FakePair(health={"fall": 6})
    clock = WallClock(pair.path("clock"), os.path.join(BIN, "gsb-proxy"))
    pair.env["proxy"] = clock.env
    try:
        pair.up()
        with Clients(pair) as clients:
            for hour, epoch in ((3600, 1), (-3600, 1), (3600, 1)):
                clock.jump(hour)
                wait_until(lambda s=hour: abs(pair.status()["wall_us"] / 1e6 -
                                              time.time() - s) < 600, 10)
                wait_until(lambda: pair.status()["sites"]["primary"][
                    "services"]["web"]["serving"], 10)
                clients.wait_first("primary", time.monotonic())
                assert pair.status()["epoch"] == epoch
            start = time.monotonic()
            pair.send("primary-web", signal.SIGSTOP)
            clients.wait_first("backup", start, 40)
            assert time.monotonic() - start > 1  # its lease had to end
            clock.jump(-3600)
            clients.wait_first("backup", time.monotonic())
            assert pair.status()["epoch"] == 2
    finally:
        fault = pair.down()
    assert not fault, fault


def test_kill_of_web(fake):
    moved(fake, "primary-web", signal.SIGKILL, 1.5)
    assert fake.get()[1]["peer"] == "dead"


def test_stop_of_web(fake):
    took = moved(fake, "primary-web", signal.SIGSTOP, 4)
    assert took > 1  # its lease had to end


def test_death_of_the_database(fake):
    with Clients(fake) as clients:
        start = time.monotonic()
        fake.set_site("primary", db="down")
        first = clients.wait_first("backup", start)
        assert calm_seconds(start, first) < 1.5


def test_split_keeps_the_rooms(fake):
    fake.set_site("primary", rooms=2)
    wait_until(lambda: fake.status()["sites"]["primary"]["services"][
        "collab"]["rooms"] == 2, 10)
    fake.kill("primary-web")
    fake.wait_state("ON_BACKUP")
    assert fake.status()["sites"]["primary"]["verdict"] == "split"
    # One may lapse for a moment on a machine that stands still.
    wait_until(lambda: all(site["services"]["collab"]["serving"] for site in
                           fake.status()["sites"].values()), 10)
    fake.set_site("primary", rooms=0)
    wait_until(lambda: not fake.status()["sites"]["primary"]["services"][
        "collab"]["serving"], 10)


def test_partial_is_an_alarm_and_moves_nothing(fake):
    fake.kill("primary-collab")
    wait_until(lambda: fake.status()["sites"]["primary"]["verdict"] ==
               "partial", 10)
    assert fake.status()["state"] == "NORMAL"
    assert "alarm" in fake.ctl("events")
    assert fake.get()[1]["site"] == "primary"


def test_both_dead_is_503_until_the_last_one_returns(fake):
    epoch = fake.status()["epoch"]
    fake.set_site("backup", db="down")
    wait_until(lambda: not fake.status()["failover"]["ready"], 10)
    fake.kill("primary-web")
    fake.wait_state("CLOSED")
    start = time.monotonic()
    assert fake.get()[0] == 503
    assert time.monotonic() - start > 5, "it was not held first"
    start = time.monotonic()
    assert fake.get()[0] == 503
    assert calm_seconds(start) < 1, "it was held once more"
    fake.start("primary-web")
    fake.wait_state("NORMAL")
    status, doc = fake.get()
    assert status == 200 and doc["site"] == "primary" and \
        doc["epoch"] == epoch


def test_both_slow_at_once_fails_no_request(fake):
    epoch = fake.status()["epoch"]
    for site in ("primary", "backup"):
        fake.set_site(site, db="down")
    fake.wait_state("CLOSED")
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        answer = pool.submit(fake.get)
        wait_until(lambda: fake.status()["traffic"]["held"] > 0, 5)
        for site in ("primary", "backup"):
            fake.set_site(site, db="ok")
        assert answer.result()[0] == 200
    assert fake.status()["epoch"] == epoch


def test_a_site_that_takes_no_grant_is_left_and_said_so(fake):
    fake.set_site("primary", stubborn=True)
    wait_until(lambda: "takes no grant" in fake.ctl("events"), 10)
    assert fake.get()[1]["site"] == "backup"


def test_a_degraded_site_is_recorded_first(fake):
    fake.set_site("primary", sync="degraded")
    wait_until(lambda: fake.get()[1]["degraded"], 5)
    with open(fake.path("proxy", "authority.json"), encoding="utf-8") as f:
        assert json.load(f)["degraded"]
    fake.set_site("primary", sync="on")
    wait_until(lambda: not fake.get()[1]["degraded"], 5)


def test_a_killed_proxy_goes_on_where_it_was(fake):
    epoch = fake.status()["epoch"]
    fake.kill("primary-web")
    fake.wait_state("ON_BACKUP")
    fake.kill("proxy")
    fake.start("proxy")
    fake.wait_state("ON_BACKUP")
    assert fake.status()["epoch"] == epoch + 1
    assert fake.get()[1]["site"] == "backup"


def test_a_proxy_with_a_shorter_ttl_waits_for_the_longer_leases(alone):
    """The one before it may have granted for longer."""
    def proxy(ttl):
        alone.kill("proxy")
        alone.write("proxy.conf", alone.conf() + f"[health]\nttl = {ttl}\n")
        alone.start("proxy")
        wait_until(lambda: alone.status()["active"], 20)
    proxy("8s")
    alone.wait_state("NORMAL")
    wait_until(lambda: alone.status()["sites"]["primary"]["services"]["web"][
        "lease_ms"] > 6000, 20)
    alone.send("primary-web", signal.SIGSTOP)
    start = time.monotonic()
    proxy("2s")
    alone.order("failover", "--to", "backup", "--allow-data-loss", status=None)
    wait_until(lambda: alone.status()["active"] == "backup" and
               alone.status()["sites"]["backup"]["services"]["web"]["serving"],
               30)
    assert time.monotonic() - start > 5


def test_a_lost_record_waits_for_a_word(fake):
    epoch = fake.status()["epoch"]
    fake.kill("proxy")
    os.unlink(fake.path("proxy", "authority.json"))
    fake.start("proxy")
    fake.wait_state("LOST")
    assert fake.get()[0] == 503
    fake.order("failover", "--to", "primary", status=2)
    wait_until(lambda: fake.status()["sites"]["primary"]["verdict"] ==
               "whole", 10)
    fake.order("authority", "adopt", "--to", "primary")
    status, doc = fake.get()
    assert status == 200 and doc["site"] == "primary" and \
        doc["epoch"] == epoch + 1


def test_a_damaged_record_waits_for_a_word(fake):
    fake.kill("proxy")
    with open(fake.path("proxy", "authority.json"), "r+",
              encoding="utf-8") as f:
        f.truncate(40)
    fake.start("proxy")
    fake.wait_state("LOST")
    assert "checksum" in fake.log() or "authority.json" in fake.log()


def test_a_record_that_was_removed_is_written_again(fake):
    os.unlink(fake.path("proxy", "authority.json"))
    wait_until(lambda: os.path.exists(fake.path("proxy", "authority.json")),
               5)
    assert fake.status()["state"] == "NORMAL"
    assert fake.get()[0] == 200
