"""A private PostgreSQL 15 cluster of a demo.

The processes of a cluster are those that run the server's program in its
data folder: the postmaster gone or stopped, its children still write, so
every verb looks for all of them.
"""
import os
import pwd
import secrets
import shutil
import signal
import subprocess

import process
from layout import Fault, postgres_user

BIN = "/usr/lib/postgresql/15/bin"
ROLES = {"gsb_site": "LOGIN", "gsb_replicator": "LOGIN REPLICATION"}
SETTINGS = {
    "listen_addresses": "'127.0.0.1'",
    "wal_level": "logical",
    "track_commit_timestamp": "on",
    "max_wal_senders": "10",
    "max_replication_slots": "10",
    "max_slot_wal_keep_size": "1GB",
    "max_connections": "100",
    "shared_buffers": "64MB",
    "max_wal_size": "512MB",
    "password_encryption": "'scram-sha-256'",
    "log_line_prefix": "'%m [%p] %q%u@%d '",
    "log_checkpoints": "off",
    "timezone": "'UTC'",
    "log_timezone": "'UTC'",
}
HBA = "local all all scram-sha-256\nhost all all 127.0.0.1/32 scram-sha-256\n"


class Cluster:
    def __init__(self, layout, name):
        self.layout = layout
        self.name = name
        self.site = name.partition("-")[0]
        self.data = layout.path("db", self.site)
        self.log = layout.path("log", name)
        self.pid_file = layout.path("pid", name)
        self.port = layout.port_of(name)

    # --- processes -----------------------------------------------------------

    def processes(self):
        """Every process of the cluster, the postmaster first."""
        found = []
        data = os.path.realpath(self.data)
        for entry in os.listdir("/proc"):
            if not entry.isdigit():
                continue
            try:
                if os.readlink(f"/proc/{entry}/cwd") == data and \
                        os.path.basename(os.readlink(f"/proc/{entry}/exe")
                                         ) == "postgres":
                    found.append(int(entry))
            except OSError:
                continue
        master = process.read_pid(os.path.join(self.data, "postmaster.pid"))
        return sorted(found, key=lambda pid: (pid != master, pid))

    def pid(self):
        pid = process.read_pid(self.pid_file)
        return pid if pid in self.processes() else 0

    def state(self):
        pid = process.read_pid(self.pid_file)
        if pid == 0:
            return "stopped"
        if not process.alive(pid) or pid not in self.processes():
            return "dead"
        return "paused" if process.state(pid) == "T" else "running"

    def freeze(self):
        """Stops the postmaster first, so that no child comes after the look;
        then children, until a look finds none that runs."""
        seen = []
        while True:
            running = [pid for pid in self.processes()
                       if process.state(pid) not in ("T", "Z")]
            fresh = [pid for pid in running if pid not in seen]
            if not fresh:
                return seen
            process.send(fresh, signal.SIGSTOP)
            seen += fresh

    def pause(self):
        self.freeze()

    def resume(self):
        process.send(reversed(self.processes()), signal.SIGCONT)

    def kill(self):
        pids = self.processes()
        process.send(pids[:1], signal.SIGSTOP)
        while pids:
            process.send(pids, signal.SIGKILL)
            process.wait_gone(pids, 10)
            pids = self.processes()

    def stop(self):
        pids = self.processes()
        process.send(pids, signal.SIGCONT)
        if pids and not process.stop(pids[:1], [(signal.SIGINT, 20),
                                                (signal.SIGQUIT, 10),
                                                (signal.SIGKILL, 5)]):
            print(f"{self.name}: did not stop in 20 s, was cut off")
        if not process.wait_gone(pids, 10):
            self.kill()
        if os.path.exists(self.pid_file):
            os.remove(self.pid_file)

    # --- making and starting -----------------------------------------------

    def command(self, arguments, **options):
        """Runs a program as the user of the database."""
        user = postgres_user()
        who = {} if user is None else {
            "user": user, "group": user, "extra_groups": []}
        run = subprocess.run(arguments, stdin=subprocess.DEVNULL, text=True,
                             stdout=subprocess.PIPE, cwd="/",
                             stderr=subprocess.STDOUT, check=False,
                             **who, **options)
        if run.returncode != 0:
            raise Fault(f"{self.name}: {arguments[0]} failed:\n"
                        f"{run.stdout.rstrip()}")
        return run.stdout

    def own(self, path, mode):
        """Hands a file or folder to the user of the database."""
        user = postgres_user()
        if user is not None:
            entry = pwd.getpwnam(user)
            os.chown(path, entry.pw_uid, entry.pw_gid)
        os.chmod(path, mode)

    def make(self):
        """Makes the cluster, its roles and its database."""
        if not os.path.exists(f"{BIN}/initdb"):
            raise Fault(f"{BIN}/initdb is missing; install package "
                        "postgresql-15: deploy/packages run")
        shutil.rmtree(self.data, ignore_errors=True)
        for path, mode in ((self.layout.path("db"), 0o755),
                           (self.layout.path("sock"), 0o755),
                           (self.data, 0o700)):
            os.makedirs(path, exist_ok=True)
            self.own(path, mode)
        self.reach(self.data)
        first = self.password("postgres")
        handed = self.layout.write(f"db/{self.site}.first", first, 0o600)
        self.own(handed, 0o600)
        try:
            self.command([f"{BIN}/initdb", "-D", self.data, "-U", "postgres",
                          f"--pwfile={handed}", "--auth=scram-sha-256",
                          "--locale=C.UTF-8", "--encoding=UTF8"])
        finally:
            os.remove(handed)
        with open(os.path.join(self.data, "pg_hba.conf"), "w",
                  encoding="utf-8") as f:
            f.write(HBA)
        self.configure({})
        self.start()
        for role, rights in ROLES.items():
            self.sql(f"CREATE ROLE {role} {rights} PASSWORD "
                     f"'{self.password(role)}'")
        self.sql("CREATE DATABASE gsb OWNER gsb_site")
        # the last word: a cluster that lacks it was left half made
        self.layout.write(f"db/{self.site}.made", "")

    def reach(self, path):
        try:
            self.command(["/usr/bin/test", "-w", path])
        except Fault:
            raise Fault(
                f"{self.name}: user \"{postgres_user()}\", who runs the "
                f"database, cannot get to {path}: a folder above it is "
                "closed to it; choose another --dir, say below /var/lib or "
                "/tmp") from None

    def made(self):
        return os.path.exists(self.layout.path("db", f"{self.site}.made"))

    def configure(self, extra):
        settings = {**SETTINGS, "port": str(self.port),
                    "unix_socket_directories":
                    "'" + self.layout.path("sock") + "'",
                    "cluster_name": f"'gsb-{self.site}-{self.port}'", **extra}
        text = "".join(f"{k} = {v}\n" for k, v in settings.items())
        path = self.layout.write(f"conf/{self.name}.conf", text)
        # the server reads a file of its own: ALTER SYSTEM still wins
        with open(os.path.join(self.data, "postgresql.conf"), "w",
                  encoding="utf-8") as f:
            f.write(f"include '{path}'\n")

    def password(self, role):
        """Its password file for libpq, made at the first need."""
        name = f"secret/{self.site}-{role}.pgpass"
        try:
            with open(self.layout.path(name), encoding="utf-8") as f:
                return f.read().strip().rpartition(":")[2]
        except FileNotFoundError:
            word = secrets.token_hex(16)
            self.layout.write(name, f"*:*:*:{role}:{word}\n", 0o600)
            return word

    def sql(self, statement, database="postgres"):
        """Runs one statement as superuser; the statement goes by stdin, for
        passwords never stand on a command line."""
        run = subprocess.run(
            [f"{BIN}/psql", "-XqAt", "-v", "ON_ERROR_STOP=1", "-d",
             self.layout.conninfo(self.site, "postgres", database=database)],
            input=statement, text=True, capture_output=True, check=False)
        if run.returncode != 0:
            raise Fault(f"{self.name}: {run.stderr.strip()}")
        return run.stdout.strip()

    def start(self):
        if self.pid():
            return
        self.kill()  # children whose postmaster is gone
        # After kill -9 these may name a pid that somebody else has by now.
        for stale in (os.path.join(self.data, "postmaster.pid"),
                      self.layout.path("sock", f".s.PGSQL.{self.port}"),
                      self.layout.path("sock", f".s.PGSQL.{self.port}.lock")):
            if os.path.lexists(stale):
                os.remove(stale)
        user = postgres_user()
        who = {} if user is None else {
            "user": user, "group": user, "extra_groups": []}
        with open(self.log, "a", encoding="utf-8") as log:
            server = subprocess.Popen(
                [f"{BIN}/postgres", "-D", self.data],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/",
                start_new_session=True, **who)
        self.layout.write(f"pid/{self.name}", f"{server.pid}\n")
        ready = [f"{BIN}/pg_isready", "-q", "-h", self.layout.path("sock"),
                 "-p", str(self.port)]
        process.wait_for(
            lambda: server.poll() is not None or subprocess.run(
                ready, check=False).returncode == 0, 120)
        if server.poll() is not None or \
                subprocess.run(ready, check=False).returncode != 0:
            raise Fault(f"{self.name} did not start; the end of {self.log}:\n"
                        f"{process.tail(self.log)}")
