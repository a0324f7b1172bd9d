"""gsb-replicator adopt and release: tables that are not ours, with rows in
them, while people write."""
import os
import re
import shutil
import subprocess

import pytest

from heals import control, verify
from twins import OTHER, PG, SITES, Twins
from wait import wait_until

SCHEMA = """
CREATE TABLE ours (id int PRIMARY KEY, t text);
CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
CREATE TABLE theirs (
 kind mood, no int, name text, doc jsonb, raw bytea, price numeric,
 tags text[], mail varchar(80) NOT NULL, badge uuid, house int NOT NULL,
 PRIMARY KEY (kind, no), CONSTRAINT one_mail UNIQUE (mail));
CREATE UNIQUE INDEX one_badge ON theirs (house, badge);
CREATE TABLE log (t text);
CREATE TABLE range (id int PRIMARY KEY) PARTITION BY RANGE (id);
CREATE TABLE range_1 PARTITION OF range FOR VALUES FROM (1) TO (9);
CREATE UNLOGGED TABLE quick (id int PRIMARY KEY);
CREATE VIEW seen AS SELECT 1 AS id;
CREATE TABLE odd (id int PRIMARY KEY, a text, b text);
CREATE UNIQUE INDEX odd_part ON odd (a) WHERE b = 'x';
GRANT ALL ON ALL TABLES IN SCHEMA public TO gsb_site;
"""
TABLES = "[table ours]\nkey = id\n"


class Apart(Twins):
    """Each site has a tables.ini of its own."""

    def tables_ini(self, site):
        return os.path.join(self.dir, f"{site}.ini")

    def configure(self):
        super().configure()
        for site in SITES:
            shutil.copy(os.path.join(self.dir, "tables.ini"),
                        self.tables_ini(site))
            with open(self.conf(site), "r+", encoding="utf-8") as f:
                text = re.sub("tables = .*",
                              f"tables = {self.tables_ini(site)}", f.read())
                f.seek(0)
                f.write(text)

    def verb(self, site, *words, ok=True):
        done = subprocess.run(
            [self.program, "--config", self.conf(site), *words],
            capture_output=True, text=True, check=False, timeout=120)
        assert (done.returncode == 0) == ok, \
            done.stdout + done.stderr + self.tail(site, 60)
        return done.stdout if ok else done.stderr

    def declared(self, site):
        with open(self.tables_ini(site), encoding="utf-8") as f:
            return f.read()

    def shape(self, site, table):
        return self.query(site, "SELECT attname FROM pg_attribute WHERE "
                          "attrelid = %s::regclass AND attnum > 0 AND NOT "
                          "attisdropped ORDER BY attname", (table,))


@pytest.fixture(scope="module")
def twins():
    made = Apart(SCHEMA, TABLES)
    try:
        made.make().start()
        yield made
    finally:
        reports = made.down()
    assert not reports, "\n".join(reports)


def fill(twins, site, first):
    twins.query(site, """
        INSERT INTO theirs SELECT (ARRAY['sad', 'ok', 'happy'])[g %% 3 + 1]
         ::mood, g, repeat(md5(g::text), 300), jsonb_build_object('g', g),
         decode(md5(g::text), 'hex'), g / 7.0, ARRAY['x', NULL, g::text],
         'm' || g || '@x', md5(g::text)::uuid, g %% 4
        FROM generate_series(%s, %s) g""", (first, first + 199))


def same_mail(twins):
    """On both sites before either has heard of the other's."""
    with twins.connect("primary") as p, twins.connect("backup") as b:
        for no, c in enumerate((p, b)):
            c.autocommit = False
            c.cursor().execute("INSERT INTO theirs (kind, no, mail, house) "
                               "VALUES ('ok', %s, 'same@x', 1)", (1000 + no,))
        p.commit()
        b.commit()


def equal(twins, *tables):
    try:
        twins.settle()
    except AssertionError:
        print(*(f"--- {site}:\n{twins.tail(site)}" for site in SITES))
        raise
    for site in SITES:
        assert twins.query(site, "SELECT rel, key, message FROM gsb.parked"
                           ) == []
    for table in tables:
        wait_until(lambda t=table: twins.same(t), what=f"{table} is equal")


