"""The merge in PostgreSQL itself: effective keys, values that did not come,
and what stands around the merge."""
import psycopg2
import pytest

from convergence_side import (  # noqa: F401  pylint: disable=unused-import
    ITEM, NOW, add, databases, delete, edit, item, pair, uid, values)


# --- keys of several columns ----------------------------------------------

def test_composite_keys(pair):
    pair.p.write("INSERT INTO duo VALUES ('a,\"b', 7, 'x', 1), ('c', -1, '', 2)")
    pair.exchange()
    pair.assert_equal()
    pair.b.write("DELETE FROM duo WHERE n = 7")
    pair.p.write("UPDATE duo SET x = 'y'")
    pair.exchange()
    pair.assert_equal()
    assert pair.p.query("SELECT kind FROM duo") == [("c",)]


@pytest.mark.parametrize("one, two, both", [
    ((None, None), ("", 0), ("", 0)), (("b", None), ("a", 9), ("b", 9)),
    ((None, 3), (None, None), (None, 3)), ((None, 3), ("", None), ("", 3))])
def test_ties_of_composite_keys_with_nulls(pair, one, two, both):
    """x is a group of its own, y in the rest."""
    key = ("a\"b', c", 7)
    for side, found in ((pair.p, one), (pair.b, two)):
        side.write("INSERT INTO duo VALUES (%s, %s, %s, %s)", key + found, NOW)
        pair.cluster.sql(
            "SET session_replication_role = replica; UPDATE duo SET "
            "gsb_v_x = 77, gsb_v_rest = 77", database=side.database)
    for _ in range(2):
        pair.exchange()
        pair.assert_equal()
        for side in (pair.p, pair.b):
            assert side.query("SELECT kind, n, x, y FROM duo") == [
                key + both]
    noted = [side.query("SELECT key, kind, part, columns, winner_v, loser_v "
                        "FROM gsb.conflict ORDER BY part")
             for side in (pair.p, pair.b)]
    for found in noted:  # once each, where the values have met
        for row in found:
            assert row[:2] + row[4:] == (
                '["a\\"b\', c", "7"]', "tie", 77, 77)
        assert len({row[2] for row in found}) == len(found)
    assert {(row[2], *row[3]) for found in noted for row in found} == {
        part for part, a, b in ((("rest", "y"), one[1], two[1]),
                                (("x", "x"), one[0], two[0])) if a != b}


# --- effective keys --------------------------------------------------------

def test_a_taken_value_is_refused_by_the_index(pair):
    add(pair.p, 1, mail="a@x", owner=1)
    with pytest.raises(psycopg2.errors.UniqueViolation) as e:
        add(pair.p, 2, mail="A@X", owner=1)
    assert e.value.diag.constraint_name == "item_mail_gsb_key"
    add(pair.p, 3, mail="A@X", owner=2)
    add(pair.p, 4)
    add(pair.p, 5)


def test_the_first_claim_has_the_value_on_both_sites(pair):
    add(pair.p, 1, NOW + 20, mail="a@x", nick="n")
    add(pair.b, 2, NOW + 10, mail="A@x", nick="m")
    add(pair.b, 3, NOW + 30, mail="b@x", nick="n")
    pair.exchange()
    pair.assert_equal()
    for side in (pair.p, pair.b):
        pair.assert_keys_right(side)
        assert values(side, 1, "gsb_key_mail, gsb_key_nick") == (
            f"a@x#{uid(1)}", "n")
        assert values(side, 2, "mail, gsb_key_mail") == ("A@x", "a@x")
        assert values(side, 3, "gsb_key_nick") == (f"n#{uid(3)}",)
        assert side.query("SELECT key, kind, part, winner->>'id' FROM "
                          "gsb.conflict ORDER BY part") == [
            (uid(1), "key", "mail", uid(2)), (uid(3), "key", "nick", uid(1))]


