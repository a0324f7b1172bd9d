"""No moment has two answering sites: a pair whose answers are read on the
wire, what is done to it, and how that is judged."""
import threading
import time

from clients import Json
from pair import SITES, Demo
from ports import free_row
from tap import Tap
from wait import wait_until


class Wired:
    """with Wired(...) as wired: a demo, with a tap before each web."""

    def __init__(self, make=Demo, ttl_s=2, settings=()):
        port = free_row()
        self.demo = make([f"proxy.{site}.web=127.0.0.1:{port + 27 + i}"
                          for i, site in enumerate(SITES)] + list(settings))
        self.ttl_s = ttl_s
        self.demo.port = port
        self.taps = {site: Tap(port + 27 + i, port + 10 * (i + 1))
                     for i, site in enumerate(SITES)}

    def __enter__(self):
        try:
            self.demo.up()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        reports = self.demo.down()
        for tap in self.taps.values():
            tap.close()
        assert not reports, "\n".join(reports)

    def forget(self):
        for tap in self.taps.values():
            del tap.stamps[:]

    def judge(self):
        """Epochs follow each other in time, whoever answered under them:
        the seconds between two sites' answers, of each move."""
        answers = sorted((clock, epoch, site)
                         for site, tap in self.taps.items()
                         for clock, epoch in list(tap.stamps))
        assert answers, "nobody answered"
        gaps, sites = [], {}
        for one, two in zip(answers, answers[1:]):
            assert one[1] <= two[1], f"{one[2]} answered after the next: " \
                f"{one}, {two}"
            if one[2] != two[2]:
                gaps.append(two[0] - one[0])
        for _, epoch, site in answers:
            assert sites.setdefault(epoch, site) == site, f"epoch {epoch} twice"
        return gaps


class Clients:
    """Readers and writers that never stop; what they get is no matter."""

    def __init__(self, demo, n=4, pause_s=0.01):
        self.ended = threading.Event()
        self.token = demo.xml().ticket()
        self.pause_s = pause_s
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
            self.ended.wait(self.pause_s)
        client.close()

    def __enter__(self):
        for thread in self.threads:
            thread.start()

    def __exit__(self, *_):
        self.ended.set()
        for thread in self.threads:
            thread.join(60)


# --- what is done to it; seconds: of chance ----------------------------------

def wait_backup(wired):
    wait_until(lambda: wired.demo.status()["active"] == "backup", 20)


def stop_site(wired, seconds):
    wired.demo.pause("primary-web")
    wait_backup(wired)
    time.sleep(seconds)  # the length of the pause is what is tried
    wired.demo.resume("primary-web")


def cut_wire(wired, _):
    wired.taps["primary"].cut.set()
    wait_backup(wired)
    wired.taps["primary"].cut.clear()


def kill_site(wired, _):
    wired.demo.kill("primary-web")
    wait_backup(wired)


def stop_proxy(wired, seconds):
    wired.demo.pause("proxy")
    time.sleep(wired.ttl_s + seconds)
    wired.demo.resume("proxy")


def delay_grants(wired, seconds):
    """Each comes when the next one is already late."""
    wired.taps["primary"].delay_s = 0.15 * wired.ttl_s + seconds
    time.sleep(2 * wired.ttl_s)
    wired.taps["primary"].delay_s = 0


def repeat_grants(wired, seconds):
    stop_site(wired, seconds)
    for said in wired.taps["primary"].say_again():
        assert b'"serving":true' not in said


def stop_both(wired, seconds):
    """The proxy sleeps while the site does, and wakes first."""
    wired.demo.pause("proxy", "primary-web")
    time.sleep(1.25 * wired.ttl_s)
    wired.demo.resume("proxy")
    time.sleep(seconds)
    wired.demo.resume("primary-web")


TRIGGER = """
CREATE FUNCTION public.late() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN PERFORM pg_advisory_xact_lock(4242); RETURN NULL; END $$;
CREATE CONSTRAINT TRIGGER late AFTER INSERT ON public.meeting
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    WHEN (NEW.confname = 'the late one') EXECUTE FUNCTION public.late()"""


def late_commit(wired, pause_s):
    """A COMMIT that ends after its lease, its fail-over, and a later edit."""
    demo, answers = wired.demo, []
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
    # What came of either site has been seen by the other one: barriers.
    for site in SITES:
        rows = demo.query(site, "SELECT confname FROM meeting WHERE id = %s",
                          found[0])
        assert rows == [("edited later",)], (site, rows)
        assert not demo.query(site, "SELECT 1 FROM meeting WHERE confname = "
                              "'the late one'"), site
    demo.query("backup", "UPDATE meeting SET confname = 'done' WHERE id = %s",
               found[0])
    client.close()


BLOWS = (stop_site, cut_wire, repeat_grants, kill_site, stop_proxy,
         delay_grants, stop_both)


def run(wired, blow, seconds):
    """One blow and the way home: the gaps between the sites' answers."""
    wired.forget()
    blow(wired, seconds)
    wired.demo.restore()
    epoch = wired.demo.status()["epoch"]
    wait_until(lambda: any(stamp[1] >= epoch for stamp in
                           wired.taps["primary"].stamps[-20:]), 30)
    return wired.judge()
