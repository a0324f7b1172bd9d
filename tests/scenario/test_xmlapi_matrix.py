"""Every operation: success, each role, another company, what is wrong with
requests; xml_operations.py is the table."""
import re

import pytest

from xml_operations import INVALID, OPERATIONS, ROLES, World
from xml_site import XmlSite


@pytest.fixture(scope="module", name="world")
def fixture_world():
    xml = XmlSite.start()
    xml.site.keep()
    yield World(xml)
    xml.site.close()


def came(answer):
    return "" if answer.good else answer.exception


@pytest.mark.parametrize("operation", OPERATIONS, ids=repr)
def test_who_may(world, operation):
    """Who may not changes nothing: the administrator comes last."""
    order = [r for r in ROLES if operation.rights[r]] + [
        r for r in ROLES if not operation.rights[r]]
    said = {}
    for role in order:
        if role == order[0] or not operation.rights[role]:
            world.renew()
        answer = world.xml.call(operation.name, operation.body(world),
                                world.who[role])
        said[role] = came(answer)
        assert answer.good or answer.reason
    assert said == operation.rights


@pytest.mark.parametrize("operation", [o for o in OPERATIONS if o.wrong],
                         ids=repr)
def test_what_is_wrong(world, operation):
    world.renew()
    for i, (body, expected) in enumerate(operation.wrong):
        answer = world.xml.call(operation.name, body(world))
        assert not answer.good, (i, answer.text)
        assert answer.exception == expected, (i, answer.text)
        if expected is INVALID:
            assert re.match(r"validation: \S+ .+", answer.reason), \
                (i, answer.reason)


def test_the_table_is_whole():
    """Every operation that docs/api.md names, and no other."""
    with open(__file__.rpartition("/tests/")[0] + "/docs/api.md",
              encoding="utf-8") as f:
        part = f.read().partition("### Operations and rights")[2].partition(
            "### Values")[0]
    named = set()
    for line in part.splitlines():
        if line.startswith("| ") and not line.startswith("| operation"):
            named.update(re.findall(r"\w+", line.split("|")[1]))
    assert named == {o.name.partition(".")[2] for o in OPERATIONS}
