"""G16 G17: the daily copy. Whatever fails, the old version stays whole and
served, the error is clear, and the next run finishes the work."""
import json
import os
import random
import re
import subprocess
import tempfile
import threading

import pytest

from copy_pair import CopyPair, read_store
from wait import wait_until

SMALL = {f"pages/acme/p{i:03d}.html": b"page %d\n" % i * 50
         for i in range(120)}


@pytest.fixture(name="copies")
def made_pair():
    pair = CopyPair()
    try:
        pair.settled()
        for path, data in SMALL.items():
            pair.write(path, data)
        pair.write("clients/acme/big.bin", random.Random(1).randbytes(3 << 20))
        pair.publish()
        pair.copy()
        assert pair.content() == pair.expected()
        yield pair
    finally:
        pair.close()


def change(pair, seed=2):
    """Something of everything: added, changed, removed, large."""
    dice = random.Random(seed)
    big = bytearray(dice.randbytes(3 << 20))
    pair.write("clients/acme/new.bin", bytes(big))
    with open(os.path.join(pair.source, "clients/acme/big.bin"), "r+b") as f:
        f.seek(1 << 20)
        f.write(dice.randbytes(200000))
    for i in range(20):
        pair.write(f"pages/acme/p{i:03d}.html", b"changed %d" % seed)
    gone = os.path.join(pair.source, "pages/acme/p119.html")
    if os.path.exists(gone):
        os.remove(gone)
    pair.publish()


def failed(pair, words):
    """A copy that fails with these words and leaves what was there."""
    before = pair.content()
    status = pair.copy(check=False)
    assert not status["last"]["ok"]
    assert re.search(words, status["last"]["error"]), status["last"]["error"]
    assert pair.content() == before
    return status


def finishes(pair):
    status = pair.copy()
    assert status["last"]["ok"] and status["age_ms"] < 60000
    assert pair.content() == pair.expected()
    return status["last"]


def test_what_changed_is_told_and_nothing_else_is_sent(copies):
    kept = object_of(copies.backup, "pages/acme/p050.html")
    before = os.stat(kept)
    change(copies)
    last = finishes(copies)
    # the same file in both versions: not written again
    assert object_of(copies.backup, "pages/acme/p050.html") == kept
    after = os.stat(kept)
    assert (after.st_ino, after.st_mtime_ns) == \
        (before.st_ino, before.st_mtime_ns)
    assert (last["added"], last["changed"], last["removed"]) == (1, 21, 1)
    assert last["wire_in"] < 3 * (1 << 20) + 600000 < last["bytes"]
    last = finishes(copies)
    assert last["same"] and last["wire_in"] < 1000


def test_three_versions_are_kept_and_rollback_holds(copies):
    old = copies.content()
    for seed in (2, 3, 4, 5):
        previous = copies.content()
        change(copies, seed)
        finishes(copies)
    status = copies.settled()
    wait_until(lambda: len(copies.status()["versions"]) == 3)
    digest = status["versions"][0]["digest"]
    assert copies.ctl("rollback", "--reason", "bad pages").returncode == 0
    wait_until(lambda: copies.content() == previous)
    assert copies.status()["held"] == digest
    assert copies.ctl("rollback", check=False).returncode != 0  # no reason
    last = finishes(copies)  # an operator's run takes it again
    assert not last["held"] and copies.status()["held"] is None
    assert old != copies.content()


def by_the_clock(pair, word):
    """A day passes; the scheduled run ends with that word in the log."""
    pair.stop("replicator")
    pair.age_note(25, "done_us")
    count = pair.log("replicator").count(f"copy={word}")
    pair.start_replicator()
    wait_until(lambda: pair.log("replicator").count(f"copy={word}") > count)


def test_what_was_rolled_back_is_left_alone_by_the_clock(copies):
    good = copies.content()
    change(copies)
    finishes(copies)
    copies.ctl("rollback", "--reason", "bad pages")
    wait_until(lambda: copies.content() == good)
    by_the_clock(copies, "held")
    status = copies.settled()
    assert status["last"]["held"] and copies.content() == good
    change(copies, 3)  # the primary has another: that one is taken
    by_the_clock(copies, "done")
    status = copies.settled()
    assert copies.content() == copies.expected() and not status["held"]


