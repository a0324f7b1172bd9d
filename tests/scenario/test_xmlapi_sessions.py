"""Sessions, teleconferences, what the site tells of itself, log-in URLs and
the end of accounts over the XML API."""
import urllib.parse

import pytest

from xml_site import XmlSite, key, login, tags

LIST, OPEN = "ep.LstsummarySession", "ep.LstOpenSession"
INFO, DELETE = "ep.GetSessionInfo", "ep.DelSession"
AUO = "auo.{}TeleconferenceSession"


@pytest.fixture(scope="module", name="xml")
def fixture_xml():
    made = XmlSite.start()
    made.host = made.user("hoster")
    made.guest = made.user("stranger")
    made.reader = made.user("reader")
    made.must("user.SetUser", tags(webExId="reader") + "<privilege>"
              "<roSiteAdmin>true</roSiteAdmin></privilege>")
    yield made
    made.site.close()


def run(xml, number, state="in_progress"):
    """What collab writes when a meeting begins or ends."""
    xml.site.cluster.sql(
        "gsb", "UPDATE meeting SET state = %s, session_no = 1, site = 'P', "
        "host_joined = %s WHERE number = %s", state, state == "in_progress",
        number)
    xml.site.cluster.sql(
        "gsb", "INSERT INTO session (id, company_id, meeting_id, number, "
        "session_no, site, started) SELECT gen_random_uuid(), company_id, id, "
        "1, 1, 'P', '2030-12-24T10:01:02Z' FROM meeting WHERE number = %s",
        number)


# --- sessions -----------------------------------------------------------------

def test_list_in_the_zone_of_its_scope(xml):
    number = xml.meeting("Zoned", who=xml.host)  # 10:00 GMT
    for zone, time in (("", "12/24/2030 10:00:00"),
                       (25, "12/24/2030 11:00:00"),
                       (4, "12/24/2030 02:00:00")):
        scope = f"<dateScope>{tags(timeZoneID=zone)}</dateScope>"
        answer = xml.must(LIST, scope + tags(sessionKey=number), xml.host)
        assert answer.all("ep:startTime") == [time]
        assert answer.all("ep:timeZoneID") == [str(zone or 20)]
    for start, good in (("12/24/2030 02:00:00", True),
                        ("12/24/2030 02:00:01", False)):
        scope = "<dateScope>" + tags(startDateStart=start, timeZoneID=4) + \
            "</dateScope>"
        answer = xml.call(LIST, scope + tags(sessionKey=number), xml.host)
        assert answer.good == good
    for name, value in {
            "ep:confName": "Zoned", "ep:serviceType": "MeetingCenter",
            "ep:hostWebExID": "hoster", "ep:hostEmail": "hoster@example.com",
            "ep:hostFirstName": "First", "ep:status": "NOT_INPROGRESS",
            "ep:passwordReq": "true", "ep:isRecurring": "false",
            "ep:duration": "60", "ep:confID": number}.items():
        assert xml.must(LIST, tags(confID=number), xml.host).all(name) == [
            value], name


def test_list_filters(xml):
    who = xml.user("filterer")
    again = "<repeat><repeatType>DAILY</repeatType></repeat>"
    one = xml.meeting("Filter Alpha", again, who)
    two = xml.meeting("Filter Beta", who=who)
    run(xml, two)
    asked = {
        tags(confName="ALPHA"): [one], tags(confName="filter"): [one, two],
        tags(status="INPROGRESS"): [two], tags(status="NOT_INPROGRESS"): [one],
        tags(recurrence="true"): [one], tags(recurrence="0"): [two],
        "<serviceTypes><serviceType>MeetingCenter</serviceType>"
        "</serviceTypes>": [one, two],
        "<serviceTypes><serviceType>EventCenter</serviceType>"
        "</serviceTypes>": None,
        "<sessionTypes><sessionType>3</sessionType></sessionTypes>": [
            one, two],
        "<sessionTypes><sessionType>9</sessionType></sessionTypes>": None,
        tags(hostWebExID="admin"): [one, two],  # a host sees his own
    }
    for body, numbers in asked.items():
        answer = xml.call(LIST, body, who)
        assert sorted(answer.all("ep:sessionKey")) == sorted(
            numbers or []), body
        assert numbers or answer.exception == "000015"
    assert xml.must(LIST, tags(status="INPROGRESS"), who).all(
        "ep:actualStartTime") == ["12/24/2030 10:01:02"]
    assert xml.must(LIST, tags(hostWebExID="FILTERER")).all(
        "serv:total") == ["2"]
    assert xml.must(LIST, tags(hostEmail="Filterer@example.com"),
                    xml.reader).all("serv:total") == ["2"]
    xml.refused("000015", LIST, tags(sessionKey=one), login(site="other"))


