"""Every operation of the JSON API: success, each role, another company, no
token, and what nobody should send; json_operations.py is the table."""
import os
import re
import urllib.parse

import pytest

from json_operations import OPERATIONS, ROLES, World
from site_alone import ROOT, Site

EVIL = ("'; DROP TABLE account; --", "<script>alert(1)</script>",
        "\u202e\x01 %s%n {{csrf}}", "x" * 20000, "\ud7ff\U0001f600")
JSON = "application/json;charset=utf-8"
NOBODY = "00000000-0000-4000-8000-000000000000"
BOMB = (b'<!DOCTYPE a [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;">'
        b'<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&b;&x;</a>')
WITH_BODY = [o for o in OPERATIONS if o.body is not None]


@pytest.fixture(name="world", scope="module")
def made_world():
    site = Site()
    try:
        site.start()
        site.keep()
        for number, name in enumerate(("acme", "other"), 1):
            assert site.add_company(name, number).status == 200
        yield World(site)
    finally:
        site.close()


def in_form(answer, *statuses):
    """A refusal as docs/api.md describes it."""
    assert answer.status in statuses, (answer.status, answer.text)
    assert answer.headers["content-type"].startswith("application/json")
    assert answer.json["message"] and answer.json["trackingId"]
    assert answer.json["errors"][0]["description"]
    assert "root:" not in answer.text


@pytest.mark.parametrize("operation", OPERATIONS, ids=repr)
def test_who_may(world, operation):
    """Who may not changes nothing: those who may come last."""
    said = {}
    for role in sorted(ROLES, key=lambda r: -operation.rights[r]):
        world.renew()
        answer = world.run(operation, role)
        said[role] = answer.status
        if answer.status >= 400:
            in_form(answer, operation.rights[role])
        if role in ("stranger", "foreign") and operation.method == "GET":
            assert world.meeting not in answer.text
            assert "guest@x.org" not in answer.text
    assert said == operation.rights


@pytest.mark.parametrize("operation", [
    o for o in OPERATIONS if not o.is_open], ids=repr)
def test_nobody_is_let_in_without_a_token(world, operation):
    in_form(world.run(operation, None), 401)
    good = world.token["admin"]
    for token in ("", "x", "bearer.1.x.k.y", good[:-1], good + "x",
                  good.replace("bearer.", "ticket.")):
        in_form(world.run(operation, None, Authorization=f"Bearer {token}"),
                401)


@pytest.mark.parametrize("operation", WITH_BODY, ids=repr)
def test_bodies_are_refused_in_form(world, operation):
    path = world.path(operation)
    for body in (b"", b"{", b"[]", b"null", b'{"title"', b"{} {}",
                 b'{"title": "\xff\xfe"}', b'{"title": "a\\u0000b"}',
                 b'{"a": 1, "a": 2}', b'{"a": ' + b"[" * 50 + b"]" * 50 + b"}",
                 b"[" * 100000, BOMB):
        in_form(world.send(operation.method, path, body,
                           **{"Content-Type": JSON}), 400)
    good = b'{"title": "x"}'
    for kind in ("application/x-www-form-urlencoded", "text/plain",
                 "text/xml", "multipart/form-data; boundary=x", ""):
        in_form(world.send(operation.method, path, good,
                           **{"Content-Type": kind}), 415)
    in_form(world.send(operation.method, path, b'{"a":"' + b"x" * (10 << 20)
                       + b'"}', **{"Content-Type": JSON}), 413)


def leaves(value, path=()):
    """Where the texts of a body are."""
    if isinstance(value, str):
        yield path
    elif isinstance(value, (dict, list)):
        for k, v in (value.items() if isinstance(value, dict)
                     else enumerate(value)):
            yield from leaves(v, (*path, k))


def put(value, path, text):
    at = value
    for k in path[:-1]:
        at = at[k]
    at[path[-1]] = text
    return value


@pytest.mark.parametrize("operation", WITH_BODY, ids=repr)
def test_every_text_bears_evil(world, operation):
    world.renew()
    for path in leaves(operation.body(world)):
        for evil in (*EVIL, 7, None, [], {"a": "b"}):
            body = operation.body(world)
            if operation.route == "people" and path[-1] != "password":
                body.pop("password", None)  # a hash takes its time
            answer = world.run(operation, body=put(body, path, evil))
            if answer.status != 200:
                in_form(answer, 400, 401, 403, 404, 423)
            elif evil in EVIL and path[-1] in answer.json:
                assert answer.json[path[-1]] == evil, (path, answer.text)
    assert world.must("GET", "people/me")["roles"] == ["siteAdmin"]


@pytest.mark.parametrize("operation", OPERATIONS, ids=repr)
def test_every_part_of_the_path_bears_evil(world, operation):
    world.renew()
    path, _, query = world.path(operation).partition("?")
    evil = [urllib.parse.quote(e.encode()) for e in EVIL[:3]]
    if operation.route.endswith("/*"):
        folder = path.rpartition("/")[0]
        for name in (*evil, NOBODY, "x", "%00", "%ff", "..", "%2e%2e%2f"):
            in_form(world.run(operation, path=f"{folder}/{name}"), 400, 404)
    pairs = query.split("&") if query else []
    for i, pair in enumerate(pairs):
        for value in (*evil, "", "%ff", "%00", "%zz", "9" * 40):
            name = pair.partition("=")[0]
            changed = [*pairs[:i], f"{name}={value}", *pairs[i + 1:]]
            answer = world.run(operation, path=f"{path}?{'&'.join(changed)}")
            if answer.status != 200:
                in_form(answer, 400, 404)


@pytest.mark.parametrize("route", sorted({o.route for o in OPERATIONS}))
def test_other_methods_are_refused(world, route):
    mine = [o for o in OPERATIONS if o.route == route]
    known = {o.method for o in mine}
    for method in {"GET", "POST", "PUT", "PATCH", "DELETE",
                   "OPTIONS"} - known - (
                       {"GET", "PUT", "DELETE", "PATCH"}
                       if route in ("people/me", "meetings/join") else set()):
        in_form(world.send(method, world.path(mine[0]).partition("?")[0],
                           b"{}", **{"Content-Type": JSON}), 405)


def test_the_table_is_whole():
    """Every route that lib/site/jsonapi.c has, and no other."""
    with open(os.path.join(ROOT, "lib/site/jsonapi.c"),
              encoding="utf-8") as f:
        table = f.read().partition("routes[] = {")[2].partition("};")[0]
    routes = {f"{method} " + "/".join(re.findall(r'"([^"]+)"', path))
              for method, path in re.findall(
                  r'\{ "([A-Z]+)",\s+\{ ([^}]+) \}', table)}
    assert routes == {o.name for o in OPERATIONS}
