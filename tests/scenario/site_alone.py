"""One site node with a cluster of its own; the test plays the proxy.

What `gsb-replicator install` makes in the database is stood in for by
REPLICATOR below, in the words of docs/contracts.md 3.
"""
import base64
import hashlib
import hmac
import http.client
import json
import os
import pwd
import secrets
import shutil
import signal
import subprocess
import tempfile
import threading
import time

import psycopg2

from ports import free_port, free_ports
from wait import wait_until

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
BIN = os.environ.get("GSB_TEST_BIN", os.path.join(ROOT, "build/asan/bin"))
PG = "/usr/lib/postgresql/15/bin"
KEY = ("k1", secrets.token_bytes(32))
URL = "http://meet.test:8080"
EPOCH_2000_US = 946684800000000
TTL_US = 4000000
KEPT_US = 9000000  # nobody asks when these end: the machine may stall

REPLICATOR = """
CREATE SCHEMA gsb;
CREATE TABLE gsb.state (sync text NOT NULL, told int NOT NULL DEFAULT 0);
INSERT INTO gsb.state VALUES ('off');
CREATE TABLE gsb.seen (token text PRIMARY KEY);
CREATE FUNCTION gsb.sync_state() RETURNS text LANGUAGE sql SECURITY DEFINER
    AS 'SELECT sync FROM gsb.state';
CREATE FUNCTION gsb.health() RETURNS jsonb LANGUAGE sql SECURITY DEFINER
    AS 'SELECT jsonb_build_object(''sync'', sync) FROM gsb.state';
CREATE FUNCTION gsb.peer_dead() RETURNS void LANGUAGE sql SECURITY DEFINER
    AS 'UPDATE gsb.state SET told = told + 1, sync = ''degraded''';
CREATE FUNCTION gsb.barrier(token text) RETURNS pg_lsn LANGUAGE sql
    SECURITY DEFINER
    AS 'SELECT pg_logical_emit_message(true, ''gsb.barrier'', token)';
CREATE FUNCTION gsb.barrier_seen(t text) RETURNS boolean LANGUAGE sql
    SECURITY DEFINER AS 'SELECT EXISTS (SELECT FROM gsb.seen WHERE token = t)';
GRANT USAGE ON SCHEMA gsb TO gsb_site;
ALTER TABLE account ADD gsb_v_row bigint, ADD gsb_key_email text,
    ADD gsb_key_webexid text;
ALTER TABLE company ADD gsb_v_row bigint, ADD gsb_key_name text;
CREATE UNIQUE INDEX account_email_gsb_key
    ON account (company_id, gsb_key_email);
CREATE UNIQUE INDEX account_webexid_gsb_key
    ON account (company_id, gsb_key_webexid);
CREATE UNIQUE INDEX company_name_gsb_key ON company (gsb_key_name);
ALTER TABLE attendee ADD gsb_v_row bigint, ADD gsb_key_email text;
CREATE UNIQUE INDEX attendee_email_gsb_key
    ON attendee (meeting_id, gsb_key_email);
CREATE FUNCTION gsb.account_version() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.gsb_v_row := coalesce(nullif(current_setting('gsb.stamp', true),
                                     '')::bigint, 0);
    NEW.gsb_key_email := lower(NEW.email);
    NEW.gsb_key_webexid := lower(NEW.webexid);
    RETURN NEW;
END $$;
CREATE FUNCTION gsb.company_version() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN NEW.gsb_key_name := lower(NEW.name); RETURN NEW; END $$;
CREATE FUNCTION gsb.attendee_version() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN NEW.gsb_key_email := lower(NEW.email); RETURN NEW; END $$;
CREATE TRIGGER gsb_version BEFORE INSERT OR UPDATE ON attendee
    FOR EACH ROW EXECUTE FUNCTION gsb.attendee_version();
CREATE TRIGGER gsb_version BEFORE INSERT OR UPDATE ON account
    FOR EACH ROW EXECUTE FUNCTION gsb.account_version();
CREATE TRIGGER gsb_version BEFORE INSERT OR UPDATE ON company
    FOR EACH ROW EXECUTE FUNCTION gsb.company_version();
"""


def sign(body, key=KEY):
    mac = hmac.new(key[1], body, hashlib.sha256).digest()
    text = base64.urlsafe_b64encode(mac).rstrip(b"=").decode()
    return f"{key[0]}.{text}"


def stamp_now():
    return int(time.time() * 1e6) - EPOCH_2000_US


def request_id():
    return base64.urlsafe_b64encode(secrets.token_bytes(16)).rstrip(
        b"=").decode()


