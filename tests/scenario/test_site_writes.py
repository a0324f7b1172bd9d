"""A request is executed once, whatever happens to it (contracts.md 5)."""
import concurrent.futures

import pytest

from site_alone import Site, request_id, stamp_now
from wait import wait_until

MEETING = {"title": "Once", "start": "2031-01-02T10:00:00Z",
           "end": "2031-01-02T11:00:00Z"}


@pytest.fixture(name="pair", scope="module")
def made_pair():
    """Both roles, each with a cluster of its own and a lease."""
    sites = []
    try:
        for name in ("primary", "backup"):
            sites.append(Site(name).start())
        for site in sites:
            site.keep()
            assert site.add_company().status == 200
            site.headers = {"Authorization": f"Bearer {site.token()}"}
        yield sites
    finally:
        for site in sites:
            site.close()


@pytest.fixture(autouse=True)
def leases(pair):
    for site in pair:
        site.cluster.sql("gsb", "UPDATE gsb.state SET sync = 'off', told = 0")
        if site.cluster.sql("gsb", "SHOW synchronous_standby_names") != [("",)]:
            standby(site, "")
        site.epoch += 1
        site.keep()


def standby(site, names):
    site.cluster.sql("postgres",
                     f"ALTER SYSTEM SET synchronous_standby_names = '{names}'")
    site.cluster.sql("postgres", "SELECT pg_reload_conf()")
    wait_until(lambda: site.cluster.sql(
        "gsb", "SHOW synchronous_standby_names") == [(names,)])


def count(site, title):
    return site.cluster.sql("gsb", "SELECT count(*) FROM meeting WHERE "
                            "confname = %s", title)[0][0]


def create(site, title="Once", headers=None, **how):
    return site.request("POST", "/v1/meetings", {**MEETING, "title": title},
                        {**site.headers, **(headers or {})}, **how)


def test_the_same_request_again_is_answered_and_not_executed(pair):
    site = pair[0]
    again = {"id": request_id(), "stamp": stamp_now()}
    first = create(site, "Again", **again)
    assert first.status == 200
    for _ in range(3):
        answer = create(site, "Again", **again)
        assert (answer.status, answer.text) == (200, first.text)
    assert count(site, "Again") == 1


def test_the_same_request_at_the_same_time_is_one(pair):
    site = pair[0]
    again = {"id": request_id(), "stamp": stamp_now()}
    with concurrent.futures.ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(lambda _: create(site, "Crowd", **again),
                                range(24)))
    assert {(a.status, a.text) for a in answers} == {(200, answers[0].text)}
    assert count(site, "Crowd") == 1


def test_a_client_key_answers_the_stored_response(pair):
    site = pair[0]
    key = {"Idempotency-Key": request_id()}
    first = create(site, "Key", key)
    assert create(site, "Key", key).text == first.text
    other = create(site, "Other", key)
    assert other.status == 409 and "Idempotency-Key" in other.json["message"]
    assert (count(site, "Key"), count(site, "Other")) == (1, 0)


def test_an_old_key_whose_row_is_there_is_a_conflict(pair):
    site = pair[0]
    key = {"Idempotency-Key": request_id()}
    assert create(site, "Old", key).status == 200
    site.cluster.sql("gsb", "DELETE FROM journal")
    assert create(site, "Old", key).status == 409
    assert count(site, "Old") == 1


def test_a_delete_that_is_sent_again_is_answered_again(pair):
    site = pair[0]
    path = f"/v1/meetings/{create(site, 'Gone').json['id']}"
    again = {"id": request_id(), "stamp": stamp_now()}
    for _ in range(2):
        assert site.request("DELETE", path, headers=site.headers,
                            **again).status == 204
    assert site.request("DELETE", path, headers=site.headers).status == 404


def test_a_delete_that_runs_twice_at_once_succeeds_twice(pair):
    """The second one finds the row gone, by its own first execution."""
    site = pair[0]
    number = create(site, "Race").json["id"]
    again = {"id": request_id(), "stamp": stamp_now()}
    lock = site.cluster.connect()
    lock.autocommit = False
    lock.cursor().execute("SELECT FROM meeting WHERE confname = 'Race' "
                          "FOR UPDATE")
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        both = [pool.submit(site.request, "DELETE", f"/v1/meetings/{number}",
                            headers=site.headers, **again) for _ in range(2)]
        wait_until(lambda: site.cluster.sql(
            "gsb", "SELECT count(*) FROM pg_stat_activity WHERE "
            "wait_event_type = 'Lock'") == [(2,)])
        lock.close()
    assert [f.result().status for f in both] == [204, 204]


