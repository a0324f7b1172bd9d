"""Rooms of running meetings on one site: the way in, who is there, and when
the service must not speak. The test plays the proxy."""
import base64
import hashlib
import hmac
import json
import signal
import time

from rooms_site import (enter, fixture_collab, fixture_loop, fixture_room,
                        fixture_xml, join, path_of, refused)
from site_alone import KEY, sign
from wait import wait_until
from xml_site import key

MOVED, REPLACED = 1012, 4001


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
    host.hear_until("people")
    guest.hear_until("welcome")
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
        assert host.hear_until("people")["set"]
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
