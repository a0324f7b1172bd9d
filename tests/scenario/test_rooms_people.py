"""Who is in a room and what they do in it: roster, presence, chat, lobby, the
host's orders, what nobody may say, and what is kept of it."""
import signal

import pytest
import websockets

from rooms import names
from rooms_site import (enter, error_of, fixture_kept, fixture_loop,
                        fixture_room, fixture_xml, gone_of, other_comes,
                        path_of, person_of, rows, short_grace)
from wait import wait_until

REPLACED = 4001


# --- who is there -----------------------------------------------------------

def test_roster_and_news(room, collab):
    host = room.host_comes()
    welcome = host.hear()
    assert welcome["type"] == "welcome" and welcome["host"] is True
    assert welcome["meeting"] == int(room.number)
    assert welcome["room"] == {"locked": False, "lobby": False}
    assert welcome["session"] and welcome["chat"] == []
    assert [p["id"] for p in welcome["roster"]] == [welcome["you"]]
    guest = room.guest_comes(displayName="Zoë <b>")
    assert names(guest.hear()) == ["First Last", "Zoë <b>"]
    news = person_of(host, "Zoë <b>", lambda p: True)
    assert news == {"id": news["id"], "name": "Zoë <b>", "host": False,
                    "guest": False, "presence": "here", "hand": 0,
                    "muted": False}
    assert collab.lease(ask=True).json["sessions"] == 1
    assert host.echo() and guest.echo()
    guest.leave()
    gone_of(host, news["id"])
    host.say({"type": "leave"})
    assert host.closed() == (1000, "left")
    wait_until(lambda: collab.lease(ask=True).json["sessions"] == 0)


def test_presence_and_the_grace_of_who_is_cut_off(room):
    host = room.host_comes()
    host.hear()
    guest = room.guest_comes(displayName="Eva")
    you = guest.hear()["you"]
    guest.say({"type": "presence", "presence": "away"})
    person_of(host, "Eva", lambda p: p["presence"] == "away")
    guest.say({"type": "hand", "up": True})
    assert person_of(host, "Eva", lambda p: p["hand"])["hand"] == 1
    guest.cut()
    person_of(host, "Eva", lambda p: p["presence"] == "lost")
    guest = room.guest_comes(displayName="Eva")
    assert len(guest.hear_until("welcome")["roster"]) == 2
    back = person_of(host, "Eva", lambda p: p["presence"] == "here")
    assert back["id"] == you and back["hand"] == 1, "as if he had stayed"
    host.leave()
    guest.leave()


def test_who_stays_away_leaves(room, collab):
    collab.stop()
    short_grace(collab)
    collab.start().keep()
    host, guest = room.host_comes(grant=False), room.guest_comes(grant=False)
    you = guest.hear()["you"]
    guest.cut()
    gone_of(host, you)
    host.leave()


def test_rooms_are_apart(xml, loop, collab, room):
    other = xml.meeting("Another", who=room.host)
    host, guest = room.host_comes(), room.guest_comes()
    assert names(guest.hear()) == ["First Last", "First Last"]
    # one person, two rooms
    second = enter(loop, collab, path_of(xml, other, room.host))
    assert names(second.hear()) == ["First Last"]
    second.leave()
    for person in (host, guest):
        assert person.echo()


def test_rejoining_replaces(room):
    host = room.host_comes()
    host.hear()
    first = room.guest_comes()
    you = first.hear()["you"]
    person_of(host, "First Last", lambda p: p["id"] == you)
    second = room.guest_comes()
    assert len(second.hear()["roster"]) == 2
    assert first.closed()[0] == REPLACED
    host.say({"type": "ping"})
    assert host.hear()["type"] == "pong", "the others hear nothing of it"
    second.leave()
    gone_of(host, you)
    host.leave()


