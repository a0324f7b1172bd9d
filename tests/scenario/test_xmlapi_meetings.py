"""Meeting operations of the XML API, and GetAPIVersion, on one site."""
import os
import re
import urllib.parse

import pytest

from site_alone import URL
from xml_site import XmlSite, key, login, meeting_body, tags

CREATE, SET, GET = ("meeting.CreateMeeting", "meeting.SetMeeting",
                    "meeting.GetMeeting")
DELETE, LIST = "meeting.DelMeeting", "meeting.LstsummaryMeeting"


@pytest.fixture(scope="module", name="xml")
def fixture_xml():
    made = XmlSite.start(settings=["log_statement=all",
                                   "log_line_prefix=%v@"])
    yield made
    made.site.close()


def schedule(**fields):
    return f"<schedule>{tags(**fields)}</schedule>"


def titled(title, rest=""):
    return f"<metaData>{tags(confName=title)}</metaData>{rest}"


def test_create_answers_key_and_urls(xml):
    answer = xml.must(CREATE, meeting_body())
    answer.declares("meeting")
    number = answer.get("meet:meetingkey")
    assert re.fullmatch(r"\d{9,10}", number)
    for url in (answer.get("meet:iCalendarURL/serv:host"),
                answer.get("meet:iCalendarURL/serv:attendee")):
        assert url.startswith(f"{URL}/acme/j.php?MTID="), url
    assert answer.get("meet:guestToken")


def test_all_fields_come_back(xml):
    body = (
        "<accessControl>" + tags(listToPublic="TRUE", meetingPassword="pa55")
        + "</accessControl><metaData>" + tags(
            confName="Full", meetingType=3, agenda="a\nb", greeting="hello",
            location="room", invitation="come")
        + "</metaData><participants>" + tags(maxUserNumber=5)
        + "<attendees><attendee><person>" + tags(
            name="Ann", email="ann@x.org", type="VISITOR")
        + "</person><joinStatus>ACCEPT</joinStatus><role>ATTENDEE</role>"
        "</attendee><attendee><person>" + tags(name="Bob", email="bob@x.org")
        + "</person></attendee></attendees></participants><enableOptions>"
        + tags(chat=1, poll=0, HQvideo="true")
        + "</enableOptions><schedule>" + tags(
            startDate="6/9/2030 5:4:3", timeZoneID=23, duration=45,
            openTime=900, entryExitTone=1, joinTeleconfBeforeHost=1)
        + "</schedule><telephony>" + tags(
            telephonySupport="callin", numPhoneLines=4)
        + "<callInNum>" + tags(tollNum="1", tollFreeNum="2")
        + "</callInNum></telephony><tracking>" + tags(trackingCode2="two")
        + "</tracking><repeat>" + tags(repeatType="WEEKLY",
                                       expirationDate="12/31/2030 10:00:00")
        + "<dayInWeek><day>MONDAY</day><day>FRIDAY</day></dayInWeek></repeat>"
        "<remind>" + tags(enableReminder=1, minutesAhead=15)
        + "</remind><attendeeOptions>" + tags(request=0, registration=1)
        + "</attendeeOptions>")
    number = xml.must(CREATE, body).get("meet:meetingkey")
    got = xml.must(GET, key(number))
    expected = {
        "meet:accessControl/meet:listToPublic": "true",
        "meet:accessControl/meet:meetingPassword": "pa55",
        "meet:metaData/meet:confName": "Full",
        "meet:metaData/meet:agenda": "a\nb",
        "meet:metaData/meet:invitation": "come",
        "meet:participants/meet:maxUserNumber": "5",
        "meet:enableOptions/meet:chat": "true",
        "meet:enableOptions/meet:poll": "false",
        "meet:schedule/meet:startDate": "06/09/2030 05:04:03",
        "meet:schedule/meet:timeZoneID": "23",
        "meet:schedule/meet:duration": "45",
        "meet:schedule/meet:openTime": "900",
        "meet:schedule/meet:hostWebExID": "admin",
        "meet:telephony/meet:telephonySupport": "CALLIN",
        "meet:telephony/meet:callInNum/serv:tollFreeNum": "2",
        "meet:tracking/com:trackingCode2": "two",
        "meet:repeat/meet:repeatType": "WEEKLY",
        "meet:repeat/meet:expirationDate": "12/31/2030 10:00:00",
        "meet:remind/meet:minutesAhead": "15",
        "meet:attendeeOptions/meet:registration": "true",
        "meet:meetingkey": number,
        "meet:status": "NOT_INPROGRESS",
        "meet:hostJoined": "false",
    }
    assert {p: got.get(p) for p in expected} == expected
    assert got.all("com:email") == ["ann@x.org", "bob@x.org"]
    assert got.all("meet:day") == ["MONDAY", "FRIDAY"]


