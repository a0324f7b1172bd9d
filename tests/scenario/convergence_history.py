"""Who fights in a history: the writers."""
import random
import threading
import time

import psycopg2
import pytest

from convergence_return import Ledger, stays

US = 1_000_000
COLLISIONS = (psycopg2.errors.UniqueViolation,
              psycopg2.errors.CheckViolation,  # a site's poison
              psycopg2.errors.DeadlockDetected,
              psycopg2.errors.LockNotAvailable,
              psycopg2.errors.ReadOnlySqlTransaction)  # not promoted yet


def now():
    """A stamp as the proxy makes it."""
    return time.time_ns() // 1000 - 946_684_800 * US


def long(r, length):
    """That many letters which do not compress."""
    return f"{r.getrandbits(4 * length):x}"


class Writer(threading.Thread):
    """One client of both sites; most of its work is at its own."""

    def __init__(self, history, number):
        super().__init__(daemon=True)
        self.history = history
        self.random = random.Random(f"{history.seed} writer {number}")
        self.home = history.world.sites[number % 2]
        self.skew = self.random.choice((0, 0, 0, 5 * US, -5 * US, 300 * US,
                                         3600 * US))
        self.connections = {}
        self.failed = None
        self.done = 0
        self.counted = [0, 0]  # surely, and perhaps
        self.turns = 0
        self.ledger = Ledger(self)

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
        self.turns += 1
        if self.history.returns and self.random.random() < 0.3:
            self.ledger.turn()
            return
        if self.random.random() < 0.06:
            self.aside()
            return
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

    def aside(self):
        """What is not merely a write of a row."""
        pick = self.random.random()
        if pick < 0.6:
            before, era = self.done, self.home.era
            self.counted[1] += 1
            self.execute(self.home, [self.count()], None)
            if era == self.home.era and stays(era):
                self.counted[0] += self.done - before
        elif pick < 0.8:  # comes in pieces
            self.execute(self.home, [(
                "INSERT INTO duo SELECT %s, g, repeat(%s, 300), g FROM "
                "generate_series(5, 3500) g ON CONFLICT (kind, n) DO UPDATE "
                "SET x = excluded.x", (f"k{self.history.seed}",
                                       self.random.choice("pqr")))], None)
        else:
            with pytest.raises((psycopg2.errors.FeatureNotSupported,
                                psycopg2.errors.ReadOnlySqlTransaction,
                                psycopg2.OperationalError,
                                psycopg2.InterfaceError)):
                connection = self.connection(self.home)
                try:
                    connection.cursor().execute("TRUNCATE item")
                finally:
                    self.drop(self.home)

    def count(self):
        """One row per site, which only ever sums."""
        return ("INSERT INTO usage AS u VALUES (%s, %s, 1) ON CONFLICT "
                "(entity, site) DO UPDATE SET n = u.n + 1",
                (self.history.seed, self.home.name))

    def duo(self):
        """Of nine one is poison; some columns are here, and not there."""
        r = self.random
        made = {"x": r.choice("pqr"), "y": r.randint(1, 9)}
        for column in self.home.columns:
            made[column] = r.randint(1, 5)
        return (f"INSERT INTO duo (kind, n, {', '.join(made)}) VALUES "
                f"({', '.join(['%s'] * (len(made) + 2))}) ON CONFLICT "
                "(kind, n) DO UPDATE SET " + ", ".join(
                    f"{c} = excluded.{c}" for c in made),
                (f"k{self.history.seed}", r.randint(1, 4), *made.values()))

    def odd(self):
        r = self.random
        every = {
            "tags": lambda: r.choice((["a", "b"], [], None, ["c"] * 400)),
            "raw": lambda: r.choice((b"", bytes(range(256)) * 40, None)),
            "price": lambda: r.choice(("1.0", "1.00", "-1e-20", "NaN")),
            "doc": lambda: r.choice(("1", '{"k": [1]}', "[]")),
            "at": lambda: r.choice(("2001-02-03 04:05:06.7+00", None))}
        made = {c: every[c]() for c in r.sample(sorted(every), 2)}
        return ("INSERT INTO odd (kind, n, moods, " + ", ".join(made) +
                ") VALUES (%s, %s, ARRAY[%s]::mood[], %s, %s) ON CONFLICT "
                "(kind, n) DO UPDATE SET " + ", ".join(
                    f"{c} = excluded.{c}" for c in made),
                (r.choice(("sad", "ok", "happy")),
                 self.history.seed * 10 + r.randint(1, 2),
                 r.choice(("sad", "happy")), *made.values()))

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
            "alias": lambda: r.choice((f"s{self.history.seed}", None, None)),
            # out of line, so that an update of the rest leaves it out
            "big": lambda: r.choice(("", long(r, r.choice((
                100, 5000, 20000, 20000, 100000)))))}
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
            return self.duo()
        if kind < 0.71:
            return self.odd()
        if kind < 0.73:
            return ("DELETE FROM odd WHERE kind = %s AND n / 10 = %s",
                    (self.random.choice(("sad", "ok")), self.history.seed))
        if kind < 0.76:
            return ("DELETE FROM duo WHERE kind = %s AND n = %s",
                    (f"k{self.history.seed}", self.random.randint(1, 4)))
        return self.insert(key)
