"""G16 G17 as people meet them: a company's administrator uploads to the
primary, the backup shows it after a copy and refuses changes of its own,
unless an operator overrides that."""
import json
import os
import signal
import subprocess
import threading
import time

import pytest

from site_alone import BIN, ROOT, Site
from wait import wait_until
from xml_site import document

BELONGS = "settings, pages and clients belong to the primary"


class Pair:
    """Both sites' web on one cluster, and the backup's replicator."""

    def __init__(self):
        self.primary = Site()
        self.backup = self.replicator = None
        try:
            self.backup = Site("backup", cluster=self.primary.cluster)
            self.socket = os.path.join(self.backup.folder, "copy.sock")
            self.log = os.path.join(self.backup.folder, "replicator.log")
            for site in (self.primary, self.backup):
                site.start()
                site.keep()
            assert self.primary.add_company().status == 200
            self.start_replicator()
        except BaseException:
            self.close()
            raise
        self.token = self.primary.token()

    def start_replicator(self):
        nowhere = "host=/nonexistent dbname=none"
        state = os.path.join(self.backup.folder, "replicator")
        os.makedirs(state)
        options = {
            "replicator.site": "backup", "replicator.local": nowhere,
            "replicator.peer": nowhere, "replicator.state_dir": state,
            "replicator.tables": os.path.join(
                ROOT, "lib/site/schema/tables.ini"),
            "keys.file": os.path.join(self.backup.folder, "pair.keys"),
            "copy.url": f"http://127.0.0.1:{self.primary.web}",
            "copy.dir": os.path.join(self.backup.folder, "files"),
            "copy.socket": self.socket}
        with open(self.log, "ab") as log:
            self.replicator = subprocess.Popen(
                [os.path.join(BIN, "gsb-replicator"),
                 *[w for k, v in options.items()
                   for w in ("--set", f"{k}={v}")]],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        wait_until(lambda: self.ctl("status").returncode == 0)

    def ctl(self, *words):
        return subprocess.run(
            [os.path.join(BIN, "gsbctl"), "--replicator", self.socket,
             "--format", "json", "copy", *words],
            capture_output=True, text=True, check=False)

    def must(self, *words):
        done = self.ctl(*words)
        assert done.returncode == 0, done.stderr + done.stdout
        return json.loads(done.stdout) if done.stdout.strip() else None

    def copy(self):
        """Runs one, and both sites show it: what it did."""
        last = self.must("run")["last"]
        digest = self.get(self.primary, "/v1/files").json["digest"]
        wait_until(lambda: self.get(self.backup, "/v1/files")
                   .json["digest"] == digest)
        return last

    def call(self, site, method, path, body=None, **headers):
        return site.request(method, path, body, {
            "Authorization": f"Bearer {self.token}", **headers})

    def get(self, site, path):
        answer = self.call(site, "GET", path)
        assert answer.status == 200, answer.text
        return answer

    def put(self, path, body, site=None):
        answer = self.call(site or self.primary, "PUT", path, body)
        assert answer.status == 200, answer.text
        return answer.json["version"]

    def close(self):
        if self.replicator is not None:
            self.replicator.send_signal(signal.SIGTERM)
            assert self.replicator.wait(60) == 0
            with open(self.log, encoding="utf-8") as f:
                text = f.read()
            assert "Sanitizer" not in text and "runtime error" not in text, \
                text
        if self.backup is not None:
            self.backup.close()
        self.primary.close()


@pytest.fixture(name="pair", scope="module")
def made_pair():
    pair = Pair()
    yield pair
    pair.close()


def page(site, path):
    return site.request("GET", "/acme/" + path)


def versions(site):
    """pageVersion and clientVersion of GetSite, and those of the service."""
    text = site.request("POST", "/WBXService/XMLService",
                        document("site.GetSite").encode(),
                        {"Content-Type": "text/xml"}).text
    found = [part.partition("<")[0]
             for part in text.split("Version>")[1::2]]
    assert len(found) == 4 and found[:2] == found[2:], text
    return tuple(found[:2])


def test_what_is_uploaded_is_on_the_backup_after_a_copy(pair):
    large = os.urandom(3 << 19).hex().encode()  # no body in memory
    version = pair.put("/v1/files/pages/index.html", b"<h1>Acme</h1>")
    assert pair.put("/v1/files/pages/index.html",
                    b"<h1>Acme</h1>") == version  # it was so already
    pair.put("/v1/files/pages/logo/small.svg", b"<svg/>")
    pair.put("/v1/files/clients/setup.bin", large)
    assert pair.call(pair.primary, "PATCH", "/v1/settings",
                     {"brand": {"title": "Acme"}}).status == 200
    assert page(pair.backup, "pages/index.html").status == 404
    asked = int(time.time() * 1e6)
    last = pair.copy()
    assert last["added"] == 3 and last["settings"]
    # what the gate of a switch-over is told of the copy's age
    assert pair.backup.lease(ask=True).json["copy_us"] >= asked
    assert "copy_us" not in pair.primary.lease(ask=True).json
    for path in ("pages/index.html", "pages/logo/small.svg"):
        here, there = (page(s, path) for s in (pair.primary, pair.backup))
        assert there.status == 200 and there.text == here.text
        assert there.headers["etag"] == here.headers["etag"]
    assert page(pair.backup, "clients/setup.bin").text == large.decode()
    part = pair.backup.request("GET", "/acme/clients/setup.bin",
                               headers={"Range": "bytes=9-19"})
    assert part.status == 206 and part.text == large[9:20].decode()
    for path in ("/v1/files", "/v1/settings"):
        here, there = (pair.get(s, path).json
                       for s in (pair.primary, pair.backup))
        assert here.pop("writable") and not there.pop("writable")
        assert BELONGS in there.pop("whyNot")
        here.pop("verified"), there.pop("verified")
        assert here == there
    assert pair.call(pair.primary, "DELETE",
                     "/v1/files/pages/logo/small.svg").status in (200, 204)
    assert pair.copy()["removed"] == 1
    assert page(pair.backup, "pages/logo/small.svg").status == 404


def test_getsite_names_what_is_shown(pair):
    pair.put("/v1/files/pages/index.html", b"old page")
    pair.copy()
    old = versions(pair.primary)
    assert versions(pair.backup) == old
    pair.put("/v1/files/pages/index.html", b"new page")
    new = versions(pair.primary)
    assert new[0] != old[0] and new[1] == old[1]
    assert versions(pair.backup) == old  # it still shows the old one
    pair.copy()
    assert versions(pair.backup) == new
    pair.put("/v1/files/clients/setup.bin", b"newer")
    assert versions(pair.primary)[0] == new[0]
    assert versions(pair.primary)[1] != new[1]
    pair.copy()


CHANGES = [
    ("PUT", "/v1/files/pages/index.html", b"mine"),
    ("PUT", "/v1/files/pages/new.html", b"x" * (100 << 10)),
    ("PUT", "/v1/files/clients/setup.bin", b"mine"),
    ("PUT", "/v1/files/clients/setup.bin", b"x" * (3 << 20)),
    ("DELETE", "/v1/files/pages/index.html", None),
    ("PATCH", "/v1/settings", {"brand": {"title": "Mine"}}),
    ("PUT", "/v1/settings", {}),
]


def test_the_backup_refuses_changes(pair):
    pair.put("/v1/files/pages/index.html", b"the primary's")
    pair.copy()
    before = pair.get(pair.backup, "/v1/files").json
    for method, path, body in CHANGES:
        answer = pair.call(pair.backup, method, path, body)
        assert answer.status == 403, (method, path, answer.text)
        assert BELONGS in answer.json["message"], answer.text
    after = pair.get(pair.backup, "/v1/files").json
    before.pop("verified"), after.pop("verified")
    assert after == before
    # by a file on its disk neither, nor by XML, which has no such operation
    folder = os.path.join(pair.backup.folder, "tree")
    os.makedirs(os.path.join(folder, "pages", "acme"))
    done = subprocess.run(
        [pair.backup.program(), "--config", pair.backup.conf, "--publish",
         folder], capture_output=True, text=True, check=False)
    assert done.returncode == 1 and BELONGS in done.stderr
    for site in (pair.primary, pair.backup):
        text = site.request("POST", "/WBXService/XMLService",
                            document("site.SetSite").encode(),
                            {"Content-Type": "text/xml"}).text
        assert "FAILURE" in text and "SetSite" in text


def test_an_override_lasts_until_the_next_copy_which_says_so(pair):
    pair.put("/v1/files/pages/index.html", b"the primary's")
    pair.copy()
    assert pair.ctl("override", "--expires-in", "2h").returncode != 0
    assert pair.ctl("override", "--reason", "no end").returncode != 0
    pair.must("override", "--reason", "the key leaked", "--expires-in", "2h")
    assert pair.must("status")["override"]["reason"] == "the key leaked"
    pair.put("/v1/files/pages/index.html", b"emergency", pair.backup)
    assert page(pair.backup, "pages/index.html").text == "emergency"
    assert page(pair.primary, "pages/index.html").text == "the primary's"
    shown = pair.get(pair.backup, "/v1/files").json
    assert shown["writable"] and shown["override"] == "the key leaked"
    last = pair.copy()
    assert last["replaced"] == "the key leaked" and last["changed"] == 1
    assert page(pair.backup, "pages/index.html").text == "the primary's"
    with open(pair.log, encoding="utf-8") as f:
        assert 'the emergency change made here ("the key leaked") was ' \
            "replaced" in f.read()
    assert pair.must("status")["override"] is None
    answer = pair.call(pair.backup, *CHANGES[0])
    assert answer.status == 403 and BELONGS in answer.json["message"]
    # the one after it has nothing to say
    assert pair.copy()["replaced"] in ("", None)


def test_an_override_ends_by_protect(pair):
    pair.must("override", "--reason", "drill", "--expires-in", "2h")
    wait_until(lambda: pair.get(pair.backup, "/v1/files").json["writable"])
    pair.must("protect")
    assert pair.call(pair.backup, *CHANGES[0]).status == 403


def test_a_reader_never_sees_a_mixture(pair):
    """Each answer of the backup is of the version that it names."""
    def upload(n):
        for name in ("a", "b"):
            pair.put(f"/v1/files/pages/{name}.txt", b"%d" % n)

    seen, problems, done = {}, [], threading.Event()

    def read():
        while not done.is_set():
            for name in ("a", "b"):
                answer = page(pair.backup, f"pages/{name}.txt")
                key = name, answer.headers.get("x-files-version")
                if seen.setdefault(key, answer.text) != answer.text:
                    problems.append((key, seen[key], answer.text))

    upload(0)
    pair.copy()
    reader = threading.Thread(target=read)
    reader.start()
    try:
        for n in range(1, 5):
            old = pair.get(pair.backup, "/v1/files").json["digest"]
            upload(n)
            pair.copy()
            if n % 2 == 0:  # to the version before, and forth again
                pair.must("rollback", "--reason", "drill")
                wait_until(lambda: pair.get(pair.backup, "/v1/files")
                           .json["digest"] == old)
                pair.copy()
    finally:
        done.set()
        reader.join()
    numbers = {version for _, version in seen}
    assert not problems and len(numbers) > 1
    for version in numbers:  # of one version both files are of one upload
        both = {seen[k] for k in seen if k[1] == version}
        assert len(both) == 1, seen
