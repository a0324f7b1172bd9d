"""Tables of other people: whatever their columns are, and however one site's
sessions write dates, numbers and bytes, both sites write and end equal."""
import random

import pytest

from twins import SITES, Twins
from wait import wait_until

SCHEMA = """
CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
CREATE TABLE thing (
 kind mood, no int, made timestamptz NOT NULL DEFAULT '2026-01-02 03:04:05.6',
 name text, doc jsonb, raw bytea, price numeric, exact numeric(12, 3),
 tags text[], grid int[], moods mood[], days date[], ratio float8, ratios
 float8[], span interval, during tstzrange, free mood, net inet, plain json,
 bits varbit, twice numeric GENERATED ALWAYS AS (price * 2) STORED,
 PRIMARY KEY (kind, no));
GRANT ALL ON thing TO gsb_site;
"""
TABLES = "[table thing]\nkey = kind, no\ngroup.prices = price, exact\n"
ODD = {"datestyle": "'SQL, DMY'", "intervalstyle": "'sql_standard'",
       "bytea_output": "'escape'", "extra_float_digits": "-10",
       "timezone": "'Asia/Kolkata'", "xmlbinary": "'hex'",
       "quote_all_identifiers": "on", "array_nulls": "off",
       "standard_conforming_strings": "off", "search_path": "''",
       "lc_messages": "'C'", "lc_numeric": "'C.UTF-8'",
       "lc_time": "'C.UTF-8'", "lc_monetary": "'C.UTF-8'"}
KINDS = ("sad", "ok", "happy")


@pytest.fixture(scope="module")
def twins():
    made = Other(SCHEMA, TABLES)
    try:
        made.make().start()
        yield made
    finally:
        reports = made.down()
    assert not reports, "\n".join(reports)


class Other(Twins):
    """The backup's sessions see everything in other clothes."""

    def start_db(self, site):
        super().start_db(site)
        if site == "backup":
            for name, value in ODD.items():
                self.query(site, f"ALTER SYSTEM SET {name} = {value}",
                           dbname="postgres")
            # and types have other oids there
            self.query(site, "SELECT pg_reload_conf(); CREATE TABLE "
                       "public.other (x int)", dbname="postgres")

    def connect(self, site, dbname="gsb", user="postgres", **more):
        made = super().connect(site, dbname, user, **more)
        if dbname == "gsb":
            made.connection.cursor().execute("SET search_path = public")
        return made


def long(r, n=20000):
    return "".join(r.choices("0123456789abcdef", k=n))


def values(r):
    """SQL that reads the same in every session."""
    every = {
        "made": lambda: f"to_timestamp({r.randint(0, 2**31)}.25)",
        "name": lambda: f"'{long(r)}'",
        "doc": lambda: f"jsonb_build_object('k', {r.random()})",
        "raw": lambda: f"decode('{long(r, 20000)}', 'hex')",
        "price": lambda: r.choice(("1.0", "1.00", "-0.5e-30", "'NaN'")),
        "exact": lambda: f"{r.randint(0, 10**8)} / 1000.0",
        "tags": lambda: r.choice((
            "'{}'", "NULL", "ARRAY['a', NULL, 'c,\"d']",
            f"array_fill('{long(r, 50)}'::text, ARRAY[2, 300])")),
        "grid": lambda: "'[5:6][2:3]={{1,2},{3,4}}'",
        "moods": lambda: "ARRAY['happy', 'sad']::public.mood[]",
        "days": lambda: "ARRAY[make_date(2024, 2, 1), make_date(1, 12, 3)]",
        "ratio": lambda: r.choice(("1/3::float8", "'Infinity'", "pi()")),
        "ratios": lambda: "ARRAY[1/3::float8, pi(), NULL]",
        "span": lambda: "make_interval(1, -2, 3, -4, 5, 6, 7.8)",
        "during": lambda: "tstzrange(to_timestamp(1), to_timestamp(2e9))",
        "free": lambda: r.choice(("NULL", "'sad'", "'happy'")),
        "net": lambda: "'10.1.2.3/8'::inet",
        "plain": lambda: "'{\"a\":  1}'::json",
        "bits": lambda: "B'10110'"}
    return {c: every[c]() for c in r.sample(sorted(every), r.randint(1, 6))}


def write(r, cursor):
    where = f"kind = '{r.choice(KINDS)}' AND no = {r.randint(1, 5)}"
    pick = r.random()
    made = values(r)
    if pick < 0.5:
        cursor.execute("UPDATE thing SET " + ", ".join(
            f"{c} = {v}" for c, v in made.items()) + f" WHERE {where}")
    elif pick < 0.6:
        cursor.execute(f"DELETE FROM thing WHERE {where}")
    elif pick < 0.7:  # another key: a new incarnation, carried whole
        cursor.execute(
            f"UPDATE thing SET no = {r.randint(1, 5)} WHERE {where} AND NOT "
            "EXISTS (SELECT FROM thing o WHERE o.kind = thing.kind)")
    else:
        cursor.execute(
            f"INSERT INTO thing (kind, no, {', '.join(made)}) VALUES ("
            f"'{r.choice(KINDS)}', {r.randint(1, 5)}, "
            f"{', '.join(made.values())}) ON CONFLICT DO NOTHING")


def same(twins):
    """By what is stored, not by how a session writes it."""
    return twins.query("primary", LOOK) == twins.query("backup", LOOK)


LOOK = """SET datestyle = 'ISO'; SET intervalstyle = 'postgres';
 SET timezone = 'UTC'; SET extra_float_digits = 3; SET bytea_output = 'hex';
 SELECT md5(regexp_replace(t::text, ',[0-9]*[)]$', '')) FROM thing t
 ORDER BY kind::text, no"""  # without gsb_changed, which is last""


@pytest.mark.parametrize("seed", range(3))
def test_every_type_ends_equal(twins, seed):
    r = random.Random(seed)
    for _ in range(10):
        for site in r.choices(SITES, k=12):
            with twins.connect(site) as c:
                write(r, c.cursor())
        if r.random() < 0.3:
            twins.settle()
    twins.settle()
    assert twins.query("primary", "SELECT * FROM gsb.parked") == []
    assert twins.query("backup", "SELECT * FROM gsb.parked") == []
    wait_until(lambda: same(twins), what="both sites are equal")
    assert twins.one("backup", "SELECT count(*) FROM thing") > 0
