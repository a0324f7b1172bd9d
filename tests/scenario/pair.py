"""A demo of the tests' own, driven by deploy/demo as an operator drives it."""
import json
import os
import re
import shlex
import shutil
import subprocess
import tempfile

import psycopg2

from clients import Json, Xml, detect
from ports import free_row
from wait import Late, wait_until

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
DEMO = os.path.join(ROOT, "deploy", "demo")
KEPT_LOGS = os.path.join(ROOT, "build", "scenario-logs")
BUILD = os.environ.get("GSB_TEST_BUILD", "ASan")
NAMES = ("primary-db", "primary-replicator", "primary-web", "primary-collab",
         "backup-db", "backup-replicator", "backup-web", "backup-collab",
         "proxy")
SITES = ("primary", "backup")
# Tests do not wait a minute for the primary's return.
SETTINGS = ("proxy.failover.stable=2s",)
REPORT = re.compile(
    r"AddressSanitizer|LeakSanitizer|UndefinedBehaviorSanitizer|"
    r"runtime error:|[Aa]ssertion.*failed|stack smashing|double free")


class Demo:
    def __init__(self, settings=(), build=BUILD):
        self.dir = tempfile.mkdtemp(prefix="gsb-test-", dir="/tmp")
        os.chmod(self.dir, 0o755)
        self.port = free_row()
        self.build = build
        self.settings = list(SETTINGS) + list(settings)
        self.said = ""
        self.env = {}
        self.down_by_us = set()
        self.seen = {}

    # --- the demo's verbs --------------------------------------------------

    def run(self, *arguments, check=True, timeout=900):
        done = subprocess.run(
            [DEMO, *arguments, "--dir", self.dir, "--port", str(self.port)],
            stdin=subprocess.DEVNULL, capture_output=True, text=True,
            timeout=timeout, check=False)
        assert not check or done.returncode == 0, (
            f"deploy/demo {' '.join(arguments)}: status {done.returncode}\n"
            f"{done.stdout}{done.stderr}")
        return done

    def up(self):
        arguments = ["up", "--build", self.build]
        for setting in self.settings:
            arguments += ["--set", setting]
        self.said = self.run(*arguments).stdout
        for line in self.run("env").stdout.splitlines():
            key, _, value = line.partition("=")
            self.env[key] = shlex.split(value)[0] if shlex.split(value) \
                else ""
        return self

    def down(self):
        """Ends it in the daemons' own way, so that leaks are reported."""
        self.run("down", "--keep", check=False)
        reports = self.new_reports()
        if reports:
            self.keep_logs()
        self.run("down", check=False)
        shutil.rmtree(self.dir, ignore_errors=True)
        return reports

    def kill(self, *names):
        self.down_by_us.update(names)
        self.run("kill", *names)

    def stop(self, *names):
        self.down_by_us.update(names)
        self.run("stop", *names)

    def start(self, *names):
        self.run("start", *names)
        self.down_by_us.difference_update(names)

    def pause(self, *names):
        self.down_by_us.update(names)
        self.run("pause", *names)

    def resume(self, *names):
        self.run("resume", *names)
        self.down_by_us.difference_update(names)

    def states(self):
        """NAME -> running, paused, dead or stopped."""
        lines = self.run("status", check=False).stdout.splitlines()[1:]
        return {line.split()[0]: line.split()[1] for line in lines}

    # --- ways in -------------------------------------------------------------

    @property
    def url(self):
        return self.env["GSB_URL"]

    @property
    def company(self):
        return self.env["GSB_COMPANY"]

    def admin_password(self):
        with open(self.env["GSB_ADMIN_PASSWORD_FILE"], encoding="utf-8") as f:
            return f.read().strip()

    def xml(self, user=None, password=None):
        return Xml(self.url, self.company, user or self.env["GSB_ADMIN"],
                   password or self.admin_password())

    def json(self):
        """The JSON API as the administrator; a ticket is its token."""
        client = self.xml()
        try:
            return Json(self.url, client.ticket())
        finally:
            client.close()

    def detect(self):
        return detect(self.url, self.company)

    def ctl(self, *arguments, check=True, timeout=120):
        """gsbctl's standard output, parsed when it was asked for JSON."""
        done = subprocess.run(
            [os.path.join(self.env["GSB_BIN"], "gsbctl"), "--connect",
             self.env["GSB_CTL"], *arguments], stdin=subprocess.DEVNULL,
            capture_output=True, text=True, timeout=timeout, check=False)
        if not check:
            return done
        assert done.returncode == 0, (arguments, done.returncode,
                                      done.stdout, done.stderr)
        return json.loads(done.stdout) if "json" in arguments else done.stdout

    def status(self):
        return self.ctl("--format", "json", "status")

    def db(self, site):
        """A connection of the superuser, each statement by itself."""
        connection = psycopg2.connect(
            self.env[f"GSB_{site.upper()}_DB"] + " connect_timeout=5 "
            "application_name=scenario")
        connection.autocommit = True
        return connection

    def query(self, site, sql, parameters=()):
        connection = self.db(site)
        try:
            with connection.cursor() as cursor:
                cursor.execute(sql, parameters)
                return cursor.fetchall() if cursor.description else []
        finally:
            connection.close()

    # --- states --------------------------------------------------------------

    def is_normal(self):
        """The primary serves, and no commit is on one site alone."""
        status = self.status()
        sync = [site["replication"] and site["replication"]["sync"]
                for site in status["sites"].values()]
        return (status["state"] == "NORMAL" and
                status["active"] == "primary" and
                all(word in ("on", "off") for word in sync))

    def home(self):
        """Whether the primary serves again; orders it as soon as it can,
        for each fail-over within the hour doubles the wait of the automatic
        return."""
        if self.is_normal():
            return True
        status = self.status()
        if status["state"] in ("READY_TO_RETURN", "MAINTENANCE"):
            self.ctl("failback", "--reason", "scenario", "--yes", "--wait",
                     check=False)
        return False

    def restore(self, timeout=120):
        """Brings everything back to: all runs, the primary serves."""
        states = self.states()
        paused = [n for n in NAMES if states[n] == "paused"]
        ended = [n for n in NAMES if states[n] in ("dead", "stopped")]
        if paused:
            self.resume(*paused)
        if ended:
            self.start(*ended)
        try:
            wait_until(self.home, timeout, 0.2, "the pair back to NORMAL")
        except Late as e:
            raise Late(f"{e}\n{json.dumps(self.status(), indent=1)}") from e

    def tables(self):
        """The replicated tables of the product."""
        return [row[0] for row in self.query(
            "primary", "SELECT tablename FROM pg_publication_tables WHERE "
            "pubname = 'gsb' AND schemaname = 'public' ORDER BY 1")]

    def contents(self, site):
        """Every replicated row, its versions with it."""
        return {table: sorted(str(row) for row, in self.query(
            site, "SELECT to_jsonb(t) - 'gsb_changed' FROM "
            f'public."{table}" t'))
            for table in self.tables()}

    def difference(self):
        """"" when both sites hold the same rows, else what differs."""
        primary, backup = self.contents("primary"), self.contents("backup")
        lines = []
        for table, rows in primary.items():
            one = sorted(set(rows) - set(backup[table]))
            two = sorted(set(backup[table]) - set(rows))
            lines += [f"{table}, primary only: {row}" for row in one[:3]]
            lines += [f"{table}, backup only: {row}" for row in two[:3]]
        return "\n".join(lines)

    def wait_equal(self, timeout=60):
        return wait_until(lambda: self.difference() == "", timeout, 0.2,
                          "both databases equal")

    # --- what went wrong -------------------------------------------------------

    def new_reports(self):
        """What sanitizers and assertions have written since the last look."""
        found = []
        folder = os.path.join(self.dir, "log")
        for name in sorted(os.listdir(folder) if os.path.isdir(folder)
                           else []):
            if name.endswith("-db") or name == "access":
                continue
            with open(os.path.join(folder, name), encoding="utf-8",
                      errors="replace") as f:
                f.seek(self.seen.get(name, 0))
                text = f.read()
                self.seen[name] = f.tell()
            m = REPORT.search(text)
            if m is not None:
                begin = max(0, m.start() - 2000)
                found.append(f"{name}:\n{text[begin:m.start() + 4000]}")
        return found

    def died(self):
        """Daemons that ended by themselves."""
        return [name for name, state in self.states().items()
                if state == "dead" and name not in self.down_by_us]

    def keep_logs(self):
        """Copies the logs to where they outlive the demo."""
        shutil.rmtree(KEPT_LOGS, ignore_errors=True)
        shutil.copytree(os.path.join(self.dir, "log"), KEPT_LOGS)
        for name in ("pid", "conf"):
            shutil.copytree(os.path.join(self.dir, name),
                            os.path.join(KEPT_LOGS, name))
        print(f"logs kept in {KEPT_LOGS}")

    def log_tail(self, name, lines=30):
        path = os.path.join(self.dir, "log", name)
        with open(path, encoding="utf-8", errors="replace") as f:
            return "".join(f.readlines()[-lines:])