@pytest.mark.parametrize("zone, sent, stored", [
    (20, "12/24/2030 10:00:00", "2030-12-24 10:00:00+00"),
    (23, "07/01/2030 10:00:00", "2030-07-01 08:00:00+00"),
    (23, "1/1/2030 10:0:0", "2030-01-01 09:00:00+00"),
    (4, "07/01/2030 10:00", "2030-07-01 17:00:00+00"),
    # what the change to summer time skips goes forward
    (4, "03/10/2030 02:30:00", "2030-03-10 10:30:00+00"),
])
def test_times_are_of_their_zone(xml, zone, sent, stored):
    number = xml.meeting("zone", schedule())
    xml.must(SET, key(number) + schedule(startDate=sent, timeZoneID=zone))
    assert xml.site.cluster.sql(
        "gsb", "SELECT (starts AT TIME ZONE 'UTC')::text || '+00' "
        "FROM meeting WHERE number = %s", number) == [(stored,)]
    # without a zone a time is of the meeting's own
    xml.must(SET, key(number) + schedule(startDate="01/15/2031 12:00:00"))
    got = xml.must(GET, key(number))
    assert got.get("meet:schedule/meet:startDate") == "01/15/2031 12:00:00"
    assert got.get("meet:schedule/meet:timeZoneID") == str(zone)


def test_set_changes_what_is_named(xml):
    number = xml.meeting("before")
    answer = xml.must(SET, key(number) + titled("after")
                      + schedule(duration=90))
    assert [c.name for c in answer.content.children] == ["meet:iCalendarURL"]
    got = xml.must(GET, key(number))
    assert got.get("meet:metaData/meet:confName") == "after"
    assert got.get("meet:schedule/meet:duration") == "90"
    assert got.get("meet:accessControl/meet:meetingPassword") == "Pa55word"
    assert got.get("meet:schedule/meet:startDate") == "12/24/2030 10:00:00"


def test_the_lobby_that_json_sets_is_kept(xml):
    """The schema has no element for it (docs/api.md)."""
    token = {"Authorization": "Bearer " + xml.site.token()}
    made = xml.site.request("POST", "/v1/meetings", {
        "title": "x", "start": "2031-01-01T10:00:00Z",
        "end": "2031-01-01T11:00:00Z",
        "unlockedMeetingJoinSecurity": "allowJoinWithLobby"}, token).json
    xml.must(SET, key(made["meetingNumber"]) + titled("after") +
             "<enableOptions>" + tags(chat="false") + "</enableOptions>")
    got = xml.must(GET, key(made["meetingNumber"]))
    assert got.get("meet:enableOptions/meet:chat") == "false"
    now = xml.site.request("GET", "/v1/meetings/" + made["id"], None, token)
    assert now.json["unlockedMeetingJoinSecurity"] == "allowJoinWithLobby"


def test_delete(xml):
    number = xml.meeting("gone")
    answer = xml.must(DELETE, key(number))
    assert [c.name for c in answer.content.children] == ["meet:iCalendarURL"]
    for operation in (GET, SET, DELETE, "meeting.GethosturlMeeting",
                      "meeting.GetjoinurlMeeting"):
        xml.refused("060001", operation, key(number))


@pytest.mark.parametrize("body, words", [
    ("", "confName"), (titled(""), "confName"),
    (titled("t" * 256), "confName"),
    (titled("t", schedule(startDate="tomorrow")), "startDate"),
    (titled("t", schedule(startDate="02/30/2030 10:00:00")), "startDate"),
    (titled("t", schedule(startDate="12/24/2030 10:00:00", timeZoneID=777)),
     "timeZoneID"),
    (titled("t", schedule(duration=0)), "duration"),
    (titled("t", schedule(duration="1 hour")), "duration"),
    (titled("t", schedule(openTime=-1)), "openTime"),
    (titled("t", "<accessControl>" + tags(meetingPassword="p" * 17)
            + "</accessControl>"), "meetingPassword"),
    (titled("t", "<accessControl>" + tags(listToPublic="yes")
            + "</accessControl>"), "listToPublic"),
    (titled("t", "<telephony>" + tags(telephonySupport="SMOKE")
            + "</telephony>"), "telephonySupport"),
    (titled("t", "<repeat>" + tags(repeatType="NEVER") + "</repeat>"),
     "repeatType"),
    (titled("t", "<repeat>" + tags(repeatType="DAILY", expirationDate="x")
            + "</repeat>"), "expirationDate"),
    (titled("t", "<repeat><repeatType>WEEKLY</repeatType><dayInWeek>"
            "<day>HOLIDAY</day></dayInWeek></repeat>"), "day"),
    (titled("t", "<enableOptions>" + tags(chat="perhaps")
            + "</enableOptions>"), "chat"),
    (titled("t", "<participants><attendees><attendee><person>"
            + tags(name="n" * 300) + "</person></attendee></attendees>"
            "</participants>"), "name"),
    (titled("t", "<participants><attendees><attendee><person>"
            + tags(name="n") + "</person></attendee></attendees>"
            "</participants>"), "email"),
], ids=lambda v: v if len(v) < 16 else "")
def test_bad_values_name_the_element(xml, body, words):
    before = xml.count("meeting")
    assert words in xml.invalid(CREATE, body)
    assert xml.count("meeting") == before


