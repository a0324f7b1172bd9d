"""G18: whatever happens, the two databases end equal. Real clusters, real
replicators, nothing else of the product: random writes, deletes,
re-creations, double executions and open transactions at both sites, while
links are cut and stalled, replicators and databases are killed, a site is
restored from a copy or replaced by a promoted standby. Then all
of it is healed, barriers go both ways, and every row, version and effective
key is compared.

Several histories run at once, each with rows of its own, and meet the same
cuts and kills: that is one round.

    GSB_SEEDS=n      how many histories (50)
    GSB_SEED=n or n-m   that round alone, as it was printed when it failed
"""
import math
import os
import random
import time
import uuid

import pytest

from convergence_chaos import Chaos
from convergence_history import Writer
from convergence_side import TABLES
from convergence_return import RETURNS
from convergence_site import DECLARED, Site
from wait import wait_until

ACTIVE_S = 1.2  # of writing, cutting and killing in one round
ROUND = 10  # histories at once
ROWS = 8    # keys that one history fights over


CONTENTS = (("item", "id"), ("duo", "kind || n"), ("odd", "kind || '' || n"),
            ("usage", "entity || site"), ("gsb.tombstone", "rel || key"))


class World:
    def __init__(self):
        self.sites = [Site("primary"), Site("backup")]
        self.columns = {}  # name: type, of this round

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

    def other(self, site):
        return self.sites[1 - self.sites.index(site)]

    def add_column(self, site, kind):
        """First there, and on the other site when the round is over."""
        name = f"c{len(self.columns)}"
        self.columns[name] = kind
        site.add_column(name, kind)

    def heal(self):
        for site in self.sites:
            site.heal()

    def barriers(self, timeout):
        tokens = []
        for site in self.sites:
            tokens.append(uuid.uuid4().hex)
            wait_until(lambda: site.cluster.sql(  # pylint: disable=W0640
                "SET synchronous_commit = local; SELECT gsb.barrier(%s)",
                (tokens[-1],)), 20, what="the database is back")
        for site, token in zip(reversed(self.sites), tokens):
            wait_until(lambda: site.cluster.sql(  # pylint: disable=W0640
                "SELECT gsb.barrier_seen(%s)", (token,))[0][0],  # noqa
                timeout, what=f"the barrier is seen on the {site.name}")

    def each(self, condition, timeout=60):
        for site in self.sites:
            wait_until(lambda: condition(site),  # pylint: disable=W0640
                       timeout, what=f"{condition.__name__} {site.name}")

    def settle(self, timeout=60, levels_first=False):
        """Heals all, and waits until nothing is under way."""
        self.heal()
        self.each(Site.retry_database)
        for site in self.sites:
            site.unpoison()
        if levels_first:  # one that came back may lack what it declares
            self.add_columns()
        self.each(Site.is_streamed)
        self.barriers(timeout)
        self.each(Site.is_calm)
        if self.columns:
            self.level()
        self.each(Site.retry_parked)
        self.barriers(timeout)  # what was mended went to the other one

    def add_columns(self):
        for name, kind in self.columns.items():
            for site in self.sites:
                wait_until(lambda: site.add_column(  # pylint: disable=W0640
                    name, kind), what=f"{name} at the {site.name}")  # noqa

    def level(self):
        """Both have all columns, and what waited for them."""
        self.add_columns()
        self.each(Site.is_streamed)
        self.each(Site.has_no_extra)
        for site in self.sites:
            site.verify()  # what a digest had to leave out
            self.each(Site.is_calm)

    def contents(self, site):
        found = {}
        for table, key in CONTENTS:
            found[table] = {str(k): row for k, row in site.cluster.sql(
                "SET datestyle = 'ISO'; SET timezone = 'UTC'; "
                "SET bytea_output = 'hex'; "
                f"SELECT {key}, to_jsonb(t) - 'gsb_changed' FROM {table} t")}
        return found

    def clear(self):
        """The next round starts with little. A pass that compares the sites
        meanwhile would take the one for the other's loss, and mend it."""
        while True:
            self.clear_silently()
            self.each(Site.is_calm)
            self.barriers(60)
            if not any(rows for site in self.sites
                       for rows in self.contents(site).values()):
                break
        for site in self.sites:
            if self.columns:
                site.drop_columns(self.columns)
        self.columns = {}

    def clear_silently(self):
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
                                   ("nick", "nick::text", "0"),
                                   ("alias", "alias::text", "0")):
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
        self.returns = None  # the round's
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
    def __init__(self, world, wanted, returns=None):
        self.world = world
        self.histories = [History(world, seed) for seed in wanted]
        self.end = 0.0
        self.seed = wanted[0]
        self.returns = returns
        for site in world.sites:
            site.era = 0

    def finish(self, random):
        """The chaos is over: whoever has come back has some time left."""
        if self.returns is not None:
            self.until(time.monotonic() + random.uniform(0.2, ACTIVE_S))

    def until(self, end):
        self.end = end
        for h in self.histories:
            h.end = end

    def run(self):
        self.until(math.inf if self.returns else
                   time.monotonic() + ACTIVE_S)
        chaos = Chaos(self)
        threads = [chaos]
        for h in self.histories:
            h.returns = self.returns
            threads += h.writers
        for t in threads:
            t.start()
        for t in threads:
            t.join(60)
            assert not t.is_alive(), "a writer hangs"
        self.world.settle(levels_first=self.returns is not None)
        for t in threads:
            if t.failed is not None:
                raise t.failed
        written = sum(t.done for t in threads[1:])
        self.judge(", ".join(chaos.deeds), chaos.back)
        assert written > 0, f"nothing was written; {chaos.deeds}"
        self.world.clear()
        return written

    def judge(self, deeds, back):
        lines = self.world.difference()
        for h in self.histories:
            lines += h.miscounts()
            if back is not None:
                lines += back.wrongs(h)
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


def now_and_then(seed):
    """In one round of 25 a site comes back older than it was."""
    r = random.Random(f"{seed} return")
    return r.choice(RETURNS) if r.random() < 0.04 else None


def converge(world, wanted, at_once=ROUND, returns=lambda seed: None):
    written = 0
    for i in range(0, len(wanted), at_once):
        one = wanted[i:i + at_once]
        try:
            written += Round(world, one, returns(one[0])).run()
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
    told(wanted, converge(world, wanted, at_once=5), begun)


@pytest.mark.long
def test_ten_thousand_random_histories_end_equal(world):
    wanted, begun = seeds(10000), time.monotonic()
    told(wanted, converge(world, wanted, 20, now_and_then), begun)


def test_histories_of_a_site_that_comes_back_older_end_equal(world):
    """One round of each; what no site had but the one before stays lost."""
    for kind in RETURNS:
        wanted, begun = seeds(4)[:20], time.monotonic()
        told(wanted, converge(world, wanted, 20, lambda _: kind),  # noqa
             begun)


@pytest.mark.long
@pytest.mark.parametrize("world", ["off", "on", "remote_apply"],
                         indirect=True)
def test_sites_come_back_older_again_and_again(world):
    """Each kind in every second round, one after another on one pair."""
    wanted, begun = seeds(10000)[:200], time.monotonic()
    told(wanted, converge(world, wanted, 4, lambda seed: RETURNS[
        seed // 4 % 2]), begun)
