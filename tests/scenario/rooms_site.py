"""One site's rooms, with the test as the proxy: fixtures and who is in
them."""
import types

import pytest

from rooms import Loop, Person, Refused
from site_alone import KEPT_US, Site, request_id, stamp_now
from xml_site import XmlSite, login


@pytest.fixture(scope="module", name="xml")
def fixture_xml():
    made = XmlSite.start(only="web")
    made.site.keep()
    yield made
    made.site.close()


@pytest.fixture(scope="module", name="loop")
def fixture_loop():
    loop = Loop()
    yield loop
    loop.close()


@pytest.fixture(name="collab")
def fixture_kept(xml):
    """As the proxy does: its lease is renewed all the time."""
    yield from start_collab(xml, Site.keep)


@pytest.fixture(name="collab")
def fixture_collab(xml):
    """Its lease is what the test grants, for some seconds."""
    yield from start_collab(xml, Site.grant)


def start_collab(xml, grant):
    site = Site("primary", xml.site.cluster, only="collab",
                more="grace_s = 60\n").start()
    site.ttl_us = KEPT_US
    grant(site)
    yield site
    site.close()


def join(xml, number, who=None, **body):
    """roomPath of POST /v1/meetings/join, and the rest of the answer."""
    xml.site.grant()
    who = who or login()
    token = xml.site.token("acme", who["webExID"], who["password"])
    return xml.site.request("POST", "/v1/meetings/join", {
        "meetingNumber": str(number), **body},
        {"Authorization": f"Bearer {token}"})


def path_of(xml, number, who=None, **body):
    answer = join(xml, number, who, **body)
    assert answer.status == 200, answer.text
    return answer.json["roomPath"]


def enter(loop, collab, path, **how):
    fields = {"GSB-Epoch": str(how.get("epoch", collab.epoch)),
              "GSB-Site": how.get("site", "primary"),
              "GSB-Request": f"{request_id()};{stamp_now()}"}
    return Person(loop, f"ws://127.0.0.1:{collab.rooms}{path}", fields)


def refused(loop, collab, path, **how):
    with pytest.raises(Refused) as e:
        enter(loop, collab, path, **how)
    return e.value


@pytest.fixture(name="room")
def fixture_room(xml, loop, collab):
    """A meeting of one host; two accounts that may join."""
    def person(name):
        xml.create_user(name)
        return login(name)

    host, guest = person("roomhost"), person("roomguest")
    number = xml.meeting("Room", who=host)

    def come(who, grant=True, **body):
        path = path_of(xml, number, who, **body)
        if grant:
            collab.grant()
        return enter(loop, collab, path)

    return types.SimpleNamespace(
        number=number, host=host, guest=guest, come=come,
        host_comes=lambda **more: come(host, **more),
        guest_comes=lambda **more: come(guest, password="Pa55word", **more))


def short_grace(collab):
    """From the next start on."""
    collab.more = "grace_s = 1\n"
    collab.write_conf()


def other_comes(xml, room, name):
    """An account of that name, made when it is not there."""
    xml.create_user(name)
    return room.come(login(name), password="Pa55word")


def person_of(person, name, good):
    """Until the roster says that of him."""
    while True:
        for one in person.hear_until("people")["set"]:
            if one["name"] == name and good(one):
                return one


def gone_of(person, who):
    while who not in person.hear_until("people")["gone"]:
        pass


def error_of(person, message):
    person.say(message)
    return person.hear_until("error")


def rows(xml, sql):
    return xml.site.cluster.sql("gsb", sql)
