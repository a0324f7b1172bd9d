"""Time without the moments in which the machine stood still: a guest that is
not run, a disk that does not flush. A bound of the product's is judged by it:
what it promises it cannot keep while nothing runs, nor be late by that."""
import os
import tempfile
import threading
import time

PAUSE_S = 0.01
STALL_S = 0.05


class Watch:
    """Does a small thing again and again, and notes when it took long."""

    def __init__(self, act, usual):
        self.act, self.usual = act, usual
        self.stalls = []  # (start, end), oldest first
        self.since = time.monotonic()
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            self.since = time.monotonic()
            self.act()
            end = time.monotonic()
            if end - self.since > self.usual + STALL_S:
                self.stalls.append((self.since + self.usual, end))

    def seen(self):
        """What stands still now counts as well."""
        now = time.monotonic()
        begun = self.since + self.usual
        return self.stalls + ([(begun, now)] if now > begun + STALL_S else [])


def flusher():
    file = tempfile.TemporaryFile()  # pylint: disable=consider-using-with

    def flush():
        time.sleep(10 * PAUSE_S)
        os.pwrite(file.fileno(), b"x", 0)
        os.fsync(file.fileno())
    return flush


WATCHES = [Watch(lambda: time.sleep(PAUSE_S), PAUSE_S),
           Watch(flusher(), 10 * PAUSE_S)]


def calm_seconds(start, end=None):
    """From start to end (now), monotonic, without what stood still."""
    end = time.monotonic() if end is None else end
    lost, upto = 0, start
    for a, b in sorted(s for watch in WATCHES for s in watch.seen()):
        a, b = max(a, upto), min(b, end)
        if b > a:
            lost += b - a
            upto = b
    return end - start - lost
