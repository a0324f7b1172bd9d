"""G16 G17: a primary that has the key and sends what no primary would: the
old version stays, nothing is written elsewhere, the error says what it is."""
import hashlib
import http.server
import json
import os
import re
import threading

import pytest

from copy_pair import CopyPair
from site_alone import sign

HASH = hashlib.sha256(b"x").hexdigest()
EMPTY = hashlib.sha256(b"{}").hexdigest()


def line(path, mode="644", size=1, digest=HASH):
    return f"file {mode} {size} {digest} {path}\n"


HOSTILE = {
    "absolute": (line("/etc/gsb-owned"), "begins with pages/ or clients/"),
    "parents": (line("pages/../../../gsb-owned"), '".." may not be a part'),
    "symlink": (line("pages/a/l", mode="120777"), "a regular file"),
    "device": (line("pages/a/null", mode="20666"), "a regular file"),
    "duplicate": (line("pages/a/b") * 2, "not in order"),
    "folder": (line("pages/a/b") + line("pages/a/b/c"), "folder of another"),
    "hash": (line("pages/a/b", digest="../../../../etc/gsb-owned"),
             "must be \"file MODE SIZE"),
    "huge file": (line("pages/a/b", size=1 << 60),
                  "needs .* MiB free: nothing was begun"),
    "huge name": (line("pages/a/" + "b" * 300), "longer than 255 bytes"),
}


class FakePrimary(http.server.ThreadingHTTPServer):
    """Signs whatever its `files` are; what it announces is its digest."""

    def __init__(self, pair):
        with open(pair.path("keys"), encoding="ascii") as f:
            name, key = f.read().split()
        self.key = (name, bytes.fromhex(key))
        self.files = self.head = ""
        super().__init__(("127.0.0.1", pair.web_port), Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()


class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        asked = json.loads(self.rfile.read(
            int(self.headers["Content-Length"])).split(b"\n")[0])
        content = f"settings 2 {EMPTY}\n" + self.server.files
        text = self.server.head + "gsb-manifest 1\nversion 99 1 primary\n" + \
            content + f"end {content.count(chr(10)) - 1}\n"
        doc = {"nonce": asked.get("nonce"), "same": False,
               "diff": bool(self.server.head),
               "digest": hashlib.sha256(content.encode()).hexdigest()}
        body = json.dumps(doc).encode() + b"\n" + text.encode()
        self.send_response(200)
        self.send_header("GSB-Signature", sign(body, self.server.key))
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture(name="attacked", scope="module")
def made_pair():
    pair = CopyPair(link=False)
    fake = None
    try:
        pair.settled()
        pair.write("pages/acme/index.html", b"honest")
        pair.publish()
        pair.copy()
        pair.stop("primary")
        fake = FakePrimary(pair)
        yield pair, fake
    finally:
        if fake is not None:
            fake.shutdown()
            fake.server_close()
        pair.close()


def all_files(pair):
    """Every name below the pair's folder but those that a copy makes."""
    return {os.path.join(d, n) for d, _, names in os.walk(pair.dir)
            for n in names if not re.search(r"/(tmp|partial)/|\.log$",
                                            os.path.join(d, n))}


@pytest.mark.parametrize("kind", HOSTILE)
@pytest.mark.parametrize("head", ["", "gsb-manifest-diff 1\ngone 1\n"
                                  "pages/acme/index.html\n"],
                         ids=["whole", "difference"])
def test_it_is_refused(attacked, kind, head):
    pair, fake = attacked
    fake.files, words = HOSTILE[kind]
    fake.head = head
    before = all_files(pair)
    status = pair.copy(check=False)
    assert not status["last"]["ok"]
    assert re.search(words, status["last"]["error"]), status["last"]["error"]
    assert pair.content() == {"pages/acme/index.html": b"honest"}
    assert all_files(pair) == before
    assert not os.path.exists("/etc/gsb-owned")