def test_what_people_must_not_say(room):
    host = room.host_comes()
    host.hear()
    for text, code in (
            ("", "bad_json"), ("x", "bad_json"), ("[]", "bad_message"),
            ("{}", "bad_message"), ('{"type":1}', "bad_message"),
            ('{"type":"?"}', "unknown_type"), ("[" * 16000, "bad_json"),
            ('{"type":"' + "x" * 16000 + '"}', "unknown_type"),
            ('{"type":"chat","text":"' + "x" * 2001 + '"}', "too_long"),
            ('{"type":"chat","text":"x","to":"nobody"}', "not_found"),
            ('{"type":"chat","text":"\\ud800"}', "bad_json")):
        answer = error_of(host, text)
        assert answer["code"] == code and answer["message"], text[:30]
    assert error_of(host, {"type": "expel", "ref": "r7"})["ref"] == "r7"
    assert host.echo()
    host.say_broken_text()
    assert host.closed()[0] == 1007
    host = room.host_comes()
    host.hear()
    host.say("x" * 17000)
    assert host.closed()[0] == 1009
    host = room.host_comes()
    host.hear()
    host.say(b"\x00\x01")
    assert host.closed()[0] == 1003


def test_who_says_too_much(room):
    host, guest = room.host_comes(), room.guest_comes()
    host.hear()
    guest.hear()
    said = 0
    while True:
        guest.say({"type": "chat", "text": "spam"})
        said += 1
        answer = guest.hear()
        while answer["type"] not in ("chat", "error"):
            answer = guest.hear()
        if answer["type"] == "error":
            assert answer["code"] == "too_fast"
            break
        assert said < 200
    # who goes on is cut off; the others do not notice
    with pytest.raises(websockets.exceptions.ConnectionClosed):
        while True:
            for _ in range(10):
                guest.say({"type": "ping"})
            for _ in range(10):
                guest.hear()
    assert guest.closed()[0] == 4008
    assert host.echo()


# --- chat -------------------------------------------------------------------

def test_chat(room, xml):
    host, guest = room.host_comes(), room.guest_comes(displayName="Eva")
    me, you = host.hear()["you"], guest.hear()["you"]
    host.say({"type": "chat", "text": "<b>hé</b>", "ref": "1"})
    mine = host.hear_until("chat")
    assert mine["ref"] == "1"
    first = guest.hear_until("chat")["line"]
    assert first == mine["line"] and first["to"] is None
    assert (first["from"], first["text"]) == (me, "<b>hé</b>")
    guest.say({"type": "chat", "text": "just you", "to": me})
    private = host.hear_until("chat")["line"]
    assert private["to"] == me and private["from"] == you
    assert private["n"] > first["n"]
    assert guest.hear_until("chat")["line"] == private
    # who joins later gets what he may see
    third = other_comes(xml, room, "roomthird")
    welcome = third.hear()
    assert [line["text"] for line in welcome["chat"]] == ["<b>hé</b>"]
    host.cut()
    host = room.host_comes()
    assert [line["text"] for line in host.hear()["chat"]] == [
        "<b>hé</b>", "just you"]
    for person in (host, guest, third):
        person.leave()


# --- lobby and host ---------------------------------------------------------

def test_the_lobby_until_the_host_comes(room):
    guest = room.guest_comes()
    waits = guest.hear()
    assert (waits["type"], waits["why"]) == ("waiting", "host")
    assert error_of(guest, {"type": "chat", "text": "x"})["code"] == "waiting"
    assert guest.echo()
    host = room.host_comes()
    host.hear_until("welcome")
    assert len(guest.hear_until("welcome")["roster"]) == 2
    host.leave()
    guest.leave()


def test_the_lobby_that_the_host_keeps(room, xml):
    host = room.host_comes()
    host.hear()
    host.say({"type": "lobby", "on": True})
    assert host.hear_until("room")["room"]["lobby"] is True
    first, second = room.guest_comes(), other_comes(xml, room, "roomsecond")
    ids = [p.hear()["you"] for p in (first, second)]
    waiting = set()
    while waiting != set(ids):
        waiting |= {p["id"] for p in host.hear_until("lobby")["set"]}
    host.say({"type": "admit", "id": ids[0]})
    assert first.hear_until("welcome")["waiting"] == []
    assert error_of(first, {"type": "admit"})["code"] == "not_host"
    host.say({"type": "refuse", "id": ids[1]})
    assert second.closed()[0] == 4004
    second = other_comes(xml, room, "roomsecond")
    assert second.hear()["why"] == "lobby"
    host.say({"type": "lobby", "on": False})
    second.hear_until("welcome")
    for person in (host, first, second):
        person.leave()


