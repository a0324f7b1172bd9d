"""G6 G13 G23: the primary fails under a loop of XML and JSON clients; no
client sees a reset, an HTML page, a redirect or a failure; every POST is
answered once and exists once.

The bounds here hold for sanitizer builds on a busy machine; the promised ones
are measured on Release by tests/bench/failover.
"""
import time

import pytest

from load import Load
from wait import wait_until

KILL_S, PAUSE_S = 6, 9


@pytest.mark.parametrize("verb, names", [
    ("kill", ("primary-web",)),
    ("kill", ("primary-db",)),
    ("kill", ("primary-web", "primary-db")),
    ("pause", ("primary-web",)),
    ("pause", ("primary-db",)),
    ("pause", ("primary-web", "primary-db")),
], ids=lambda v: v if isinstance(v, str) else "+".join(v))
def test_g06_g13_g23(pair, verb, names):
    with Load(pair, workers=4, rate=60) as load:
        wait_until(lambda: load.count() > 60, 30)
        blow = time.monotonic()
        getattr(pair, verb)(*names)
        wait_until(lambda: load.first_after(blow, "BACKUP"), 30, 0.02,
                   "a good answer from the backup")
        took = load.first_after(blow, "BACKUP")
        assert pair.detect() == "Backup"
        before = load.count()
        wait_until(lambda: load.count() > before + 60, 30)
        pair.restore()
        before = load.count()
        wait_until(lambda: load.count() > before + 60, 30)
    load.check()
    assert took < (KILL_S if verb == "kill" else PAUSE_S), took


def test_g06_both_sites_down_is_said_in_form(pair):
    """Nobody can answer: 503 with Retry-After in the caller's own form."""
    token = pair.json()
    pair.kill("primary-web", "backup-web")
    client = pair.xml()

    def refused():
        answer = client.http.request(
            "POST", "/WBXService/XMLService",
            client.document("user.GetUser").encode(),
            {"Content-Type": "text/xml"})
        return answer if answer.status == 503 else None
    answer = wait_until(refused, 40)
    assert answer.getheader("Retry-After", "").isdigit()
    assert "<serv:result>FAILURE</serv:result>" in answer.text
    answer = token.request("GET", "/v1/people/me")
    assert answer.status == 503 and answer.json["message"]
    assert answer.getheader("Retry-After", "").isdigit()
    client.close()
    token.close()
