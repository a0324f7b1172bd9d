"""Rooms of running meetings on one site: the way in, who is there, and when
the service must not speak. The test plays the proxy."""
import base64
import hashlib
import hmac
import json
import signal
import time
import types

import pytest

from rooms import Loop, Person, Refused, names
from site_alone import KEY, Site, request_id, sign, stamp_now
from wait import wait_until
from xml_site import XmlSite, key, login

MOVED, REPLACED = 1012, 4001


@pytest.fixture(scope="module", name="xml")
def fixture_xml():
    made = XmlSite.start(only="web")
    yield made
    made.site.close()


@pytest.fixture(scope="module", name="loop")
def fixture_loop():
    loop = Loop()
    yield loop
    loop.close()


@pytest.fixture(name="collab")
def fixture_collab(xml):
    site = Site("primary", xml.site.cluster, only="collab").start()
    site.grant()
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


# --- the way in -------------------------------------------------------------

def test_join_answers_the_way_in(xml, room):
    answer = join(xml, room.number, room.host)
    assert answer.status == 200
    assert answer.json["roomPath"].startswith(
        f"/acme/ws/P/{room.number}?t=")
    assert "AT=HM" in answer.json["startLink"]
    assert "joinLink" not in answer.json
    answer = join(xml, room.number, room.guest, password="Pa55word")
    assert "AT=JM" in answer.json["joinLink"]
    assert answer.json["expiration"].endswith("Z")


def test_join_is_refused(xml, room):
    assert join(xml, room.number, room.guest).status == 403
    assert join(xml, room.number, room.guest, password="no").status == 403
    assert join(xml, 123456789).status == 404
    assert join(xml, "12x").status == 400
    assert join(xml, room.number, meetingId="x").status == 400
    xml.site.grant()
    assert xml.site.request("POST", "/v1/meetings/join",
                            {"meetingNumber": room.number}).status == 401
    # of another company the meeting does not exist
    token = xml.site.token("other", "admin")
    assert xml.site.request(
        "POST", "/v1/meetings/join", {"meetingNumber": str(room.number)},
        {"Authorization": f"Bearer {token}"}).status == 404


def made_token(kind="join", ends_in=3600, secret=KEY, **changes):
    """As the site makes them: KIND.EXPIRY.PAYLOAD.KEYID.SIGNATURE"""
    payload = {"c": "acme", "h": True, "m": 1, "n": "N", "p": "P", **changes}
    text = base64.urlsafe_b64encode(json.dumps(payload).encode()).rstrip(
        b"=").decode()
    text = f"{kind}.{int(time.time()) + ends_in}.{text}"
    mac = hmac.new(secret[1], text.encode(), hashlib.sha256).digest()
    return f"{text}.{secret[0]}." + base64.urlsafe_b64encode(mac).rstrip(
        b"=").decode()


def test_tokens(loop, collab):
    good = f"/acme/ws/P/1?t={made_token()}"
    enter(loop, collab, good).leave()
    enter(loop, collab, good.replace("acme", "ACME")).leave()
    for path, status in (
            ("/acme/ws/P/1", 403), ("/acme/ws/P/1?t=", 403),
            ("/acme/ws/P/1?t=nonsense", 403),
            (good[:-4] + "AAAA", 403),
            (f"/acme/ws/P/1?t={made_token(ends_in=-1)}", 403),
            (f"/acme/ws/P/1?t={made_token(kind='ticket')}", 403),
            (f"/acme/ws/P/1?t={made_token(secret=('k1', b'x' * 32))}", 403),
            (f"/acme/ws/P/1?t={made_token(secret=('k9', KEY[1]))}", 403),
            (f"/acme/ws/P/1?t={made_token(m=2)}", 403),
            (f"/acme/ws/P/1?t={made_token(c='other')}", 403),
            (f"/acme/ws/P/1?t={made_token(p=7)}", 403),
            (good.replace("/P/", "/B/"), 404),
            (good.replace("/ws/", "/w/"), 404),
            (good.replace("/P/1", "/P/x"), 404),
            (good.replace("/P/1", "/P"), 404),
            (good.replace("/acme", ""), 404),
            ("/", 404), ("/gsb/lease", 404)):
        assert refused(loop, collab, path).status == status, path
    assert collab.lease(ask=True).json["sessions"] == 0


# --- who is there -----------------------------------------------------------

def test_roster_and_news(room, collab):
    host = room.host_comes()
    welcome = host.hear()
    assert welcome["type"] == "welcome" and welcome["host"] is True
    assert welcome["meeting"] == int(room.number)
    assert [p["id"] for p in welcome["roster"]] == [welcome["you"]]
    guest = room.guest_comes(displayName="Zoë <b>")
    assert names(guest.hear()) == ["First Last", "Zoë <b>"]
    news = host.hear()
    assert news["type"] == "joined"
    assert news["person"]["name"] == "Zoë <b>"
    assert news["person"]["host"] is False
    assert collab.lease(ask=True).json["sessions"] == 1
    assert host.echo() and guest.echo()
    guest.leave()
    gone = host.hear()
    assert gone == {"type": "left", "person": {"id": news["person"]["id"]}}
    guest = room.guest_comes()
    assert host.hear()["type"] == "joined"
    guest.cut()
    assert host.hear()["type"] == "left"
    host.say({"type": "leave"})
    assert host.closed() == (1000, "left")
    wait_until(lambda: collab.lease(ask=True).json["sessions"] == 0)


