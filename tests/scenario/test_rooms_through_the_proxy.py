"""G9 G10: rooms are reached through the one URL; when the whole primary fails
everybody is told to rejoin and meets again on the backup; when only its web
side fails, the rooms that run go on."""
import pytest

from clients import Json, Xml
from pair import SITES
from rooms import Loop, Person, Refused, names
from wait import wait_until

MOVED = 1012
PASSWORD = "Geheim-12345"


@pytest.fixture(scope="module", name="loop")
def fixture_loop():
    loop = Loop()
    yield loop
    loop.close()


class Meeting:
    """One meeting, its host and a guest, as they come through the one URL."""

    def __init__(self, pair, loop, name):
        self.pair, self.loop = pair, loop
        self.host, self.guest = f"{name}-host", f"{name}-guest"
        self.people = []
        admin = pair.xml()
        for user in (self.host, self.guest):
            answer = admin.create_user(user, PASSWORD)
            assert answer.good, answer.text
        admin.close()
        host = self.xml(self.host)
        self.number = host.create_meeting(name).get("meetingkey")
        host.close()

    def xml(self, user):
        return Xml(self.pair.url, self.pair.company, user, PASSWORD)

    def join(self, user):
        """roomPath; held by the proxy while nobody serves."""
        xml = self.xml(user)
        json = Json(self.pair.url, xml.ticket())
        try:
            answer = json.request("POST", "/v1/meetings/join", {
                "meetingNumber": self.number, "password": "Pa55word"})
            assert answer.status == 200, answer.text
            return answer.json["roomPath"]
        finally:
            xml.close()
            json.close()

    def enter(self, path):
        person = Person(self.loop,
                        self.pair.url.replace("http:", "ws:") + path)
        self.people.append(person)
        return person

    def rejoin(self, user, letter):
        """As who was told to: the first way that he is shown is open."""
        path = self.join(user)
        assert f"/ws/{letter}/{self.number}?" in path, path
        person = self.enter(path)
        person.welcome = person.hear()
        assert person.welcome["type"] == "welcome", person.welcome
        return person

    def come(self, user, letter):
        """Joins anew and enters, once what he joins is there."""
        def attempt():
            path = self.join(user)
            assert f"/ws/{letter}/{self.number}?" in path, path
            return self.enter(path)
        person = wait_until(attempt, 30, what=f"{user} in room {letter}")
        welcome = person.hear()
        assert welcome["type"] == "welcome", welcome
        person.welcome = welcome
        return person

    def close(self):
        for person in self.people:
            person.cut()


@pytest.fixture(name="meeting")
def fixture_meeting(pair, loop, request):
    name = request.node.name.removeprefix("test_").replace("_", "-")[:40]
    made = Meeting(pair, loop, name)
    yield made
    made.close()


def refused(meeting, path):
    with pytest.raises(Refused) as e:
        meeting.enter(path)
    return e.value.status


def in_roster(person, count):
    """Until so many others than those of the welcome have come."""
    known = {p["id"] for p in person.welcome["roster"]}
    while len(known) < count:
        known |= {p["id"] for p in person.hear_until("people")["set"]}
    return True


def presence_of(host):
    """Of the other one, at the next news of him."""
    while True:
        for one in host.hear_until("people")["set"]:
            if one["id"] != host.welcome["you"]:
                return one["presence"]


def together(meeting, letter):
    """Host and guest, each of whom knows of the other."""
    host = meeting.come(meeting.host, letter)
    guest = meeting.come(meeting.guest, letter)
    assert len(guest.welcome["roster"]) == 2, guest.welcome
    assert in_roster(host, 2)
    assert host.welcome["host"] and not guest.welcome["host"]
    return host, guest


def test_a_room_through_the_one_url(pair, meeting):
    host, guest = together(meeting, "P")
    assert names(guest.welcome) == [f"{meeting.host} Test",
                                    f"{meeting.guest} Test"]
    assert host.echo() and guest.echo()
    wait_until(lambda: [pair.status()["sites"][site]["services"]["collab"]
                        ["rooms"] for site in SITES] == [1, 0])
    guest.leave()
    assert host.hear_until("people")["gone"]
    path = meeting.join(meeting.guest)
    assert refused(meeting, path[:-3] + "AAA") == 403
    assert refused(meeting, path.partition("?")[0]) == 403
    # the backup's rooms are closed while the primary serves
    assert refused(meeting, path.replace("/ws/P/", "/ws/B/")) == 503


def test_a_switchover_moves_the_rooms(pair, meeting):
    host, guest = together(meeting, "P")
    pair.ctl("switchover", "--to", "backup", "--reason", "scenario", "--yes",
             "--wait")
    for person in (host, guest):
        assert person.closed()[0] == MOVED
    host, guest = together(meeting, "B")
    pair.ctl("failback", "--reason", "scenario", "--yes", "--wait")
    for person in (host, guest):
        assert person.closed()[0] == MOVED
    together(meeting, "P")


def test_who_is_told_to_move_finds_an_open_room_at_once(pair, meeting):
    """While the switch goes on: no second try is needed."""
    host, _ = together(meeting, "P")
    for order, letter in ((("switchover", "--to", "backup"), "B"),
                          (("failback",), "P")):
        pair.ctl(*order, "--reason", "scenario", "--yes")
        assert host.closed()[0] == MOVED
        host = meeting.rejoin(meeting.host, letter)
        assert host.echo()
        wait_until(lambda: pair.status()["state"] in ("MAINTENANCE", "NORMAL"))