def test_what_the_host_does(room, xml):
    host, guest = room.host_comes(), room.guest_comes(displayName="Eva")
    me, you = host.hear()["you"], guest.hear()["you"]
    for message in ({"type": "mute", "id": me, "muted": True},
                    {"type": "lock", "locked": True}, {"type": "end"},
                    {"type": "claim"}):
        assert error_of(guest, message)["code"] == "not_host"
    host.say({"type": "mute", "muted": True})
    person_of(guest, "Eva", lambda p: p["muted"])
    assert error_of(guest, {"type": "chat", "text": "x"})["code"] == "muted"
    guest.say({"type": "chat", "text": "please", "to": me})
    assert host.hear_until("chat")["line"]["text"] == "please"
    guest.say({"type": "hand", "up": True})
    person_of(host, "Eva", lambda p: p["hand"])
    host.say({"type": "lower"})
    person_of(host, "Eva", lambda p: not p["hand"])
    # locked: nobody new, but who was in
    host.say({"type": "lock", "locked": True})
    assert guest.hear_until("room")["room"]["locked"] is True
    assert other_comes(xml, room, "roomthird").closed()[0] == 4005
    guest.cut()
    guest = room.guest_comes(displayName="Eva")
    guest.hear_until("welcome")
    # handed over, and taken back by whose meeting it is
    host.say({"type": "host", "id": you})
    assert guest.hear_until("welcome")["host"] is True
    assert error_of(host, {"type": "lock", "locked": False})["code"] == \
        "not_host"
    guest.say({"type": "lock", "locked": False})
    assert host.hear_until("room")["room"]["locked"] is False
    assert error_of(guest, {"type": "expel", "id": you})["code"] == \
        "bad_message"
    host.say({"type": "claim"})
    assert host.hear_until("welcome")["host"] is True
    host.say({"type": "expel", "id": you})
    assert guest.closed()[0] == 4003
    gone_of(host, you)
    assert room.guest_comes().closed()[0] == 4003, "for the rest of the run"
    third = other_comes(xml, room, "roomthird")
    third.hear()
    host.say({"type": "end"})
    assert host.closed()[0] == third.closed()[0] == 4002
    # the next run is another one
    host = room.host_comes()
    assert host.hear()["chat"] == []
    guest = room.guest_comes()
    assert guest.hear()["type"] == "welcome"
    host.leave()
    guest.leave()


def test_a_handed_over_room_outlives_its_host(room):
    host, guest = room.host_comes(), room.guest_comes()
    host.hear()
    you = guest.hear()["you"]
    host.say({"type": "host", "id": you})
    guest.hear_until("people")
    host.leave()
    guest.say({"type": "lock", "locked": True})
    assert guest.hear_until("room")["room"]["locked"] is True
    host = room.host_comes()
    assert host.hear()["host"] is False, "it is the other one's now"
    guest.leave()
    assert host.hear_until("welcome")["host"] is True
    host.leave()


def test_join_before_host(xml, loop, collab, room):
    number = xml.meeting("Early", who=room.host)
    xml.site.cluster.sql(
        "gsb", f"UPDATE meeting SET join_before_host = true "
        f"WHERE number = {number}")
    path = path_of(xml, number, room.guest, password="Pa55word")
    guest = enter(loop, collab, path)
    assert guest.hear()["type"] == "welcome"
    guest.leave()


# --- guests -----------------------------------------------------------------

def guest_join(xml, **body):
    xml.site.grant()
    return xml.site.request("POST", "/v1/meetings/join", body)


def test_guests_come_by_their_token(xml, loop, collab, room):
    (token,), = xml.site.cluster.sql(
        "gsb", f"SELECT guest_token FROM meeting WHERE number = "
        f"{room.number}")
    good = {"siteName": "acme", "meetingNumber": str(room.number),
            "guestToken": token, "displayName": "Gast <i>"}
    for change, status in (
            ({"guestToken": "x" * 24}, 403), ({"guestToken": ""}, 403),
            ({"meetingNumber": "123456789"}, 403), ({"siteName": "no"}, None),
            ({"displayName": ""}, 400), ({"displayName": None}, 400),
            ({"displayName": 7}, 400), ({"siteName": "other"}, 403)):
        answer = guest_join(xml, **{**good, **change})
        assert answer.status == status or (
            status is None and answer.status in (401, 403, 404)), (
                change, answer.text)
    answer = guest_join(xml, **good)
    assert answer.status == 200, answer.text
    host = room.host_comes()
    host.hear()
    collab.grant()
    guest = enter(loop, collab, answer.json["roomPath"])
    assert guest.hear()["host"] is False
    assert person_of(host, "Gast <i>", lambda p: True)["guest"] is True
    # another one of the same token is another guest
    other = enter(loop, collab, guest_join(xml, **good).json["roomPath"])
    assert len(other.hear()["roster"]) == 3
    for person in (host, guest, other):
        person.leave()