class Cluster:
    """PostgreSQL as the user postgres, when the test runs as root; the one
    that is in the folder, if there is one."""

    def __init__(self, folder, settings=()):
        self.data = os.path.join(folder, "db")
        self.socket = folder
        self.port = free_port()
        self.as_user = []
        if os.geteuid() == 0:
            self.as_user = ["runuser", "-u", "postgres", "--"]
            user = pwd.getpwnam("postgres")
            os.chown(folder, user.pw_uid, user.pw_gid)
        fresh = not os.path.exists(self.data)
        if fresh:
            self.run("initdb", "-D", self.data, "-A", "trust", "-U",
                     "postgres", "--no-sync", "-E", "UTF8",
                     "--locale=C.UTF-8")
        self.settings = [
            "fsync=off", "wal_level=logical", f"port={self.port}",
            "listen_addresses=127.0.0.1", "max_connections=60",
            "shared_buffers=32MB", "timezone=UTC",
            f"unix_socket_directories={folder}", *settings]
        self.start()
        if fresh:
            self.sql("postgres", "CREATE ROLE gsb_site LOGIN")
            self.sql("postgres", "CREATE DATABASE gsb OWNER gsb_site")
            self.sql("gsb", "ALTER SCHEMA public OWNER TO gsb_site")

    def run(self, program, *arguments, check=True):
        return subprocess.run(
            [*self.as_user, os.path.join(PG, program), *arguments],
            cwd="/", stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, check=check)

    def start(self):
        options = " ".join(f"-c {s}" for s in self.settings)
        # a killed one that nobody has reaped yet still holds its lock file
        wait_until(lambda: self.run(
            "pg_ctl", "start", "-w", "-D", self.data, "-o", options,
            "-l", os.path.join(self.socket, "db.log"),
            check=False).returncode == 0)

    def stop(self):
        self.run("pg_ctl", "stop", "-m", "immediate", "-D", self.data,
                 check=False)

    def connect(self, database="gsb", user="postgres"):
        c = psycopg2.connect(host="127.0.0.1", port=self.port, user=user,
                             dbname=database,
                             options="-c synchronous_commit=local")
        c.autocommit = True
        return c

    def sql(self, database, text, *values):
        c = self.connect(database)
        try:
            with c.cursor() as cursor:
                cursor.execute(text, values or None)
                return cursor.fetchall() if cursor.description else None
        finally:
            c.close()

    def pids(self):
        found = []
        data = os.path.realpath(self.data)
        for entry in filter(str.isdigit, os.listdir("/proc")):
            try:
                if os.readlink(f"/proc/{entry}/cwd") == data:
                    found.append(int(entry))
            except OSError:
                continue
        return found

    def kill(self):
        self.signal(signal.SIGKILL)
        wait_until(lambda: not self.pids())

    def signal(self, number):
        """To all of its processes, also those that come meanwhile."""
        sent = set()
        while True:
            fresh = set(self.pids()) - sent
            if not fresh:
                return
            for pid in fresh:
                try:
                    os.kill(pid, number)
                except ProcessLookupError:
                    pass
            sent |= fresh


class Answer:
    def __init__(self, response):
        self.status = response.status
        self.headers = {k.lower(): v for k, v in response.getheaders()}
        self.text = response.read().decode()

    @property
    def json(self):
        return json.loads(self.text)

    @property
    def unprocessed(self):
        return self.headers.get("gsb-not-processed") == "1"

    @property
    def unknown(self):
        return self.headers.get("gsb-outcome") == "unknown"


