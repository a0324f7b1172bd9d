"""The site touches and answers nothing without a lease (contracts.md 4)."""
import json
import threading
import time

import pytest

from calm import calm_seconds
from site_alone import KEY, Site, request_id, sign
from wait import wait_until
from wall_clock import WallClock

MEETING = {"title": "Gate", "start": "2031-01-02T10:00:00Z",
           "end": "2031-01-02T11:00:00Z"}


@pytest.fixture(name="site", scope="module")
def made_site():
    made = Site()
    made.clock = WallClock(made.folder + "/clock", made.program())
    made.env = made.clock.env
    try:
        yield made.start()
    finally:
        made.close()


@pytest.fixture(autouse=True)
def fresh_epoch(site):
    """Every test starts without a lease."""
    site.epoch += 1
    site.lease(ask=True)


def serving(site):
    return site.lease(ask=True).json["serving"]


def test_nothing_is_touched_without_a_lease(site):
    for path in ("/v1/people/me", "/WBXService/XMLService", "/acme/j.php"):
        answer = site.request("POST", path, b"x")
        assert answer.status == 421 and answer.unprocessed, path
        assert "gsb-served" not in answer.headers, path
    assert site.add_company().status == 421
    assert site.cluster.sql("gsb", "SELECT count(*) FROM company")[0][0] == 0


def test_a_request_that_came_past_the_proxy_is_refused(site):
    site.grant()
    answer = site.http("GET", "/v1/people/me")
    assert answer.status == 421 and answer.unprocessed


def test_a_grant_opens_and_its_end_closes(site):
    site.expire()
    seen = site.lease(ask=True).json
    site.grant(boot=seen["boot"], until_us=seen["clock_us"] + 2500000)
    answer = site.request("GET", "/v1/people/me")
    assert answer.status == 401
    assert answer.headers["gsb-served"].startswith(f"{site.epoch} ")
    wait_until(lambda: site.request("GET", "/v1/people/me").status == 421,
               timeout=10)


@pytest.mark.parametrize("hour", [3600, -3600])
def test_a_wall_clock_that_jumps_changes_no_lease(site, hour):
    """Neither is it ended, nor does it last longer."""
    site.expire()
    seen = site.lease(ask=True).json
    end = seen["clock_us"] + 2500000
    site.grant(boot=seen["boot"], until_us=end)
    site.clock.jump(hour)
    try:
        while seen["clock_us"] <= end + 100000:
            seen = site.lease(ask=True).json
            assert abs(seen["wall_us"] / 1e6 - time.time() - hour) < 600
            if abs(seen["clock_us"] - end) > 1000:
                assert seen["serving"] == (seen["clock_us"] < end), seen
    finally:
        site.clock.jump(0)


def test_other_epochs_are_refused(site):
    site.grant()
    for epoch in (site.epoch - 1, site.epoch + 1, "x"):
        answer = site.request("GET", "/v1/people/me", epoch=epoch)
        assert answer.status == 421 and answer.unprocessed


def test_a_forged_grant_is_refused(site):
    for key in (("k1", b"0" * 32), ("k9", KEY[1])):
        assert site.lease(key=key).status == 403
    assert site.http("POST", "/gsb/lease", b"{}").status == 403
    body = b"{"
    assert site.http("POST", "/gsb/lease", body,
                     {"GSB-Signature": sign(body)}).status == 400
    assert not serving(site)


def test_a_repeated_or_delayed_grant_is_nothing(site):
    site.expire()
    seen = site.lease(ask=True).json
    old = {"boot": seen["boot"], "until_us": seen["clock_us"] + 3000000}
    site.grant(boot=seen["boot"], until_us=seen["clock_us"] + 3500000)
    site.lease(boot=seen["boot"], until_us=seen["clock_us"] + 3500001,
               serve=False)
    assert not serving(site)
    site.lease(**old)
    assert not serving(site)


def test_grants_of_another_boot_site_or_service_are_nothing(site):
    seen = site.lease(ask=True).json
    for change in ({"boot": "0" * 32}, {"site": "backup"},
                   {"service": "collab"}):
        grant = {"boot": seen["boot"],
                 "until_us": seen["clock_us"] + 5000000, **change}
        body = json.dumps({
            "v": 1, "service": "web", "site": "primary",
            "epoch": site.epoch, "active": "primary", "serve": True,
            "peer": "alive", "degraded": False, **grant}).encode()
        site.http("POST", "/gsb/lease", body, {"GSB-Signature": sign(body)})
        assert not serving(site), change


def test_a_grant_too_far_ahead_is_nothing(site):
    seen = site.lease(ask=True).json
    site.lease(boot=seen["boot"], until_us=seen["clock_us"] + 20000000)
    assert not serving(site)


def test_an_older_epoch_is_nothing_and_a_higher_one_ends_the_lease(site):
    site.grant()
    assert site.lease(epoch=site.epoch - 1).json["epoch"] == site.epoch
    assert serving(site)
    answer = site.lease(serve=False, epoch=site.epoch + 1).json
    assert answer["serving"] is False and answer["epoch"] == site.epoch + 1
    assert site.request("GET", "/v1/people/me").status == 421
    site.epoch += 1


def test_the_lease_is_lost_before_commit_and_nothing_is_written(site):
    """A row lock holds the write until its lease has ended."""
    site.grant()
    site.add_company("lost", 7)
    headers = {"Authorization": f"Bearer {site.token('lost')}"}
    made = site.request("POST", "/v1/meetings", MEETING, headers).json
    lock = site.cluster.connect()
    lock.autocommit = False
    with lock.cursor() as cursor:
        cursor.execute("SELECT FROM meeting WHERE id = %s FOR UPDATE",
                       (made["id"],))
    site.expire()
    seen = site.lease(ask=True).json
    site.grant(boot=seen["boot"], until_us=seen["clock_us"] + 2500000)
    began = time.monotonic()
    answers = []
    thread = threading.Thread(target=lambda: answers.append(site.request(
        "DELETE", f"/v1/meetings/{made['id']}", headers=headers)))
    thread.start()
    wait_until(lambda: not serving(site), timeout=10)
    lock.rollback()
    lock.close()
    thread.join(10)
    assert answers[0].status == 421 and answers[0].unprocessed
    assert calm_seconds(began) < 7
    assert site.cluster.sql("gsb", "SELECT count(*) FROM meeting WHERE "
                            "id = %s", made["id"]) == [(1,)]


def test_a_restart_forgets_the_lease(site):
    site.grant()
    before = site.lease(ask=True).json["boot"]
    site.stop()
    site.start()
    assert site.lease(ask=True).json["boot"] != before
    assert not serving(site)


def test_signed_operations_need_the_key_and_the_hour(site):
    list_it = {"op": "list"}
    assert site.signed("/gsb/companies", list_it).status == 200
    assert site.signed("/gsb/companies", list_it,
                       key=("k1", b"0" * 32)).status == 403
    old = {"op": "list", "at_us": int((time.time() - 600) * 1e6)}
    assert site.signed("/gsb/companies", old).status == 403
    assert site.signed("/gsb/companies", {"op": "x"}).status == 400


def test_barriers_work_without_a_lease(site):
    token = request_id()
    emit = site.signed("/gsb/barrier", {"op": "emit", "token": token})
    assert emit.status == 200 and "/" in emit.json["lsn"]
    look = {"op": "seen", "token": token}
    assert site.signed("/gsb/barrier", look).json == {"seen": False}
    site.cluster.sql("gsb", "INSERT INTO gsb.seen VALUES (%s)", token)
    assert site.signed("/gsb/barrier", look).json == {"seen": True}