def test_executed_on_both_sites_it_is_one_row(pair):
    again = {"id": request_id(), "stamp": stamp_now()}
    one, other = (create(site, "Both", **again).json for site in pair)
    assert one["id"] == other["id"]
    assert one["password"] == other["password"]
    assert one["telephony"] == other["telephony"]
    assert one["hostKey"] == other["hostKey"]
    assert int(one["meetingNumber"]) % 2 == 0
    assert int(other["meetingNumber"]) % 2 == 1
    assert len(one["meetingNumber"]) in (9, 10)
    journals = [site.cluster.sql("gsb", "SELECT id, digest FROM journal "
                                 "ORDER BY created DESC LIMIT 1")
                for site in pair]
    assert journals[0] == journals[1]


def test_a_token_of_one_site_is_good_on_the_other(pair):
    answer = pair[1].request("GET", "/v1/people/me", headers=pair[0].headers)
    assert answer.status == 200
    assert answer.headers["x-gsb-status"] == "BACKUP"


def test_the_stamp_reaches_the_versions(pair):
    site = pair[0]
    stamp = stamp_now() - 5000000
    site.add_company("stamped", 77, stamp=stamp)
    assert site.cluster.sql(
        "gsb", "SELECT a.gsb_v_row FROM account a JOIN company c ON c.id = "
        "a.company_id WHERE c.name = 'stamped'") == [(stamp,)]


def test_an_unprotected_commit_waits_for_the_record(pair):
    """Only a grant that says "degraded" lets it be acknowledged."""
    site = pair[0]
    site.cluster.sql("gsb", "UPDATE gsb.state SET sync = 'degraded'")
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        answer = pool.submit(create, site, "Risk")
        wait_until(lambda: count(site, "Risk") == 1)
        with pytest.raises(concurrent.futures.TimeoutError):
            answer.result(0.5)
        site.keep(degraded=True)
        assert answer.result(2).status == 200
        assert create(site, "Risk").status == 200


def test_a_replay_of_an_unprotected_commit_waits_as_well(pair):
    site = pair[0]
    again = {"id": request_id(), "stamp": stamp_now()}
    site.cluster.sql("gsb", "UPDATE gsb.state SET sync = 'degraded'")
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        first = pool.submit(create, site, "Replay", **again)
        wait_until(lambda: count(site, "Replay") == 1)
        second = pool.submit(create, site, "Replay", **again)
        with pytest.raises(concurrent.futures.TimeoutError):
            second.result(0.5)
        site.keep(degraded=True)
        assert second.result(2).text == first.result(2).text


def waiting_commits(site):
    return site.cluster.sql(
        "postgres", "SELECT count(*) FROM pg_stat_activity WHERE "
        "wait_event = 'SyncRep'")[0][0]


def test_a_dead_peer_releases_the_commits_that_wait_for_it(pair):
    site = pair[0]
    site.cluster.sql("gsb", "UPDATE gsb.state SET sync = 'on'")
    standby(site, "nobody")
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        answers = [pool.submit(create, site, "Wait") for _ in range(8)]
        wait_until(lambda: waiting_commits(site) == 8)
        site.keep(peer="dead", degraded=True)
        for answer in answers:
            assert answer.result(3).status == 200
        assert create(site, "Local").status == 200
    assert count(site, "Wait") == 8


def test_waits_end_when_nobody_degrades(pair):
    """The replicator is down too: the site ends the wait by itself, and
    does not acknowledge what is not on record."""
    site = pair[0]
    site.cluster.sql("gsb", "UPDATE gsb.state SET sync = 'on'")
    standby(site, "nobody")
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        answer = pool.submit(create, site, "Alone")
        wait_until(lambda: count(site, "Alone") == 1, timeout=8)
        with pytest.raises(concurrent.futures.TimeoutError):
            answer.result(0.3)
        site.keep(degraded=True)
        assert answer.result(2).status == 200


def test_a_commit_whose_end_is_not_heard_is_unknown(pair):
    """The database dies while COMMIT waits."""
    site = pair[1]
    site.cluster.sql("gsb", "UPDATE gsb.state SET sync = 'on'")
    standby(site, "nobody")
    again = {"id": request_id(), "stamp": stamp_now()}
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        answer = pool.submit(create, site, "Unknown", **again)
        wait_until(lambda: waiting_commits(site) == 1)
        site.cluster.kill()
        result = answer.result(5)
    assert result.status == 503 and result.unknown and not result.unprocessed
    site.cluster.start()
    standby(site, "")
    wait_until(lambda: site.lease(ask=True).json["components"]["db"] == "ok")
    site.keep()
    assert create(site, "Unknown", **again).status == 200
    assert count(site, "Unknown") == 1