def test_invited(xml):
    number = xml.meeting("Invited", who=xml.host)
    xml.refused("000015", LIST, tags(sessionKey=number), xml.guest)
    xml.must("attendee.CreateMeetingAttendee",
             "<person><email>STRANGER@example.com</email></person>"
             + tags(meetingKey=number), xml.host)
    answer = xml.must(LIST, tags(invited="true"), xml.guest)
    assert answer.all("ep:sessionKey") == [number]


def test_open_sessions(xml):
    who = xml.user("opener")
    xml.refused("000015", OPEN, "", who)
    number = xml.meeting("Running", who=who)
    run(xml, number)
    for caller in (who, login(), xml.reader):
        answer = xml.must(OPEN, "", caller)
        assert number in answer.all("ep:sessionKey")
        assert answer.all("ep:serviceType") == ["MeetingCenter"]
    answer = xml.must(OPEN, tags(serviceType="MeetingCenter"), who)
    assert answer.all("ep:sessionName") == ["Running"]
    assert answer.all("ep:actualStartTime") == ["12/24/2030 10:01:02"]
    xml.refused("000015", OPEN, tags(serviceType="EventCenter"), who)
    xml.refused("000015", OPEN, "", login(site="other"))
    run(xml, number, "ended")
    xml.refused("000015", OPEN, "", who)


def test_session_info_and_who_may_have_it(xml):
    number = xml.meeting("Info", who=xml.host)
    body = tags(sessionKey=number)
    for caller in (xml.host, login(), xml.reader):
        answer = xml.must(INFO, body, caller)
        assert answer.get("ep:accessControl/ep:sessionPassword") == "Pa55word"
        assert len(answer.get("ep:hostKey")) == 6
    assert answer.get("ep:schedule/ep:startDate") == "12/24/2030 10:00:00"
    assert answer.get("ep:host/ep:webExId") == "hoster"
    xml.refused("000001", INFO, body, xml.guest)
    xml.refused("000001", INFO, body + tags(sessionPassword="no"), xml.guest)
    answer = xml.must(INFO, body + tags(sessionPassword="Pa55word"), xml.guest)
    assert "Pa55word" not in answer.text and answer.get("ep:hostKey") is None
    xml.refused("060001", INFO, body, login(site="other"))
    assert "not a number" in xml.invalid(INFO, tags(sessionKey="x"))


def test_delete_session(xml):
    number = xml.meeting("Short", who=xml.host)
    xml.refused("000001", DELETE, tags(sessionKey=number), xml.guest)
    answer = xml.must(DELETE, tags(sessionKey=number, sendEmail="false"),
                      xml.host)
    assert "/acme/j.php?MTID=" in answer.get("ep:iCalendarURL/serv:host")
    xml.refused("060001", DELETE, tags(sessionKey=number), xml.host)


@pytest.mark.parametrize("body, says", [
    (tags(status="x"), "status"), (tags(recurrence="x"), "recurrence"),
    (tags(invited="maybe"), "invited"), (tags(sessionKey="-1"), "sessionKey"),
    ("<listControl><startFrom>x</startFrom></listControl>", "startFrom"),
    ("<dateScope><startDateStart>13/1/2030</startDateStart></dateScope>",
     "startDateStart")])
def test_list_says_what_is_wrong(xml, body, says):
    assert says in xml.invalid(LIST, body)


# --- teleconferences ----------------------------------------------------------

def teleconf(**more):
    return ("<accessControl><listing>PUBLIC</listing><sessionPassword>Pa55"
            "</sessionPassword></accessControl>"
            f"<metaData>{tags(confName='Voices')}</metaData><schedule>"
            + tags(startDate="6/9/2031 5:4:3", timeZoneID=4, duration=45,
                   entryExitTone="BEEP") + "</schedule><teleconference>"
            "<extTelephonyDescription>dial</extTelephonyDescription>"
            "</teleconference><tracking><trackingCode1>t1</trackingCode1>"
            "</tracking><fullAccessAttendees><attendee><name>F</name>"
            "<email>f@x.org</email></attendee></fullAccessAttendees>"
            "<limitedAccessAttendees><attendee><email>l@x.org</email>"
            "</attendee></limitedAccessAttendees>" + tags(**more))


