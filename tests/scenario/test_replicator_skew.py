"""Sites a schema step apart: a column that is on one site only. What is
written into it meanwhile is there on both once both have it."""
import random

import pytest

from twins import OTHER, SITES, running
from wait import wait_until

SCHEMA = """
CREATE TABLE item (id int PRIMARY KEY, name text, amount int, kind varchar(9));
GRANT ALL ON item TO gsb_site;
"""
TABLES = "[table item]\nkey = id\n"


@pytest.fixture(params=SITES)
def first(request):
    return request.param


@pytest.fixture(scope="module")
def shared():
    with running(SCHEMA, TABLES) as made:
        yield made


@pytest.fixture
def twins(shared):
    shared.query("primary", "DELETE FROM item; INSERT INTO item SELECT g, "
                 "'n', g, 'k' FROM generate_series(1, 20) g")
    shared.settle()
    yield shared
    shared.settle()
    for site in SITES:
        shared.query(site, "ALTER TABLE item DROP COLUMN IF EXISTS extra, "
                     "DROP COLUMN IF EXISTS gsb_v_extra CASCADE")
        shared.install(site)


def long(seed):
    return "".join(random.Random(seed).choices("abcdefghijklmnop", k=20000))


def equal(twins):
    twins.settle()
    for site in SITES:
        assert twins.query(site, "SELECT key, message FROM gsb.parked") == []

    def difference():
        rows = [set(twins.query(site, "SELECT id, left(name, 9), md5(name), "
                                "amount, kind, left(extra::text, 9), "
                                "md5(extra::text), gsb_v_row, gsb_v_rest "
                                "FROM item")) for site in SITES]
        return sorted(rows[0] ^ rows[1], key=str)
    try:
        wait_until(lambda: not difference(), what="item is equal")
    except AssertionError:
        print(*difference(), sep="\n")
        raise


def add_column(twins, site, column):
    """A schema step, as the site programs make one, and what belongs to it."""
    twins.query(site, f"ALTER TABLE item ADD COLUMN {column}")
    twins.install(site)


@pytest.mark.parametrize("column, value, other", [
    ("extra int", "7", "9"), ("extra int NOT NULL DEFAULT 3", "7", "9"),
    ("extra text", f"'{long(1)}'", "'short'"),
    ("extra text[]", "ARRAY['a', NULL]", "'{}'")],
    ids=["plain", "default", "long", "array"])
def test_a_column_here_first(twins, first, column, value, other):
    second = OTHER[first]
    add_column(twins, first, column)
    twins.query(first, f"UPDATE item SET extra = {value} WHERE id <= 6")
    twins.query(first, f"INSERT INTO item (id, name, extra) VALUES "
                f"(31, 'new', {value})")
    twins.settle()
    assert twins.one(second, "SELECT count(*) FROM item") == 21
    # the site without it writes the same rows, the column's group among it
    twins.query(second, "UPDATE item SET amount = -id WHERE id IN (1, 2, 31)")
    twins.query(second, "DELETE FROM item WHERE id = 3")
    twins.query(second, "DELETE FROM item WHERE id = 4; "
                "INSERT INTO item VALUES (4, 'again', 4, 'k')")
    twins.query(second, "INSERT INTO item VALUES (32, 'there', 1, 'k')")
    twins.settle()
    # and the other once more: what came later counts
    twins.query(first, f"UPDATE item SET extra = {other} WHERE id = 2")
    twins.query(first, "UPDATE item SET name = 'x' WHERE id IN (5, 6)")
    twins.settle()
    add_column(twins, second, column)
    twins.query(first, "UPDATE item SET name = 'last' WHERE id = 20")
    wait_until(lambda: twins.query(second, "SELECT 1 FROM gsb.extra") == [],
               what="what waited is filled in")
    equal(twins)
    for site in SITES:
        ids = twins.query(site, "SELECT id FROM item WHERE extra = "
                          f"{value} ORDER BY id")
        assert ids == [(1,), (5,), (6,), (31,)], site
        assert twins.query(site, "SELECT id, amount FROM item WHERE extra = "
                           f"{other}") == [(2, -2)]
    # both have it now
    twins.query(second, f"UPDATE item SET extra = {other} WHERE id = 10")
    equal(twins)


def test_a_row_is_fetched_from_a_peer_with_fewer_columns(twins, first):
    second = OTHER[first]
    add_column(twins, first, "extra int DEFAULT 3")
    twins.query(second, "UPDATE item SET name = %s WHERE id = 1", (long(2),))
    twins.settle()
    twins.query(first, "SET session_replication_role = replica; "
                "DELETE FROM item WHERE id = 1")
    twins.query(second, "UPDATE item SET amount = 8 WHERE id = 1")
    twins.settle()
    assert twins.query(first, "SELECT length(name), amount FROM item "
                       "WHERE id = 1") == [(20000, 8)]
    add_column(twins, second, "extra int DEFAULT 3")
