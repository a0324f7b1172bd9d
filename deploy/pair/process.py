"""Processes by their pid file, and what /proc says of them."""
import os
import signal
import socket
import time


def alive(pid):
    return state(pid) not in ("", "Z", "X")


def state(pid):
    """The letter of /proc/PID/stat; "" when there is none."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8",
                  errors="replace") as f:
            return f.read().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return ""


def arguments(pid):
    try:
        with open(f"/proc/{pid}/cmdline", encoding="utf-8",
                  errors="replace") as f:
            return f.read().rstrip("\0").split("\0")
    except (FileNotFoundError, ProcessLookupError):
        return []


def begun(pid):
    """When it began, in the kernel's ticks; 0: it has ended."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8",
                  errors="replace") as f:
            return int(f.read().rpartition(")")[2].split()[19])
    except (FileNotFoundError, ProcessLookupError):
        return 0


def running(command):
    """Those with these very arguments, the newest first."""
    pids = [int(name) for name in os.listdir("/proc") if name.isdigit() and
            arguments(name) == command and alive(name)]
    return sorted(pids, key=lambda pid: (begun(pid), pid), reverse=True)


def read_pid(path):
    try:
        with open(path, encoding="utf-8") as f:
            return int(f.readline())
    except (FileNotFoundError, ValueError):
        return 0


def send(pids, number):
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            pass


def wait_for(condition, seconds, pause=0.02):
    """Whether the condition came true in time."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(pause)
    return True


def wait_gone(pids, seconds):
    return wait_for(lambda: not any(alive(pid) for pid in pids), seconds)


def stop(pids, steps):
    """Each (signal, seconds) in turn until none is left; whether the first
    was enough. A stopped process is continued, else it would not hear."""
    for turn, (number, seconds) in enumerate(steps):
        left = [pid for pid in pids if alive(pid)]
        send(left, number)
        send(left, signal.SIGCONT)
        if wait_gone(left, seconds):
            return turn == 0
    return False


def listening(port):
    with socket.socket() as s:
        s.settimeout(0.5)
        return s.connect_ex(("127.0.0.1", port)) == 0


def bindable(port):
    with socket.socket() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            s.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def tail(path, lines=25):
    try:
        with open(path, encoding="utf-8", errors="replace") as f:
            text = f.readlines()[-lines:]
    except FileNotFoundError:
        return "  (no log)"
    return "".join("  | " + line for line in text).rstrip() or "  (empty log)"
