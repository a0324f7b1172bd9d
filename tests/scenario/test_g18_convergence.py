"""G18: whatever happens, the two databases end equal. Real clusters, real
replicators, nothing else of the product: random writes, deletes,
re-creations, double executions and open transactions at both sites, while
links are cut and stalled and replicators and databases are killed. Then all
of it is healed, barriers go both ways, and every row, version and effective
key is compared.

Several histories run at once, each with rows of its own, and meet the same
cuts and kills: that is one round.

    GSB_SEEDS=n      how many histories (50)
    GSB_SEED=n or n-m   that round alone, as it was printed when it failed
"""
import os
import threading
import time
import uuid

import psycopg2
import pytest

from convergence_history import Chaos, Writer
from convergence_link import Link
from convergence_pg import Cluster, Replicator
from convergence_side import SCHEMA, TABLES
from wait import wait_until

ACTIVE_S = 1.2  # of writing, cutting and killing in one round
ROUND = 5       # histories at once
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
# one has large transactions streamed, the other takes them in pieces
MANNERS = {"primary": "stream_above = 64KiB\n",
           "backup": "stream_above = 1GiB\n"}
ROWS = 8        # keys that one history fights over


class Site:
    def __init__(self, name):
        self.name = name
        self.cluster = Cluster(conf="fsync = off\n" + (
            ODD if name == "backup" else ""))
        self.link = Link(self.cluster.port)  # towards this site
        self.replicator = None
        self.lock = threading.Lock()

    def prepare(self, peer, folder, sync):
        self.replicator = Replicator(
            self.name, self.cluster, peer.cluster,
            os.path.join(folder, "tables.ini"), sync=sync,
            peer_port=peer.link.port, more=MANNERS[self.name])
        self.cluster.sql(SCHEMA + MORE, user="gsb_site")

    def heal(self):
        self.link.heal()
        if not self.cluster.pids():
            self.cluster.start()
        self.replicator.signal(18)  # SIGCONT
        if not self.replicator.running():
            self.replicator.start()

    def close(self):
        self.link.close()
        if self.replicator is not None:
            self.replicator.remove()
        self.cluster.down()


CONTENTS = (("item", "id"), ("duo", "kind || n"), ("odd", "kind || '' || n"),
            ("usage", "entity || site"), ("gsb.tombstone", "rel || key"))


class World:
    def __init__(self):
        self.sites = [Site("primary"), Site("backup")]

    def up(self, sync):
        p, b = self.sites
        folder = p.cluster.dir
        with open(os.path.join(folder, "tables.ini"), "w",
                  encoding="utf-8") as f:
            f.write(TABLES + DECLARED)
        for site, peer in ((p, b), (b, p)):
            site.prepare(peer, folder, sync)
        for site in self.sites:
            done = site.replicator.install()
            assert done.returncode == 0, done.stdout + done.stderr
        for site in self.sites:
            site.replicator.start()
        self.settle()

    def heal(self):
        for site in self.sites:
            site.heal()

    def settle(self, timeout=40):
        """Heals all, and waits for a barrier each way."""
        tokens = []
        self.heal()
        for site in self.sites:
            tokens.append(uuid.uuid4().hex)
            wait_until(lambda: site.cluster.sql(  # pylint: disable=W0640
                "SET synchronous_commit = local; SELECT gsb.barrier(%s)",
                (tokens[-1],)), 20, what="the database is back")
        for site, token in zip(reversed(self.sites), tokens):
            wait_until(lambda: site.cluster.sql(  # pylint: disable=W0640
                "SELECT gsb.barrier_seen(%s)", (token,))[0][0],  # noqa
                timeout, what=f"the barrier is seen on the {site.name}")

    def contents(self, site):
        found = {}
        for table, key in CONTENTS:
            found[table] = {str(k): row for k, row in site.cluster.sql(
                "SET datestyle = 'ISO'; SET timezone = 'UTC'; "
                "SET bytea_output = 'hex'; "
                f"SELECT {key}, to_jsonb(t) - 'gsb_changed' FROM {table} t")}
        return found

    def clear(self):
        """Silently and on both: the next round starts with little."""
        for site in self.sites:
            site.cluster.sql(
                "SET session_replication_role = replica; " + "; ".join(
                    f"DELETE FROM {table}" for table, _ in CONTENTS))

    def difference(self):
        one, two = (self.contents(s) for s in self.sites)
        lines = []
        for table, rows in one.items():
            for key in sorted(set(rows) | set(two[table])):
                mine, theirs = rows.get(key), two[table].get(key)
                if mine == theirs:
                    continue
                if mine is None or theirs is None:
                    lines.append(f"{table} {key}: primary {mine}, "
                                 f"backup {theirs}")
                    continue
                lines += [f"{table} {key}.{c}: primary {mine[c]!r:.100}, "
                          f"backup {theirs[c]!r:.100}" for c in mine
                          if mine[c] != theirs[c]]
        return lines

    def wrongs(self, site):
        """What must never be, on one site alone."""
        for value, fold, scope in (("mail", "lower(mail)", "owner"),
                                   ("nick", "nick::text", "0")):
            yield from site.cluster.sql(f"""
                SELECT * FROM (SELECT id, gsb_key_{value} AS has,
                 {fold} || CASE WHEN row_number() OVER (PARTITION BY {scope},
                 {fold} ORDER BY gsb_v_{value}, id::text COLLATE "C") > 1
                 THEN '#' || id ELSE '' END AS ought FROM item) x
                WHERE has IS DISTINCT FROM ought""")
        yield from site.cluster.sql(
            "SELECT 'below its tombstone', i.* FROM item i "
            "JOIN gsb.tombstone d ON d.rel = 'public.item' AND "
            "d.key = i.id::text WHERE i.gsb_v_row < d.v")
        yield from site.cluster.sql(
            "SELECT 'parked', rel, key, sqlstate, message FROM gsb.parked")

    def reports(self):
        found = []
        for site in self.sites:
            text = site.replicator.log_text()
            for sign in ("AddressSanitizer", "LeakSanitizer",
                         "runtime error:", "Assertion", "assertion"):
                if sign in text:
                    at = text.index(sign)
                    found.append(f"{site.name}'s replicator:\n"
                                 f"{text[max(0, at - 500):at + 3000]}")
                    break
        return found

    def close(self):
        ends = [site.replicator.stop() for site in self.sites
                if site.replicator and site.replicator.running()]
        reports = self.reports()
        for site in self.sites:
            site.close()
        assert not reports, "\n".join(reports)
        assert all(end == 0 for end in ends), ends


