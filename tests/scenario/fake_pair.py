"""gsb-proxy in front of two fake sites: what control decides, without
databases. Every service is a process, killed and stopped as such."""
import http.client
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

from ports import free_ports
from wait import wait_until

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
BIN = os.environ.get("GSB_TEST_BIN", os.path.join(ROOT, "build/asan/bin"))
SERVICES = ("primary-web", "primary-collab", "backup-web", "backup-collab")


class FakePair:
    hosts = dict.fromkeys(("primary", "backup", "proxy"), "127.0.0.1")

    def __init__(self, tls=None, proxy=None, limits=None, sites=None,
                 notices=None, health=None, dashboard=None, **settings):
        self.dir = tempfile.mkdtemp(prefix="gsb-fake-")
        ports = free_ports(len(SERVICES) + 6)
        self.ports = dict(zip(SERVICES, ports))
        self.port, self.metrics = ports[4], ports[5]
        self.idle, self.tls_port = ports[6:8], ports[8]
        self.dashboard = dashboard and {
            "listen": f"127.0.0.1:{ports[9]}", **dashboard}
        self.tls, self.proxy, self.limits = tls, proxy or {}, limits or {}
        self.notices, self.health = notices or {}, health or {}
        # With site_tls = (what fake_site's speak_tls takes): over TLS.
        self.sites, self.site_tls = sites or {}, None
        if "site_tls" in settings:
            self.site_tls = settings.pop("site_tls")
        self.socket = os.path.join(self.dir, "admin.sock")
        self.settings = {"stable": "1s", **settings}
        self.processes = {}
        self.env = {}  # more of it, by the name of a process
        for folder in ("state", "proxy"):
            os.mkdir(os.path.join(self.dir, folder))
        self.write("keys", f"k1 {secrets.token_hex(32)}\n", 0o600)
        self.write("proxy.conf", self.conf())

    def path(self, *parts):
        return os.path.join(self.dir, *parts)

    def write(self, name, text, mode=0o644):
        temp = self.path(name + ".new")
        with open(temp, "w", encoding="utf-8") as f:
            f.write(text)
        os.chmod(temp, mode)
        os.rename(temp, self.path(name))

    def conf(self):
        lines = ["[proxy]", f"listen = {self.hosts['proxy']}:{self.port}",
                 f"state_dir = {self.path('proxy')}",
                 f"admin = {self.socket}",
                 f"metrics_listen = 127.0.0.1:{self.metrics}",
                 "[keys]", f"file = {self.path('keys')}"]
        if self.tls is not None:
            lines.insert(1, f"tls_listen = 127.0.0.1:{self.tls_port}, "
                         f"[::1]:{self.tls_port}")
        lines[1:1] = [f"{k} = {v}" for k, v in self.proxy.items()]
        for section, keys in (("tls", self.tls), ("limits", self.limits),
                              ("sites", self.sites),
                              ("notices", self.notices),
                              ("health", self.health),
                              ("dashboard", self.dashboard)):
            if keys:
                lines += [f"[{section}]"] + [f"{k} = {v}"
                                             for k, v in keys.items()]
        for site, idle in zip(("primary", "backup"), self.idle):
            host = self.hosts[site]
            if self.site_tls:
                host = "https://" + host
            lines += [f"[{site}]",
                      f"web = {host}:{self.ports[site + '-web']}",
                      f"collab = {host}:{idle}", "collab_health = "
                      f"{host}:{self.ports[site + '-collab']}"]
        lines.append("[failover]")
        lines += [f"{k} = {v}" for k, v in self.settings.items()]
        return "\n".join(lines) + "\n"

    # --- processes -----------------------------------------------------------

    def start(self, *names):
        for name in names:
            if name == "proxy":
                self.spawn(name, [os.path.join(BIN, "gsb-proxy"), "--config",
                                  self.path("proxy.conf")])
                continue
            site, service = name.split("-")
            self.spawn(name, [
                "/usr/bin/python3", "-B", os.path.join(HERE, "fake_site.py"),
                site, service, f"{self.hosts[site]}:{self.ports[name]}",
                self.path("keys"), self.path("state"),
                *(self.site_tls or ())])
            wait_until(lambda where=(self.hosts[site], self.ports[name]):
                       self.connect(where).close() is None, 10)

    def connect(self, where, timeout=1):
        return socket.create_connection(where, timeout)

    def client(self):
        """A connection to the proxy, from where its clients are."""
        connection = http.client.HTTPConnection(self.hosts["proxy"],
                                                self.port, timeout=30)
        connection.sock = self.connect((self.hosts["proxy"], self.port), 30)
        return connection

    def spawn(self, name, command):
        with open(self.path(name + ".log"), "ab") as log:
            self.processes[name] = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env={**os.environ, **self.env.get(name, {})})

    def up(self):
        self.start(*SERVICES, "proxy")
        self.wait_state("NORMAL")
        return self

    def send(self, name, number):
        self.processes[name].send_signal(number)

    def kill(self, *names):
        for name in names:
            self.send(name, signal.SIGKILL)
        for name in names:
            self.processes[name].wait()

    def is_home(self):
        status = self.status()
        if status["state"] == "LOST":
            self.order("authority", "adopt", "--to", "primary", status=None)
        elif status["state"] in ("READY_TO_RETURN", "MAINTENANCE"):
            self.order("failback", status=None)
        return status["state"] == "NORMAL" and not status["degraded"] and \
            all(site["verdict"] == "whole" and
                all(service["serving"] for service in
                    site["services"].values()) is site["active"]
                for site in status["sites"].values())

    def restore(self):
        """Whatever a test has done: all runs, the primary serves."""
        for site in ("primary", "backup"):
            self.set_site(site)
        for name in (*SERVICES, "proxy"):
            self.send(name, signal.SIGCONT)
            if self.processes[name].poll() is not None:
                self.start(name)
        wait_until(self.is_home, 120, 0.1, "the primary serves again")

    def down(self):
        """What the proxy's sanitizer had to say, or its status."""
        for process in self.processes.values():
            process.send_signal(signal.SIGCONT)
            process.terminate()
        fault = ""
        for name, process in self.processes.items():
            try:
                status = process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                status = process.wait()
            if name == "proxy" and status not in (0, -signal.SIGKILL):
                fault = f"gsb-proxy ended with status {status}\n" + \
                    self.log()[-4000:]
        shutil.rmtree(self.dir)
        return fault

    def end_successor(self):
        """The proxy that took over by an upgrade is no child of ours."""
        try:
            pid = self.status()["pid"]
        except AssertionError:
            return
        if pid == self.processes["proxy"].pid:
            return
        os.kill(pid, signal.SIGTERM)

        def gone():
            try:
                os.kill(pid, 0)
            except ProcessLookupError:
                return True
            with open(f"/proc/{pid}/stat", encoding="utf-8") as f:
                return f.read().rsplit(")", 1)[1].split()[0] == "Z"
        wait_until(gone, 20)
        assert "Sanitizer" not in self.log(), self.log()[-4000:]

    def log(self, name="proxy"):
        with open(self.path(name + ".log"), encoding="utf-8",
                  errors="replace") as f:
            return f.read()

    def set_site(self, site, **settings):
        self.write(f"state/{site}.json", json.dumps(settings))

    # --- asking --------------------------------------------------------------

    def ctl(self, *arguments, status=0):
        """gsbctl's standard output (parsed if JSON), after that status (None: any)."""
        done = subprocess.run(
            [os.path.join(BIN, "gsbctl"), "--connect", self.socket,
             *arguments], stdin=subprocess.DEVNULL, capture_output=True,
            text=True, timeout=120, check=False)
        assert status in (None, done.returncode), (arguments, done)
        if "json" in arguments and done.stdout:
            return json.loads(done.stdout)
        return done.stdout + done.stderr

    def metric(self, name):
        """The first value whose line begins so, of /metrics; None."""
        with urllib.request.urlopen(
                f"http://127.0.0.1:{self.metrics}/metrics", timeout=10) as f:
            for line in f.read().decode().splitlines():
                if line.startswith(name):
                    return float(line.rpartition(" ")[2])
        return None

    def order(self, *arguments, status=0):
        return self.ctl(*arguments, "--reason", "test", "--yes",
                        status=status)

    def status(self):
        return self.ctl("--format", "json", "status")

    def wait_state(self, state, timeout=30):
        return wait_until(lambda: self.status()["state"] == state, timeout,
                          what=f"state {state}")

    def get(self, path="/acme/x", method="GET", body=None):
        connection = self.client()
        try:
            connection.request(method, path, body)
            answer = connection.getresponse()
            text = answer.read().decode()
            return answer.status, json.loads(text) if answer.status == 200 \
                else text
        finally:
            connection.close()