def test_a_clock_that_was_ahead_puts_no_copy_off(copies):
    """Set back by two days: the next one comes at once, not in two days."""
    change(copies)
    copies.stop("replicator")
    copies.age_note(-48, "done_us", "verified_us")
    copies.start_replicator()
    status = wait_until(lambda: s if (s := copies.status())["last"]["changed"]
                        else None)
    assert copies.content() == copies.expected()
    assert 0 <= status["age_ms"] < 60000 and not status["alarm"]
    assert 0 < status["next_us"] - status["verified_us"] <= 24 * 3600 * 10**6


def kill_at(pair, name, enough):
    """Kills it when enough(all that has come so far) is true; an event."""
    seen, dead = bytearray(), threading.Event()

    def look(data):
        seen.extend(data)
        if not dead.is_set() and enough(seen):
            pair.processes[name].kill()
            pair.processes[name].wait()
            dead.set()
        return data
    pair.link.change = look
    return dead


# In the manifest's head, in it, among the small files, in the large one, in
# the delta; when all of it has come.
POINTS = [lambda seen: True,
          lambda seen: b"gsb-manifest" in seen,
          lambda seen: b"changed" in seen,
          lambda seen: len(seen) > 2 << 20,
          lambda seen: len(seen) > 3200000,
          lambda seen: len(seen) > 3200000 and seen.endswith(b"\r\n0\r\n\r\n")]


def test_killed_at_any_point(copies):
    for seed, point in enumerate(POINTS, 10):
        before = copies.content()
        change(copies, seed)
        dead = kill_at(copies, "replicator", point)
        copies.ctl("run", "--no-wait")
        assert dead.wait(60), f"point {seed - 10} was not reached"
        copies.link.change = None
        copies.processes.pop("replicator")
        assert copies.content() in (before, copies.expected())
        copies.start_replicator()
        finishes(copies)


def test_the_primary_is_killed(copies):
    change(copies)
    dead = kill_at(copies, "primary", lambda seen: len(seen) > 1 << 20)
    failed(copies, CUT)
    assert dead.is_set()
    copies.link.change = None
    copies.processes.pop("primary")
    copies.start_primary()
    finishes(copies)


CUT = ("asking|clos|cut|reset|fewer|outstanding|receiv|whole|recv|[Ee]mpty|"
       "transfer|[Cc]onnection")


def test_network_cut_at_any_byte(copies):
    """Of an answer: in its first line, its head, behind it, anywhere."""
    dice = random.Random(7)
    cuts = [0, 17, 60, 200, 5000] + [dice.randint(300, 3 << 20)
                                     for _ in range(3)]
    for seed, cut in enumerate(cuts, 20):
        change(copies, seed)
        copies.link.cut_after = cut
        status = failed(copies, CUT)
        assert "signature" not in status["last"]["error"]
        copies.link.cut_after = None
        finishes(copies)


def test_an_interrupted_copy_goes_on_where_it_was(copies):
    copies.write("clients/acme/new.bin", os.urandom(8 << 20))
    copies.publish()
    before = copies.link.down
    copies.link.cut_after = 6 << 20
    failed(copies, ".")
    copies.link.cut_after = None
    finishes(copies)
    # whichever try brought the rest: nothing that had come was sent again
    assert copies.link.down - before < 9 << 20


def test_changed_on_the_way_is_noticed(copies):
    """Wrong hash: content is trusted by the signed manifest alone."""
    change(copies)
    copies.link.change = lambda data: data.replace(b"changed 2", b"chang3d 2")
    failed(copies, "p000.html came damaged: its SHA-256 is")
    copies.link.change = None
    finishes(copies)


def test_wrong_signature(copies):
    change(copies)
    copies.link.change = lambda data: data.replace(
        b"settings.json", b"settings.jsoN").replace(b"p000.html",
                                                    b"p0x0.html")
    failed(copies, "signature")
    copies.link.change = None
    with open(copies.path("keys"), encoding="ascii") as f:
        right = f.read()
    copies.stop("replicator")
    with open(copies.path("keys"), "w", encoding="ascii") as f:
        f.write(f"k1 {'ab' * 32}\n")
    copies.start_replicator()
    failed(copies, "answers 403: .*signature")
    with open(copies.path("keys"), "w", encoding="ascii") as f:
        f.write(right)
    finishes(copies)


