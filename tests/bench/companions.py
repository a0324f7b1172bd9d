"""What goes on beside a load while sites are switched: a few long downloads
and people in rooms. Whatever they get wrong is a fault."""
import hashlib
import http.client
import os
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "../scenario"))
# pylint: disable=wrong-import-position
from clients import Json  # noqa: E402
from rooms import Loop, Person, Refused  # noqa: E402
from wait import wait_until  # noqa: E402

FILE, SIZE = "/v1/files/pages/long.bin", 64 << 20
CHUNK = 64 << 10
DOWNLOADS, DOWNLOAD_S = 3, 6
PEOPLE, PING_S, REJOIN_S = 4, 0.2, 20
PASSWORD = "Geheim-12345"


class Companions:
    """with Companions(demo) as c: ...; then c.check()."""

    def __init__(self, demo):
        self.demo = demo
        self.ended = threading.Event()
        self.faults = []
        self.downloads = self.pings = self.refused = 0
        self.rejoins = []  # how long each took, from the word to the welcome
        self.loop = Loop()
        self.publish()
        self.threads = [threading.Thread(target=self.guard, args=(job, i))
                        for job, n in ((self.download, DOWNLOADS),
                                       (self.meet, PEOPLE))
                        for i in range(n)]

    def connection(self):
        return http.client.HTTPConnection("127.0.0.1", self.demo.port,
                                          timeout=60)

    def publish(self):
        """On both sites: the copy brings it to the backup."""
        content = os.urandom(SIZE)
        self.sum = hashlib.sha256(content).hexdigest()
        token = self.demo.xml().ticket()
        connection = self.connection()
        connection.request("PUT", FILE, content,
                           {"Authorization": f"Bearer {token}"})
        answer = connection.getresponse()
        assert answer.status == 200, (answer.status, answer.read())
        connection.close()
        self.demo.ctl("--replicator", self.demo.env["GSB_COPY_CTL"], "copy",
                      "run", "--watch", "--reason", "bench", "--yes")

    def guard(self, job, i):
        try:
            job(i)
        except Exception as e:  # pylint: disable=broad-except
            self.faults.append(f"{job.__name__}: {type(e).__name__}: {e}")

    def download(self, _):
        while not self.ended.is_set():
            found = hashlib.sha256()
            connection = self.connection()
            connection.request("GET", f"/{self.demo.company}/pages/long.bin")
            answer = connection.getresponse()
            assert answer.status == 200, answer.status
            while data := answer.read(CHUNK):
                found.update(data)
                time.sleep(DOWNLOAD_S * CHUNK / SIZE)
            connection.close()
            assert found.hexdigest() == self.sum, "another content"
            self.downloads += 1

    def account(self, i):
        """Of his own: what one says is bounded, in whichever rooms."""
        name = f"room{i}-{time.time_ns() // 1000}"
        admin = self.demo.xml()
        answer = admin.create_user(name, PASSWORD)
        assert answer.good, answer.text
        admin.close()
        return self.demo.xml(name, PASSWORD)

    def enter(self, token, number):
        client = Json(self.demo.url, token)
        answer = client.request("POST", "/v1/meetings/join", {
            "meetingNumber": number, "password": "Pa55word"})
        client.close()
        assert answer.status == 200, answer.text
        try:
            person = Person(self.loop, self.demo.url.replace("http:", "ws:") +
                            answer.json["roomPath"])
        except Refused:
            self.refused += 1  # it has moved in between: asked again
            return None
        assert person.hear()["type"] == "welcome"
        return person

    def meet(self, i):
        """A room each: who is told to rejoin does, at once."""
        account = self.account(i)
        token = account.ticket()
        number = account.create_meeting(f"room {i}").get("meetingkey")
        account.close()
        person = self.enter(token, number)
        while not self.ended.wait(PING_S):
            try:
                person.echo()
                self.pings += 1
            except Exception as e:  # pylint: disable=broad-except
                code = person.socket.close_code
                assert code == 1012, f"closed with {code}, {e!r}"
                begin = time.monotonic()
                person = wait_until(lambda: self.enter(token, number),
                                    REJOIN_S)
                self.rejoins.append(time.monotonic() - begin)
        person.leave()

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.ended.set()
        for thread in self.threads:
            thread.join(90)
        self.loop.close()

    def check(self):
        assert not self.faults, self.faults[:5]
        assert self.downloads and self.pings, "nothing went on"
        return (f"{self.downloads} downloads of {SIZE >> 20} MiB whole, "
                f"{len(self.rejoins)} times a room moved, {self.refused} "
                f"times the way had to be asked for again")