@pytest.mark.parametrize("how", ["delete", "update", "scope", "null"])
def test_the_next_claim_is_promoted(pair, how):
    for n, side, at in ((1, pair.p, 10), (2, pair.b, 20), (3, pair.b, 30)):
        side.write("INSERT INTO item (id, owner, mail) VALUES (%s, 1, "
                   "CASE WHEN %s = 3 THEN 'z' ELSE 'a@x' END)",
                   (uid(n), n), NOW + at)
    pair.exchange()
    free = {"delete": "DELETE FROM item WHERE id = %s",
            "update": "UPDATE item SET mail = 'c' WHERE id = %s",
            "scope": "UPDATE item SET owner = 2 WHERE id = %s",
            "null": "UPDATE item SET mail = NULL WHERE id = %s"}[how]
    pair.p.write(free, (uid(1),), NOW + 50)
    assert values(pair.p, 2, "gsb_key_mail") == ("a@x",), "at once, here"
    pair.exchange()
    pair.assert_equal()
    for side in (pair.p, pair.b):
        pair.assert_keys_right(side)
        assert values(side, 2, "gsb_key_mail") == ("a@x",)


def test_a_row_that_has_lost_its_value_moves(pair):
    add(pair.p, 1, NOW + 10, nick="n")
    add(pair.b, 2, NOW + 20, nick="n")
    pair.exchange()
    pair.b.write("UPDATE item SET id = %s WHERE id = %s", (uid(3), uid(2)),
                 NOW + 30)
    pair.exchange()
    pair.assert_equal()
    for side in (pair.p, pair.b):
        pair.assert_keys_right(side)
        assert values(side, 3, "gsb_key_nick") == (f"n#{uid(3)}",)


def test_one_insert_that_meets_three_rows_by_three_unique_keys(pair):
    add(pair.b, 1, NOW + 50, mail="a", owner=1)
    add(pair.b, 2, NOW + 60, nick="n")
    add(pair.b, 3, NOW + 70, alias="s")
    add(pair.p, 4, NOW + 55, mail="A", owner=1, nick="n", alias="s")
    pair.exchange()
    pair.assert_equal()
    for side in (pair.p, pair.b):
        pair.assert_keys_right(side)
        assert values(side, 4, "gsb_key_mail, gsb_key_nick, gsb_key_alias") \
            == (f"a#{uid(4)}", "n", "s")
        assert side.query("SELECT part, key, winner->>'id' FROM gsb.conflict "
                          "ORDER BY part") == [
            ("alias", uid(3), uid(4)), ("mail", uid(4), uid(1)),
            ("nick", uid(2), uid(4))]
    delete(pair.p, 4, NOW + 100)
    pair.exchange()
    pair.assert_equal()
    for side in (pair.p, pair.b):
        assert values(side, 2, "gsb_key_nick") == ("n",)
        assert values(side, 3, "gsb_key_alias") == ("s",)


def test_values_that_are_swapped(pair):
    add(pair.p, 1, NOW, mail="a")
    add(pair.p, 2, NOW, mail="b")
    pair.exchange()
    edit(pair.p, 1, NOW + 1, mail="tmp")
    edit(pair.p, 2, NOW + 2, mail="a")
    edit(pair.p, 1, NOW + 3, mail="b")
    pair.exchange()
    pair.assert_equal()
    pair.assert_keys_right(pair.b)
    assert values(pair.b, 1, "gsb_key_mail") == ("b",)


def test_a_claim_in_flight_makes_the_group_fail_and_be_retried(pair):
    add(pair.p, 1, NOW + 10, mail="a")
    row = item(pair.p, 1)
    with pair.b.writer.cursor() as c:
        c.execute("BEGIN; SELECT set_config('gsb.stamp', %s, true)",
                  (str(NOW + 20),))
        c.execute("INSERT INTO item (id, mail) VALUES (%s, 'A')", (uid(2),))
        aside = pair.b.merge_aside([row])
        c.execute("COMMIT")
    with pytest.raises(psycopg2.errors.UniqueViolation) as e:
        aside.join()
    assert e.value.diag.constraint_name == "item_mail_gsb_key"
    pair.b.merge([row])
    pair.exchange()
    pair.assert_equal()
    pair.assert_keys_right(pair.b)
    assert values(pair.b, 1, "gsb_key_mail") == ("a",)