def test_an_old_answer_sent_again_is_refused(copies):
    answers = []
    copies.link.change = lambda data: answers.append(data) or data
    finishes(copies)
    change(copies)
    copies.link.change = lambda data: answers[0] \
        if b"HTTP/1.1 200" in data else data
    failed(copies, "answers another question")
    copies.link.change = None
    finishes(copies)


def object_of(store, path):
    manifest = os.path.join(store, os.readlink(os.path.join(store,
                                                            "current")))
    with open(manifest, encoding="utf-8") as f:
        digest = re.search(rf"^file \d+ \d+ (\w+) {re.escape(path)}$",
                           f.read(), re.M)[1]
    return os.path.join(store, "objects", digest[:2], digest)


def test_a_file_that_the_primary_cannot_read(copies):
    change(copies)
    path = object_of(copies.store, "pages/acme/p003.html")
    os.rename(path, path + ".away")
    os.mkdir(path)
    failed(copies, "the primary cannot read pages/acme/.*html")
    os.rmdir(path)
    os.rename(path + ".away", path)
    finishes(copies)


def test_damaged_at_the_primary(copies):
    change(copies)
    path = object_of(copies.store, "pages/acme/p003.html")
    with open(path, "rb") as f:
        right = f.read()
    with open(path, "wb") as f:
        f.write(b"X" * len(right))
    failed(copies, "came damaged")
    copies.publish()  # puts right content in its place
    finishes(copies)


def test_lost_or_damaged_at_the_backup_is_mended(copies):
    os.remove(object_of(copies.backup, "pages/acme/p050.html"))
    last = copies.copy()["last"]
    assert last["same"] and last["mended"] and last["fetched"] > 0
    path = object_of(copies.backup, "pages/acme/p051.html")
    size = os.path.getsize(path)
    with open(path, "wb") as f:
        f.write(b"Z" * size)
    assert copies.copy("--verify")["last"]["mended"]
    assert copies.content() == copies.expected()


def test_changed_while_it_is_read_is_not_published(copies):
    path = os.path.join(copies.source, "clients/acme/moving.bin")
    with open(path, "wb") as f:
        f.write(bytes(30 << 20))
    done = threading.Event()

    def move():
        while not done.is_set():
            with open(path, "r+b") as f:
                f.write(os.urandom(16))

    mover = threading.Thread(target=move)
    mover.start()
    try:
        refused = copies.publish(check=False)
    finally:
        done.set()
        mover.join()
    assert refused.returncode == 1
    assert "moving.bin changes while it is read" in refused.stderr
    assert read_store(copies.store) == copies.content()
    copies.publish()
    finishes(copies)


@pytest.mark.parametrize("make, words", [
    (lambda p: os.symlink("/etc/passwd", p), "a symbolic link"),
    (os.mkfifo, "a special file"),
    (lambda p: os.mkdir(p + "\\x"), "control character or a backslash"),
])
def test_only_regular_files_are_published(copies, make, words):
    path = os.path.join(copies.source, "pages/acme/odd")
    make(path)
    if os.path.isdir(path + "\\x"):
        copies.write("pages/acme/odd\\x/f", b"x")
    refused = copies.publish(check=False)
    assert refused.returncode == 1 and words in refused.stderr
    assert copies.copy()["last"]["same"]


@pytest.fixture(name="small_disk")
def mounted_disk():
    folder = tempfile.mkdtemp(prefix="gsb-full-")
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=40m",
                              "none", folder], check=False,
                             capture_output=True)
    if mounted.returncode != 0:
        os.rmdir(folder)
        pytest.skip("no right to mount a small file system")
    try:
        yield folder
    finally:
        subprocess.run(["umount", folder], check=True)
        os.rmdir(folder)


