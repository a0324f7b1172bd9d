"""The merge in PostgreSQL itself: the triggers and the generated statements,
rule by rule. The test plays the stream, so that any order of arrival can be
had; docs/replication.md says what has to come out."""
import psycopg2
import pytest

from convergence_side import (  # noqa: F401  pylint: disable=unused-import
    ITEM, NOW, US, Waiting, add, databases, delete, edit, item, pair, uid,
    values)
from wait import wait_until


# --- versions --------------------------------------------------------------

def test_versions_are_stamps_and_sites(pair):
    add(pair.p, 1, NOW, a="x")
    v = NOW << 8
    assert values(pair.p, 1, "gsb_v_row, gsb_v_text, gsb_v_rest") == (
        v, v | 1, v | 1)
    add(pair.b, 2, NOW, a="x")
    assert values(pair.b, 2, "gsb_v_row, gsb_v_text") == (v, v | 2)


def test_only_what_changes_gets_a_version(pair):
    add(pair.p, 1, NOW, a="x", body='{"k": 1.0}', amount="1.0", big="y")
    edit(pair.p, 1, NOW + 5, a="x", b=None)
    assert values(pair.p, 1, "gsb_v_text") == (NOW << 8 | 1,)
    edit(pair.p, 1, NOW + 5, b="z")
    assert values(pair.p, 1, "gsb_v_text, gsb_v_state, gsb_v_row") == (
        NOW + 5 << 8 | 1, NOW << 8 | 1, NOW << 8)
    # equal as numbers, other bytes: the sites would show different text
    edit(pair.p, 1, NOW + 6, body='{"k": 1.00}', amount="1.00")
    assert values(pair.p, 1, "gsb_v_body, gsb_v_amount") == (
        NOW + 6 << 8 | 1, NOW + 6 << 8 | 1)


def test_who_has_seen_a_row_beats_it_whatever_the_clocks_say(pair):
    add(pair.p, 1, NOW, a="x")
    edit(pair.p, 1, NOW - 3600 * US, a="y")
    assert values(pair.p, 1, "gsb_v_text") == (NOW + 1 << 8 | 1,)


def test_without_a_stamp_the_clock_counts(pair):
    add(pair.p, 1, a="x")
    (skew,), = pair.p.query(
        "SELECT (extract(epoch FROM clock_timestamp()) - 946684800) * 1000000"
        " - (gsb_v_row >> 8) FROM item")
    assert 0 <= skew < 60 * US


def test_a_site_cannot_write_versions(pair):
    add(pair.p, 1, NOW, a="x")
    pair.p.write("UPDATE item SET gsb_v_text = 5, a = 'y'", stamp=NOW + 9)
    assert values(pair.p, 1, "gsb_v_text") == (NOW + 9 << 8 | 1,)


def test_the_newer_version_of_each_group_wins_in_any_order(pair):
    for first in (pair.p, pair.b):
        second = pair.other(first)
        for side in (first, second):
            side.clear()
        add(first, 1, NOW, a="old", body="1")
        second.merge([item(first, 1)])
        edit(first, 1, NOW + 10, a="first")
        edit(second, 1, NOW + 20, a="second")
        edit(first, 1, NOW + 30, body="2")
        pair.exchange()
        pair.assert_equal()
        assert values(first, 1, "a, body") == ("second", 2)


def test_one_request_executed_on_both_sites_is_one_row(pair):
    for side in (pair.p, pair.b):
        add(side, 1, NOW, a=f"made by {side.site}", mail="x@y")
    pair.exchange()
    pair.assert_equal()
    # the group versions end with the site: the greater number has it
    assert values(pair.p, 1, "a, gsb_v_row") == ("made by backup", NOW << 8)


def test_an_edit_executed_late_loses_against_later_ones(pair):
    add(pair.p, 1, NOW, a="x")
    pair.b.merge([item(pair.p, 1)])
    edit(pair.b, 1, NOW + 100 * US, a="later request")
    edit(pair.p, 1, NOW + 50 * US, a="earlier request, executed now")
    pair.exchange()
    pair.assert_equal()
    assert values(pair.p, 1, "a") == ("later request",)


def test_merging_again_changes_nothing(pair):
    add(pair.p, 1, NOW, a="x", mail="m", nick="n", body="[1]")
    row = item(pair.p, 1)
    pair.b.merge([row])
    before = pair.b.query("SELECT ctid, * FROM item")
    pair.b.merge([row])
    assert pair.b.query("SELECT ctid, * FROM item") == before