# --- what is kept -----------------------------------------------------------

def test_a_killed_service_finds_its_rooms_again(xml, loop, collab, room):
    """Host, roster, chat and settings; what had not been written as well."""
    host, guest = room.host_comes(), room.guest_comes(displayName="Eva")
    run = host.hear()["session"]
    you = guest.hear()["you"]
    host.say({"type": "host", "id": you})
    guest.hear_until("welcome")
    host.say({"type": "chat", "text": "kept"})
    guest.hear_until("chat")
    wait_until(lambda: rows(
        xml, f"SELECT 1 FROM chat h JOIN session s ON s.id = h.session_id "
        f"WHERE s.id = '{run}' AND s.roster->'people' @> "
        f"'[{{\"id\": \"{you}\", \"host\": true}}]'"))
    xml.site.cluster.signal(signal.SIGSTOP)
    try:
        host.say({"type": "chat", "text": "not written yet"})
        guest.hear_until("chat")
        collab.process.kill()
        collab.process.wait()
        collab.process = None
    finally:
        xml.site.cluster.signal(signal.SIGCONT)
    short_grace(collab)
    collab.start().keep()
    host = room.host_comes(grant=False)
    welcome = host.hear_until("welcome")
    assert welcome["session"] == run and welcome["host"] is False
    assert [(p["id"] == you, p["presence"]) for p in welcome["roster"]
            if p["host"]] == [(True, "lost")]
    assert [line["text"] for line in welcome["chat"]] == [
        "kept", "not written yet"]
    # who does not come back leaves, and the host's place is free
    gone_of(host, you)
    wait_until(lambda: host.echo())
    host.leave()
    wait_until(lambda: rows(xml, f"SELECT state FROM session WHERE id = "
                                 f"'{run}'") == [("ended",)])
    # stays: no one of them counts twice
    stays = rows(xml, f"SELECT participant, count(*), sum(seconds) FROM "
                      f"attendance_counted WHERE session_id = '{run}' "
                      f"GROUP BY 1")
    spans = rows(xml, f"SELECT extract(epoch FROM ended - started) FROM "
                      f"session WHERE id = '{run}'")
    assert len(stays) == 2
    assert all(seconds <= spans[0][0] for _, _, seconds in stays), stays


def test_meetings_know_that_they_run(xml, loop, collab, room):
    def state():
        return rows(xml, "SELECT state, session_no, site, host_joined, "
                         "participants_joined FROM meeting WHERE number = "
                         f"{room.number}")[0]
    before = state()[1]
    host = room.host_comes()
    wait_until(lambda: state() == ("in_progress", before + 1, "P", True,
                                   False))
    guest = room.guest_comes()
    wait_until(lambda: state()[4] is True)
    host.leave()
    assert state()[0] == "in_progress"
    guest.leave()
    wait_until(lambda: state()[0] == "ended")
    host = room.host_comes()
    wait_until(lambda: state()[:2] == ("in_progress", before + 2))
    host.leave()
    wait_until(lambda: state()[0] == "ended")


def test_a_stay_without_the_database_is_written_later(xml, loop, collab,
                                                      room):
    path = path_of(xml, room.number, room.guest, password="Pa55word")
    host = room.host_comes()
    run = host.hear()["session"]
    xml.site.cluster.signal(signal.SIGSTOP)
    try:
        collab.grant()
        guest = enter(loop, collab, path)
        guest.hear_until("welcome")
        guest.say({"type": "chat", "text": "into the blue"})
        host.hear_until("chat")
        guest.leave()
        wait_until(lambda: host.hear_until("people")["gone"])
    finally:
        xml.site.cluster.signal(signal.SIGCONT)
    wait_until(lambda: rows(
        xml, f"SELECT content FROM chat WHERE session_id = '{run}'"))
    wait_until(lambda: rows(
        xml, f"SELECT count(*) FROM attendance WHERE session_id = '{run}' "
        "AND left_at IS NOT NULL") == [(1,)])
    host.leave()