@pytest.mark.parametrize("operation", [GET, SET, DELETE,
                                       "meeting.GethosturlMeeting",
                                       "meeting.GetjoinurlMeeting"])
def test_keys(xml, operation):
    xml.refused("060001", operation, key(123456789))
    xml.refused("060001", operation, key(2 ** 62))
    for bad in ("", "abc", "-1", "1.5", "0x10", "9" * 30, "1;DROP"):
        assert "meetingKey" in xml.invalid(operation, key(bad))


def test_text_survives(xml):
    for text in ("'; DROP TABLE meeting; --", "<b>&amp;\"'</b>", "会議 🙂",
                 "]]>", "%s %n \\0", "ü" * 255):
        number = xml.meeting(text)
        got = xml.must(GET, key(number))
        assert got.get("meet:metaData/meet:confName") == text
        assert text in xml.must(LIST, key(number)).all("meet:confName")
    assert xml.count("meeting") > 5


# --- who may ----------------------------------------------------------------

def test_hosts_work_on_their_own(xml):
    one, two = xml.user("meetone"), xml.user("meettwo")
    number = xml.meeting("one's", who=one)
    for operation in (GET, SET, DELETE, "meeting.GethosturlMeeting"):
        xml.refused("000001", operation, key(number), two)
    xml.must("meeting.GetjoinurlMeeting", key(number), two)
    for who in (one, login()):
        xml.must(GET, key(number), who)
        xml.must(SET, key(number) + titled("x"), who)
        xml.must("meeting.GethosturlMeeting", key(number), who)
    xml.refused("000015", LIST, key(number), two)
    xml.must(DELETE, key(number), one)


def test_for_another_host(xml):
    one, two = xml.user("forone"), xml.user("fortwo")
    body = titled("for", schedule(hostWebExID="forone"))
    number = xml.must(CREATE, body).get("meet:meetingkey")
    assert xml.must(GET, key(number), one).get(
        "meet:schedule/meet:hostWebExID") == "forone"
    xml.must(CREATE, body, one)
    xml.refused("000001", CREATE, body, two)
    xml.refused("030001", CREATE, titled("x", schedule(hostWebExID="nobody")))
    # an administrator hands it over, a host cannot
    other = key(number) + schedule(hostWebExID="fortwo")
    xml.refused("000001", SET, other, one)
    xml.must(SET, key(number) + schedule(hostWebExID="FORONE"), one)
    xml.refused("030001", SET, key(number) + schedule(hostWebExID="nobody"))
    xml.must(SET, other)
    xml.refused("000001", GET, key(number), one)
    xml.must(GET, key(number), two)


def test_companies_are_apart(xml):
    number = xml.meeting("acme's")
    other = login(site="other")
    for operation in (GET, SET, DELETE, "meeting.GethosturlMeeting",
                      "meeting.GetjoinurlMeeting"):
        xml.refused("060001", operation, key(number), other)
    xml.refused("000015", LIST, key(number), other)
    xml.must(GET, key(number))


@pytest.mark.parametrize("operation", [
    GET, "meeting.GethosturlMeeting", "meeting.GetjoinurlMeeting"])
def test_who_asks_and_for_what_is_one_transaction(xml, operation):
    """One round trip, and nothing of it is told to the wrong one."""
    number = xml.meeting("once")
    path = os.path.join(xml.site.cluster.socket, "db.log")
    before = os.path.getsize(path)
    xml.must(operation, key(number))
    with open(path, encoding="utf-8") as f:
        f.seek(before)
        run = dict((name, transaction) for transaction, name in re.findall(
            r"^(\S+)@LOG:  execute (\w+):", f.read(), re.MULTILINE))
    assert run["auth_webexid_name"] == run["meeting_get"]
    answer = xml.refused("030002", operation, key(number),
                         login(password="Wrong-1"))
    assert "once" not in answer.text


# --- lists ------------------------------------------------------------------

