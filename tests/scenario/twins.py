"""Two private clusters with a replicator each, without the rest of a pair:
for tests of replication alone, which break things more freely."""
import os
import pwd
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time

import psycopg2

from wait import wait_until

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
PG = "/usr/lib/postgresql/15/bin"
SITES = ("primary", "backup")
OTHER = {"primary": "backup", "backup": "primary"}
BUILD = os.environ.get("GSB_TEST_BUILD", "ASan")
REPORT = re.compile(
    r"AddressSanitizer|LeakSanitizer|UndefinedBehaviorSanitizer|"
    r"runtime error:|[Aa]ssertion.*failed|stack smashing|double free")
SETTINGS = """
wal_level = logical
max_slot_wal_keep_size = 4GB
listen_addresses = '127.0.0.1'
track_commit_timestamp = on
shared_buffers = 64MB
max_connections = 60
password_encryption = scram-sha-256
wal_sender_timeout = 10s
log_line_prefix = '%m [%p] %a '
"""


def binary():
    folder = os.environ.get("GSB_TEST_BIN") or os.path.join(
        ROOT, "build", BUILD.lower(), "bin")
    return os.path.join(folder, "gsb-replicator")


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Twins:
    def __init__(self, schema, tables, sync="off", settings="",
                 program=None, base=None):
        self.dir = tempfile.mkdtemp(prefix="gsb-twins-", dir=base or "/tmp")
        os.chmod(self.dir, 0o755)
        self.user = "postgres" if os.geteuid() == 0 else None
        self.port = {site: free_port() for site in SITES}
        self.status = {site: free_port() for site in SITES}
        self.schema, self.tables = schema, tables
        self.sync, self.settings = sync, settings
        self.program = program or binary()
        self.process = {}
        self.peer_port = {site: self.port[OTHER[site]] for site in SITES}

    # --- clusters ----------------------------------------------------------

    def as_owner(self, *command, check=True):
        if self.user:
            command = ("runuser", "-u", self.user, "--", *command)
        return subprocess.run(command, check=check, capture_output=True,
                              text=True, cwd=self.dir)

    def data(self, site):
        return os.path.join(self.dir, site)

    def make(self):
        if self.user:
            owner = pwd.getpwnam(self.user)
            os.chown(self.dir, owner.pw_uid, owner.pw_gid)
        for site in SITES:
            self.as_owner(f"{PG}/initdb", "-D", self.data(site), "-A",
                          "trust", "-E", "UTF8", "--locale=C", "-N", "-U",
                          "postgres")
            with open(os.path.join(self.data(site), "postgresql.conf"), "a",
                      encoding="utf-8") as f:
                f.write(f"{SETTINGS}port = {self.port[site]}\n"
                        f"unix_socket_directories = '{self.dir}'\n"
                        f"{self.settings}\n")
            self.start_db(site)
            with self.connect(site, "postgres") as c:
                c.cursor().execute("CREATE ROLE gsb_site LOGIN")
                c.cursor().execute(
                    "CREATE ROLE gsb_replicator LOGIN REPLICATION")
                c.cursor().execute("CREATE DATABASE gsb OWNER gsb_site")
            with self.connect(site) as c:
                c.cursor().execute(self.schema)
        self.configure()
        for site in SITES:
            self.install(site)
        return self

    def start_db(self, site):
        self.as_owner(f"{PG}/pg_ctl", "-D", self.data(site), "-w", "-l",
                      self.data(site) + ".log", "start")

    def stop_db(self, site, mode="fast"):
        self.as_owner(f"{PG}/pg_ctl", "-D", self.data(site), "-w", "-m", mode,
                      "stop", check=False)

    def kill_db(self, site):
        """Every process of the cluster, as the machine's end would."""
        with open(os.path.join(self.data(site), "postmaster.pid"),
                  encoding="utf-8") as f:
            head = int(f.readline())
        children = subprocess.run(["pgrep", "-P", str(head)], check=False,
                                  capture_output=True, text=True).stdout
        for pid in [head, *map(int, children.split())]:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        wait_until(lambda: not os.path.exists(f"/proc/{head}") or
                   open(f"/proc/{head}/stat", encoding="utf-8")
                   .read().split()[2] == "Z", what="the postmaster is gone")

    def connect(self, site, dbname="gsb", user="postgres", **more):
        c = psycopg2.connect(host="127.0.0.1", port=self.port[site],
                             dbname=dbname, user=user, **more)
        c.autocommit = True
        return AutoClose(c)

    def query(self, site, sql, parameters=None, user="postgres"):
        with self.connect(site, user=user) as c:
            cursor = c.cursor()
            cursor.execute(sql, parameters)
            return cursor.fetchall() if cursor.description else None

    def one(self, site, sql, parameters=None):
        return self.query(site, sql, parameters)[0][0]

    # --- replicators -------------------------------------------------------

    def configure(self):
        path = os.path.join(self.dir, "tables.ini")
        with open(path, "w", encoding="utf-8") as f:
            f.write(self.tables)
        for site in SITES:
            state = os.path.join(self.dir, site + "-state")
            os.makedirs(state, exist_ok=True)
            with open(self.conf(site), "w", encoding="utf-8") as f:
                f.write(
                    f"[replicator]\nsite = {site}\n"
                    f"local = {self.conninfo(self.port[site])}\n"
                    f"peer = {self.conninfo(self.peer_port[site])}\n"
                    f"admin = host=127.0.0.1 port={self.port[site]} "
                    f"dbname=gsb user=postgres\n"
                    f"tables = {path}\nsync = {self.sync}\n"
                    f"state_dir = {state}\n"
                    f"[status]\nlisten = 127.0.0.1:{self.status[site]}\n")

    @staticmethod
    def conninfo(port):
        return f"host=127.0.0.1 port={port} dbname=gsb user=gsb_replicator"

    def conf(self, site):
        return os.path.join(self.dir, site + ".conf")

    def log(self, site):
        return os.path.join(self.dir, site + "-replicator.log")

    def install(self, site):
        subprocess.run([self.program, "--config", self.conf(site), "install"],
                       check=True, stdout=subprocess.DEVNULL)

    def start(self, *sites):
        for site in sites or SITES:
            with open(self.log(site), "ab") as log:
                self.process[site] = subprocess.Popen(
                    [self.program, "--config", self.conf(site)],
                    stdout=log, stderr=log)
        return self

    def kill(self, site):
        self.process[site].kill()
        self.process[site].wait()

    def stop(self, site, timeout=10):
        """SIGTERM; returns how long it took."""
        begin = time.monotonic()
        self.process[site].terminate()
        code = self.process[site].wait(timeout)
        assert code == 0, f"{site}: exit {code}\n{self.tail(site)}"
        return time.monotonic() - begin

    def tail(self, site, lines=30):
        with open(self.log(site), encoding="utf-8", errors="replace") as f:
            return "".join(f.readlines()[-lines:])

    # --- what is promised --------------------------------------------------

    def barrier(self, site, timeout=30):
        """What is committed at site is applied at the other one."""
        token = f"{site}-{time.monotonic_ns()}"
        self.query(site, "SET synchronous_commit = local; "
                   "SELECT gsb.barrier(%s)", (token,))
        wait_until(lambda: self.one(OTHER[site],
                                    "SELECT gsb.barrier_seen(%s)", (token,)),
                   timeout=timeout, what=f"barrier of {site}")

    def settle(self, timeout=30):
        for site in SITES:
            self.barrier(site, timeout)

    def rows(self, site, table):
        return self.query(
            site, f"SELECT to_jsonb(t)::text FROM {table} t ORDER BY 1")

    def same(self, table):
        return self.rows("primary", table) == self.rows("backup", table)

    # --- the end -----------------------------------------------------------

    def down(self):
        """Ends everything; the reports of sanitizers that were found."""
        reports = []
        for site, process in self.process.items():
            if process.poll() is None:
                process.terminate()
                try:
                    process.wait(10)
                except subprocess.TimeoutExpired:
                    reports.append(f"{site}: did not end on SIGTERM")
                    process.kill()
                    process.wait()
            with open(self.log(site), encoding="utf-8",
                      errors="replace") as f:
                text = f.read()
            if REPORT.search(text):
                reports.append(text[-8000:])
        for site in SITES:
            self.stop_db(site, "immediate")
        shutil.rmtree(self.dir, ignore_errors=True)
        return reports


class AutoClose:
    """A psycopg2 connection whose with-block closes it."""

    def __init__(self, connection):
        self.connection = connection

    def __enter__(self):
        return self.connection

    def __exit__(self, *_):
        self.connection.close()