def test_teleconference(xml):
    number = xml.must(AUO.format("Create"), teleconf(), xml.host).get(
        "auo:sessionKey")
    session = tags(sessionKey=number)
    got = xml.must(AUO.format("Get"), session, xml.host)
    for path, value in {
            "accessControl/listing": "PUBLIC", "metaData/confName": "Voices",
            "accessControl/sessionPassword": "Pa55",
            "schedule/startDate": "06/09/2031 05:04:03",
            "schedule/duration": "45", "schedule/entryExitTone": "BEEP",
            "schedule/hostWebExID": "hoster",
            "teleconference/extTelephonyDescription": "dial"}.items():
        path = "/".join("auo:" + p for p in path.split("/"))
        assert got.get(path) == value, path
    assert got.all("auo:email") == ["f@x.org", "l@x.org"]
    answer = xml.must(AUO.format("Set"), session +
                      "<schedule><duration>90</duration></schedule>", xml.host)
    assert answer.get("auo:iCalendarURL/serv:host")
    got = xml.must(AUO.format("Get"), session, xml.reader)
    assert got.get("auo:schedule/auo:duration") == "90"
    assert got.all("auo:email") == ["f@x.org", "l@x.org"]
    # it is no meeting, and no meeting is one
    xml.refused("060001", "meeting.GetMeeting", key(number), xml.host)
    xml.refused("060001", "meeting.DelMeeting", key(number), xml.host)
    xml.refused("000015", LIST, session, xml.host)
    xml.must(LIST, session + tags(inclAudioOnly="true"), xml.host)
    meeting = xml.meeting("No voices", who=xml.host)
    xml.refused("060001", AUO.format("Get"), tags(sessionKey=meeting),
                xml.host)
    xml.refused("060001", AUO.format("Set"), tags(sessionKey=meeting),
                xml.host)
    for operation in ("Get", "Set"):
        xml.refused("000001", AUO.format(operation), session, xml.guest)
        xml.refused("060001", AUO.format(operation), session,
                    login(site="other"))
    assert "meetingType" in xml.invalid(
        "meeting.CreateMeeting", "<metaData><confName>x</confName>"
        "<meetingType>214</meetingType></metaData>")
    xml.must(DELETE, session, xml.host)
    assert "confName" in xml.invalid(AUO.format("Create"), "")
    assert "listing" in xml.invalid(
        AUO.format("Create"), teleconf().replace("PUBLIC", "SECRET"))


# --- the site -----------------------------------------------------------------

def test_site(xml):
    answer = xml.must("site.GetSite", "", xml.guest)
    assert answer.all("ns1:siteName") == ["acme"]
    assert answer.all("ns1:meetingDomain") == ["acme.meet.test:8080"]


def test_time_zones(xml):
    everything = xml.must("site.LstTimeZone")
    assert len(everything.all("ns1:timeZoneID")) == 87
    for date, offset, dst in (("1/15/2030 12:0:0", "60", "false"),
                              ("7/15/2030 12:0:0", "120", "true")):
        one = xml.must("site.LstTimeZone", tags(timeZoneID=25, date=date))
        assert one.all("ns1:gmtOffset") == [offset]
        assert one.all("ns1:fallInDST") == [dst]
        assert one.all("ns1:description") == ["GMT+01:00, Europe (Berlin)"]
    two = xml.must("site.LstTimeZone", "<timeZoneID>4</timeZoneID>"
                   "<timeZoneID>41</timeZoneID>")
    assert two.all("ns1:timeZoneID") == ["4", "41"]
    xml.refused("000015", "site.LstTimeZone", tags(timeZoneID=999))
    assert "date" in xml.invalid("site.LstTimeZone", tags(date="today"))


def test_meeting_types(xml):
    answer = xml.must("meetingtype.LstMeetingType")
    assert answer.all("mtgtype:meetingTypeID") == ["3", "214"]
    answer = xml.must("meetingtype.LstMeetingType", tags(meetingTypeID=3))
    assert answer.all("serv:total") == ["1"]
    xml.refused("000015", "meetingtype.LstMeetingType",
                tags(meetingTypeID=77))
    page = "<listControl>" + tags(startFrom=2, maximumNum=1) + "</listControl>"
    answer = xml.must("meetingtype.LstMeetingType", page)
    assert answer.all("mtgtype:meetingTypeID") == ["214"]


# --- log-in -------------------------------------------------------------------

def test_login_ticket_and_urls(xml):
    answer = xml.must("user.GetLoginTicket", "", xml.guest)
    assert answer.get("use:apiVersion") == "WebEx XML API V10.0.0"
    xml.must("user.GetUser", "", {
        "siteName": "acme", "sessionTicket": answer.get("use:ticket")})
    back = "http://x.org/a?b=c&d=e"
    answer = xml.must("user.GetloginurlUser", "<webExID>Stranger</webExID>"
                      + tags(backURL=back), xml.guest)
    url = answer.get("use:userLoginURL")
    assert url.startswith("http://meet.test:8080/acme/p.php?AT=LI&")
    assert url.endswith("&MU=GoBack&BU=" + urllib.parse.quote(back, safe=""))
    ticket = urllib.parse.parse_qs(url)["TK"][0]
    xml.must("user.GetUser", "", {"siteName": "acme",
                                  "sessionTicket": ticket})
    answer = xml.must("user.GetlogouturlUser", "<webExID>stranger</webExID>",
                      xml.guest)
    assert answer.get("use:userLogoutURL") == (
        "http://meet.test:8080/acme/p.php?AT=LO&MU=GoBack&BU=")
    for operation in ("user.GetloginurlUser", "user.GetlogouturlUser"):
        xml.refused("000001", operation, "<webExID>admin</webExID>", xml.guest)
        xml.refused("000001", operation, "<webExID>hoster</webExID>")
        assert "webExID" in xml.invalid(operation, "", xml.guest)


