"""G18: whatever happens, the two databases end equal. Real clusters, real
replicators, nothing else of the product: random writes, deletes,
re-creations, double executions and open transactions at both sites, while
links are cut and stalled and replicators and databases are killed. Then all
of it is healed, barriers go both ways, and every row, version and effective
key is compared.

    GSB_SEEDS=n   how many histories (50)
    GSB_SEED=n    that one alone, as it was printed when it failed
"""
import os
import random
import threading
import time
import uuid

import psycopg2
import pytest

from convergence_link import Link
from convergence_pg import Cluster, Replicator
from convergence_side import SCHEMA, TABLES
from wait import wait_until

US = 1_000_000
ACTIVE_S = 1.2  # of writing, cutting and killing in one history
COLLISIONS = (psycopg2.errors.UniqueViolation,
              psycopg2.errors.DeadlockDetected,
              psycopg2.errors.LockNotAvailable)
ROWS = 8        # keys that one history fights over


def now():
    """A stamp as the proxy makes it."""
    return time.time_ns() // 1000 - 946_684_800 * US


class Site:
    def __init__(self, name):
        self.name = name
        self.cluster = Cluster(conf="fsync = off\n")
        self.link = Link(self.cluster.port)  # towards this site
        self.replicator = None
        self.lock = threading.Lock()

    def prepare(self, peer, folder, sync):
        self.replicator = Replicator(
            self.name, self.cluster, peer.cluster,
            os.path.join(folder, "tables.ini"), sync=sync,
            peer_port=peer.link.port)
        self.cluster.sql(SCHEMA, user="gsb_site")

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