class History:
    def __init__(self, world, seed):
        self.world = world
        self.seed = seed
        self.end = 0.0
        self.writers = [Writer(self, n) for n in range(2)]

    def any_id(self, r):
        return f"00000000-0000-4000-8000-{self.seed:08d}{r.randint(1, ROWS):04d}"

    def nick(self, r):
        return r.choice((f"n{self.seed}", f"m{self.seed}", None))

    def miscounts(self):
        """What was counted, on either site: every one, none twice."""
        counted = dict(self.world.sites[0].cluster.sql(
            "SELECT site, n FROM usage WHERE entity = %s", (self.seed,)))
        for w in self.writers:
            n = counted.get(w.home.name, 0)
            if not w.counted[0] <= n <= w.counted[1]:
                yield (f"usage {self.seed}: {w.home.name} counted {n}, "
                       f"surely {w.counted[0]}, at most {w.counted[1]}")


class Round:
    def __init__(self, world, wanted):
        self.world = world
        self.histories = [History(world, seed) for seed in wanted]
        self.end = 0.0
        self.seed = wanted[0]

    def run(self):
        self.end = time.monotonic() + ACTIVE_S
        chaos = Chaos(self)
        threads = [chaos]
        for h in self.histories:
            h.end = self.end
            threads += h.writers
        for t in threads:
            t.start()
        for t in threads:
            t.join(60)
            assert not t.is_alive(), "a writer hangs"
        self.world.settle()
        for t in threads:
            if t.failed is not None:
                raise t.failed
        written = sum(t.done for t in threads[1:])
        self.judge(", ".join(chaos.deeds))
        assert written > 0, f"nothing was written; {chaos.deeds}"
        self.world.clear()
        return written

    def judge(self, deeds):
        lines = self.world.difference()
        for h in self.histories:
            lines += h.miscounts()
        assert not lines, f"after {deeds}:\n" + "\n".join(lines[:40])
        for site in self.world.sites:
            wrong = list(self.world.wrongs(site))
            assert not wrong, f"{site.name} after {deeds}: {wrong[:10]}"


def seeds(default):
    if "GSB_SEED" in os.environ:
        first, _, last = os.environ["GSB_SEED"].partition("-")
        return list(range(int(first), int(last or first) + 1))
    most = int(os.environ.get("GSB_SEEDS", default))
    return list(range(1, most + 1))


def converge(world, wanted, at_once=ROUND):
    written = 0
    for i in range(0, len(wanted), at_once):
        one = wanted[i:i + at_once]
        try:
            written += Round(world, one).run()
        except BaseException:
            print(f"failing: replay with GSB_SEED={one[0]}-{one[-1]}")
            for site in world.sites:
                print(f"--- {site.name}'s replicator:\n" + "\n".join(
                    site.replicator.log_text().splitlines()[-40:]))
            raise
    return written


@pytest.fixture
def world(request):
    made = World()
    try:
        made.up(sync=getattr(request, "param", "off"))
        yield made
    finally:
        made.close()


def told(wanted, written, begun):
    rate = len(wanted) / (time.monotonic() - begun)
    print(f"{len(wanted)} histories, {written} transactions, {rate:.1f} "
          "histories a second: equal")


def test_random_histories_end_equal(world):
    wanted, begun = seeds(50), time.monotonic()
    told(wanted, converge(world, wanted), begun)


@pytest.mark.parametrize("world", ["on", "remote_apply"], indirect=True)
def test_histories_of_waiting_commits_end_equal(world):
    """As the product runs: a commit waits for the other site."""
    wanted, begun = seeds(10)[:10], time.monotonic()
    told(wanted, converge(world, wanted), begun)


@pytest.mark.long
def test_ten_thousand_random_histories_end_equal(world):
    wanted, begun = seeds(10000), time.monotonic()
    told(wanted, converge(world, wanted, at_once=20), begun)
