"""gsb-replicator install: what it makes, again and again, and what it says
when it cannot."""
import itertools
import os

import psycopg2
import pytest

from convergence_pg import Cluster, Replicator
from convergence_side import SCHEMA, TABLES, uid


numbers = itertools.count(1)


@pytest.fixture(scope="module")
def cluster():
    made = Cluster(conf="fsync = off\n")
    yield made
    made.down()


@pytest.fixture
def install(cluster):
    """install(*options) on a database of the test's own."""
    database = f"d{next(numbers)}"
    cluster.create(database)
    cluster.sql(SCHEMA, user="gsb_site", database=database)
    tables = os.path.join(cluster.dir, f"{database}.ini")
    replicator = Replicator("primary", cluster, cluster, tables,
                            database=database)

    def run(*options, text=TABLES, ok=True):
        with open(tables, "w", encoding="utf-8") as f:
            f.write(text)
        done = replicator.install(*options)
        assert (done.returncode == 0) == ok, done.stdout + done.stderr
        return done.stdout if ok else done.stderr
    run.sql = lambda text, parameters=None, user="postgres": cluster.sql(
        text, parameters, user=user, database=database)
    yield run
    run.sql("SELECT pg_drop_replication_slot(slot_name) FROM "
            "pg_replication_slots WHERE database = current_database()")
    replicator.remove()


def snapshot(sql):
    return sql("SELECT attrelid::regclass::text, attname, attnum FROM "
               "pg_attribute WHERE attnum > 0 AND attrelid IN "
               "('item'::regclass, 'duo'::regclass) ORDER BY 1, 3")


def test_a_dry_run_prints_and_touches_nothing(install):
    before = snapshot(install.sql)
    printed = install("--dry-run")
    assert snapshot(install.sql) == before
    assert install.sql("SELECT count(*) FROM pg_namespace WHERE "
                       "nspname = 'gsb'") == [(0,)]
    assert "CREATE SCHEMA IF NOT EXISTS gsb;" in printed
    assert "pg_create_logical_replication_slot('gsb_backup'" in printed
    # and it is what a superuser may run by hand
    install.sql(printed.split("SELECT pg_replication_origin_create", 1)[0])
    assert "triggers" not in install()


def test_again_adds_only_what_is_new(install):
    first = install()
    assert "public.item: column gsb_v_text" in first
    assert "public.item: triggers" in first
    oids = "SELECT oid FROM pg_trigger WHERE tgrelid = 'item'::regclass"
    made = install.sql(oids)
    again = install()
    assert "column" not in again and "triggers" not in again
    assert install.sql(oids) == made
    install.sql("ALTER TABLE item ADD COLUMN motto text", user="gsb_site")
    later = install()
    assert "public.item: column gsb_v_motto" in later
    assert "public.item: triggers" in later
    assert "public.duo: triggers" not in later
    install.sql("INSERT INTO item (id, motto) VALUES (%s, 'x')", (uid(1),),
                user="gsb_site")
    assert install.sql("SELECT gsb_v_motto > 0 FROM item") == [(True,)]
    # a trigger that somebody took away comes back
    install.sql('DROP TRIGGER gsb_gone ON item')
    assert "public.item: triggers" in install()
    assert "another table" not in install()


def test_nothing_stands_before_inserts_but_effective_keys(install):
    """COPY goes row by row where a trigger does, silent or not."""
    before = ("SELECT tgrelid::regclass::text FROM pg_trigger WHERE "
              "tgtype & 7 = 7 AND NOT tgisinternal")
    install()
    assert install.sql(before) == [("item",)]
    # what an older version left there goes
    install.sql("""CREATE FUNCTION gsb."public.duo_create"() RETURNS trigger
                LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
                CREATE TRIGGER zz_gsb_create BEFORE INSERT ON duo FOR EACH ROW
                EXECUTE FUNCTION gsb."public.duo_create"()""")
    assert "public.duo: triggers" in install()
    assert install.sql(before) == [("item",)]


def test_stamps_are_microseconds_also_behind_an_older_version(install):
    install()
    install.sql("DROP TYPE gsb.us CASCADE")  # which an older one did not make
    install()
    stamp = ("((extract(epoch FROM {}()) - 946684800) * 1000000)::bigint"
             .format)
    (row, text, began), = install.sql(
        "INSERT INTO item (id) VALUES (%s) RETURNING gsb_v_row, gsb_v_text, "
        + stamp("now"), (uid(1),), user="gsb_site")
    assert (row, text) == (began << 8, began << 8 | 1)
    (text, began, now), = install.sql(
        "UPDATE item SET a = 'x' RETURNING gsb_v_text >> 8, "
        + stamp("now") + ", " + stamp("clock_timestamp"), user="gsb_site")
    assert began <= text <= now


def test_rows_that_are_there_begin_old_and_have_their_keys(install):
    install.sql("INSERT INTO item (id, owner, mail) VALUES (%s, 1, 'a'), "
                "(%s, 1, 'A'), (%s, 2, 'a'), (%s, 1, NULL)",
                tuple(uid(n) for n in range(1, 5)), user="gsb_site")
    install()
    assert install.sql("SELECT gsb_v_row, gsb_v_mail, gsb_key_mail FROM item "
                       "ORDER BY id") == [
        (0, 0, "a"), (0, 0, f"a#{uid(2)}"), (0, 0, "a"), (0, 0, None)]
    install.sql("UPDATE item SET a = 'x' WHERE id = %s", (uid(1),),
                user="gsb_site")
    assert install.sql("SELECT gsb_v_text > 0, gsb_v_mail FROM item WHERE "
                       "id = %s", (uid(1),)) == [(True, 0)]


def test_what_the_roles_may(install):
    install()
    install.sql("SELECT gsb.sync_state(), gsb.health(), gsb.barrier('t'), "
                "gsb.barrier_seen('t'), gsb.peer_dead()", user="gsb_site")
    install.sql("SET session_replication_role = replica; "
                "SELECT gsb.tidy(); SELECT pg_reload_conf(); "
                "UPDATE gsb.sync SET why = 'x'; DELETE FROM item",
                user="gsb_replicator")
    with pytest.raises(psycopg2.errors.InsufficientPrivilege):
        install.sql("ALTER SYSTEM SET fsync = on", user="gsb_replicator")


@pytest.mark.parametrize("text, says", [
    ("[table nothing]\nkey = id\n", "has no table public.nothing"),
    ("[table item]\nkey = owner\n", "another primary key"),
    ("[table item]\nkey = id\ngroup.a = wrong\n", "no column wrong"),
    ("[table item]\nkey = id\nunique.b = b, a\n", "b must be NOT NULL"),
    ("[table item]\nkey = \n", "tables.ini"),
])
def test_mistakes_are_told_and_nothing_is_half_done(install, text, says):
    before = snapshot(install.sql)
    said = install(text=text, ok=False)
    assert says in said or says == "tables.ini" and ".ini:2" in said, said
    assert snapshot(install.sql) == before
