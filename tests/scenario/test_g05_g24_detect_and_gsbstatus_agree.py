"""G5 G24: detectbackup and gsbStatus say the same, through ten fail-overs,
and each fail-over flips them once."""
import threading

from clients import Http
from wait import wait_until

BLOWS = (
    ("kill", ("primary-web",)),
    ("kill", ("primary-db",)),
    ("kill", ("primary-web", "primary-db")),
    ("pause", ("primary-web",)),
    ("pause", ("primary-db",)),
)
ROUNDS = 10


class Watcher(threading.Thread):
    """Asks detectbackup, the XML API, detectbackup, for ever."""

    def __init__(self, pair):
        super().__init__(daemon=True)
        self.pair = pair
        self.ending = threading.Event()
        self.said = []
        self.disagreed = []
        self.failed = []
        self.judged = 0

    def run(self):
        client = self.pair.xml()
        while not self.ending.is_set():
            try:
                before = self.pair.detect()
                answer = client.call(
                    "user.GetUser", f"<webExId>{client.user}</webExId>")
                after = self.pair.detect()
            except Exception as e:  # pylint: disable=broad-except
                self.failed.append(repr(e))
                continue
            self.said += [before, after]
            if not answer.good:
                self.failed.append(answer.text)
            elif before == after:
                self.judged += 1
                if answer.site != before.upper():
                    self.disagreed.append((before, answer.site, after))
        client.close()

    def flips(self):
        pairs = zip(self.said, self.said[1:])
        return sum(1 for one, two in pairs if one != two)


def test_g05_g24_through_ten_fail_overs(pair):
    watcher = Watcher(pair)
    watcher.start()
    for turn in range(ROUNDS):
        verb, names = BLOWS[turn % len(BLOWS)]
        wait_until(lambda: watcher.said and watcher.said[-1] == "Primary", 30)
        getattr(pair, verb)(*names)
        wait_until(lambda: pair.detect() == "Backup", 30)
        wait_until(lambda: watcher.said[-1] == "Backup", 30)
        pair.restore()
        wait_until(lambda: pair.detect() == "Primary", 30)
    wait_until(lambda: watcher.said[-1] == "Primary", 30)
    watcher.ending.set()
    watcher.join(60)
    assert not watcher.disagreed, watcher.disagreed
    assert not watcher.failed, watcher.failed[:5]
    assert watcher.judged > ROUNDS
    # there and back again, each once
    assert watcher.flips() == 2 * ROUNDS


def test_g24_failures_say_it_too(pair):
    client = pair.xml(password="wrong-Password-1")
    answer = client.call("user.GetUser", "<webExId>admin</webExId>")
    assert not answer.good and answer.site == "PRIMARY", answer.text
    answer = client.post("<no document")
    assert answer.get("result") == "FAILURE" and answer.site == "PRIMARY"
    client.close()


def test_g05_detectbackup_on_the_wire(pair):
    client = Http(pair.url)
    for path in ("detectbackup.php", "detectbackup"):
        for company in (pair.company, pair.company.upper()):
            answer = client.request("GET", f"/{company}/{path}")
            assert (answer.status, answer.text) == (200, "Primary")
            assert answer.getheader("Content-Type") == \
                "text/html;charset=UTF-8"
            assert answer.getheader("Cache-Control") == "no-store"
        answer = client.request("HEAD", f"/{pair.company}/{path}")
        assert (answer.status, answer.text) == (200, "")
        assert client.request("GET", f"/nobody/{path}").status == 404
    client.close()