class World:
    def __init__(self):
        self.sites = [Site("primary"), Site("backup")]

    def up(self, sync):
        p, b = self.sites
        folder = p.cluster.dir
        with open(os.path.join(folder, "tables.ini"), "w",
                  encoding="utf-8") as f:
            f.write(TABLES)
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
        for table, key in (("item", "id"), ("duo", "kind || n"),
                           ("gsb.tombstone", "rel || key")):
            found[table] = {str(k): row for k, row in site.cluster.sql(
                f"SELECT {key}, to_jsonb(t) FROM {table} t")}
        return found

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
                lines += [f"{table} {key}.{c}: primary {mine[c]!r}, backup "
                          f"{theirs[c]!r}" for c in mine
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


class Writer(threading.Thread):
    """One client of both sites; most of its work is at its own."""

    def __init__(self, history, number):
        super().__init__(daemon=True)
        self.history = history
        self.random = random.Random(f"{history.seed} writer {number}")
        self.home = history.world.sites[number % 2]
        self.skew = self.random.choice((0, 0, 0, 5 * US, -5 * US, 3600 * US))
        self.connections = {}
        self.failed = None
        self.done = 0

    def connection(self, site):
        found = self.connections.get(site.name)
        if found is None or found.closed:
            found = psycopg2.connect(site.cluster.conninfo("gsb_site") +
                                     " options='-c lock_timeout=2s'")
            self.connections[site.name] = found
        return found

    def drop(self, site):
        found = self.connections.pop(site.name, None)
        if found is not None:
            found.close()

    def run(self):
        try:
            while time.monotonic() < self.history.end:
                self.transaction()
        except Exception as e:  # pylint: disable=broad-except
            self.failed = e
        finally:
            for found in self.connections.values():
                found.close()

    def transaction(self):
        """One request; now and then it is executed on both sites."""
        pick = self.random.random()
        stamp = None if pick < 0.3 else now() + self.skew
        if stamp is not None and self.random.random() < 0.2:
            stamp -= self.random.choice((1000, US // 2, 5 * US))
        if self.random.random() < 0.08:
            self.slow_twin(stamp or now())
            return
        if self.random.random() < 0.2:
            request = [self.insert(self.history.any_id(self.random))]
            stamp = stamp or now()
            for site in self.random.sample(self.history.world.sites, 2):
                self.execute(site, request, stamp)
            return
        request = [self.statement() for _ in range(
            self.random.choice((1, 1, 1, 2, 4)))]
        self.execute(self.home, request, stamp)

    def execute(self, site, request, stamp):
        connection = None
        try:
            connection = self.connection(site)
            with connection.cursor() as c:
                if stamp is not None:
                    c.execute("SELECT set_config('gsb.stamp', %s, true)",
                              (str(stamp),))
                for sql, parameters in request:
                    c.execute(sql, parameters)
                    if self.random.random() < 0.15:  # stays open
                        time.sleep(self.random.uniform(0, 0.25))
            if self.random.random() < 0.1:
                connection.rollback()
            else:
                connection.commit()
                self.done += 1
        except psycopg2.Error as e:
            self.undo(site, connection, e)

    def undo(self, site, connection, why):
        """Users collide; sites go down, at any moment."""
        if isinstance(why, COLLISIONS):
            try:
                connection.rollback()
                return
            except (psycopg2.OperationalError, psycopg2.InterfaceError):
                pass
        elif not isinstance(why, (psycopg2.OperationalError,
                                  psycopg2.InterfaceError)):
            raise why
        self.drop(site)
        time.sleep(0.05)

    def slow_twin(self, stamp):
        """One request on both sites: slow at home, and what it made on the
        other site is deleted there before it ends here."""
        key = self.history.any_id(self.random)
        request = self.insert(key)
        other, = (s for s in self.history.world.sites if s is not self.home)
        connection = None
        try:
            connection = self.connection(self.home)
            with connection.cursor() as c:
                c.execute("SELECT set_config('gsb.stamp', %s, true)",
                          (str(stamp),))
                c.execute(*request)
                self.execute(other, [request], stamp)
                self.execute(other, [("DELETE FROM item WHERE id = %s",
                                      (key,))], stamp + 1)
                time.sleep(self.random.uniform(0, 0.2))
            connection.commit()
            self.done += 1
        except psycopg2.Error as e:
            self.undo(self.home, connection, e)

    def values(self):
        r = self.random
        every = {
            "mail": lambda: r.choice(("a", "A", "b", "c", None)),
            "nick": lambda: self.history.nick(r),
            "owner": lambda: self.history.seed * 10 + r.choice((0, 0, 1)),
            "a": lambda: r.choice("xyz"), "b": lambda: r.choice("xyz"),
            "no": lambda: r.choice((0, 1, 2)),
            "state": lambda: r.choice(("low", "mid", "high")),
            "body": lambda: r.choice(("1", "1.0", '{"k": [1]}')),
            "amount": lambda: r.choice(("1", "1.0", "2.50", None)),
            # out of line, so that an update of the rest leaves it out
            "big": lambda: r.choice(("", "".join(r.choices(
                "0123456789abcdef", k=r.choice((100, 5000, 20000))))))}
        return {c: every[c]() for c in r.sample(
            sorted(every), r.choice((1, 2, 3, 5)))}

    def insert(self, key):
        made = {"owner": self.history.seed * 10} | self.values()
        return (f"INSERT INTO item (id, {', '.join(made)}) VALUES "
                f"({', '.join(['%s'] * (len(made) + 1))}) "
                "ON CONFLICT (id) DO NOTHING", (key, *made.values()))

    def statement(self):
        key = self.history.any_id(self.random)
        kind = self.random.random()
        if kind < 0.35:
            made = self.values()
            return (f"UPDATE item SET {', '.join(f'{c} = %s' for c in made)}"
                    " WHERE id = %s", (*made.values(), key))
        if kind < 0.5:
            return ("DELETE FROM item WHERE id = %s", (key,))
        if kind < 0.53:
            return ("UPDATE item SET id = %s WHERE id = %s AND NOT EXISTS "
                    "(SELECT FROM item WHERE id = %s)",
                    (self.history.any_id(self.random), key,
                     self.history.any_id(self.random)))
        if kind < 0.63:
            return ("INSERT INTO duo VALUES (%s, %s, %s, %s) ON CONFLICT "
                    "(kind, n) DO UPDATE SET x = excluded.x",
                    (f"k{self.history.seed}", self.random.randint(1, 4),
                     self.random.choice("pqr"), self.random.randint(1, 9)))
        if kind < 0.66:
            return ("DELETE FROM duo WHERE kind = %s AND n = %s",
                    (f"k{self.history.seed}", self.random.randint(1, 4)))
        return self.insert(key)


class Chaos(threading.Thread):
    """Cuts, stalls, stops and kills, and undoes most of it after a while."""

    def __init__(self, history):
        super().__init__(daemon=True)
        self.history = history
        self.random = random.Random(f"{history.seed} chaos")
        self.failed = None
        self.deeds = []

    def run(self):
        try:
            for _ in range(self.random.choice((0, 1, 2, 3, 5))):
                self.pause(0.4)
                self.deed()
        except Exception as e:  # pylint: disable=broad-except
            self.failed = e

    def pause(self, most):
        time.sleep(min(self.random.uniform(0, most),
                       max(0, self.history.end - time.monotonic())))

    def deed(self):
        site = self.random.choice(self.history.world.sites)
        name = self.random.choice((
            "cut", "cut", "stall", "kill_replicator", "kill_replicator",
            "stop_replicator", "kill_database", "drop_stream"))
        self.deeds.append(f"{name} {site.name}")
        getattr(self, name)(site)

    def cut(self, site):
        site.link.cut()
        self.pause(0.5)
        site.link.heal()

    def stall(self, site):
        site.link.stall()
        self.pause(0.5)
        site.link.heal()

    def kill_replicator(self, site):
        site.replicator.kill()
        self.pause(0.4)
        site.replicator.start()

    def stop_replicator(self, site):
        site.replicator.signal(19)  # SIGSTOP
        self.pause(0.5)
        site.replicator.signal(18)

    def kill_database(self, site):
        site.cluster.kill()
        self.pause(0.3)
        site.cluster.start()

    def drop_stream(self, site):
        try:
            site.cluster.sql("SELECT pg_terminate_backend(pid) "
                             "FROM pg_stat_replication")
        except psycopg2.OperationalError:
            pass


class History:
    def __init__(self, world, seed):
        self.world = world
        self.seed = seed
        self.end = 0.0

    def any_id(self, r):
        return f"00000000-0000-4000-8000-{self.seed:08d}{r.randint(1, ROWS):04d}"

    def nick(self, r):
        return r.choice((f"n{self.seed}", f"m{self.seed}", None))

    def run(self):
        threads = [Writer(self, n) for n in range(4)] + [Chaos(self)]
        self.end = time.monotonic() + ACTIVE_S
        for t in threads:
            t.start()
        for t in threads:
            t.join(60)
            assert not t.is_alive(), "a writer hangs"
        self.world.settle()
        for t in threads:
            if t.failed is not None:
                raise t.failed
        written = sum(t.done for t in threads[:-1])
        deeds = ", ".join(threads[-1].deeds)
        assert written > 0, f"nothing was written; {deeds}"
        lines = self.world.difference()
        assert not lines, f"after {deeds}:\n" + "\n".join(lines[:40])
        for site in self.world.sites:
            wrong = list(self.world.wrongs(site))
            assert not wrong, f"{site.name} after {deeds}: {wrong[:10]}"
        return written


def seeds(default):
    if "GSB_SEED" in os.environ:
        return [int(os.environ["GSB_SEED"])]
    most = int(os.environ.get("GSB_SEEDS", default))
    return list(range(1, most + 1))


def converge(world, wanted):
    written = 0
    for seed in wanted:
        try:
            written += History(world, seed).run()
        except BaseException:
            print(f"failing seed: {seed}; replay with GSB_SEED={seed}")
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


def test_random_histories_end_equal(world):
    wanted = seeds(50)
    written = converge(world, wanted)
    print(f"{len(wanted)} histories, {written} transactions: equal")


@pytest.mark.parametrize("world", ["on", "remote_apply"], indirect=True)
def test_histories_of_waiting_commits_end_equal(world):
    """As the product runs: a commit waits for the other site."""
    wanted = seeds(5)[:5]
    written = converge(world, wanted)
    print(f"{len(wanted)} histories, {written} transactions: equal")


@pytest.mark.long
def test_a_thousand_random_histories_end_equal(world):
    wanted = seeds(1000)
    written = converge(world, wanted)
    print(f"{len(wanted)} histories, {written} transactions: equal")
