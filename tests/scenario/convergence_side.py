"""One database of a pair whose replicator is the test itself: it takes rows
and tombstones from one side and merges them into the other with the
replicator's own statements, in any order that the test wants."""
import os
import threading

import pytest

from convergence_pg import Cluster, Replicator, for_psycopg, generated_sql
from wait import wait_until

SCHEMA = """
CREATE TABLE item (
	id uuid PRIMARY KEY, owner int NOT NULL DEFAULT 0,
	mail text, nick varchar(40), alias varchar(40), a varchar(40), b varchar(40),
	no int NOT NULL DEFAULT 0, state varchar(10) NOT NULL DEFAULT 'low',
	body jsonb, amount numeric, big text);
CREATE TABLE duo (
	kind varchar(10), n bigint, x text, y int, PRIMARY KEY (kind, n));
"""
TABLES = """
[table item]
key = id
group.text = a, b
group.amount = amount
quiet = amount
group.state = no, state
max.state = no, state(low < mid < high)
unique.mail = owner, mail
group.mail = mail
fold.mail = lower
unique.nick = nick
unique.alias = alias

[table duo]
key = kind, n
"""
ITEM, DUO = "public.item", "public.duo"
PLAIN = {ITEM: "item", DUO: "duo"}


def uid(n):
    return f"00000000-0000-4000-8000-{n:012d}"


class Side:
    def __init__(self, cluster, site, database):
        self.site = site
        self.number = {"primary": 1, "backup": 2}[site]
        self.cluster = cluster
        self.database = database
        self.sql = None
        self.writer = None
        self.reader = None
        self.apply_connection = None

    def install(self, folder):
        tables = os.path.join(folder, "tables.ini")
        self.cluster.create(self.database)
        connection = self.cluster.connect("gsb_site", self.database)
        connection.cursor().execute(SCHEMA)
        connection.close()
        replicator = Replicator(self.site, self.cluster, self.cluster,
                                tables, database=self.database)
        done = replicator.install()
        assert done.returncode == 0, done.stdout + done.stderr
        again = replicator.install()
        assert again.returncode == 0, again.stdout + again.stderr
        replicator.remove()
        self.sql = generated_sql(
            self.cluster.conninfo("gsb_replicator", self.database), tables)
        self.writer = self.cluster.connect("gsb_site", self.database)
        self.reader = self.cluster.connect("postgres", self.database)
        self.apply_connection = self.cluster.connect("gsb_replicator",
                                                     self.database)
        with self.apply_connection.cursor() as c:
            c.execute(self.sql["session"])

    def close(self):
        self.writer.close()
        self.reader.close()
        self.apply_connection.close()

    def clear(self):
        """Without a trace, for the next test."""
        self.cluster.sql(
            "SET session_replication_role = replica; TRUNCATE item, duo, "
            "gsb.tombstone, gsb.sweep, gsb.conflict, gsb.barrier_mark",
            database=self.database)

    # --- as a site writes --------------------------------------------------

    def write(self, sql, parameters=None, stamp=None):
        """One transaction of the site, its stamp as the proxy gave it."""
        with self.writer.cursor() as c:
            c.execute("BEGIN")
            try:
                if stamp is not None:
                    c.execute("SELECT set_config('gsb.stamp', %s, true)",
                              (str(stamp),))
                c.execute(sql, parameters)
                rows = c.fetchall() if c.description else c.rowcount
                c.execute("COMMIT")
                return rows
            except Exception:
                c.execute("ROLLBACK")
                raise

    def query(self, sql, parameters=None):
        with self.reader.cursor() as c:
            c.execute(sql, parameters)
            return c.fetchall() if c.description else []

    # --- what the stream would carry ---------------------------------------

    def rows(self, rel, where="true", parameters=None):
        """Rows as they are now: tuples of text in order of the parameters."""
        names = ", ".join(f'"{p}"::text' for p in
                          self.sql["tables"][rel]["params"])
        return self.query(f"SELECT {names} FROM {rel} WHERE {where}",
                          parameters)

    def row(self, rel, key):
        found = self.rows(rel, "id = %s", (key,))
        return found[0] if found else None

    def tombstones(self, where="true"):
        return self.query("SELECT rel, key, v, seen FROM gsb.tombstone "
                          f"WHERE {where}")

    # --- as the replicator merges ------------------------------------------

    def execute(self, cursor, sql, arrays):
        cursor.execute(for_psycopg(sql), arrays)

    def merge_table(self, cursor, rel, rows, form, dead):
        sql = self.sql["tables"][rel]
        if rows:
            columns = [list(c) for c in zip(*rows)]
            keys = [columns[sql["params"].index(k)] for k in sql["key"]]
            self.execute(cursor, sql[form], columns)
            self.execute(cursor, sql["sweep"], keys)
        if dead:
            self.execute(cursor, sql["sweep_dead"], [dead])
        for statement in sql["keys"]:
            cursor.execute(statement.replace("%", "%%"))

    def merge(self, rows=(), tombstones=(), form="rows", tidy=False):
        """rows: (rel, row); one group of the apply."""
        with self.apply_connection.cursor() as c:
            c.execute("BEGIN")
            try:
                if tombstones:
                    self.execute(c, self.sql["tombstones"],
                                 [list(t) for t in zip(*tombstones)])
                for rel in self.sql["tables"]:
                    self.merge_table(
                        c, rel, [r for to, r in rows if to == rel], form,
                        [t[1] for t in tombstones if t[0] == rel])
                c.execute("COMMIT")
                if tidy:
                    c.execute(self.sql["tidy"])
            except Exception:
                c.execute("ROLLBACK")
                raise

    def merge_aside(self, *arguments, **options):
        """The merge in a thread, once it waits for a lock; join() it."""
        aside = Aside(lambda: self.merge(*arguments, **options))
        pid = self.apply_connection.get_backend_pid()
        wait_until(lambda: self.query(
            "SELECT 1 FROM pg_stat_activity WHERE pid = %s AND "
            "wait_event_type = 'Lock'", (pid,)), what="the merge waits")
        return aside

    def tidy(self):
        with self.apply_connection.cursor() as c:
            c.execute(self.sql["tidy"])
            return c.fetchone()[0]

    def everything(self):
        """All that must end equal, effective keys included."""
        return {PLAIN[rel]: sorted(str(r[0]) for r in self.query(
            f"SELECT to_jsonb(t) - 'gsb_changed' FROM {rel} t"))
                for rel in (ITEM, DUO)} | {
                "tombstone": sorted(self.tombstones())}


