"""Clients that work through the one URL all the time and forget nothing.

Each worker is one client with one connection. It makes meetings by XML and by
JSON, each with a title of its own, and reads in between; what it was answered
it notes. At the end every title that was answered must exist once.
"""
import itertools
import threading
import time
from dataclasses import dataclass

from clients import Json, Xml, looks_like_html

COUNTER = itertools.count(1)


@dataclass
class Deed:
    """One request and how it ended."""
    kind: str
    start: float
    end: float
    fault: str  # "" = answered as it should be
    title: str  # what it made, or ""
    site: str   # PRIMARY or BACKUP, as the answer says


class Worker(threading.Thread):
    def __init__(self, load, number):
        super().__init__(daemon=True)
        self.load = load
        self.number = number
        pair = load.pair
        self.xml = Xml(pair.url, pair.company, pair.env["GSB_ADMIN"],
                       pair.admin_password())
        self.json = Json(pair.url, self.xml.ticket())
        self.deeds = []

    def run(self):
        turns = itertools.cycle((self.xml_create, self.xml_read,
                                 self.json_read, self.json_create,
                                 self.xml_read))
        for _ in range(self.number):
            next(turns)
        while not self.load.ending.is_set():
            self.one(next(turns))
        self.xml.close()
        self.json.close()

    def one(self, turn):
        start = time.monotonic()
        kind, title, fault, site = turn.__name__, "", "", ""
        if kind.endswith("create"):
            title = f"{self.load.prefix}-{next(COUNTER)}"
        try:
            fault, site = turn(title)
        except Exception as e:  # pylint: disable=broad-except
            fault = f"{type(e).__name__}: {e}"
        end = time.monotonic()
        self.deeds.append(Deed(kind, start, end, fault, title, site))
        pause = self.load.pause_s - (end - start)
        if pause > 0:
            self.load.ending.wait(pause)

    def judge_xml(self, answer):
        if answer.status != 200:
            return f"XML answered {answer.status}", ""
        if not answer.good:
            return f"XML {answer.get('reason')}", answer.site or ""
        return "", answer.site or ""

    def judge_json(self, answer):
        if looks_like_html(answer.text):
            return "JSON answered by an HTML page", ""
        if answer.status != 200:
            return f"JSON answered {answer.status}: {answer.text[:200]}", ""
        return "", answer.getheader("X-GSB-Status", "")

    def xml_create(self, title):
        return self.judge_xml(self.xml.create_meeting(title))

    def xml_read(self, _):
        return self.judge_xml(self.xml.call(
            "user.GetUser", f"<webExId>{self.xml.user}</webExId>"))

    def json_create(self, title):
        return self.judge_json(self.json.request(
            "POST", "/v1/meetings", {
                "title": title, "password": "Pa55word",
                "start": "2030-12-24T10:00:00Z",
                "end": "2030-12-24T11:00:00Z", "timezone": "UTC"}))

    def json_read(self, _):
        return self.judge_json(self.json.request("GET", "/v1/people/me"))


class Load:
    """with Load(pair, workers=4) as load: …; load.deeds() after it."""

    def __init__(self, pair, workers=4, rate=None):
        """rate: requests per second of all workers; None: as they can."""
        self.pair = pair
        self.pause_s = workers / rate if rate else 0
        self.prefix = f"load{time.time_ns()}"
        self.ending = threading.Event()
        self.workers = [Worker(self, n) for n in range(workers)]

    def __enter__(self):
        for worker in self.workers:
            worker.start()
        return self

    def __exit__(self, *_):
        self.ending.set()
        for worker in self.workers:
            worker.join(60)
            assert not worker.is_alive(), "a client still waits after 60 s"

    def deeds(self):
        return sorted((d for w in self.workers for d in list(w.deeds)),
                      key=lambda d: d.end)

    def faults(self):
        return [d for d in self.deeds() if d.fault]

    def count(self):
        return sum(len(w.deeds) for w in self.workers)

    def answered_titles(self):
        return [d.title for d in self.deeds() if d.title and not d.fault]

    def first_after(self, moment, site):
        """Seconds from the moment to the first good answer of that site."""
        for deed in self.deeds():
            if deed.end > moment and deed.site == site and not deed.fault:
                return deed.end - moment
        return None

    def check(self):
        """No fault, and each answered creation exists once at each site."""
        faults = self.faults()
        assert not faults, (
            f"{len(faults)} of {self.count()} requests failed:\n" +
            "\n".join(f"{d.kind} after {d.end - d.start:.2f} s: {d.fault}"
                      for d in faults[:20]))
        self.pair.wait_equal()
        self.check_existence()

    def check_existence(self):
        wanted = self.answered_titles()
        assert wanted, "the load has made nothing"
        for site in ("primary", "backup"):
            there = titles(self.pair, site, self.prefix)
            lost = sorted(set(wanted) - set(there))
            double = sorted({t for t in there if there.count(t) > 1})
            assert not lost, f"lost on {site}: {lost[:10]} ({len(lost)})"
            assert not double, f"twice on {site}: {double[:10]}"


def titles(pair, site, prefix):
    return [row[0] for row in pair.query(
        site, "SELECT confname FROM meeting WHERE confname LIKE %s",
        (prefix + "-%",))]