def test_a_full_disk(small_disk):
    pair = CopyPair(backup_dir=os.path.join(small_disk, "files"))
    filler = os.path.join(small_disk, "filler")

    def fill(data):
        """When the file has begun to come: the check was passed."""
        if pair.link.down > 2 << 20 and not os.path.exists(filler):
            with open(filler, "wb", buffering=0) as f:
                try:
                    while f.write(bytes(1 << 16)):
                        pass
                except OSError:
                    pass  # it is full
        return data

    try:
        pair.settled()
        pair.write("pages/acme/index.html", b"one")
        pair.publish()
        pair.copy()
        pair.write("clients/acme/big.bin", os.urandom(30 << 20))
        pair.publish()
        failed(pair, "needs .* MiB and .* MiB free: nothing was begun")
        pair.link.down = 0
        pair.write("clients/acme/big.bin", os.urandom(15 << 20))
        pair.link.change = fill
        pair.publish()
        before = pair.content()
        # a try by the clock may have met it first
        status = failed(pair, "No space left|free: nothing was begun")
        assert os.path.exists(filler)
        assert "No space left on device" in pair.log("replicator")
        assert status["failures"] > 0 and pair.content() == before
        pair.link.change = None
        os.remove(filler)
        finishes(pair)
    finally:
        pair.close()


def test_a_reader_never_sees_a_mixture(copies):
    """Every page of a version says which it is."""
    def write(n):
        for i in range(40):
            copies.write(f"pages/acme/p{i:03d}.html", b"version %d" % n)
        copies.publish()

    seen, problems, done = set(), [], threading.Event()

    def read():
        while not done.is_set():
            try:
                content = read_store(copies.backup)
            except FileNotFoundError:
                continue  # a version that went while it was listed
            words = {content[f"pages/acme/p{i:03d}.html"]
                     for i in range(40)}
            if len(words) != 1:
                problems.append(words)
            seen.update(words)

    write(0)
    finishes(copies)
    reader = threading.Thread(target=read)
    reader.start()
    try:
        for n in range(1, 8):
            before = copies.content()
            write(n)
            finishes(copies)
            if n % 3 == 0:  # to the version before, and forth again
                copies.ctl("rollback", "--reason", "drill")
                wait_until(lambda: copies.content() == before)
                finishes(copies)
    finally:
        done.set()
        reader.join()
    assert not problems and len(seen) > 3


def test_settings_come_with_the_files(copies):
    copies.write("settings.json", json.dumps(
        {"acme": {"brand": {"title": "Acme"}}}).encode())
    copies.write("pages/acme/p000.html", b"with them")
    copies.publish()
    last = finishes(copies)
    assert last["settings"] and last["changed"] == 1
    refused = None
    copies.write("settings.json", b'{"acme": {')
    refused = copies.publish(check=False)
    assert refused.returncode == 1 and "settings.json" in refused.stderr


def test_the_bandwidth_is_kept():
    """At least as long as the limit says; how much longer is the machine's."""
    pair = CopyPair(settings=["copy.bandwidth=1000000"])
    try:
        pair.settled()
        pair.write("clients/acme/big.bin", os.urandom(3000000))
        pair.publish()
        done = pair.ctl("run", "--watch")
        last = json.loads(done.stdout)["last"]
        assert last["ended_us"] - last["began_us"] > 1500000
        assert pair.content() == pair.expected()
        # no terminal: lines, as a log wants them
        assert done.stderr.endswith("\n") and "\033" not in done.stderr \
            and "\r" not in done.stderr
    finally:
        pair.close()


def test_status_tells_age_and_alarm(copies):
    status = copies.status()
    assert status["age_ms"] < 60000 and not status["alarm"]
    copies.stop("replicator")
    copies.stop("primary")
    copies.age_note(25, "verified_us", "done_us")
    copies.start_replicator()
    wait_until(lambda: copies.status()["failures"] > 0)
    status = copies.status()
    assert status["alarm"] and "asking" in status["last"]["error"]
    assert copies.ctl("status", check=False).returncode == 4
    assert "alarm=old" in copies.log("replicator")
    copies.start_primary()
    # nobody orders one: it tries again by itself
    wait_until(lambda: copies.status()["failures"] == 0, timeout=120)
    assert copies.status()["last"]["ok"]
    assert not copies.status()["alarm"]
    assert "alarm=over" in copies.log("replicator")