def test_equal_versions_take_the_greater_bytes_and_are_reported(pair):
    silent = "SET session_replication_role = replica; "
    for side, a, b in ((pair.p, "b", "a"), (pair.b, "a", "z")):
        add(side, 1, NOW, a="x")
        pair.cluster.sql(silent + "UPDATE item SET a = %s, b = %s, "
                         "gsb_v_text = 77, gsb_v_rest = 77", (a, b),
                         database=side.database)
    p, b = item(pair.p, 1), item(pair.b, 1)
    pair.b.merge([p])
    pair.p.merge([b])
    # the group is one value: (b, a) as it was written, not a mixture
    assert values(pair.p, 1, "a, b") == ("b", "a")
    assert values(pair.b, 1, "a, b") == ("b", "a")
    for side in (pair.p, pair.b):
        assert side.query("SELECT rel, key, kind, winner->>'a', "
                          "loser->>'a' FROM gsb.conflict") == [
            (ITEM, uid(1), "tie", "b", "a")]
    pair.b.merge([p])
    assert pair.b.query("SELECT count(*) FROM gsb.conflict") == [(1,)]


def test_a_value_beats_null_at_equal_versions(pair):
    """So a column that has just come here, empty, takes nothing away."""
    silent = "SET session_replication_role = replica; "
    for side, value in ((pair.p, None), (pair.b, "kept")):
        add(side, 1, NOW, a="x")
        pair.cluster.sql(silent + "UPDATE item SET a = %s, big = %s, "
                         "gsb_v_text = 77, gsb_v_big = 77",
                         (value, value), database=side.database)
    pair.exchange()
    pair.assert_equal()
    for side in (pair.p, pair.b):
        assert values(side, 1, "a, big") == ("kept", "kept")


# --- what lost -------------------------------------------------------------

def conflicts(side):
    return side.query("SELECT kind, part, columns, winner->>'a', "
                      "loser->>'a' FROM gsb.conflict ORDER BY id")


def test_an_edit_that_lost_to_one_that_had_not_seen_it_is_kept(pair):
    add(pair.p, 1, NOW, a="x", b="y")
    pair.exchange()
    edit(pair.p, 1, NOW + 10, a="older", nick="n")
    edit(pair.b, 1, NOW + 20, a="newer")
    pair.exchange()
    pair.assert_equal()
    assert values(pair.p, 1, "a, nick") == ("newer", "n")
    assert conflicts(pair.p) == [], "the row there had been seen"
    assert conflicts(pair.b) == [
        ("edit", "text", ["a"], "newer", "older")]
    pair.exchange()
    assert len(conflicts(pair.b)) == 1, "once"


def test_an_edit_that_was_seen_loses_nothing(pair):
    add(pair.p, 1, NOW, a="x", big="1")
    pair.exchange()
    edit(pair.p, 1, NOW + 10, a="seen")
    pair.exchange()
    edit(pair.b, 1, NOW + 20, a="newer")
    # other groups meanwhile: the old value goes along, and is no news
    edit(pair.p, 1, NOW + 30, big="2")
    edit(pair.p, 1, NOW + 40, big="2")
    edit(pair.p, 1, NOW + 5, nick="a request that is executed late")
    pair.exchange()
    pair.assert_equal()
    assert values(pair.p, 1, "a") == ("newer",)
    assert conflicts(pair.p) == conflicts(pair.b) == []


def test_by_rank_or_in_a_quiet_group_nothing_is_lost(pair):
    add(pair.p, 1, NOW, state="low")
    pair.exchange()
    edit(pair.p, 1, NOW + 10, state="mid", amount=1)
    edit(pair.b, 1, NOW + 20, state="high", amount=2)
    pair.exchange()
    pair.assert_equal()
    assert conflicts(pair.b) == []