def test_a_holder_that_leaves_in_flight_promotes_by_tidy(pair):
    add(pair.b, 1, NOW, mail="a")
    add(pair.p, 2, NOW + 5, mail="a")
    with pair.b.writer.cursor() as c:
        c.execute("BEGIN; DELETE FROM item")
        pair.b.merge([item(pair.p, 2)])
        c.execute("COMMIT")
    pair.b.tidy()
    assert values(pair.b, 2, "gsb_key_mail") == ("a",)


# --- values that did not come ----------------------------------------------

def test_an_unchanged_value_stays(pair):
    add(pair.p, 1, NOW, a="x", big="b" * 100, mail="m")
    pair.b.merge([item(pair.p, 1)])
    edit(pair.p, 1, NOW + 5, a="y")
    names = pair.p.sql["tables"][ITEM]["params"]
    row = list(item(pair.p, 1)[1])
    row[names.index("big")] = row[names.index("gsb_v_big")] = None
    pair.b.merge([(ITEM, row)], form="partial")
    pair.assert_equal()
    # and where there is no such row: named by lacking, not half inserted
    pair.b.clear()
    pair.b.merge([(ITEM, row)], form="partial")
    assert values(pair.b, 1, "a") is None
    sql = pair.b.sql["tables"][ITEM]
    with pair.b.apply_connection.cursor() as c:
        # the same incarnation, one to come, an older and a newer "big"
        row = [NOW << 8] * 5
        row[1] += 256
        big = [None, None, (NOW << 8) - 255, (NOW << 8) + 1, (NOW << 8) + 2]
        arrays = [[uid(1)] * 5, row] + [
            big if name == "gsb_v_big" else [None] * 5
            for name in sql["lacking_columns"][2:]]
        pair.b.execute(c, sql["lacking"], arrays)
        assert c.fetchall() == [(1,), (2,), (3,), (4,), (5,)]
        pair.b.merge([item(pair.p, 1)])
        pair.b.execute(c, sql["lacking"], arrays)
        assert c.fetchall() == [(2,), (5,)]
        delete(pair.b, 1, NOW + 100)
        pair.b.execute(c, sql["lacking"], arrays)
        assert c.fetchall() == []
        pair.p.execute(c, sql["fetch"], [[uid(1)]])
        assert c.fetchall() == []


def test_a_column_that_the_source_lacks_keeps_its_value(pair):
    add(pair.b, 1, NOW, a="x")
    sql = pair.b.sql["tables"][ITEM]
    missing = sql["missing"]
    edit(pair.b, 1, NOW + 1, **{missing: "5"})
    before = values(pair.b, 1, missing)
    add(pair.p, 1, NOW, a="x")
    edit(pair.p, 1, NOW + 2, a="y")

    def merge():
        row = item(pair.p, 1)[1]
        arrays = [[v] for n, v in zip(sql["params"], row) if n != missing]
        with pair.b.apply_connection.cursor() as c:
            pair.b.execute(c, sql["rows_missing"], arrays)
    merge()
    assert values(pair.b, 1, "a") == ("y",)
    assert values(pair.b, 1, missing) == before
    delete(pair.p, 1, NOW + 3)
    add(pair.p, 1, NOW + 10**6, a="z")
    merge()  # another row, of which nothing of that column is known
    assert values(pair.b, 1, "a") == ("z",)
    assert values(pair.b, 1, missing) == (None,)


# --- around the merge ------------------------------------------------------

def test_the_guard(pair):
    guard = pair.b.sql["guard"].replace("$1", "%(at)s::pg_lsn")
    with pair.b.apply_connection.cursor() as c:
        c.execute("SELECT pg_replication_origin_session_setup('gsb_primary')")
        try:
            c.execute("SELECT pg_replication_origin_progress("
                      "'gsb_primary', false)")
            at = c.fetchone()[0] or "0/0"
            c.execute(guard, {"at": at})
            with pytest.raises(psycopg2.Error) as e:
                c.execute(guard, {"at": "0/123"})
            assert e.value.pgcode == "GS001"
        finally:
            c.execute("SELECT pg_replication_origin_session_reset()")


def test_the_barrier(pair):
    with pair.b.apply_connection.cursor() as c:
        for _ in range(2):
            pair.b.execute(c, pair.b.sql["barrier"], ["token-1"])
    assert pair.b.write("SELECT gsb.barrier_seen('token-1'), "
                        "gsb.barrier_seen('token-2')") == [(True, False)]
    assert pair.p.write("SELECT gsb.barrier('token-1') > '0/0'") == [(True,)]


