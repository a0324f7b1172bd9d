"""The database dies, hangs and comes back under the site (contracts.md 4)."""
import concurrent.futures
import signal
import time

import pytest

from calm import calm_seconds
from site_alone import Site, request_id, stamp_now
from wait import wait_until

MEETING = {"title": "Db", "start": "2031-01-02T10:00:00Z",
           "end": "2031-01-02T11:00:00Z"}
XML = (b'<serv:message><header><securityContext><webExID>admin</webExID>'
       b'<password>Geheim-1</password><siteName>acme</siteName>'
       b'</securityContext></header><body><bodyContent xsi:type="java:com.'
       b'webex.service.binding.user.GetUser"><webExId>admin</webExId>'
       b'</bodyContent></body></serv:message>')


@pytest.fixture(name="site", scope="module")
def made_site():
    made = Site()
    try:
        made.start()
        made.keep()
        assert made.add_company().status == 200
        made.headers = {"Authorization": f"Bearer {made.token()}"}
        yield made
    finally:
        made.close()


def health(site):
    began = time.monotonic()
    answer = site.lease(ask=True).json
    return answer["components"]["db"], calm_seconds(began)


def back(site):
    wait_until(lambda: health(site)[0] == "ok")
    assert site.request("GET", "/v1/people/me",
                        headers=site.headers).status == 200


def test_a_killed_database_is_said_at_once(site):
    site.cluster.kill()
    db, took = wait_until(lambda: health(site) if health(site)[0] == "down"
                          else None, timeout=10)
    assert (db, took < 0.3) == ("down", True)
    answer = site.request("GET", "/v1/people/me", headers=site.headers)
    assert answer.status == 503 and answer.unprocessed
    assert "retry-after" in answer.headers and answer.json["message"]
    answer = site.request("POST", "/WBXService/XMLService", XML)
    assert answer.status == 503 and answer.unprocessed
    assert "FAILURE" in answer.text and "<serv:gsbStatus>PRIMARY" in answer.text
    site.cluster.start()
    back(site)


def test_one_short_pause_is_not_two_bad_answers(site):
    site.cluster.signal(signal.SIGSTOP)
    try:
        first = health(site)[0]
    finally:
        site.cluster.signal(signal.SIGCONT)
    assert (first, health(site)[0]) == ("down", "ok")


def test_a_stopped_database_is_said_within_half_a_second(site):
    """Also while requests wait for it; nothing of them is lost."""
    again = {"id": request_id(), "stamp": stamp_now()}
    with concurrent.futures.ThreadPoolExecutor(20) as pool:
        site.cluster.signal(signal.SIGSTOP)
        try:
            waiting = [pool.submit(
                site.request, "POST", "/v1/meetings", MEETING, site.headers,
                **again) for _ in range(20)]
            for _ in range(12):
                db, took = health(site)
                assert took < 0.5, took
            assert db == "down"
        finally:
            site.cluster.signal(signal.SIGCONT)
        assert {w.result().status for w in waiting} == {200}
    back(site)
    assert site.cluster.sql("gsb", "SELECT count(*) FROM meeting") == [(1,)]


def test_requests_end_by_their_deadline(site):
    site.cluster.signal(signal.SIGSTOP)
    try:
        began = time.monotonic()
        answer = site.request("GET", "/v1/people/me", headers=site.headers)
        assert answer.status == 503 and answer.unprocessed
        assert time.monotonic() - began > 9
        assert calm_seconds(began) < 12
    finally:
        site.cluster.signal(signal.SIGCONT)
    back(site)


def test_it_starts_without_a_database(site):
    site.stop()
    site.cluster.kill()
    site.start()
    assert health(site)[0] == "down"
    site.cluster.start()
    site.keep()
    back(site)


def test_migrate_is_idempotent_and_knows_the_site(site):
    assert "applied=0" in site.migrate().stderr
    other = Site("backup", site.cluster)
    try:
        done = other.migrate(check=False)
        assert done.returncode == 1
        assert "this is the database of the primary" in done.stderr
    finally:
        other.close()


def test_collab_alone_has_its_own_lease(site):
    rooms = Site(cluster=site.cluster, only="collab")
    try:
        rooms.start()
        answer = rooms.grant()
        assert answer["service"] == "collab"
        assert answer["components"] == {"collab": "ok"}
        site.cluster.kill()
        assert rooms.grant()["components"] == {"collab": "ok"}
        site.cluster.start()
        back(site)
    finally:
        rooms.close()


@pytest.mark.long
def test_the_journal_is_kept_for_a_day(site):
    """Also when more came in a minute than one batch takes away."""
    site.cluster.sql(
        "gsb", "INSERT INTO journal (id, operation, digest, status, answer, "
        "created) SELECT gen_random_uuid(), 'x', 'x', 200, '', now() - "
        "interval '24 hours 1 minute' FROM generate_series(1, 5500)")
    wait_until(lambda: site.cluster.sql(
        "gsb", "SELECT count(*) FROM journal WHERE operation = 'x'")
        == [(0,)], timeout=90)