class Site:
    """gsb-primary or gsb-backup, and what the proxy does to it."""

    def __init__(self, name="primary", cluster=None, only=None,
                 settings=(), more="", url=URL):
        self.name, self.url = name, url
        self.folder = tempfile.mkdtemp(prefix="gsb-site-", dir="/tmp")
        os.chmod(self.folder, 0o755)
        self.own_cluster = cluster is None
        self.cluster = cluster or Cluster(self.folder, settings)
        self.web, self.rooms, self.rooms_health = free_ports(3)
        self.only, self.more = only, more
        self.epoch = 1
        self.flags = {}
        self.keeper = self.renewer = None
        self.ttl_us = TTL_US
        self.process = None
        self.env = {}  # more of it
        self.log = os.path.join(self.folder, "site.log")
        self.conf = self.write_conf()
        if self.own_cluster:
            try:
                self.migrate()
                self.cluster.sql("gsb", REPLICATOR)
            except BaseException:
                self.close()
                raise

    def write_conf(self):
        keys = os.path.join(self.folder, "pair.keys")
        with open(keys, "w", encoding="ascii") as f:
            f.write(f"{KEY[0]} {KEY[1].hex()}\n")
        os.chmod(keys, 0o600)
        path = os.path.join(self.folder, "site.conf")
        with open(path, "w", encoding="ascii") as f:
            f.write(f"""[site]
public_url = {self.url}
state_dir = {self.folder}
[keys]
file = {keys}
[db]
conninfo = host=127.0.0.1 port={self.cluster.port} dbname=gsb user=gsb_site
[web]
listen = 127.0.0.1:{self.web}
[collab]
listen = 127.0.0.1:{self.rooms}
health_listen = 127.0.0.1:{self.rooms_health}
{self.more}""")
        return path

    def program(self):
        return os.path.join(BIN, f"gsb-{self.name}")

    def migrate(self, check=True):
        return subprocess.run(
            [self.program(), "--config", self.conf, "--migrate"],
            capture_output=True, text=True, check=check, timeout=60)

    def start(self):
        only = ["--only", self.only] if self.only else []
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                [self.program(), "--config", self.conf, *only], stderr=log,
                env={**os.environ, **self.env})
        wait_until(lambda: self.lease(ask=True).status == 200)
        return self

    def stop(self, number=signal.SIGTERM):
        if self.keeper is not None:
            self.keeper.set()
            self.keeper = None
        if self.process is not None:
            self.process.send_signal(signal.SIGCONT)
            self.process.send_signal(number)
            status = self.process.wait(20)
            self.process = None
            return status
        return None

    def close(self):
        status = self.stop()
        if self.own_cluster:
            self.cluster.signal(signal.SIGCONT)
            self.cluster.stop()
        log = ""
        if os.path.exists(self.log):
            with open(self.log, encoding="utf-8") as f:
                log = f.read()
        shutil.rmtree(self.folder)
        assert status in (None, 0), f"status {status}\n{log}"
        assert "Sanitizer" not in log and "runtime error" not in log, log

    # --- as the proxy -------------------------------------------------------

    def http(self, method, path, body=None, headers=None, port=None):
        c = http.client.HTTPConnection("127.0.0.1", port or self.web,
                                       timeout=20)
        try:
            c.request(method, path, body, headers or {})
            return Answer(c.getresponse())
        finally:
            c.close()

    def lease(self, ask=False, key=KEY, **changes):
        """One probe; the grant stands on the answer to the one before."""
        service = changes.get("service", "collab" if self.only == "collab"
                              else "web")
        port = self.rooms_health if service == "collab" else self.web
        grant = {"v": 1, "service": service, "site": self.name,
                 "epoch": self.epoch, "active": self.name, "serve": not ask,
                 "boot": "", "until_us": 0, "peer": "alive",
                 "degraded": False, "redirects": [],
                 "wall_us": int(time.time() * 1e6)}
        if not ask:
            seen = self.lease(ask=True, service=service).json
            grant["boot"] = seen["boot"]
            grant["until_us"] = seen["clock_us"] + self.ttl_us
        grant.update(changes)
        body = json.dumps(grant).encode()
        return self.http("POST", "/gsb/lease", body,
                         {"GSB-Signature": sign(body, key)}, port)

    def grant(self, **changes):
        answer = self.lease(**changes).json
        assert answer["serving"], answer
        return answer

    def keep(self, **flags):
        """Grants all the time from now on, as the proxy does."""
        self.flags = flags
        self.ttl_us = KEPT_US
        if self.keeper is None:
            self.keeper = threading.Event()
            self.renewer = threading.Thread(
                target=self.renew, args=(self.keeper,), daemon=True)
            self.renewer.start()
        wait_until(lambda: self.lease(**self.flags).json["serving"])

    def renew(self, ended):
        while not ended.wait(0.3):
            try:
                self.lease(**self.flags)
            except (OSError, http.client.HTTPException, ValueError, KeyError):
                continue

    def hand_over(self):
        """Somebody else grants from here on."""
        self.keeper.set()
        self.renewer.join()
        self.keeper = None
        self.expire()

    def expire(self):
        """Until a shorter grant than the last one is a later one."""
        end = self.lease(ask=True).json["clock_us"] + self.ttl_us
        wait_until(lambda: self.lease(ask=True).json["clock_us"] > end)

    def request(self, method, path, body=None, headers=None, **how):
        """As the proxy forwards: how may hold epoch, id, stamp."""
        fields = {
            "GSB-Epoch": str(how.get("epoch", self.epoch)),
            "GSB-Site": self.name,
            "GSB-Request": f"{how.get('id') or request_id()};"
                           f"{how.get('stamp') or stamp_now()}",
            "X-Forwarded-For": how.get("address", "198.51.100.7")}
        if isinstance(body, dict):
            body = json.dumps(body).encode()
            fields["Content-Type"] = "application/json;charset=utf-8"
        fields.update(headers or {})
        return self.http(method, path, body, fields)

    def signed(self, path, message, key=KEY, **how):
        body = json.dumps({"at_us": int(time.time() * 1e6),
                           **message}).encode()
        return self.request("POST", path, body,
                            {"GSB-Signature": sign(body, key)}, **how)

    def add_company(self, name="acme", site_id=1, **how):
        return self.signed("/gsb/companies", {
            "op": "add", "name": name, "site_id": site_id,
            "partner_id": "p1", "admin": "admin",
            "password": "Geheim-1"}, **how)

    def token(self, company="acme", user="admin", password="Geheim-1"):
        answer = self.request("POST", "/v1/access_token", {
            "siteName": company, "webExId": user, "password": password})
        assert answer.status == 200, answer.text
        return answer.json["access_token"]