class Aside:
    def __init__(self, call):
        self.error = None
        self.thread = threading.Thread(target=self.run, args=(call,))
        self.thread.start()

    def run(self, call):
        try:
            call()
        except Exception as e:  # pylint: disable=broad-except
            self.error = e

    def join(self):
        self.thread.join(30)
        assert not self.thread.is_alive()
        if self.error is not None:
            raise self.error


class Pair:
    """Two databases of one cluster are sites enough for SQL."""

    def __init__(self):
        self.cluster = Cluster(conf="fsync = off\n")
        with open(os.path.join(self.cluster.dir, "tables.ini"), "w",
                  encoding="utf-8") as f:
            f.write(TABLES)
        self.p = Side(self.cluster, "primary", "p")
        self.b = Side(self.cluster, "backup", "b")
        for side in (self.p, self.b):
            side.install(self.cluster.dir)

    def other(self, side):
        return self.b if side is self.p else self.p

    def exchange(self):
        """All rows and tombstones both ways, until nothing is left."""
        for _ in range(2):
            for side in (self.p, self.b):
                rows = [(rel, r) for rel in (ITEM, DUO)
                        for r in side.rows(rel)]
                self.other(side).merge(rows, side.tombstones(), tidy=True)

    def assert_equal(self):
        p, b = self.p.everything(), self.b.everything()
        for name, rows in p.items():
            one = [r for r in rows if r not in b[name]]
            two = [r for r in b[name] if r not in rows]
            assert not one and not two, (
                f"{name}:\nprimary only: {one}\nbackup only:  {two}")
        assert p == b

    def assert_keys_right(self, side):
        """Effective keys are that function of the rows which they promise."""
        for value, fold, scope in (("mail", "lower(mail)", "owner"),
                                   ("nick", "nick::text", "0"),
                                   ("alias", "alias::text", "0")):
            wrong = side.query(f"""
                SELECT * FROM (SELECT id, {value}, gsb_key_{value} AS has,
                 {fold} || CASE WHEN row_number() OVER (PARTITION BY {scope},
                 {fold} ORDER BY gsb_v_{value}, id::text COLLATE "C") > 1
                 THEN '#' || id ELSE '' END AS ought FROM item) x
                WHERE has IS DISTINCT FROM ought""")
            assert not wrong, f"{side.site}: {wrong}"

    def close(self):
        self.p.close()
        self.b.close()
        self.cluster.down()


class Waiting:
    """A statement of the site in a thread, in a transaction with a stamp."""

    def __init__(self, side, call, stamp):
        self.side = side

        def run():
            with side.writer.cursor() as c:
                c.execute("BEGIN")
                c.execute("SELECT set_config('gsb.stamp', %s, true)",
                          (str(stamp),))
                call()
                c.execute("COMMIT")
        self.aside = Aside(run)

    def wait_for_lock(self):
        pid = self.side.writer.get_backend_pid()
        wait_until(lambda: self.side.query(
            "SELECT 1 FROM pg_stat_activity WHERE pid = %s AND "
            "wait_event_type = 'Lock'", (pid,)), what="the writer waits")

    def join(self):
        self.aside.join()


# --- short words for tests -------------------------------------------------

US = 1_000_000
NOW = 820_000_000 * US  # a stamp: some day in 2025


@pytest.fixture(scope="module")
def databases():
    made = Pair()
    yield made
    made.close()


@pytest.fixture
def pair(databases):  # pylint: disable=redefined-outer-name
    databases.p.clear()
    databases.b.clear()
    return databases


def add(side, n, stamp=None, **values):
    columns = ["id", *values]
    side.write(f"INSERT INTO item ({', '.join(columns)}) VALUES "
               f"({', '.join(['%s'] * len(columns))})",
               (uid(n), *values.values()), stamp)


def edit(side, n, stamp=None, **values):
    return side.write(
        f"UPDATE item SET {', '.join(f'{c} = %s' for c in values)} "
        "WHERE id = %s", (*values.values(), uid(n)), stamp)


def delete(side, n, stamp=None):
    return side.write("DELETE FROM item WHERE id = %s", (uid(n),), stamp)


def values(side, n, columns):
    found = side.query(f"SELECT {columns} FROM item WHERE id = %s", (uid(n),))
    return found[0] if found else None


def item(side, n):
    return (ITEM, side.row(ITEM, uid(n)))
