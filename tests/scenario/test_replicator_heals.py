"""What the stream cannot bring is found by digest and made equal, online and
with no step by hand."""
import os
import shutil
import signal
import subprocess
import threading

import pytest

from heals import (NAMES, control, digest, equal, fill, hide, make, shared,
                   twins, verify)
from twins import PG, SITES
from wait import wait_until

assert shared and twins


@pytest.fixture
def own():
    pair = make(settings="checkpoint_timeout = 1h\nmin_wal_size = 32MB\n"
                "max_wal_size = 4GB\nwal_keep_size = 0").start()
    try:
        yield pair
    finally:
        reports = pair.down()
    assert not reports, "\n".join(reports)


def test_a_pass_proves_that_both_are_equal(twins):
    fill(twins)
    tables = verify(twins, "primary")
    assert [tables["public." + n]["rows"] for n in NAMES] == [
        300, 100, 100, 0]
    assert all(t["verified"] and t["different"] == 0
               for t in tables.values()), tables


def test_rows_that_one_site_lacks_or_has_older_are_healed(twins):
    fill(twins)
    hide(twins, "primary", "DELETE FROM item WHERE id <= 20")
    hide(twins, "backup", "UPDATE item SET amount = -1 WHERE id > 290")
    hide(twins, "primary", "INSERT INTO pair VALUES ('only', 1, 'here')")
    hide(twins, "backup", "INSERT INTO person VALUES "
         "(gen_random_uuid(), 9, 'only@there')")
    twins.settle()
    assert not twins.same("item") and not twins.same("pair")
    tables = verify(twins, "primary")
    assert tables["gsb.tombstone"]["different"] == 20
    assert tables["public.item"]["different"] == 10
    assert tables["public.pair"]["different"] == 1
    assert tables["public.pair"]["pushed"] == 1
    assert tables["public.person"]["pulled"] == 1
    assert all(t["verified"] for t in tables.values()), tables
    equal(twins)
    assert twins.one("backup", "SELECT count(*) FROM item") == 280
    assert twins.one("primary",
                     "SELECT count(*) FROM item WHERE amount = -1") == 10
    assert twins.one("primary", "SELECT count(*) FROM gsb.conflict") == 0


def test_equal_versions_with_other_values_end_equal_and_are_recorded(twins):
    fill(twins)
    hide(twins, "backup", "SET session_replication_role = replica; "
         "UPDATE item SET price = 7.5, m = 'high' WHERE id = 5")
    tables = verify(twins, "backup")
    assert tables["public.item"]["different"] == 1
    equal(twins)
    assert twins.one("primary", "SELECT price::text FROM item "
                     "WHERE id = 5") == "7.5"
    wait_until(lambda: sum(twins.one(s, "SELECT count(*) FROM gsb.conflict "
                                     "WHERE kind = 'tie'")
                           for s in SITES) >= 1, what="it is recorded")


def test_a_long_value_that_only_one_site_has_new_comes_whole(twins):
    long = "".join(chr(97 + i * 7919 % 26) for i in range(60000))
    fill(twins)
    hide(twins, "primary", "UPDATE item SET note = %s WHERE id = 3", (long,))
    tables = verify(twins, "primary")
    assert tables["public.item"]["pushed"] == 1
    equal(twins)
    assert twins.one("backup", "SELECT note FROM item WHERE id = 3") == long


def test_changes_on_their_way_are_no_difference(twins):
    """While both sites write, passes find nothing."""
    fill(twins)
    stop = threading.Event()
    written = dict.fromkeys(SITES, 0)

    def write(site):
        with twins.connect(site) as c:
            cursor = c.cursor()
            while not stop.is_set():
                written[site] += 1
                cursor.execute("UPDATE item SET amount = %s WHERE id = %s",
                               (written[site], written[site] % 300 + 1))

    writers = [threading.Thread(target=write, args=(s,)) for s in SITES]
    for w in writers:
        w.start()
    try:
        for site in SITES:
            begin = dict(written)
            tables = verify(twins, site)
            assert tables["public.item"]["different"] == 0, tables
            assert all(written[s] > begin[s] for s in SITES)
    finally:
        stop.set()
        for w in writers:
            w.join()
    equal(twins)