def test_g07_the_rooms_alone_are_moved_and_return(pair, meeting):
    """Who joins is sent to where the rooms are, whoever serves the rest."""
    rooms = ("--service", "collab", "--reason", "scenario", "--yes", "--wait")
    host, _ = together(meeting, "P")
    pair.ctl("redirect", "add", "--to", "backup", "--expires-in", "1h", *rooms)
    assert pair.detect() == "Primary"
    assert host.closed()[0] == MOVED
    host, _ = together(meeting, "B")
    pair.ctl("redirect", "del", *rooms)
    assert host.closed()[0] == MOVED
    together(meeting, "P")


def lines(person):
    return [line["text"] for line in person.welcome["chat"]]


def say(host, guest, text):
    host.say({"type": "chat", "text": text})
    assert guest.hear_until("chat")["line"]["text"] == text


def led_by(pair, site, run, leader):
    """Whether that site's row says so, with a line."""
    return pair.query(
        site, "SELECT 1 FROM session s JOIN chat h ON h.session_id = s.id "
        "WHERE s.id = %s AND s.roster->'people' @> %s::jsonb",
        (run, f'[{{"id": "{leader}", "host": true}}]'))


def test_g09_the_primary_fails_wholly_in_a_meeting(pair, meeting):
    """The same meeting on the backup: its host, roster and chat."""
    host, guest = together(meeting, "P")
    path = meeting.join(meeting.host)
    run, leader = host.welcome["session"], guest.welcome["you"]
    say(host, guest, "before")
    host.say({"type": "host", "id": leader})
    wait_until(lambda: led_by(pair, "backup", run, leader))
    pair.kill("primary-web", "primary-collab", "primary-db")
    for person in (host, guest):
        assert person.closed()[0] == MOVED
    # who led it before it was cut off leads it
    host = meeting.come(meeting.host, "B")
    assert host.welcome["session"] == run and lines(host) == ["before"]
    roster = {p["id"]: p for p in host.welcome["roster"]}
    assert len(roster) == 2 and not host.welcome["host"]
    assert roster[leader]["host"] and roster[leader]["presence"] == "lost"
    guest = meeting.come(meeting.guest, "B")
    assert guest.welcome["host"] and lines(guest) == ["before"]
    say(host, guest, "after")
    assert pair.detect() == "Backup"
    assert refused(meeting, path) == 503
    # and back: the run goes on with what was said on either site
    wait_until(lambda: pair.query(
        "backup", "SELECT count(*) FROM chat WHERE session_id = %s",
        (run,)) == [(2,)])
    pair.restore()
    for person in (host, guest):
        assert person.closed()[0] == MOVED
    host = meeting.come(meeting.host, "P")
    assert host.welcome["session"] == run
    assert lines(host) == ["before", "after"]
    # both sites' stays side by side count nobody twice
    host.say({"type": "leave"})
    guest = meeting.come(meeting.guest, "P")
    guest.say({"type": "end"})
    assert guest.closed()[0] == 4002
    wait_until(lambda: pair.query(
        "primary", "SELECT state FROM session WHERE id = %s",
        (run,)) == [("ended",)])
    over = pair.query(
        "primary", "SELECT participant FROM attendance_counted t "
        "JOIN session s ON s.id = t.session_id WHERE s.id = %s GROUP BY 1, "
        "s.started, s.ended HAVING sum(seconds) > "
        "extract(epoch FROM s.ended - s.started)", (run,))
    assert over == []


def test_a_collab_alone_that_dies(pair, meeting):
    """Nothing moves by itself (G7); people rejoin when it is back."""
    host, guest = together(meeting, "P")
    pair.kill("primary-collab")
    for person in (host, guest):
        assert person.closed()[0] == MOVED
    assert pair.detect() == "Primary"
    pair.start("primary-collab")
    together(meeting, "P")


def test_g10_running_meetings_outlive_web(pair, meeting):
    host, guest = together(meeting, "P")
    path = meeting.join(meeting.guest)
    pair.kill("primary-web")
    wait_until(lambda: pair.detect() == "Backup")
    # the room goes on, and who lost his connection comes back into it
    assert host.echo() and guest.echo()
    guest.cut()
    assert presence_of(host) == "lost"
    guest = wait_until(lambda: meeting.enter(path))
    assert len(guest.hear_until("welcome")["roster"]) == 2
    assert presence_of(host) == "here"
    # who comes anew, through the backup, is led to where it runs (G12)
    wait_until(lambda: f"/ws/P/{meeting.number}?" in
               meeting.join(meeting.guest))
    # new ones start on the backup
    other = Meeting(pair, meeting.loop, "g10-new")
    stranger = other.come(other.host, "B")
    assert stranger.echo() and host.echo()
    # back at home: the primary's room is still there, the backup's moves
    pair.start("primary-web")
    pair.restore()
    assert stranger.closed()[0] == MOVED
    assert host.echo() and guest.echo()
    other.come(other.host, "P")
    other.close()
