"""No moment has two answering sites, judged by answers: each carries its
epoch and the machine's monotonic clock, read on the wire to the proxy. And a
site that was paused between its last check and its COMMIT does no harm."""
import random
import threading
import time

import pytest

from clients import Json
from pair import SITES, Demo
from ports import free_row
from tap import Tap
from wait import wait_until

QUICK, LONG = 7, 1000


@pytest.fixture(name="wired", scope="module")
def made_wired():
    port = free_row()
    settings = [f"proxy.{site}.web=127.0.0.1:{port + 27 + i}"
                for i, site in enumerate(SITES)]
    demo = Demo(settings)
    demo.port = port
    demo.taps = {site: Tap(port + 27 + i, port + 10 * (i + 1))
                 for i, site in enumerate(SITES)}
    try:
        yield demo.up()
    finally:
        reports = demo.down()
        for tap in demo.taps.values():
            tap.close()
    assert not reports, "\n".join(reports)


class Clients:
    """Readers and writers that never stop; what they get is no matter."""

    def __init__(self, demo, n=4):
        self.ended = threading.Event()
        self.token = demo.xml().ticket()
        self.threads = [threading.Thread(target=self.run, args=(demo, i))
                        for i in range(n)]

    def run(self, demo, i):
        client = Json(demo.url, self.token)
        n = 0
        while not self.ended.is_set():
            n += 1
            try:
                if i % 2:
                    client.request("GET", "/v1/people/me")
                else:
                    client.request("POST", "/v1/meetings", {
                        "title": f"lease {i} {n}", "password": "Pa55word",
                        "start": "2030-12-24T10:00:00Z", "timezone": "UTC",
                        "end": "2030-12-24T11:00:00Z"})
            except Exception:  # pylint: disable=broad-except
                self.ended.wait(0.05)
            self.ended.wait(0.01)
        client.close()

    def __enter__(self):
        for thread in self.threads:
            thread.start()

    def __exit__(self, *_):
        self.ended.set()
        for thread in self.threads:
            thread.join(60)


def judge(demo):
    """Epochs follow each other in time, whoever answered under them."""
    answers = sorted((clock, epoch, site) for site, tap in demo.taps.items()
                     for clock, epoch in tap.stamps)
    assert answers, "nobody answered"
    for one, two in zip(answers, answers[1:]):
        assert one[1] <= two[1], f"{one[2]} answered after the next: " \
            f"{one}, {two}"
    sites = {}
    for _, epoch, site in answers:
        assert sites.setdefault(epoch, site) == site, f"epoch {epoch} twice"
    return len(sites)


def stop_site(demo, seconds):
    demo.pause("primary-web")
    wait_until(lambda: demo.status()["active"] == "backup", 20)
    time.sleep(seconds)  # the length of the pause is what is tried
    demo.resume("primary-web")


def cut_wire(demo, _):
    demo.taps["primary"].cut.set()
    wait_until(lambda: demo.status()["active"] == "backup", 20)
    demo.taps["primary"].cut.clear()


def kill_site(demo, _):
    demo.kill("primary-web")
    wait_until(lambda: demo.status()["active"] == "backup", 20)


def stop_proxy(demo, seconds):
    demo.pause("proxy")
    time.sleep(3 + seconds)
    demo.resume("proxy")


def delay_grants(demo, seconds):
    demo.taps["primary"].delay_s = 0.3 + seconds
    time.sleep(4)
    demo.taps["primary"].delay_s = 0


def repeat_grants(demo, seconds):
    stop_site(demo, seconds)
    for said in demo.taps["primary"].say_again():
        assert b'"serving":true' not in said


def stop_both(demo, seconds):
    """The proxy sleeps while the site does, and wakes first."""
    demo.pause("proxy", "primary-web")
    time.sleep(2.5 + seconds)
    demo.resume("proxy")
    demo.resume("primary-web")