def test_a_table_that_is_not_replicated_is_refused_with_words(twins):
    code, answer = control(twins, "primary", "POST", "/v1/verify",
                           {"table": "public.nothing"})
    assert code == 404
    assert "public.nothing is not a replicated table" in answer["message"]


# --- what the stream cannot bring -------------------------------------------

def healed(twins, site, why, timeout=60):
    """An incident was seen there, and nothing is left of it."""
    wait_until(lambda: digest(twins, site)["incidents"] >= 1,
               timeout=timeout, what=f"{site}: an incident")
    wait_until(lambda: digest(twins, site)["state"] == "idle" and
               not digest(twins, site)["healing"] and
               digest(twins, site)["passes"] >= 1,
               timeout=timeout, what=f"{site}: healed")
    assert why in open(twins.log(site), encoding="utf-8").read()
    assert twins.one(site, "SELECT count(*) FROM gsb.heal") == 0
    assert all(t["verified"] for t in digest(twins, site)["tables"])
    equal(twins)


def both_write(twins, mark):
    """Changes of every kind at both sites, that must survive."""
    twins.query("primary", "UPDATE item SET name = %s WHERE id <= 20; "
                "DELETE FROM item WHERE id BETWEEN 30 AND 39", (mark,))
    twins.query("backup", "UPDATE item SET amount = -abs(amount) "
                "WHERE id BETWEEN 10 AND 50; INSERT INTO pair VALUES "
                "(%s, 1, 'backup')", (mark,))
    twins.query("primary", "INSERT INTO pair VALUES (%s, 2, 'primary')",
                (mark,))


def survived(twins, mark):
    for site in SITES:
        assert twins.one(site, "SELECT count(*) FROM item WHERE name = %s",
                         (mark,)) == 20
        assert twins.one(site, "SELECT count(*) FROM item "
                         "WHERE id BETWEEN 30 AND 39") == 0
        assert twins.one(site, "SELECT count(*) FROM item "
                         "WHERE amount < 0") == 31
        assert twins.one(site, "SELECT count(*) FROM pair WHERE a = %s",
                         (mark,)) == 2


def test_a_slot_that_was_dropped_while_nobody_read(own):
    fill(own)
    own.stop("backup")
    both_write(own, "first")
    own.query("primary", "SELECT pg_drop_replication_slot('gsb_backup')")
    both_write(own, "gap")
    own.start("backup")
    healed(own, "backup", "no slot for this site")
    survived(own, "gap")


def test_a_slot_that_lost_its_log(own):
    fill(own)
    own.stop("backup")
    own.query("primary", "ALTER SYSTEM SET max_slot_wal_keep_size = '16MB'; ")
    own.query("primary", "SELECT pg_reload_conf()")
    both_write(own, "lost")
    for _ in range(6):
        own.query("primary", "SELECT pg_switch_wal(), "
                  "pg_logical_emit_message(false, 'x', repeat('x', 100000))")
    own.query("primary", "CHECKPOINT")
    assert own.one("primary", "SELECT wal_status FROM pg_replication_slots "
                   "WHERE slot_name = 'gsb_backup'") == "lost"
    own.start("backup")
    healed(own, "backup", "removed log that was not read")
    survived(own, "lost")


def test_an_origin_whose_progress_is_lost(own):
    fill(own)
    own.stop("backup")
    both_write(own, "origin")
    own.query("backup", "SELECT pg_replication_origin_drop('gsb_primary')")
    own.query("backup", "SELECT pg_replication_origin_create('gsb_primary')")
    # what was acknowledged beyond it is gone as well
    hide_gap = "SELECT pg_replication_slot_advance('gsb_backup', " \
        "pg_current_wal_lsn())"
    own.query("primary", hide_gap)
    own.start("backup")
    healed(own, "backup", "changes are missing here")
    survived(own, "origin")


