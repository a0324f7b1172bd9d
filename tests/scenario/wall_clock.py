"""A wall clock that a test puts forward or back in the programs it starts;
their monotonic clocks stay as they are."""
import glob
import os
import subprocess

FAKETIME = "/usr/lib/*-linux-gnu/faketime/libfaketimeMT.so.1"


class WallClock:
    """path: of a file that outlives the programs; program: one of them."""

    def __init__(self, path, program):
        self.path = path
        self.sweep()
        self.jump(0)
        found = glob.glob(FAKETIME)
        assert found, "faketime is missing: deploy/packages tests"
        linked = subprocess.run(["ldd", program], capture_output=True,
                                text=True, check=True).stdout
        # A sanitizer's library must come first.
        first = [line.split()[2] for line in linked.splitlines()
                 if "libasan" in line]
        self.env = {"LD_PRELOAD": " ".join(first + found),
                    "FAKETIME_TIMESTAMP_FILE": path, "FAKETIME_NO_CACHE": "1",
                    "FAKETIME_DONT_FAKE_MONOTONIC": "1",
                    "DONT_FAKE_MONOTONIC": "1"}

    @staticmethod
    def sweep():
        """What libfaketime left behind for programs that were killed: others
        who get their numbers could not open it."""
        for path in glob.glob("/dev/shm/*faketime_*_*"):
            if not os.path.exists("/proc/" + path.rsplit("_", 1)[1]):
                try:
                    os.remove(path)
                except FileNotFoundError:
                    pass  # another test was quicker

    def jump(self, seconds):
        """So far from the machine's clock from now on."""
        with open(self.path + ".new", "w", encoding="utf-8") as f:
            f.write(f"{seconds:+d}\n")
        os.rename(self.path + ".new", self.path)