def test_what_lost_is_put_back_as_an_edit_of_now(pair):
    add(pair.p, 1, NOW, a="x", b="y")
    pair.exchange()
    edit(pair.p, 1, NOW + 10, a="older", b="other")
    edit(pair.b, 1, NOW + 20, a="newer")
    pair.exchange()
    undo = "SELECT gsb.undo(id, 'me', %s) FROM gsb.conflict"
    edit(pair.b, 1, NOW + 30, a="newest")
    with pytest.raises(psycopg2.Error) as e:
        pair.b.query(undo, (False,))
    assert e.value.pgcode == "GS002" and "--force" in str(e.value)
    assert "is as the loser had it" in pair.b.query(undo, (True,))[0][0]
    assert values(pair.b, 1, "a, b") == ("older", "other")
    pair.exchange()
    pair.assert_equal()
    assert values(pair.p, 1, "a, b") == ("older", "other")
    with pytest.raises(psycopg2.Error) as e:
        pair.b.query(undo, (True,))
    assert "was undone by me" in str(e.value)


def test_a_deleted_row_is_put_back_as_it_was_edited(pair):
    add(pair.p, 1, NOW, a="x", body='{"k": [1, null]}', amount="1.50")
    pair.exchange()
    delete(pair.b, 1, NOW + 10)
    edit(pair.p, 1, NOW + 20, a="never seen there")
    pair.exchange()
    assert values(pair.b, 1, "a") is None
    pair.b.query("SELECT gsb.undo(id, 'me', false) FROM gsb.conflict "
                 "WHERE kind = 'delete'")
    pair.exchange()
    pair.assert_equal()
    assert values(pair.p, 1, "a, body, amount::text") == (
        "never seen there", {"k": [1, None]}, "1.50")


def test_the_history_is_bounded_by_age_and_number(pair):
    pair.b.query("INSERT INTO gsb.conflict (at, rel, key, kind, winner_v, "
                 "loser_v) SELECT now() - n * interval '1 hour', 'r', n, "
                 "'tie', 1, 1 FROM generate_series(10, 1, -1) n")
    forget = "SELECT gsb.forget_conflicts(%s::interval, %s)"
    left = "SELECT array_agg(key::int ORDER BY id) FROM gsb.conflict"
    assert pair.b.query(forget, ("7.5 h", 100)) == [(3,)]
    assert pair.b.query(left) == [([7, 6, 5, 4, 3, 2, 1],)]
    assert pair.b.query(forget, ("1 year", 2)) == [(5,)]
    assert pair.b.query(left) == [([2, 1],)]


# --- tombstones ------------------------------------------------------------

@pytest.mark.parametrize("edit_at", [NOW + 10, NOW + 1000])
def test_a_delete_beats_edits_of_that_incarnation(pair, edit_at):
    """Whichever comes first, whether the edit is older or newer."""
    for edit_first in (True, False):
        for side in (pair.p, pair.b):
            side.clear()
        add(pair.p, 1, NOW, a="x")
        pair.b.merge([item(pair.p, 1)])
        edit(pair.p, 1, edit_at, a="unseen edit")
        row = item(pair.p, 1)
        delete(pair.b, 1, NOW + 100)
        stones = pair.b.tombstones()
        if edit_first:
            pair.b.merge([row])
            pair.p.merge([], stones)
        else:
            pair.p.merge([], stones)
            pair.b.merge([row])
        pair.exchange()
        pair.assert_equal()
        assert values(pair.p, 1, "a") is None
        for side in (pair.p, pair.b):
            lost, = side.query("SELECT kind, loser->>'a', winner_v, loser_v "
                               "FROM gsb.conflict")
            assert lost == ("delete", "unseen edit", stones[0][2],
                            edit_at << 8 | 1)


def test_a_seen_delete_is_no_conflict(pair):
    add(pair.p, 1, NOW, a="x")
    pair.b.merge([item(pair.p, 1)])
    delete(pair.b, 1)
    pair.exchange()
    pair.assert_equal()
    assert pair.p.query("SELECT count(*) FROM gsb.conflict") == [(0,)]


def test_a_tombstone_is_above_every_version_of_its_row(pair):
    add(pair.p, 1, NOW, a="x")
    edit(pair.p, 1, NOW + 3600 * US, a="y")
    delete(pair.p, 1, NOW + 1)
    (rel, key, v, seen), = pair.p.tombstones()
    assert (rel, key) == (ITEM, uid(1))
    assert seen == NOW + 3600 * US << 8 | 1
    assert v == NOW + 3600 * US + 1 << 8 | 1