def copy(own, site, name):
    subprocess.run(["cp", "-a", own.data(site), own.data(site) + name],
                   check=True)


def put_back(own, site, name):
    shutil.rmtree(own.data(site))
    os.rename(own.data(site) + name, own.data(site))


@pytest.mark.parametrize("overtaken", [False, True])
def test_a_site_that_was_restored_from_an_hour_ago(own, overtaken):
    """Same system, same time line, slots of then. Overtaken: it wrote so
    much before the peer came back that its log is beyond what was known."""
    fill(own)
    own.stop("primary")
    own.stop_db("primary", signal.SIGINT)
    copy(own, "primary", ".hour")
    own.start_db("primary")
    own.start("primary")
    both_write(own, "hour")
    own.settle()
    for site in SITES:
        own.stop(site)
    own.stop_db("primary", signal.SIGINT)
    put_back(own, "primary", ".hour")
    own.start_db("primary")
    assert own.one("primary", "SELECT count(*) FROM item "
                   "WHERE name = 'hour'") == 0
    if overtaken:
        own.query("primary", "INSERT INTO pair SELECT 'after', g, "
                  "repeat('x', 500) FROM generate_series(1, 2000) g")
    own.query("primary", "INSERT INTO pair VALUES ('new', 1, 'history')")
    own.start()
    healed(own, "backup", "restored from a copy")
    healed(own, "primary", "changes are missing here")
    survived(own, "hour")
    assert own.one("backup", "SELECT v FROM pair WHERE a = 'new'") == "history"


def test_a_promoted_standby_that_lacks_what_the_peer_has(own):
    fill(own)
    standby = own.data("primary") + ".standby"
    subprocess.run(own.as_owner(
        f"{PG}/pg_basebackup", "-D", standby, "-h", "127.0.0.1", "-p",
        str(own.port["primary"]), "-U", "postgres", "-X", "stream", "-R",
        "-c", "fast"), check=True, capture_output=True, cwd="/")
    both_write(own, "promoted")
    own.settle()
    assert own.one("backup", "SELECT count(*) FROM item "
                   "WHERE name = 'promoted'") == 20
    own.kill("primary")
    own.kill_db("primary")
    shutil.rmtree(own.data("primary"))
    os.rename(standby, own.data("primary"))
    own.start_db("primary")
    own.query("primary", "SELECT pg_promote()", dbname="postgres")
    own.query("primary", "INSERT INTO pair VALUES ('new', 1, 'time line')")
    own.start("primary")
    healed(own, "backup", "alarm=")
    healed(own, "primary", "changes are missing here")
    survived(own, "promoted")
    assert own.one("backup", "SELECT v FROM pair "
                   "WHERE a = 'new'") == "time line"


def test_healing_that_is_killed_begins_again(own):
    fill(own)
    own.query("primary", "INSERT INTO pair SELECT 'much', g, 'x' "
              "FROM generate_series(1, 30000) g")
    own.settle()
    own.stop("backup")
    own.query("primary", "SELECT pg_drop_replication_slot('gsb_backup')")
    own.query("primary", "UPDATE pair SET v = 'y' WHERE a = 'much'")
    both_write(own, "killed")
    kills = 0
    for _ in range(3):
        own.start("backup")
        wait_until(lambda: own.one("backup", "SELECT count(*) FROM gsb.heal"),
                   what="it heals")
        wait_until(lambda k=kills: own.one(
            "backup", "SELECT count(*) FROM pair WHERE v = 'y'") > 5000 * k,
            what="some rows are healed")
        own.kill("backup")
        kills += 1
    assert own.one("backup", "SELECT count(*) FROM gsb.heal") == 1
    own.start("backup")
    wait_until(lambda: own.one("backup", "SELECT count(*) FROM gsb.heal") == 0,
               timeout=60, what="healed")
    equal(own)
    survived(own, "killed")