BLOWS = (stop_site, cut_wire, repeat_grants, kill_site, stop_proxy,
         delay_grants, stop_both)


def runs(demo, n, seed):
    chance = random.Random(seed)
    moved = 0
    with Clients(demo):
        for i in range(n):
            for tap in demo.taps.values():
                del tap.stamps[:]
            blow = BLOWS[i % len(BLOWS)]
            blow(demo, chance.random() * 2)
            demo.restore()
            wait_until(lambda: demo.taps["primary"].stamps, 30)
            moved += judge(demo) - 1
    assert moved >= n // 2, "hardly anything has moved"


def test_no_overlap_of_answers(wired):
    runs(wired, QUICK, 1)


@pytest.mark.long
def test_no_overlap_of_answers_in_1000_runs(wired):
    runs(wired, LONG, 2)


TRIGGER = """
CREATE FUNCTION public.late() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN PERFORM pg_advisory_xact_lock(4242); RETURN NULL; END $$;
CREATE CONSTRAINT TRIGGER late AFTER INSERT ON public.meeting
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    WHEN (NEW.confname = 'the late one') EXECUTE FUNCTION public.late()"""


def late_commit(demo, pause_s):
    """A COMMIT that ends after its lease, its fail-over, and a later edit."""
    answers = []
    token = demo.xml().ticket()
    client = Json(demo.url, token)
    holder = demo.db("primary")
    holder.cursor().execute(TRIGGER)
    holder.cursor().execute("SELECT pg_advisory_lock(4242)")
    writer = threading.Thread(target=lambda: answers.append(client.request(
        "POST", "/v1/meetings", {
            "title": "the late one", "password": "Pa55word",
            "start": "2030-12-24T10:00:00Z", "timezone": "UTC",
            "end": "2030-12-24T11:00:00Z"})))
    writer.start()
    wait_until(lambda: demo.query(
        "primary", "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' "
        "AND NOT granted"), 20, what="the COMMIT waits")
    demo.pause("primary-web")
    writer.join(60)
    assert answers and answers[0].status == 200, answers
    found = demo.query("backup", "SELECT id FROM meeting WHERE confname = "
                       "'the late one'")
    assert len(found) == 1
    demo.query("backup", "UPDATE meeting SET confname = 'edited later' "
               "WHERE id = %s", found[0])
    time.sleep(pause_s)  # the length of the pause is what is tried
    holder.cursor().execute("SELECT pg_advisory_unlock(4242)")
    holder.cursor().execute("DROP FUNCTION public.late() CASCADE")
    holder.close()
    demo.resume("primary-web")
    demo.restore()
    demo.wait_equal()
    for site in SITES:
        rows = demo.query(site, "SELECT confname FROM meeting WHERE id = %s",
                          found[0])
        assert rows == [("edited later",)], (site, rows)
        assert not demo.query(site, "SELECT 1 FROM meeting WHERE confname = "
                              "'the late one'"), site
    demo.query("backup", "UPDATE meeting SET confname = 'done' WHERE id = %s",
               found[0])
    client.close()


def test_a_commit_after_its_lease_folds_and_later_edits_win(wired):
    wired.restore()
    late_commit(wired, 3)


@pytest.mark.long
def test_a_commit_a_minute_after_its_lease(wired):
    wired.restore()
    late_commit(wired, 60)


def test_forged_grants_are_refused(wired):
    wired.restore()
    tap = wired.taps["backup"]
    wait_until(lambda: tap.grants, 10)
    grant = tap.grants[-1]
    before = wired.status()["epoch"]
    for forged in (grant.replace(b'"serve":false', b'"serve":true '),
                   grant.replace(b"GSB-Signature", b"X-Signature-0"),
                   grant.replace(b"GSB-Signature: k1.", b"GSB-Signature: k9.")):
        assert forged != grant
        tap.grants = [forged]
        assert tap.say_again()[0].startswith(b"HTTP/1.1 403")
    assert wired.status()["epoch"] == before