def test_a_table_with_rows_on_both_sites(twins):
    fill(twins, "primary", 1)
    fill(twins, "backup", 101)  # 100 are on both
    shapes = {s: twins.shape(s, "theirs") for s in SITES}
    twins.query("backup", "UPDATE theirs SET price = -1 WHERE no = 150")

    # a dry run tells and does nothing
    printed = twins.verb("primary", "--dry-run", "adopt", "public.theirs")
    assert "ADD COLUMN \"gsb_v_row\"" in printed
    assert "DROP CONSTRAINT one_mail" in printed
    assert twins.shape("primary", "theirs") == shapes["primary"]
    assert twins.declared("primary") == TABLES

    printed = twins.verb("primary", "adopt", "public.theirs")
    assert "unique.mail = mail" in printed
    assert "unique.badge = house, badge" in printed
    assert "adopt it on the other site too" in printed
    # people go on, between the two
    twins.query("primary", "UPDATE theirs SET price = 7 WHERE no = 20")
    twins.query("primary", "DELETE FROM theirs WHERE no = 21")
    printed = twins.verb("backup", "adopt", "public.theirs")
    assert "the rows of both sites are on their way" in printed
    equal(twins, "theirs")
    assert twins.one("backup", "SELECT count(*) FROM theirs") == 299
    # the digest has heard of it too
    tables = verify(twins, "primary", "public.theirs", timeout=90)
    assert tables["public.theirs"]["rows"] == 299
    for site in SITES:
        assert "nothing to do" in twins.verb(site, "adopt", "theirs")
        twins.query(site, "UPDATE theirs SET tags = tags || ARRAY[%s] "
                    "WHERE no %% 7 = 0", (site,))
    same_mail(twins)
    equal(twins, "theirs")
    assert twins.query("primary", "SELECT mail FROM theirs WHERE "
                       "gsb_key_mail <> mail") == [("same@x",)]

    # and it goes again, with its own constraints
    twins.query("primary", "DELETE FROM theirs WHERE no = 1001")
    equal(twins, "theirs")
    printed = twins.verb("primary", "--dry-run", "release", "theirs")
    assert "DROP COLUMN" in printed
    assert "[table public.theirs]" in twins.declared("primary")
    for site in SITES:
        assert "is released" in twins.verb(site, "release", "theirs")
        assert "nothing to do" in twins.verb(site, "release", "theirs")
        assert twins.shape(site, "theirs") == shapes[site]
        assert "theirs" not in twins.declared(site)
        assert twins.query(site, "SELECT relname::text FROM pg_index i JOIN "
                           "pg_class c ON c.oid = indexrelid WHERE indrelid "
                           "= 'theirs'::regclass AND indisunique ORDER BY 1"
                           ) == [("one_badge",), ("one_mail",),
                                 ("theirs_pkey",)]
        assert twins.query(site, "SELECT 1 FROM pg_proc WHERE proname LIKE "
                           "'%theirs%'") == []
    code, said = control(twins, "primary", "POST", "/v1/verify",
                         {"table": "public.theirs"})
    assert code == 404 and "not a replicated table" in said["message"]
    twins.query("primary", "TRUNCATE theirs; INSERT INTO ours VALUES (1, 'x')")
    equal(twins, "ours")  # the rest goes on


@pytest.mark.parametrize("table, why", [
    ("public.nothing", "there is no such table"), ("log", "no primary key"),
    ("range", "partitioned"), ("range_1", "partitioned"),
    ("quick", "unlogged"), ("seen", "no ordinary table"),
    ("odd", "odd_part cannot be kept"), ("a.b.c", "names no table")])
def test_what_cannot_be_adopted(twins, table, why):
    assert why in twins.verb("primary", "adopt", table, ok=False)
    assert twins.declared("primary") == TABLES


def pgbench(twins, site, *words):
    return subprocess.Popen(
        [f"{PG}/pgbench", "-h", "127.0.0.1", "-p", str(twins.port[site]),
         "-U", "postgres", *words, "gsb"], stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True)


def test_pgbench_under_load(twins):
    tables = [f"pgbench_{t}" for t in ("accounts", "branches", "tellers",
                                       "history")]
    assert pgbench(twins, "primary", "-i", "-q").wait(120) == 0
    assert pgbench(twins, "backup", "-i", "-I", "dtp", "-q").wait(60) == 0
    # less than pgbench makes: shipping is paid per row
    for site in SITES:
        twins.query(site, "DELETE FROM pgbench_accounts WHERE aid > 20000; "
                    "ALTER TABLE pgbench_history ADD COLUMN id uuid "
                    "PRIMARY KEY DEFAULT gen_random_uuid()")
    running = [pgbench(twins, "primary", "-n", "-T", "120", "-c", "2",
                       "-D", "naccounts=20000", "-f", script(twins))]
    for site in SITES:
        for table in tables:
            twins.verb(site, "adopt", table)
    running.append(pgbench(twins, "backup", "-n", "-t", "200",
                           "-D", "naccounts=20000", "-f", script(twins)))
    out = running[1].communicate(timeout=120)[0]
    assert running[1].returncode == 0, out
    running[0].terminate()
    running[0].wait(20)
    twins.settle(timeout=120)
    equal(twins, *tables)
    assert twins.one("backup", "SELECT count(*) FROM pgbench_accounts"
                     ) == 20000
    assert twins.one("backup", "SELECT count(*) FROM pgbench_history") > 200
    for table in tables:
        for site in (OTHER["primary"], "primary"):
            twins.verb(site, "release", table)
    twins.query("primary", "INSERT INTO ours VALUES (2, 'x')")
    equal(twins, "ours")


def script(twins):
    """pgbench's own transaction; only the range of accounts is smaller."""
    path = os.path.join(twins.dir, "tpcb.sql")
    with open(path, "w", encoding="utf-8") as f:
        f.write("""
\\set aid random(1, :naccounts)
\\set bid random(1, 1)
\\set tid random(1, 10)
\\set delta random(-5000, 5000)
BEGIN;
UPDATE pgbench_accounts SET abalance = abalance + :delta WHERE aid = :aid;
SELECT abalance FROM pgbench_accounts WHERE aid = :aid;
UPDATE pgbench_tellers SET tbalance = tbalance + :delta WHERE tid = :tid;
UPDATE pgbench_branches SET bbalance = bbalance + :delta WHERE bid = :bid;
INSERT INTO pgbench_history (tid, bid, aid, delta, mtime)
 VALUES (:tid, :bid, :aid, :delta, CURRENT_TIMESTAMP);
END;
""")
    return path
