"""A primary's web and a backup's replicator, for the daily copy alone.

Neither has a database: the snapshot is served and fetched without one.
"""
import collections
import datetime
import hashlib
import json
import os
import secrets
import select
import shutil
import signal
import socket
import subprocess
import tempfile
import threading

from ports import free_port
from wait import wait_until

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
BIN = os.environ.get("GSB_TEST_BIN", os.path.join(ROOT, "build/asan/bin"))
NO_DB = "host=/nonexistent dbname=none"


def listens(port):
    with socket.socket() as s:
        return s.connect_ex(("127.0.0.1", port)) == 0


class Link(threading.Thread):
    """Between the two: counts bytes, cuts after so many, changes them."""

    def __init__(self, to):
        super().__init__(daemon=True)
        self.to = to
        self.up = self.down = 0
        self.cut_after = None  # bytes of answers of one connection
        self.change = None     # bytes -> bytes, on answers
        self.said = collections.deque(maxlen=40)
        self.listener = socket.socket()
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind(("127.0.0.1", 0))
        self.listener.listen(16)
        self.port = self.listener.getsockname()[1]
        self.start()

    def say(self, peer, what):
        """Why a connection has ended, for who wants to know."""
        at = datetime.datetime.now(datetime.timezone.utc)
        self.said.append(f"{at:%H:%M:%S.%f} {peer} {what}")

    def run(self):
        while True:
            try:
                client, address = self.listener.accept()
            except OSError:
                return
            self.say(address[1], "comes")
            threading.Thread(target=self.serve, args=(client, address[1]),
                             daemon=True).start()

    def serve(self, client, peer):
        """One connection, whose two sockets are this thread's alone."""
        with client:
            try:
                with socket.create_connection(("127.0.0.1",
                                               self.to)) as server:
                    self.say(peer, self.relay(client, server))
            except OSError as e:
                self.say(peer, f"ends by {e!r}")

    def relay(self, client, server):
        """Why it has ended."""
        sent = 0
        while True:
            ready = select.select([client, server], [], [])[0]
            if client in ready:
                data = client.recv(1 << 18)
                if not data:
                    return f"the client closes behind {sent} bytes"
                self.up += len(data)
                server.sendall(data)
            if server in ready:
                data = server.recv(1 << 18)
                if not data:
                    return f"the server closes behind {sent} bytes"
                if self.change is not None:
                    data = self.change(data)
                cut = self.cut_after
                if cut is not None:
                    data = data[:max(0, cut - sent)]
                client.sendall(data)
                self.down += len(data)
                sent += len(data)
                if cut is not None and sent >= cut:
                    return f"cut behind {sent} bytes"

    def close(self):
        """An accept that is under way outlives a mere close: woken by a
        signal it would go on with whatever has the descriptor by then."""
        self.listener.shutdown(socket.SHUT_RDWR)
        self.join()
        self.listener.close()


