"""When the host gave this machine's processors to others ("steal").

What is late in such a moment was not made late by what is measured. Who judges
by calm moments alone says so, and prints the figures of all moments too."""
import threading
import time

PAUSE_S = 0.1
SHARE = 0.10  # of all processors' time
AFTER_S = 0.5  # what has queued up meanwhile


def ticks():
    with open("/proc/stat", encoding="ascii") as f:
        fields = [int(n) for n in f.readline().split()[1:9]]
    return sum(fields), fields[7]


class Stolen:
    def __init__(self):
        self.moments = []  # (start, end), monotonic seconds, oldest first
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.ended.set()
        self.thread.join()

    def run(self):
        start, (total, stolen) = time.monotonic(), ticks()
        while not self.ended.wait(PAUSE_S):
            end, (total_now, stolen_now) = time.monotonic(), ticks()
            if stolen_now - stolen > SHARE * (total_now - total):
                self.moments.append((start, end + AFTER_S))
            start, total, stolen = end, total_now, stolen_now

    def calm(self, spans):
        """Which of these (start, end, what), in order of start, lie in no
        such moment."""
        moments = iter(self.moments + [(float("inf"), float("inf"))])
        a, b = next(moments)
        for start, end, what in spans:
            while b < start:
                a, b = next(moments)
            if end < a:
                yield what