class Clients:
    """Clients that go on asking, half of them by POST; every answer counts."""

    def __init__(self, pair, n=6):
        self.pair = pair
        self.ended = threading.Event()
        self.answers = []
        self.faults = []
        self.threads = [threading.Thread(target=self.run, args=(i,))
                        for i in range(n)]

    def run(self, i):
        connection = self.pair.client()
        method = "POST" if i % 2 else "GET"
        while not self.ended.is_set():
            try:
                connection.request(method, "/acme/x", b"b" if i % 2 else None)
                answer = connection.getresponse()
                text = answer.read()
                if answer.status != 200:
                    self.faults.append((answer.status, text))
                    continue
                doc = json.loads(text)
                self.answers.append((time.monotonic(), doc["site"],
                                     doc["epoch"]))
            except (OSError, http.client.HTTPException) as e:
                self.faults.append(repr(e))
                connection.close()
                connection = self.pair.client()
            time.sleep(0.004)
        connection.close()

    def first(self, site, after):
        found = [a for a in list(self.answers)
                 if a[1] == site and a[0] > after]
        return found[0][0] if found else None

    def wait_first(self, site, after, timeout=15):
        return wait_until(lambda: self.first(site, after), timeout,
                          what=f"an answer of the {site}")

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        wait_until(lambda: len(self.answers) > 20, 20)
        return self

    def __exit__(self, *problem):
        self.ended.set()
        for thread in self.threads:
            thread.join()
        if problem[0] is None:
            assert not self.faults, self.faults[:5]
            epochs = [a[2] for a in sorted(self.answers)]
            # Never an answer of an older epoch after one of a newer; two of
            # one moment may have been noted in either order.
            assert all(b >= a or a - b <= 1 for a, b in
                       zip(epochs, epochs[1:]))
        print(f"{len(self.answers)} answers", file=sys.stderr)
