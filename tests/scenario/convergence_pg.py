"""Private PostgreSQL clusters and the bare replicator, for the tests of the
merge: no proxy, no sites, no demo."""
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile

import psycopg2

from ports import free_port
from wait import wait_until

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
BIN = os.environ.get("GSB_TEST_BIN") or os.path.join(ROOT, "build", "asan",
                                                     "bin")
PG = "/usr/lib/postgresql/15/bin"
CONF = """
listen_addresses = '127.0.0.1'
wal_level = logical
shared_buffers = 32MB
max_connections = 60
max_wal_senders = 10
wal_sender_timeout = 10s
deadlock_timeout = 200ms
autovacuum_naptime = 5s
"""


# Whoever ends a test by SIGTERM leaves no cluster behind.
signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))


def as_postgres(*command, **options):
    """Not as root: PostgreSQL refuses that."""
    if os.geteuid() == 0:
        command = ("setpriv", "--reuid=postgres", "--regid=postgres",
                   "--init-groups", *command)
    return subprocess.run(command, stdin=subprocess.DEVNULL, text=True,
                          cwd="/", check=True, capture_output=True, **options)


class Cluster:
    """initdb, the two roles, an empty database gsb."""

    def __init__(self, port=None, conf=""):
        self.port = port or free_port()
        self.dir = tempfile.mkdtemp(prefix="gsb-pg-", dir="/tmp")
        self.data = os.path.join(self.dir, "data")
        if os.geteuid() == 0:
            shutil.chown(self.dir, "postgres")
        as_postgres(f"{PG}/initdb", "-D", self.data, "-U", "postgres", "-A",
                    "trust", "-E", "UTF8", "--locale=C.UTF-8", "-N")
        with open(os.path.join(self.data, "postgresql.conf"), "a",
                  encoding="utf-8") as f:
            f.write(f"{CONF}port = {self.port}\n"
                    f"unix_socket_directories = '{self.dir}'\n{conf}")
        self.start()
        self.sql("CREATE ROLE gsb_site LOGIN", database="postgres")
        self.sql("CREATE ROLE gsb_replicator LOGIN REPLICATION",
                 database="postgres")
        self.create("gsb")

    def create(self, database):
        self.sql(f"CREATE DATABASE {database} OWNER gsb_site",
                 database="postgres")

    def conninfo(self, user="postgres", database="gsb", port=None):
        return (f"host=127.0.0.1 port={port or self.port} user={user} "
                f"dbname={database} connect_timeout=5")

    def connect(self, user="postgres", database="gsb"):
        connection = psycopg2.connect(self.conninfo(user, database))
        connection.autocommit = True
        return connection

    def sql(self, text, parameters=None, user="postgres", database="gsb"):
        connection = self.connect(user, database)
        try:
            with connection.cursor() as cursor:
                cursor.execute(text, parameters)
                return cursor.fetchall() if cursor.description else []
        finally:
            connection.close()

    def start(self):
        as_postgres(f"{PG}/pg_ctl", "-D", self.data, "-l",
                    os.path.join(self.dir, "log"), "-w", "-t", "60", "start")

    def pids(self):
        """The postmaster and every process of its session."""
        try:
            with open(os.path.join(self.data, "postmaster.pid"),
                      encoding="utf-8") as f:
                master = int(f.readline())
        except (OSError, ValueError):
            return []
        out = subprocess.run(["ps", "-o", "pid=", "--ppid", str(master)],
                             capture_output=True, text=True, check=False)
        return [master] + [int(p) for p in out.stdout.split()]

    def kill(self):
        """kill -9 of all its processes at once, as a power cut. The first one
        is stopped before: whom it starts after the look would live on."""
        for pid in self.pids()[:1]:
            try:
                os.kill(pid, signal.SIGSTOP)
            except ProcessLookupError:
                pass
        pids = self.pids()
        for pid in pids:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        wait_until(lambda: not any(os.path.exists(f"/proc/{p}")
                                   for p in pids), 20)

    def down(self):
        self.kill()
        shutil.rmtree(self.dir, ignore_errors=True)


class Replicator:
    """One gsb-replicator between two clusters; log and state of its own."""

    def __init__(self, site, local, peer, tables, sync="off",
                 database="gsb", peer_port=None, more=""):
        self.site = site
        self.dir = tempfile.mkdtemp(prefix=f"gsb-repl-{site}-", dir="/tmp")
        self.log = os.path.join(self.dir, "log")
        self.conf = os.path.join(self.dir, "conf")
        self.port = free_port()
        self.process = None
        with open(self.conf, "w", encoding="utf-8") as f:
            f.write(f"""[replicator]
site = {site}
local = {local.conninfo('gsb_replicator', database)}
peer = {peer.conninfo('gsb_replicator', database, peer_port)}
admin = {local.conninfo('postgres', database)}
tables = {tables}
sync = {sync}
{more}state_dir = {self.dir}
[status]
listen = 127.0.0.1:{self.port}
[log]
level = {os.environ.get("GSB_LOG_LEVEL", "info")}
""")

    def install(self, *options):
        return subprocess.run(
            [os.path.join(BIN, "gsb-replicator"), "install", "--config",
             self.conf, *options], stdin=subprocess.DEVNULL,
            capture_output=True, text=True, check=False, timeout=120)

    def start(self):
        with open(self.log, "a", encoding="utf-8") as log:
            self.process = subprocess.Popen(
                [os.path.join(BIN, "gsb-replicator"), "--config", self.conf],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True)

    def running(self):
        return self.process is not None and self.process.poll() is None

    def signal(self, number):
        if self.running():
            self.process.send_signal(number)

    def kill(self):
        self.signal(signal.SIGCONT)
        self.signal(signal.SIGKILL)
        if self.process is not None:
            self.process.wait()
        self.process = None

    def stop(self):
        """SIGTERM, so that a sanitizer reports; returns the exit status."""
        self.signal(signal.SIGCONT)
        self.signal(signal.SIGTERM)
        try:
            status = self.process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            self.kill()
            return "still running 30 s after SIGTERM"
        self.process = None
        return status

    def log_text(self):
        if not os.path.exists(self.log):
            return ""
        with open(self.log, encoding="utf-8", errors="replace") as f:
            return f.read()

    def remove(self):
        if self.process is not None:
            self.kill()
        shutil.rmtree(self.dir, ignore_errors=True)


def generated_sql(conninfo, tables):
    """The replicator's statements, as its unit test prints them."""
    done = subprocess.run(
        [os.path.join(BIN, "unit", "replicator-merge_sql"), "--print", tables,
         conninfo], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def for_psycopg(sql):
    """$1 in the order in which they stand becomes %s."""
    numbers = [int(n) for n in re.findall(r"\$(\d+)::", sql)]
    assert numbers == list(range(1, len(numbers) + 1)), numbers
    return re.sub(r"\$\d+::", "%s::", sql.replace("%", "%%"))
