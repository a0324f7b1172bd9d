"""One site of the convergence test: a cluster, its replicator, the wire that
leads to it, and what can be done to them."""
import os

import psycopg2

from convergence_link import Link
from convergence_pg import Cluster, Replicator
from convergence_side import SCHEMA
from replicator_socket import ask
from wait import wait_until

MORE = """
CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
CREATE TABLE odd (kind mood, n int, tags text[], moods mood[], raw bytea,
 price numeric, doc jsonb, at timestamptz, PRIMARY KEY (kind, n));
CREATE TABLE usage (entity int, site varchar(10), n bigint NOT NULL,
 PRIMARY KEY (entity, site));
"""
DECLARED = "[table odd]\nkey = kind, n\n[table usage]\nkey = entity, site\n"
# how the backup's sessions write and read
ODD = """
datestyle = 'SQL, DMY'
intervalstyle = 'sql_standard'
bytea_output = 'escape'
extra_float_digits = -10
timezone = 'Asia/Kolkata'
array_nulls = off
"""
# one has large transactions streamed, the other takes them in pieces; one has
# room for what it has not merged, the other hardly any; one leaps over each
# backlog that it can
MANNERS = {"primary": "stream_above = 64KiB\nspool_max = 64MiB\n"
                      "leap_above = 64KiB\n",
           "backup": "stream_above = 1GiB\nspool_max = 64KiB\n"
                     "leap_above = 4KiB\n"}


CONF = "fsync = off\ntrack_commit_timestamp = on\n"


class Site:
    def __init__(self, name):
        self.name = name
        self.cluster = Cluster(conf=CONF + (
            ODD if name == "backup" else ""))
        self.link = Link(self.cluster.port)  # towards this site
        self.replicator = None
        self.columns = []  # that its writers know, beyond SCHEMA
        self.poisoned = False
        self.era = 0  # convergence_return

    def prepare(self, peer, folder, sync):
        self.replicator = Replicator(
            self.name, self.cluster, peer.cluster,
            os.path.join(folder, "tables.ini"), sync=sync,
            peer_port=peer.link.port, more=MANNERS[self.name] + "verify = 0\n")
        self.cluster.sql(SCHEMA + MORE, user="gsb_site")

    def heal(self):
        self.link.heal()
        if not self.cluster.pids():
            self.cluster.start()
        self.replicator.signal(18)  # SIGCONT
        if not self.replicator.running():
            self.replicator.start()

    # --- deeds that stay until the round is over ---------------------------

    def change(self, sql):
        """A schema step amid the writers; False: somebody was in its way."""
        try:
            self.cluster.sql("SET lock_timeout = '2s'; "
                             "SET synchronous_commit = local; " + sql)
            return True
        except psycopg2.OperationalError:
            return False

    def install(self):
        return self.replicator.install().returncode == 0

    def poison(self):
        """Some rows of the other site cannot be merged here."""
        if not self.poisoned:
            self.poisoned = self.change(
                "ALTER TABLE duo ADD CONSTRAINT poison CHECK (y <> 7) "
                "NOT VALID")

    def lose_slot(self, peer):
        """What it reads the other site by is gone while it is away."""
        slot = f"gsb_{self.name}"
        self.replicator.kill()

        def is_gone():
            peer.cluster.sql(
                "SELECT pg_terminate_backend(active_pid) FROM "
                "pg_replication_slots WHERE slot_name = %s AND active; "
                "SELECT pg_drop_replication_slot(slot_name) FROM "
                "pg_replication_slots WHERE slot_name = %s AND NOT active",
                (slot, slot))
            return not peer.cluster.sql(
                "SELECT 1 FROM pg_replication_slots WHERE slot_name = %s",
                (slot,))
        wait_until(is_gone, what=f"{slot} is dropped")
        self.replicator.start()

    def add_column(self, name, kind):
        if self.change(f"ALTER TABLE duo ADD COLUMN IF NOT EXISTS {name} "
                       f"{kind}") and self.install() and \
                name not in self.columns:
            self.columns.append(name)
        return name in self.columns

    def verify(self):
        """A digest of everything, while everything is written."""
        try:
            ask(self.replicator.dir, "POST", "/v1/verify", {"table": None})
        except OSError:
            pass

    # --- and their end -----------------------------------------------------

    def retry_database(self):
        return self.cluster.sql("SELECT 1")

    def has_no_extra(self):
        """What waited for its column is in it."""
        return not self.cluster.sql("SELECT 1 FROM gsb.extra")

    def unpoison(self):
        if self.poisoned:
            wait_until(lambda: self.change(
                "ALTER TABLE duo DROP CONSTRAINT IF EXISTS poison"),
                what="the poison is gone")
        self.poisoned = False

    def is_streamed(self):
        """The other site reads it; a slot that is being made is active too,
        and what is written meanwhile does not come by it."""
        return self.cluster.sql("SELECT 1 FROM pg_replication_slots WHERE "
                                "active AND confirmed_flush_lsn IS NOT NULL "
                                "AND slot_name LIKE 'gsb%'")

    def is_calm(self):
        """Nothing is healed or compared any more."""
        code, status = ask(self.replicator.dir, "GET", "/v1/status")
        digest = status.get("digest", {})
        return code == 200 and digest["state"] == "idle" and \
            not digest["healing"] and not digest["demanded"]

    def retry_parked(self):
        """Whether nothing is parked any more."""
        left = "SELECT 1 FROM gsb.parked"
        if self.cluster.sql(left):
            ask(self.replicator.dir, "POST", "/v1/parked",
                {"op": "retry", "id": 0})
        return not self.cluster.sql(left)

    def drop_columns(self, columns):
        self.columns = []
        drops = ", ".join(f"DROP COLUMN {c} CASCADE, DROP COLUMN IF EXISTS "
                          f"gsb_v_{c} CASCADE" for c in columns)
        wait_until(lambda: self.change(f"ALTER TABLE duo {drops}; "
                                       "DELETE FROM gsb.extra") and
                   self.install(), what="the columns are gone")

    def close(self):
        self.link.close()
        if self.replicator is not None:
            self.replicator.remove()
        self.cluster.down()