def test_a_re_creation_is_above_the_tombstone(pair):
    for order in range(2):
        for side in (pair.p, pair.b):
            side.clear()
        add(pair.p, 1, NOW, a="first")
        pair.b.merge([item(pair.p, 1)])
        delete(pair.p, 1, NOW + 3600 * US)
        add(pair.p, 1, NOW + 5, a="again")  # a clock that went back
        stone, = pair.p.tombstones()
        again = item(pair.p, 1)
        v_row, v_text = values(pair.p, 1, "gsb_v_row, gsb_v_text")
        assert v_row > stone[2] and v_text > v_row and v_row & 255 == 0
        if order == 0:
            pair.b.merge([], [stone])
            assert values(pair.b, 1, "a") is None
            pair.b.merge([again])
        else:
            pair.b.merge([again])
            pair.b.merge([], [stone])
        pair.assert_equal()
        assert values(pair.b, 1, "a") == ("again",)


def test_the_higher_incarnation_replaces_the_row_whole(pair):
    add(pair.p, 1, NOW, a="old", body="1", mail="old@x")
    pair.b.merge([item(pair.p, 1)])
    edit(pair.b, 1, NOW + 10**9, a="far newer, but of the old incarnation")
    delete(pair.p, 1, NOW + 5)
    add(pair.p, 1, NOW + 6, mail="new@x")
    pair.exchange()
    pair.assert_equal()
    assert values(pair.b, 1, "a, body, mail") == (None, None, "new@x")


def test_an_update_that_makes_an_incarnation_carries_it_whole(pair):
    """Else its large values would come as "unchanged" with new versions."""
    slot = "test_whole"
    large = "0123456789abcdef" * 3000
    pair.p.write("ALTER TABLE item ALTER COLUMN big SET STORAGE EXTERNAL")
    pair.p.query("SELECT pg_create_logical_replication_slot(%s, "
                 "'test_decoding')", (slot,))
    try:
        delete_stamp = NOW + 3600 * US
        add(pair.p, 1, NOW, big=large)
        delete(pair.p, 1, delete_stamp)
        add(pair.p, 1, NOW + 1, big=large)  # raised above the tombstone
        pair.p.write("UPDATE item SET id = %s", (uid(2),))
        changes = [data for data, in pair.p.query(
            "SELECT data FROM pg_logical_slot_get_changes(%s, NULL, NULL)",
            (slot,)) if "public.item: UPDATE" in data]
    finally:
        pair.p.query("SELECT pg_drop_replication_slot(%s)", (slot,))
    assert len(changes) == 2
    for change in changes:
        assert "unchanged-toast" not in change and large in change


def test_insert_and_delete_in_one_transaction(pair):
    pair.p.write("INSERT INTO item (id) VALUES (%s); DELETE FROM item; "
                 "INSERT INTO item (id, a) VALUES (%s, 'second')",
                 (uid(1), uid(1)), NOW)
    stone, = pair.p.tombstones()
    assert values(pair.p, 1, "gsb_v_row")[0] > stone[2]
    pair.exchange()
    pair.assert_equal()


def test_a_change_of_key_is_a_delete_and_an_insert(pair):
    add(pair.p, 1, NOW, a="x", mail="m@x")
    pair.b.merge([item(pair.p, 1)])
    pair.p.write("UPDATE item SET id = %s", (uid(2),), NOW + 5)
    assert [t[1] for t in pair.p.tombstones()] == [uid(1)]
    pair.exchange()
    pair.assert_equal()
    assert values(pair.b, 1, "a") is None
    assert values(pair.b, 2, "a, gsb_key_mail") == ("x", "m@x")
    pair.p.write("UPDATE item SET id = %s", (uid(1),), NOW + 6)
    pair.exchange()
    pair.assert_equal()
    assert values(pair.b, 1, "a") == ("x",)


def test_truncate_is_refused(pair):
    add(pair.p, 1)
    with pytest.raises(psycopg2.errors.FeatureNotSupported, match="DELETE"):
        pair.p.write("TRUNCATE item")


def test_writers_are_read_committed(pair):
    with pytest.raises(psycopg2.errors.FeatureNotSupported,
                       match="READ COMMITTED"):
        pair.p.write("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ; "
                     "INSERT INTO item (id) VALUES (%s)", (uid(1),))


# --- open local transactions -----------------------------------------------

def test_a_merge_that_waits_for_a_delete_is_swept(pair):
    """Its snapshot is older than the tombstone for which it waited."""
    add(pair.p, 1, NOW, a="x")
    pair.b.merge([item(pair.p, 1)])
    edit(pair.p, 1, NOW + 10, a="y")
    with pair.b.writer.cursor() as c:
        c.execute("BEGIN; DELETE FROM item")
        aside = pair.b.merge_aside([item(pair.p, 1)])
        c.execute("COMMIT")
    aside.join()
    assert values(pair.b, 1, "a") is None
    pair.exchange()
    pair.assert_equal()


