"""Rows that the peer inserted are plainly inserted here, unless one is known;
and many keys are tidied in one go (G14 G18)."""
import pytest

from twins import SITES, Twins

SCHEMA = """
CREATE TABLE item (id bigint PRIMARY KEY, name text NOT NULL, amount int);
CREATE TABLE person (id bigint PRIMARY KEY, email varchar(80));
GRANT ALL ON item, person TO gsb_site;
"""
TABLES = """
[table item]
key = id

[table person]
key = id
unique.email = email
"""
ROWS = ("INSERT INTO item SELECT g, repeat(%s, 100), g "
        "FROM generate_series(%s, %s) g")


@pytest.fixture(scope="module")
def twins():
    twins = Twins(SCHEMA, TABLES)
    try:
        yield twins.make()
    finally:
        reports = twins.down()
    assert not reports, "\n".join(reports)


@pytest.fixture
def apart(twins):
    """Both replicators are down; the tables are empty."""
    for site in SITES:
        process = twins.process.get(site)
        if process is None or process.poll() is not None:
            twins.start(site)
    for site in SITES:
        twins.query(site, "DELETE FROM item; DELETE FROM person")
        twins.settle()
    for site in SITES:
        twins.stop(site)
    return twins


def together(twins):
    twins.start()
    twins.settle(60)
    for table in ("item", "person"):
        assert twins.same(table)
    for site in SITES:
        assert twins.one(site, "SELECT count(*) FROM gsb.parked") == 0


def tie_free(twins):
    return twins.one("primary", "SELECT count(*) FROM item WHERE name ~ 'b'")


def test_rows_inserted_on_both_sites_meet(apart):
    apart.query("primary", ROWS, ("a", 1, 200))
    apart.query("backup", ROWS, ("b", 150, 400))
    together(apart)
    assert apart.one("primary", "SELECT count(*) FROM item") == 400
    # the later insert is the later incarnation
    assert tie_free(apart) == 251


def test_a_huge_transaction_meets_a_known_row_at_its_end(apart):
    """It comes in pieces, and begins anew."""
    apart.query("primary", ROWS, ("a", 1, 40000))
    apart.query("backup", ROWS, ("b", 39990, 39990))
    together(apart)
    assert apart.one("backup", "SELECT count(*) FROM item") == 40000
    assert tie_free(apart) == 1


def test_inserts_behind_deletes_and_edits_of_one_batch(apart):
    """What was freed in a batch may be claimed in it."""
    apart.query("primary", "INSERT INTO person VALUES (1, 'x'), (2, 'y')")
    apart.start()
    apart.settle()
    for site in SITES:
        apart.stop(site)
    apart.query("primary", "UPDATE person SET email = 'z' WHERE id = 1")
    apart.query("primary", "DELETE FROM person WHERE id = 2")
    apart.query("primary", "INSERT INTO person VALUES (3, 'x'), (4, 'y'), "
                "(2, 'w')")
    apart.query("backup", "INSERT INTO person VALUES (5, 'w')")
    together(apart)
    assert apart.query("backup", "SELECT id, email, gsb_key_email FROM person "
                       "ORDER BY 1") == [
        (1, "z", "z"), (2, "w", "w"), (3, "x", "x"), (4, "y", "y"),
        (5, "w", "w#5")]


def test_many_keys_are_tidied_without_statistics(twins):
    """A plan that joins them all with all would need half a minute."""
    with twins.connect("backup") as c:
        cursor = c.cursor()
        for table in ("gsb.tombstone", "gsb.sweep"):
            cursor.execute(f"ALTER TABLE {table} SET (autovacuum_enabled=off);"
                           f"TRUNCATE {table}")
        cursor.execute(
            "DELETE FROM pg_statistic WHERE starelid IN "
            "('gsb.tombstone'::regclass, 'gsb.sweep'::regclass)")
        cursor.execute(
            "UPDATE pg_class SET reltuples = -1, relpages = 0 WHERE oid IN "
            "('gsb.tombstone'::regclass, 'gsb.sweep'::regclass)")
        cursor.execute("SET session_replication_role = replica")
        cursor.execute("INSERT INTO gsb.tombstone SELECT 'public.item', "
                       "g::text, 256, 0 FROM generate_series(1, 10000) g")
        cursor.execute("INSERT INTO gsb.sweep SELECT rel, key, NULL "
                       "FROM gsb.tombstone")
        cursor.execute("SET plan_cache_mode = force_generic_plan; "
                       "SET enable_seqscan = off; SET enable_hashjoin = off; "
                       "SET enable_mergejoin = off; SET jit = off; "
                       "SET statement_timeout = '5s'")
        cursor.execute("SELECT gsb.tidy()")
        cursor.execute("SELECT gsb.tidy()")
        assert cursor.fetchone() == (0,)