def test_deleting_accounts(xml):
    gone = [xml.user(f"goner{i}") for i in range(2)]
    names = "<webExId>goner0</webExId><webExId>nobody</webExId>" \
            "<webExId>GONER1</webExId><webExId>admin</webExId>"
    xml.refused("000001", "user.DelUser", names, xml.guest)
    answer = xml.must("user.DelUser", names)
    assert answer.all("use:webExId") == ["goner0", "nobody", "GONER1", "admin"]
    assert answer.all("use:status") == ["SUCCESS", "FAILURE", "SUCCESS",
                                        "FAILURE"]
    for who in gone:
        assert "not active" in xml.refused("030002", "user.GetUser", "",
                                           who).reason
    user = xml.must("user.GetUser", "<webExId>goner0</webExId>")
    assert user.get("use:active") == "DEACTIVATED"
    assert "1 to 50" in xml.invalid("user.DelUser")
    assert "1 to 50" in xml.invalid("user.DelUser",
                                    "<webExId>a</webExId>" * 51)


# --- repetition ---------------------------------------------------------------

REPEATS = [
    ("<repeatType>DAILY</repeatType><interval>2</interval>"
     "<afterMeetingNumber>5</afterMeetingNumber>",
     "FREQ=DAILY;INTERVAL=2;COUNT=5"),
    ("<repeatType>WEEKLY</repeatType><dayInWeek><day>MONDAY</day>"
     "<day>FRIDAY</day></dayInWeek><expirationDate>7/1/2031 12:00:00"
     "</expirationDate>",
     "FREQ=WEEKLY;BYDAY=MO,FR;UNTIL=20310701T100000Z"),
    ("<repeatType>MONTHLY</repeatType><weekInMonth>5</weekInMonth>"
     "<dayInWeek><day>TUESDAY</day></dayInWeek>", "FREQ=MONTHLY;BYDAY=-1TU"),
    ("<repeatType>YEARLY</repeatType><monthInYear>2</monthInYear>"
     "<dayInMonth>29</dayInMonth>", "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29"),
]


@pytest.mark.parametrize("repeat, rule", REPEATS)
def test_repetition_is_one_in_both_apis(xml, repeat, rule):
    headers = {"Authorization": "Bearer " + xml.site.token()}
    schedule = "<schedule>" + tags(startDate="6/2/2031 9:0:0", timeZoneID=25) \
        + "</schedule>"
    number = xml.must(
        "meeting.CreateMeeting", "<metaData><confName>R</confName></metaData>"
        f"{schedule}<repeat>{repeat}</repeat>").get("meet:meetingkey")
    xml.site.grant()
    (got,) = xml.site.request(
        "GET", f"/v1/meetings?meetingNumber={number}", None,
        headers).json["items"]
    assert got["recurrence"] == rule
    made = xml.site.request("POST", "/v1/meetings", {
        "title": "R", "start": "2031-06-02T09:00:00+02:00",
        "end": "2031-06-02T10:00:00+02:00", "timezone": "Europe/Berlin",
        "recurrence": rule}, headers).json
    assert made["recurrence"] == rule
    read = [xml.must("meeting.GetMeeting", key(n)).text.partition(
        "<meet:repeat>")[2].partition("</meet:repeat>")[0]
        for n in (number, made["meetingNumber"])]
    assert read[0] == read[1] != ""
    xml.must("meeting.SetMeeting", key(number) +
             "<repeat><repeatType>NO_REPEAT</repeatType></repeat>")
    xml.site.grant()
    (got,) = xml.site.request(
        "GET", f"/v1/meetings?meetingNumber={number}", None,
        headers).json["items"]
    assert "recurrence" not in got


@pytest.mark.parametrize("repeat, says", [
    ("<repeatType>HOURLY</repeatType>", "repeatType"),
    ("<interval>2</interval>", "repeatType is missing"),
    ("<repeatType>MONTHLY</repeatType><weekInMonth>2</weekInMonth>",
     "one day"),
    ("<repeatType>DAILY</repeatType><afterMeetingNumber>2"
     "</afterMeetingNumber><expirationDate>7/1/2031</expirationDate>",
     "not both")])
def test_half_a_repetition_is_refused(xml, repeat, says):
    assert says in xml.invalid(
        "meeting.CreateMeeting", "<metaData><confName>R</confName></metaData>"
        f"<repeat>{repeat}</repeat>")