def test_lists(xml):
    who = xml.user("lister")
    xml.refused("000015", LIST, "", who)
    for i in range(12):
        xml.meeting(f"L{i:02}", schedule(), who=who)
        xml.site.cluster.sql(
            "gsb", "UPDATE meeting SET starts = starts + %s * interval "
            "'1 day' WHERE confname = %s", 12 - i, f"L{i:02}")
    answer = xml.must(LIST, "", who)
    assert answer.all("serv:total") == ["12"]
    assert answer.all("meet:confName")[0] == "L11"
    assert len(answer.all("meet:confName")) == 10
    item = answer.content.children[0]
    assert item.child("meet:timeZone").text.startswith("GMT")
    assert item.child("meet:startDate").text == "12/25/2030 10:00:00"
    control = "<listControl>" + tags(startFrom=11, maximumNum=5) + \
        "</listControl>"
    assert xml.must(LIST, control, who).all("meet:confName") == ["L01", "L00"]
    xml.refused("000015", LIST, control.replace("11", "13"), who)
    order = "<order><orderBy>CONFNAME</orderBy><orderAD>DESC</orderAD></order>"
    assert xml.must(LIST, order, who).all("meet:confName")[0] == "L11"
    order = order.replace("CONFNAME", "STARTTIME")
    assert xml.must(LIST, order, who).all("meet:confName")[0] == "L00"
    # an administrator sees all, or those of one host
    mine = tags(hostWebExID="LISTER")
    assert xml.must(LIST, mine).all("serv:total") == ["12"]
    assert int(xml.must(LIST).all("serv:total")[0]) > 12
    assert xml.must(LIST, tags(hostWebExID="admin"), who).all(
        "serv:total") == ["12"]
    xml.refused("000015", LIST, tags(hostWebExID="nobody"))


def test_list_by_dates(xml):
    who = xml.user("dated")
    for day in (1, 2, 3):
        xml.must(CREATE, titled(f"D{day}", schedule(
            startDate=f"06/0{day}/2031 10:00:00", timeZoneID=20,
            duration=60)), who)

    def names(**scope):
        answer = xml.call(LIST, f"<dateScope>{tags(**scope)}</dateScope>", who)
        return answer.all("meet:confName")

    assert names(startDateStart="6/2/2031 0:0:0") == ["D2", "D3"]
    assert names(startDateEnd="06/02/2031 10:00:00") == ["D1", "D2"]
    assert names(endDateStart="06/02/2031 11:00:00") == ["D2", "D3"]
    assert names(endDateEnd="06/02/2031 10:59:59") == ["D1"]
    # a scope in its own zone: 03:00 at San Jose is 10:00 at Greenwich
    assert names(startDateStart="06/03/2031 03:00:00", timeZoneID=4) == ["D3"]
    assert names(startDateStart="06/03/2031 03:00:01", timeZoneID=4) == []
    assert "startDateEnd" in xml.invalid(
        LIST, "<dateScope>" + tags(startDateEnd="32/01/2031") + "</dateScope>")


# --- URLs -------------------------------------------------------------------

def test_urls_name_the_public_host(xml):
    number = xml.meeting("urls")
    url = xml.must("meeting.GethosturlMeeting", key(number)).get(
        "meet:hostMeetingURL")
    assert url.startswith(f"{URL}/acme/m.php?AT=HM&MK={number}")
    assert "MU=GoBack" in url and "&BU=" in url
    answer = xml.must("meeting.GetjoinurlMeeting", tags(
        sessionKey=number, attendeeName="Zoë & Co", attendeeEmail="z@x.org",
        meetingPW="p&=?"))
    url = answer.get("meet:joinMeetingURL")
    query = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(url).query,
                                        keep_blank_values=True))
    assert url.startswith(f"{URL}/acme/m.php?")
    assert query == {"AT": "JM", "MK": number, "AN": "Zoë & Co",
                     "AE": "z@x.org", "PW": "p&=?", "MU": "GoBack", "BU": ""}
    for name in ("inviteMeetingURL", "registerMeetingURL"):
        assert answer.get(f"meet:{name}").startswith(f"{URL}/acme/j.php?MTID=")


# --- GetAPIVersion ----------------------------------------------------------

def test_version(xml):
    for who in ({"siteName": "acme"}, {"siteID": 11, "partnerID": "p1"},
                login(), {**login(), "password": "wrong"}):
        answer = xml.must("ep.GetAPIVersion", who=who)
        assert answer.get("ep:apiVersion") == "WebEx XML API V10.0.0"
        assert answer.get("ep:release")
        assert answer.get("ep:trainReleaseVersion") is None
    answer = xml.must("ep.GetAPIVersion", tags(returnTrainReleaseVersion=1))
    assert answer.get("ep:trainReleaseVersion")
    assert answer.get("ep:trainReleaseOrder")
    xml.refused(None, "ep.GetAPIVersion", who={"siteName": "nowhere"})
    xml.refused(None, "ep.GetAPIVersion", who={})
