"""A site that comes back older than it was, amid a round's writers: restored
from a copy of its files, or a standby promoted in its place. Then what must
not be lost by that.

An era is even while what is written on a site stays there, and odd from when
the copy begins until it is put in the place of the site: what is written then
stays if the other site has it. A writer knows the era of a commit when it was
the same before and after.
"""
import os
import shutil
import subprocess

import psycopg2

from convergence_pg import PG, as_postgres
from wait import wait_until

RETURNS = ("restore", "promote")


def stays(era):
    return era % 2 == 0


class Ledger:
    """Rows that one writer makes once, and deletes at most once."""

    def __init__(self, writer):
        self.writer = writer
        self.made = {}   # key: its era, None when that is not known
        self.gone = {}   # the same of its deletion
        self.tried = set()

    def turn(self):
        w, left = self.writer, [k for k in self.made if k not in self.tried]
        if left and w.random.random() < 0.3:
            key = w.random.choice(left)
            self.tried.add(key)
            self.note(self.gone, key, ("DELETE FROM usage WHERE entity = %s "
                                       "AND site = %s", (w.history.seed, key)))
            return
        key = f"{w.home.name[0]}{w.turns}"
        self.note(self.made, key, ("INSERT INTO usage VALUES (%s, %s, 0)",
                                   (w.history.seed, key)))

    def note(self, where, key, statement):
        w = self.writer
        era, before = w.home.era, w.done
        w.execute(w.home, [statement], None)
        if w.done > before:
            where[key] = era if era == w.home.era else None

    def wrongs(self, found, peer):
        """found: keys at the end; peer: rows and tombstones that the other
        site had when this one came back."""
        rows, tombstones = peer

        def sure(era):
            return era is not None and stays(era)

        for key, era in self.made.items():
            kept = sure(era) or key in rows
            dead = (sure(era) and sure(self.gone.get(key))) or \
                key in tombstones
            if dead and key in found:
                yield f"{key} of era {era} is alive again"
            elif kept and key not in self.tried and key not in found:
                yield f"{key} of era {era} is lost"


class Return:
    """Deeds of the chaos: `copy`, and later `put_back`."""

    def __init__(self, chaos, kind):
        self.chaos = chaos
        self.random = chaos.random
        self.kind = kind
        self.site = self.random.choice(chaos.history.world.sites)
        self.peer = chaos.history.world.other(self.site)
        self.copied = self.site.cluster.data + ".copy"
        self.had = (set(), set())  # of the peer, when the site came back

    def copy(self):
        cluster = self.site.cluster
        shutil.rmtree(self.copied, ignore_errors=True)
        if self.kind == "promote":
            self.site.era += 1
            as_postgres(f"{PG}/pg_basebackup", "-D", self.copied, "-h",
                        "127.0.0.1", "-p", str(cluster.port), "-U",
                        "postgres", "-X", "stream", "-R", "-c", "fast")
            return
        if self.random.random() < 0.5:
            cluster.kill()
        else:
            as_postgres(f"{PG}/pg_ctl", "-D", cluster.data, "-m", "fast",
                        "-w", "stop")
        self.site.era += 1
        subprocess.run(["cp", "-a", cluster.data, self.copied], check=True)
        cluster.start()

    def put_back(self):
        """The link is healed later now and then: some of what the site wrote
        never went out, and it has written on when the peer comes."""
        away = self.random.random() < 0.5
        asleep = self.random.random() < 0.5
        if away:
            self.site.link.cut()
            self.chaos.pause(0.3)
        if asleep:
            self.site.replicator.kill()
        self.site.cluster.kill()
        self.had = self.peer_has()
        self.replace()
        if asleep:
            self.chaos.pause(0.2)
            self.site.replicator.start()
        if away:
            self.chaos.pause(0.4)
            self.site.link.heal()

    def peer_has(self):
        """By history and key."""
        def look(sql):
            return {tuple(row) for row in wait_until(
                lambda: self.ask(sql), what="the peer is asked")[1]}
        return (look("SELECT entity::text, site FROM usage"),
                look("SELECT key::json->>0, key::json->>1 FROM gsb.tombstone "
                     "WHERE rel = 'public.usage'"))

    def ask(self, sql):
        try:
            return (True, self.peer.cluster.sql(sql))
        except psycopg2.OperationalError:
            return None

    def replace(self):
        cluster = self.site.cluster
        shutil.rmtree(cluster.data)
        os.rename(self.copied, cluster.data)
        try:
            os.unlink(os.path.join(cluster.data, "postmaster.pid"))
        except FileNotFoundError:
            pass
        self.site.era += 1
        cluster.start()
        if self.kind == "promote":
            as_postgres(f"{PG}/pg_ctl", "-D", cluster.data, "-w", "promote")

    def wrongs(self, history):
        """Of the ledgers of one history, when all is settled."""
        seed = str(history.seed)
        found = {key for key, in self.site.cluster.sql(
            "SELECT site FROM usage WHERE entity = %s", (history.seed,))}
        had = tuple({key for entity, key in each if entity == seed}
                    for each in self.had)
        for w in history.writers:
            for wrong in w.ledger.wrongs(found, had):
                yield f"ledger {seed} of the {w.home.name}: {wrong}"
