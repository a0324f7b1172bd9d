"""Values stored out of line do not come with a row that changed elsewhere.
Whatever stands in the same batch, and whatever was lost, each site ends with
the value of the version that it has."""
import contextlib
import hashlib
import json
import random
import urllib.request

import pytest

from twins import SITES, running
from wait import wait_until

SCHEMA = """
CREATE TABLE item (id bigint PRIMARY KEY, note text, amount int,
 title text, body text);
GRANT ALL ON item TO gsb_site;
"""
TABLES = """
[table item]
key = id
group.text = title, body
"""


def long(seed):
    """100 kB that do not compress."""
    return f"{random.Random(seed).getrandbits(400000):0100000x}"


BEFORE = pytest.mark.parametrize("before", [None, "zzz", long(3)],
                                 ids=["null", "short", "long"])


@pytest.fixture(scope="module")
def shared():
    with running(SCHEMA, TABLES) as made:
        yield made


@pytest.fixture
def twins(shared):
    for site in SITES:
        shared.settle()
        shared.query(site, "DELETE FROM item")
    shared.settle()
    return shared


def md5(text):
    return hashlib.md5(text.encode()).hexdigest()


def value(twins, site, column):
    return twins.query(site, f"SELECT {column} FROM item WHERE id = 1")


def fetched(twins):
    url = f"http://127.0.0.1:{twins.status['backup']}/status"
    with urllib.request.urlopen(url, timeout=5) as answer:
        return json.load(answer)["in"]["fetched_rows"]


def equal(twins):
    twins.settle()
    wait_until(lambda: twins.same("item"), what="item is equal")


@contextlib.contextmanager
def one_batch(twins):
    """What the primary commits meanwhile reaches the backup as one group,
    behind two that wait for rows which somebody has locked there."""
    for n in (100, 101):
        twins.query("primary", "INSERT INTO item (id) VALUES (%s)", (n,))
    twins.barrier("primary")
    with twins.connect("backup") as c:
        c.autocommit = False
        c.cursor().execute("SELECT FROM item WHERE id > 99 FOR UPDATE")
        for n in (100, 101):
            twins.query("primary", "UPDATE item SET amount = 1 "
                        "WHERE id = %s", (n,))
            wait_until(lambda: twins.one(
                "backup", "SELECT count(*) FROM pg_stat_activity WHERE "
                "wait_event_type = 'Lock' AND application_name LIKE "
                "'gsb-replicator%'") == 1, what="the merge waits")
        yield
        c.rollback()


@BEFORE
def test_the_peers_own_incarnation(twins, before):
    """Made at the backup over one of the primary's, changed there."""
    with one_batch(twins):
        twins.query("primary", "INSERT INTO item VALUES (1, %s, 1)", (before,))
        twins.query("backup", "INSERT INTO item VALUES (1, %s, 2)", (long(1),))
        wait_until(lambda: value(twins, "primary", "md5(note)") == [
            (md5(long(1)),)], what="the primary has the backup's value")
        twins.query("primary", "UPDATE item SET amount = 3 WHERE id = 1")
    equal(twins)
    assert value(twins, "backup", "md5(note), amount") == [(md5(long(1)), 3)]


@BEFORE
def test_the_peers_own_value(twins, before):
    twins.query("primary", "INSERT INTO item VALUES (1, 'first', 1)")
    twins.settle()
    with one_batch(twins):
        twins.query("primary", "UPDATE item SET note = %s WHERE id = 1",
                    (before,))
        twins.query("backup", "UPDATE item SET note = %s WHERE id = 1",
                    (long(1),))
        wait_until(lambda: value(twins, "primary", "md5(note)") == [
            (md5(long(1)),)], what="the primary has the backup's value")
        twins.query("primary", "UPDATE item SET amount = 3 WHERE id = 1")
    equal(twins)
    assert value(twins, "backup", "md5(note), amount") == [(md5(long(1)), 3)]


def test_a_value_that_was_lost_is_fetched(twins):
    """The target has the incarnation, but an older value than that which did
    not come."""
    twins.query("primary", "INSERT INTO item VALUES (1, 'first', 1)")
    twins.settle()
    twins.query("backup", "CREATE TABLE old AS SELECT * FROM item")
    twins.query("primary", "UPDATE item SET note = %s WHERE id = 1",
                (long(1),))
    twins.settle()
    twins.query("backup", "SET session_replication_role = replica; "
                "UPDATE item i SET note = o.note, gsb_v_note = o.gsb_v_note "
                "FROM old o WHERE i.id = 1; DROP TABLE old")
    twins.query("primary", "UPDATE item SET amount = 3 WHERE id = 1")
    equal(twins)
    assert value(twins, "backup", "md5(note), amount") == [(md5(long(1)), 3)]


def test_a_long_value_in_a_group_of_several(twins):
    """The group's other column changed, the long one did not come."""
    twins.query("primary", "INSERT INTO item (id, title, body) "
                "VALUES (1, 'one', %s)", (long(1),))
    twins.settle()
    twins.query("primary", "UPDATE item SET title = 'two' WHERE id = 1")
    equal(twins)
    assert value(twins, "backup", "title, md5(body)") == [
        ("two", md5(long(1)))]


def test_an_update_that_makes_an_incarnation_carries_all(twins):
    """Nothing has to be asked of the peer, who may be away by then."""
    twins.query("primary", "INSERT INTO item (id, note, title, body) "
                "VALUES (1, %s, 'x', %s)", (long(1), long(2)))
    twins.settle()
    before = fetched(twins)
    twins.query("primary", "UPDATE item SET id = 2 WHERE id = 1")
    equal(twins)
    assert twins.query("backup", "SELECT id, md5(note), md5(body) FROM item"
                       ) == [(2, md5(long(1)), md5(long(2)))]
    assert fetched(twins) == before
