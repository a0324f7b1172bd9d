"""Two sites whose rows are made different behind their backs, and what their
replicators say of it."""
import os
import subprocess

import pytest

from replicator_socket import ask
from twins import OTHER, SITES, Twins
from wait import wait_until

SCHEMA = """
CREATE TYPE mood AS ENUM ('low', 'high');
CREATE TABLE item (id bigint PRIMARY KEY, name text, note text, amount int,
 at timestamptz DEFAULT now(), price numeric, doc jsonb, m mood);
CREATE TABLE person (id uuid PRIMARY KEY, company int NOT NULL,
 email text NOT NULL);
CREATE TABLE pair (a text, b int, v text, PRIMARY KEY (a, b));
CREATE TABLE lent (id int PRIMARY KEY, what bigint);
CREATE INDEX lent_what ON lent (what);
GRANT ALL ON item, person, pair, lent TO gsb_site;
"""
TABLES = """
[table item]
key = id
group.name = name
group.money = amount

[table person]
key = id
unique.email = company, email
group.email = email
fold.email = lower

[table pair]
key = a, b

[table lent]
key = id
ref.item = what, item
"""
NAMES = ("item", "person", "pair", "lent")


def control(twins, site, method, target, body=None):
    return ask(os.path.join(twins.dir, site + "-state"), method, target, body)


def digest(twins, site):
    return control(twins, site, "GET", "/v1/status")[1]["digest"]


def verify(twins, site, table=None, timeout=30):
    """One pass; its outcome."""
    before = digest(twins, site)["passes"]
    code, _ = control(twins, site, "POST", "/v1/verify", {"table": table})
    assert code == 200
    wait_until(lambda: digest(twins, site)["passes"] > before and
               not digest(twins, site)["demanded"],
               timeout=timeout, what="the pass has ended")
    return {t["table"]: t for t in digest(twins, site)["tables"]}


def make(**more):
    twins = Twins(SCHEMA, TABLES, **more)
    try:
        return twins.make()
    except BaseException:
        twins.down()
        raise


def fill(twins, n=300):
    twins.query("primary", "INSERT INTO item SELECT g, 'n' || g, "
                "repeat('x', mod(g, 50)), g, now(), g + 0.50, "
                "jsonb_build_object('g', g), 'low' "
                "FROM generate_series(1, %s) g", (n,))
    twins.query("primary", "INSERT INTO person SELECT gen_random_uuid(), 1, "
                "'p' || g || '@x' FROM generate_series(1, 100) g")
    twins.query("backup", "INSERT INTO pair SELECT 'k' || mod(g, 7), g, 'v' "
                "FROM generate_series(1, 100) g")
    twins.settle()


def hide(twins, site, sql, parameters=None):
    """Changes at a site that its peer takes for its own and drops."""
    origin = f"gsb_{OTHER[site]}_hidden"
    with twins.connect(site) as c:
        cursor = c.cursor()
        cursor.execute(
            "SELECT pg_replication_origin_create(%s) WHERE NOT EXISTS "
            "(SELECT FROM pg_replication_origin WHERE roname = %s)",
            (origin, origin))
        cursor.execute("SELECT pg_replication_origin_session_setup(%s)",
                       (origin,))
        cursor.execute(sql, parameters)


def equal(twins):
    twins.settle()
    for table in NAMES:
        wait_until(lambda t=table: twins.same(t), what=f"{table} is equal")


def gsbctl(twins, site, *words, **more):
    socket_path = os.path.join(twins.dir, site + "-state", "control")
    folder = os.path.dirname(twins.program)
    return subprocess.run(
        [os.path.join(folder, "gsbctl"), "--replicator", socket_path, *words],
        capture_output=True, text=True, check=False, timeout=60, **more)


@pytest.fixture(scope="module")
def shared():
    pair = make().start()
    yield pair
    reports = pair.down()
    assert not reports, "\n".join(reports)


@pytest.fixture
def twins(shared):
    for table in NAMES:
        shared.query("primary", f"DELETE FROM {table}")
    shared.settle()
    for table in NAMES:
        shared.query("backup", f"DELETE FROM {table}")
    shared.settle()
    for site in SITES:
        hide(shared, site, "DELETE FROM gsb.tombstone; "
             "DELETE FROM gsb.conflict; DELETE FROM gsb.parked")
    return shared
