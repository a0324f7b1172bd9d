"""Two private clusters with a replicator each, without the rest of a pair:
for tests of replication alone, which break things more freely."""
import contextlib
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time

import psycopg2

from calm import calm_seconds
from ports import free_ports
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


def alive(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as f:
            return f.read().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


class Twins:
    def __init__(self, schema, tables, sync="off", settings="",
                 program=None, base=None, replicator=""):
        self.dir = tempfile.mkdtemp(prefix="gsb-twins-", dir=base or "/tmp")
        os.chmod(self.dir, 0o755)
        ports = free_ports(4)
        self.port = dict(zip(SITES, ports[:2]))
        self.status = dict(zip(SITES, ports[2:]))
        self.schema, self.tables = schema, tables
        self.sync, self.settings = sync, settings
        self.replicator = replicator  # more lines of its section
        self.program = program or binary()
        self.process, self.server = {}, {}
        self.peer_port = {site: self.port[OTHER[site]] for site in SITES}
        self.local_port = dict(self.port)
        self.server_env = {site: {} for site in SITES}

    # --- clusters ----------------------------------------------------------

    def as_owner(self, *command):
        """Not as root: PostgreSQL refuses that."""
        if os.geteuid() == 0:
            command = ("setpriv", "--reuid=postgres", "--regid=postgres",
                       "--init-groups", *command)
        return command

    def data(self, site):
        return os.path.join(self.dir, site)

    def make(self):
        if os.geteuid() == 0:
            shutil.chown(self.dir, "postgres", "postgres")
        for site in SITES:
            subprocess.run(
                self.as_owner(f"{PG}/initdb", "-D", self.data(site), "-A",
                              "trust", "-E", "UTF8", "--locale=C", "-N",
                              "-U", "postgres"),
                check=True, capture_output=True, cwd="/")
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
        """As our child, so that it is gone when it has been killed."""
        with open(self.data(site) + ".log", "ab") as log:
            self.server[site] = subprocess.Popen(
                self.as_owner(
                    "env", *(f"{k}={v}" for k, v in
                             self.server_env[site].items()),
                    f"{PG}/postgres", "-D", self.data(site)),
                stdout=log, stderr=log, cwd="/")
        wait_until(lambda: self.one(site, "SELECT 1", dbname="postgres"),
                   what=f"the database of {site}")

    def stop_db(self, site, how=signal.SIGQUIT):
        server = self.server.get(site)
        if server is not None and server.poll() is None:
            server.send_signal(how)
            server.wait(30)

    def kill_db(self, site):
        """Every process of the cluster, as the machine's end would."""
        head = self.server[site].pid
        # no child may be born between looking and killing
        os.kill(head, signal.SIGSTOP)
        children = subprocess.run(["pgrep", "-P", str(head)], check=False,
                                  capture_output=True, text=True).stdout
        pids = [head, *map(int, children.split())]
        for pid in pids:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        self.server[site].wait()
        wait_until(lambda: not any(map(alive, pids)),
                   what="the cluster's processes are gone")

    def connect(self, site, dbname="gsb", user="postgres", **more):
        c = psycopg2.connect(host="127.0.0.1", port=self.port[site],
                             dbname=dbname, user=user, **more)
        c.autocommit = True
        return AutoClose(c)

    def query(self, site, sql, parameters=None, dbname="gsb"):
        with self.connect(site, dbname) as c:
            cursor = c.cursor()
            cursor.execute(sql, parameters)
            return cursor.fetchall() if cursor.description else None

    def one(self, site, sql, parameters=None, dbname="gsb"):
        return self.query(site, sql, parameters, dbname)[0][0]

    # --- replicators -------------------------------------------------------

    def local(self, site):
        """By its socket, as in a real pair; by the port where it is a wire."""
        port = self.local_port[site]
        return self.conninfo(port, self.dir if port == self.port[site] else
                             "127.0.0.1")

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
                    f"local = {self.local(site)}\n"
                    f"peer = {self.conninfo(self.peer_port[site])}\n"
                    f"admin = host={self.dir} port={self.port[site]} "
                    f"dbname=gsb user=postgres\n"
                    f"tables = {path}\nsync = {self.sync}\n"
                    f"state_dir = {state}\n{self.replicator}\n"
                    f"[status]\nlisten = 127.0.0.1:{self.status[site]}\n")

    @staticmethod
    def conninfo(port, host="127.0.0.1"):
        return f"host={host} port={port} dbname=gsb user=gsb_replicator"

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
        return calm_seconds(begin)

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
            site, "SELECT (to_jsonb(whole) - 'gsb_changed')::text "
            f"FROM {table} whole ORDER BY 1")

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
            self.stop_db(site)
        shutil.rmtree(self.dir, ignore_errors=True)
        return reports


@contextlib.contextmanager
def running(*arguments, **more):
    """Twins that run, for the tests of a module; faults that they told are
    its last failure."""
    twins = Twins(*arguments, **more)
    try:
        yield twins.make().start()
    finally:
        reports = twins.down()
    assert not reports, "\n".join(reports)


class AutoClose:
    """A psycopg2 connection whose with-block closes it."""

    def __init__(self, connection):
        self.connection = connection

    def __enter__(self):
        return self.connection

    def __exit__(self, *_):
        self.connection.close()