class CopyPair:
    def __init__(self, settings=(), backup_dir=None, env=None, link=True,
                 bin_dir=BIN, start=True):
        self.bin = bin_dir
        self.dir = tempfile.mkdtemp(prefix="gsb-copy-")
        self.source = self.path("source")
        self.store = self.path("primary", "files")
        self.backup = backup_dir or self.path("backup", "files")
        for name in ("source/pages/acme", "source/clients/acme", "primary",
                     "backup", "replicator"):
            os.makedirs(self.path(name))
        with open(os.open(self.path("keys"), os.O_WRONLY | os.O_CREAT,
                          0o600), "w", encoding="utf-8") as f:
            f.write(f"k1 {secrets.token_hex(32)}\n")
        self.settings = settings
        self.env = {**os.environ, **(env or {})}
        self.web_port = free_port()
        self.link = Link(self.web_port) if link else None
        self.socket = self.path("copy.sock")
        self.processes = {}
        if start:
            self.start_primary()
            self.start_replicator()

    def path(self, *parts):
        return os.path.join(self.dir, *parts)

    # --- processes -----------------------------------------------------------

    def start(self, name, command):
        with open(self.path(name + ".log"), "ab") as log:
            self.processes[name] = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env=self.env)

    def site_options(self):
        return ["--set", "site.public_url=http://meet.test",
                "--set", f"site.state_dir={self.path('primary')}",
                "--set", f"keys.file={self.path('keys')}",
                "--set", f"db.conninfo={NO_DB}",
                "--set", f"web.listen=127.0.0.1:{self.web_port}"]

    def start_primary(self):
        self.start("primary", [os.path.join(self.bin, "gsb-primary"),
                               "--only", "web", *self.site_options()])
        wait_until(lambda: listens(self.web_port))

    def start_replicator(self):
        port = self.link.port if self.link else self.web_port
        options = {
            "replicator.site": "backup", "replicator.local": NO_DB,
            "replicator.peer": NO_DB,
            "replicator.tables": os.path.join(
                ROOT, "lib/site/schema/tables.ini"),
            "replicator.state_dir": self.path("replicator"),
            "keys.file": self.path("keys"),
            "copy.url": f"http://127.0.0.1:{port}",
            "copy.dir": self.backup, "copy.socket": self.socket}
        sets = [f"{k}={v}" for k, v in options.items()] + list(self.settings)
        self.start("replicator", [
            os.path.join(self.bin, "gsb-replicator"),
            *[word for s in sets for word in ("--set", s)]])
        wait_until(lambda: self.ctl("status", check=False).returncode in
                   (0, 4))

    def stop(self, name, number=signal.SIGTERM):
        process = self.processes.pop(name)
        process.send_signal(number)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        return process.returncode

    def log(self, name):
        with open(self.path(name + ".log"), encoding="utf-8",
                  errors="replace") as f:
            return f.read()

    def close(self):
        for name in list(self.processes):
            self.stop(name)
        if self.link:
            self.link.close()
        logs = {name: self.log(name) for name in ("primary", "replicator")
                if os.path.exists(self.path(name + ".log"))}
        shutil.rmtree(self.dir)
        for name, text in logs.items():
            assert "Sanitizer" not in text and "aborting" not in text and \
                "runtime error" not in text, f"{name}:\n{text[-8000:]}"

    # --- what people do --------------------------------------------------------

    def write(self, path, data):
        full = os.path.join(self.source, path)
        os.makedirs(os.path.dirname(full), exist_ok=True)
        with open(full, "wb") as f:
            f.write(data)

    def publish(self, check=True, source=None):
        return subprocess.run(
            [os.path.join(self.bin, "gsb-primary"), "--publish",
             source or self.source, *self.site_options()], check=check,
            capture_output=True, text=True, env=self.env)

    def ctl(self, *words, check=True):
        return subprocess.run(
            [os.path.join(self.bin, "gsbctl"), "--replicator", self.socket,
             "--format", "json", "copy", *words], check=check,
            capture_output=True, text=True, env=self.env)

    def status(self):
        return json.loads(self.ctl("status", check=False).stdout)

    def settled(self, pause=0.05):
        """The status when no copy runs, and one has been made."""
        def done():
            status = self.status()
            return status if status["running"] is None and status["last"] \
                else None
        return wait_until(done, pause=pause)

    def copy(self, *options, check=True):
        """Runs one; its status. A try that is under way is waited for: it
        began before what the test has just changed."""
        wait_until(lambda: self.status()["running"] is None)
        done = self.ctl("run", *options, check=False)
        status = json.loads(done.stdout)
        if check:
            assert done.returncode == 0, \
                (status["last"], self.link and list(self.link.said),
                 self.log("replicator")[-3000:], self.log("primary")[-3000:])
        return status

    def age_note(self, hours, *keys):
        """As if so much time had passed since (the replicator is down)."""
        note = os.path.join(self.backup, "status.json")
        with open(note, encoding="utf-8") as f:
            kept = json.load(f)
        for key in keys:
            kept[key] -= hours * 3600 * 10**6
        with open(note, "w", encoding="utf-8") as f:
            json.dump(kept, f)

    # --- what is there -----------------------------------------------------------

    def content(self, store=None):
        """Everything that a reader of the store sees: {path: bytes}."""
        return read_store(store or self.backup)

    def expected(self):
        seen = {}
        for folder, _, names in os.walk(self.source):
            for name in names:
                full = os.path.join(folder, name)
                path = os.path.relpath(full, self.source)
                with open(full, "rb") as f:
                    seen[path] = f.read()
        return {k: v for k, v in seen.items() if k != "settings.json"}


def read_names(store):
    """What a reader of the store sees: {path: its file in the store}."""
    manifest = os.path.join(store, os.readlink(os.path.join(store,
                                                            "current")))
    seen = {}
    with open(manifest, encoding="utf-8") as f:
        for line in f:
            words = line.rstrip("\n").split(" ", 4)
            if words[0] == "file":
                seen[words[4]] = os.path.join(store, "objects", words[3][:2],
                                              words[3])
    return seen


def read_store(store):
    seen = {}
    for path, name in read_names(store).items():
        with open(name, "rb") as f:
            seen[path] = f.read()
        digest = hashlib.sha256(seen[path]).hexdigest()
        assert digest == os.path.basename(name), path
    return seen