def test_rooms_are_apart(xml, loop, collab, room):
    other = xml.meeting("Another", who=room.host)
    host, guest = room.host_comes(), room.guest_comes()
    assert names(guest.hear()) == ["First Last", "First Last"]
    host.hear_until("joined")
    # one person, two rooms
    path = path_of(xml, other, room.guest, password="Pa55word")
    second = enter(loop, collab, path)
    assert names(second.hear()) == ["First Last"]
    second.leave()
    for person in (host, guest):
        person.say({"type": "ping"})
        assert person.hear()["type"] == "pong"


def test_rejoining_replaces(room):
    host = room.host_comes()
    host.hear()
    first = room.guest_comes()
    first.hear()
    assert host.hear()["type"] == "joined"
    second = room.guest_comes()
    assert len(second.hear()["roster"]) == 2
    assert first.closed()[0] == REPLACED
    host.say({"type": "ping"})
    assert host.hear()["type"] == "pong", "the others hear nothing of it"
    second.leave()
    assert host.hear()["type"] == "left"
    host.leave()


def test_what_people_say(room):
    host = room.host_comes()
    host.hear()
    for text in ("", "x", "[]", "null", "{}", '{"type":1}', '{"type":"?"}',
                 '{"type":"' + "x" * 60000 + '"}', "[" * 60000):
        host.say(text)
        answer = host.hear()
        assert answer["type"] == "error" and answer["message"], text[:20]
    assert host.echo()
    host.say("x" * 70000)
    assert host.closed()[0] == 1009
    host = room.host_comes()
    host.hear()
    host.say(b"\x00\x01")
    assert host.closed()[0] in (1003, 1007, 1008) or host.echo()


# --- the right to speak -----------------------------------------------------

def test_no_entry_without_the_lease(xml, loop, room, collab):
    path = path_of(xml, room.number, room.host)
    for how in ({"epoch": collab.epoch + 1}, {"epoch": 0}, {"epoch": "x"},
                {"site": "backup"}):
        answer = refused(loop, collab, path, **how)
        assert answer.status == 421
        assert answer.headers["GSB-Not-Processed"] == "1"
    collab.stop()
    collab.start()
    assert refused(loop, collab, path).status == 421
    collab.grant()
    enter(loop, collab, path).leave()


def short(collab, ms):
    """A grant that ends soon."""
    seen = collab.lease(ask=True).json
    collab.lease(boot=seen["boot"], until_us=seen["clock_us"] + ms * 1000)


def test_a_lapsed_lease_silences_and_the_next_welcomes(xml, loop, collab,
                                                       room):
    collab.stop()
    collab.start()
    paths = [path_of(xml, room.number, room.host),
             path_of(xml, room.number, room.guest, password="Pa55word")]
    short(collab, 1500)
    host, guest = [enter(loop, collab, path) for path in paths]
    host.hear_until("joined")
    guest.hear()
    wait_until(lambda: not collab.lease(ask=True).json["serving"])
    host.say({"type": "ping"})
    assert host.hears_nothing(0.3)
    assert refused(loop, collab, paths[0]).status == 421
    guest.leave()
    assert host.hears_nothing(0.3)
    collab.grant()
    welcome = host.hear()
    assert welcome["type"] == "welcome" and len(welcome["roster"]) == 1
    assert host.echo()
    host.leave()


def test_a_higher_epoch_for_this_collab_keeps_the_rooms(collab, room):
    """G10: web has failed over, the rooms stay."""
    host = room.host_comes()
    host.hear()
    # it is first heard of in a probe that only asks
    collab.epoch += 1
    collab.lease(ask=True, serve=True)
    assert host.hears_nothing(0.4)
    collab.grant()
    assert host.hear()["type"] == "welcome"
    assert host.echo()
    host.leave()


def test_not_to_serve_sends_everybody_away(loop, xml, collab, room):
    host, guest = room.host_comes(), room.guest_comes()
    collab.epoch += 1
    assert collab.lease(serve=False).json["serving"] is False
    for person in (host, guest):
        assert person.closed()[0] == MOVED
    wait_until(lambda: collab.lease(ask=True, serve=False).json["sessions"]
               == 0)
    assert refused(loop, collab, path_of(
        xml, room.number, room.host)).status == 421


def test_grants_are_signed(collab):
    body = json.dumps({"v": 1}).encode()
    for signature in ("", "k1.AAAA", sign(body, ("k1", b"y" * 32))):
        answer = collab.http("POST", "/gsb/lease", body,
                             {"GSB-Signature": signature},
                             collab.rooms_health)
        assert answer.status == 403
    assert collab.http("GET", "/gsb/lease", port=collab.rooms_health
                       ).status == 404
    answer = collab.lease(ask=True).json
    assert answer["service"] == "collab" and answer["site"] == "primary"
    assert answer["components"] == {"collab": "ok"}
    assert answer["replication"] is None


def test_drain(loop, xml, collab, room):
    host = room.host_comes()
    host.hear()
    collab.process.send_signal(signal.SIGTERM)
    assert host.closed()[0] == MOVED
    assert collab.process.wait(10) == 0
    collab.process = None


def test_rooms_outlive_the_database(loop, xml, collab, room):
    path = path_of(xml, room.number, room.guest, password="Pa55word")
    host = room.host_comes()
    host.hear()
    xml.site.cluster.signal(signal.SIGSTOP)
    try:
        guest = enter(loop, collab, path)
        assert len(guest.hear()["roster"]) == 2
        assert host.hear()["type"] == "joined"
        assert host.echo()
        # a service that starts while it is away serves as well
        collab.stop()
        assert host.closed()[0] == MOVED
        collab.start().grant()
        enter(loop, collab, path).leave()
    finally:
        xml.site.cluster.signal(signal.SIGCONT)


def test_a_gone_meeting_has_no_way_in(xml, room):
    xml.must("meeting.DelMeeting", key(room.number), room.host)
    assert join(xml, room.number, room.host).status == 404