def test_a_merge_that_waits_for_a_rolled_back_delete(pair):
    add(pair.p, 1, NOW, a="x")
    pair.b.merge([item(pair.p, 1)])
    edit(pair.p, 1, NOW + 10, a="y")
    with pair.b.writer.cursor() as c:
        c.execute("BEGIN; DELETE FROM item")
        aside = pair.b.merge_aside([item(pair.p, 1)])
        c.execute("ROLLBACK")
    aside.join()
    assert values(pair.b, 1, "a") == ("y",)


def test_an_insert_that_waits_for_a_delete_is_above_its_tombstone(pair):
    add(pair.p, 1, NOW, a="x")
    other = pair.cluster.connect("gsb_site", "p")
    with pair.p.writer.cursor() as c, other.cursor() as o:
        o.execute("BEGIN; SELECT set_config('gsb.stamp', %s, true)",
                  (str(NOW + 3600 * US),))
        o.execute("DELETE FROM item")
        aside = Waiting(pair.p, lambda: (
            c.execute("INSERT INTO item (id, a) VALUES (%s, 'again')",
                      (uid(1),))), NOW + 5)
        aside.wait_for_lock()
        o.execute("COMMIT")
        aside.join()
    other.close()
    assert values(pair.p, 1, "gsb_v_row")[0] > pair.p.tombstones()[0][2]
    pair.exchange()
    pair.assert_equal()
    assert values(pair.b, 1, "a") == ("again",)


def test_a_row_that_an_open_insert_hid_from_a_tombstone_goes(pair):
    """One request on both sites; slow here, and deleted there meanwhile."""
    add(pair.p, 1, NOW, a="x")
    delete(pair.p, 1, NOW + 10)
    with pair.b.writer.cursor() as c:
        c.execute("BEGIN; SELECT set_config('gsb.stamp', %s, true)",
                  (str(NOW),))
        c.execute("INSERT INTO item (id, a) VALUES (%s, 'x')", (uid(1),))
        pair.b.merge([], pair.p.tombstones())
        assert pair.b.tidy() == 1
        assert pair.b.tidy() == 1, "the open transaction keeps it waiting"
        c.execute("COMMIT")
    assert values(pair.b, 1, "a") == ("x",), "the hole that tidy is for"
    wait_until(lambda: pair.b.tidy() == 0, what="nothing waits any more")
    pair.exchange()
    pair.assert_equal()
    assert values(pair.b, 1, "a") is None


def test_a_local_update_in_flight_meets_a_tombstone(pair):
    add(pair.p, 1, NOW, a="x")
    pair.b.merge([item(pair.p, 1)])
    delete(pair.p, 1, NOW + 10)
    with pair.b.writer.cursor() as c:
        c.execute("BEGIN; UPDATE item SET a = 'local'")
        aside = pair.b.merge_aside([], pair.p.tombstones())
        c.execute("COMMIT")
    aside.join()
    pair.exchange()
    pair.assert_equal()
    assert pair.b.query("SELECT kind, loser->>'a' FROM gsb.conflict") == [
        ("delete", "local")]


# --- max -------------------------------------------------------------------

def test_a_max_group_keeps_the_highest_rank(pair):
    add(pair.p, 1, NOW)
    pair.b.merge([item(pair.p, 1)])
    edit(pair.p, 1, NOW + 10, state="high")
    edit(pair.b, 1, NOW + 20, state="mid")
    pair.exchange()
    pair.assert_equal()
    assert values(pair.p, 1, "no, state") == (0, "high")
    edit(pair.p, 1, NOW + 30, state="mid")  # begins the next round
    edit(pair.b, 1, NOW + 99, b="other group")
    pair.exchange()
    pair.assert_equal()
    assert values(pair.b, 1, "no, state, b") == (1, "mid", "other group")


def test_what_lowers_a_max_group_raises_its_counter(pair):
    add(pair.p, 1, NOW, no=3, state="high")
    edit(pair.p, 1, NOW + 1, no=1)
    assert values(pair.p, 1, "no, state") == (4, "high")
    edit(pair.p, 1, NOW + 2, no=5, state="low")
    assert values(pair.p, 1, "no, state") == (5, "low")
