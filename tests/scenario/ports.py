"""Ports of this run's own. Runs beside each other share nothing: each locks
blocks of ports for as long as it lives. All are below the range from which
clients get theirs, so nobody's connection takes the port of a daemon that is
down for a moment, and nobody that knocks there ends up connected to itself."""
import fcntl
import os
import socket
import tempfile

FIRST, LAST, SIZE = 10000, 21000, 500
FOLDER = os.path.join(tempfile.gettempdir(), "gsb-test-ports")
ROW = 30


class Block:
    """Gives its ports in turn; those in use are left out."""

    def __init__(self):
        os.makedirs(FOLDER, exist_ok=True)
        for first in range(FIRST, LAST, SIZE):
            self.lock = os.open(os.path.join(FOLDER, str(first)),
                                os.O_CREAT | os.O_RDWR, 0o666)
            try:
                fcntl.flock(self.lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                os.close(self.lock)
                continue
            self.first = self.next = first
            return
        raise RuntimeError(f"all ports from {FIRST} to {LAST} are in use by "
                           f"other runs, says {FOLDER}")

    def take(self, count):
        """The first of count ports in a row."""
        for _ in range(SIZE):
            if self.next + count > self.first + SIZE:
                self.next = self.first
            port = self.next
            self.next += count
            if all(bindable(p) for p in range(port, port + count)):
                return port
        raise RuntimeError(f"no {count} ports in a row are free from "
                           f"{self.first} to {self.first + SIZE}")


def bindable(port):
    with socket.socket() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            s.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


own = []


def block():
    if not own:
        own.append(Block())
    return own[0]


def free_port():
    return block().take(1)


def free_ports(count):
    return [free_port() for _ in range(count)]


def free_row():
    """A port below as many as a demo uses, and some more."""
    return block().take(ROW)