def test_health_and_sync_state(pair):
    (health, sync), = pair.p.write("SELECT gsb.health(), gsb.sync_state()")
    assert sync == health["sync"] == "off"
    assert health["out"]["state"] == "down"
    assert health["out"]["lag_bytes"] >= 0
    assert health["in"]["state"] == "down"
    assert health["oldest_commit_wait_ms"] == 0
    assert health["replicator_age_ms"] is None
    pair.p.write("SELECT gsb.peer_dead()")


def test_the_site_may_not_touch_the_schema(pair):
    for sql in ("DELETE FROM gsb.tombstone", "SELECT * FROM gsb.conflict",
                "SELECT gsb.note_dead('', '', '{}', 1, 2)"):
        with pytest.raises(psycopg2.errors.InsufficientPrivilege):
            pair.p.write(sql)


# --- and what the table itself has forgotten --------------------------------

def test_an_old_edit_does_not_bring_back_what_was_vacuumed(pair):
    add(pair.p, 1, NOW, a="x")
    pair.exchange()
    edit(pair.b, 1, NOW + 1, a="old")
    old = item(pair.b, 1)
    delete(pair.p, 1, NOW + 2)
    pair.p.query("VACUUM (FREEZE) item")
    pair.p.query("VACUUM (FREEZE) gsb.tombstone")
    pair.p.merge([old], tidy=True)
    assert values(pair.p, 1, "a") is None
    pair.exchange()
    pair.assert_equal()
    assert values(pair.b, 1, "a") is None



# --- versions that somebody writes ------------------------------------------

DUO_VERSIONS = "gsb_v_row, gsb_v_x, gsb_v_rest"


def duo_versions(side):
    return side.query(f"SELECT {DUO_VERSIONS} FROM duo ORDER BY kind")


def test_a_new_row_has_the_versions_of_its_request(pair):
    pair.b.write("INSERT INTO duo VALUES ('a', 1, 'x', 1)", stamp=NOW)
    assert duo_versions(pair.b) == [(NOW << 8, NOW << 8 | 2, NOW << 8 | 2)]
    (began,), = pair.p.write(
        "INSERT INTO duo VALUES ('a', 1, 'x', 1), ('b', 1, 'x', 1) RETURNING "
        "((extract(epoch FROM now()) - 946684800) * 1000000)::bigint")[:1]
    assert duo_versions(pair.p) == [
        (began << 8, began << 8 | 1, began << 8 | 1)] * 2


def test_versions_written_by_an_insert_are_made_anew(pair):
    """A dump, or a copy of a row: it is a new one."""
    pair.p.write("INSERT INTO duo VALUES ('a', 1, 'x', 1)", stamp=NOW)
    pair.p.write("UPDATE duo SET x = 'y'", stamp=NOW + 5)
    pair.p.write("INSERT INTO duo (kind, n, x, y, gsb_changed, "
                 f"{DUO_VERSIONS}) SELECT 'b', n, x, y, gsb_changed, "
                 f"{DUO_VERSIONS} FROM duo", stamp=NOW + 9)
    first, (row, *groups) = duo_versions(pair.p)
    assert first == (NOW << 8, NOW + 5 << 8 | 1, NOW << 8 | 1)
    assert row >= NOW + 9 << 8 and groups == [row | 1, row | 1]
    with pytest.raises(psycopg2.errors.CheckViolation) as e:
        pair.p.write("INSERT INTO duo (kind, n, gsb_v_x) VALUES ('c', 1, %s)",
                     (NOW + 60 << 8,), stamp=NOW + 10)
    assert "ahead of the clock" in str(e.value)
    pair.exchange()
    pair.assert_equal()


def test_in_apply_sessions_a_version_that_does_not_come_is_old(pair):
    pair.cluster.sql("SET session_replication_role = replica; "
                     "INSERT INTO duo VALUES ('a', 1, 'x', 1)",
                     database=pair.p.database)
    assert duo_versions(pair.p) == [(0, 0, 0)]
