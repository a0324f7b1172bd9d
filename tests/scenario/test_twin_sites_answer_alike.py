"""G4 G23: the same script of XML and JSON calls is answered alike by both
sites, but for gsbStatus, X-GSB-Status, and what no two calls share: ids,
tokens, times. What is read, not made, is equal to the byte."""
import os
import re

import json_operations
from clients import Json, Xml
from wait import wait_until
from xml_operations import OPERATIONS

PASSWORD = "Geheim-12345"
# In answers that made something: what stands for a value of this call.
MADE = [
    (r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "UUID"),
    (r"MTID=m[0-9a-f]{32}", "MTID=TOKEN"),
    (r"(ticket|bearer|join|guest)\.[\w.=-]+", "TOKEN"),
    (r"(guestToken>)[\w.-]+", r"\1TOKEN"),
    (r"GSB_[\w-]+", "TRACKING"),
    (r"(createTime>)\d{13}", r"\1TIME"),
    (r"(registrationDate>)[\d/]{10} [\d:]{8}", r"\1TIME"),
    (r'("(?:created|lastModified|expiration)": ?")[^"]+', r"\1TIME"),
    (r'("(?:password|hostKey|accessCode)": ?")[^"]+', r"\1SECRET"),
    (r"(hostKey>)\d+", r"\1SECRET"),
    (r"(Host key</dt><dd><code>)\d+", r"\1SECRET"),
    (r"(?<!\d)\d{7,10}(?!\d)", "NUMBER"),
    (r"/ws/[PB]/", "/ws/S/"),
    (r"(cursor=)[\w.%=-]+", r"\1CURSOR"),
    (r'(name="csrf" value=")[^"]+', r"\1MAC"),
    (r"(gsb=)[\w.-]+", r"\1TOKEN"),
    (r"(DTSTAMP|CREATED|LAST-MODIFIED):\w+", r"\1:TIME"),
]
SITE = [(r"(serv:gsbStatus>)(PRIMARY|BACKUP)", r"\1SITE"),
        (r"(Site: )(Primary|Backup)", r"\1SITE")]
# Of each connection and each moment, or said to differ.
OWN_FIELDS = {"date", "trackingid", "content-length", "x-gsb-status"}


def plain(text, rules):
    for pattern, to in rules:
        text = re.sub(pattern, to, text)
    return text


class Script:
    """Calls, and what was answered; tag: in the names that it makes."""

    def __init__(self, pair, tag):
        self.pair, self.tag = pair, tag
        self.said = []
        self.sites = set()
        self.admin = pair.xml()
        self.me = self.json = None

    def note(self, what, answer, rules):
        fields = sorted(
            (k.lower(), plain(v, rules + SITE)) for k, v in answer.getheaders()
            if k.lower() not in OWN_FIELDS)
        self.sites.add(answer.getheader("X-GSB-Status"))
        self.sites.update(re.findall(r"serv:gsbStatus>(\w+)<", answer.text))
        text = plain(answer.text, rules + SITE).replace(self.tag, "TAG")
        self.said.append((what, answer.status, fields, text))
        return answer

    def xml(self, client, operation, body="", rules=None):
        answer = client.http.request(
            "POST", "/WBXService/XMLService",
            client.document(operation, body).encode(),
            {"Content-Type": "text/xml"})
        return self.note(operation, answer, MADE if rules is None else rules)

    def call(self, method, path, body=None, rules=None, **headers):
        answer = self.json.request(method, path, body, headers or None)
        path = plain(path.partition("?")[0], MADE)
        return self.note(f"{method} {path}", answer,
                         MADE if rules is None else rules)

    def run(self):
        name = f"twin-{self.tag}"
        self.admin.create_user(name, PASSWORD)
        self.me = Xml(self.pair.url, self.pair.company, name, PASSWORD)
        ticket = self.me.ticket()
        self.json = Json(self.pair.url, ticket)
        self.users(name)
        self.meetings(name)
        self.attendees()
        self.sessions()
        self.about()
        self.faults()
        self.over_json()
        self.people_and_invitees()
        self.pages()
        return self

    def users(self, name):
        for _ in range(2):
            self.xml(self.admin, "user.CreateUser",
                     f"<firstName>A</firstName><lastName>B</lastName>"
                     f"<webExId>{name}-2</webExId><email>{name}@x.org</email>"
                     f"<password>{PASSWORD}</password>")
        self.xml(self.admin, "user.SetUser", f"<webExId>{name}-2</webExId>"
                 "<timeZoneID>23</timeZoneID><title>Zoë</title>")
        self.xml(self.admin, "user.GetUser", f"<webExId>{name}-2</webExId>")
        self.xml(self.admin, "user.LstsummaryUser",
                 f"<webExId>{name}-2</webExId>")
        self.xml(self.me, "user.AuthenticateUser")
        self.xml(self.me, "user.GetUser")
        self.xml(self.me, "user.LstsummaryUser")
        self.call("GET", "/v1/people/me")
        self.call("GET", "/v1/people")
        self.call("POST", "/v1/access_token", {
            "siteName": self.pair.company, "webExId": name,
            "password": PASSWORD})

    def meetings(self, name):
        answer = self.xml(
            self.me, "meeting.CreateMeeting",
            "<metaData><confName>Twin</confName></metaData><schedule>"
            "<startDate>6/9/2031 5:4:3</startDate><timeZoneID>4</timeZoneID>"
            "</schedule><accessControl><meetingPassword>Pa55</meetingPassword>"
            "</accessControl>")
        number = re.search(r"meetingkey>(\d+)", answer.text).group(1)
        key = f"<meetingKey>{number}</meetingKey>"
        self.xml(self.me, "meeting.SetMeeting",
                 key + "<metaData><agenda>a</agenda></metaData>")
        for operation in ("GetMeeting", "LstsummaryMeeting",
                          "GethosturlMeeting", "GetjoinurlMeeting"):
            self.xml(self.me, f"meeting.{operation}", key)
        self.call("GET", f"/v1/meetings?meetingNumber={number}")
        self.call("POST", "/v1/meetings/join", {"meetingNumber": number})
        for _ in range(2):
            self.xml(self.me, "meeting.DelMeeting", key)
        self.xml(self.me, "ep.GetAPIVersion",
                 "<returnTrainReleaseVersion>1</returnTrainReleaseVersion>")

    def create(self, title, day):
        answer = self.xml(
            self.me, "meeting.CreateMeeting",
            f"<metaData><confName>{title}</confName></metaData><schedule>"
            f"<startDate>01/{day}/2031 10:00:00</startDate></schedule>"
            "<accessControl><meetingPassword>Pa55</meetingPassword>"
            "</accessControl>")
        return re.search(r"meetingkey>(\d+)", answer.text).group(1)

    def attendees(self):
        number = self.create("Guests", 3)
        key = f"<sessionKey>{number}</sessionKey>"
        person = "<person><name>Zoë</name><email>{}@x.org</email></person>"
        for operation, body in (
                ("CreateMeetingAttendee", person.format("a") + key),
                ("CreateMeetingAttendee", person.format("a") + key),
                ("RegisterMeetingAttendee", "<attendees>" +
                 person.format("b") + key + "</attendees>"),
                ("LstMeetingAttendee", f"<meetingKey>{number}</meetingKey>"),
                ("DelMeetingAttendee", "<attendeeEmail><email>a@x.org"
                 f"</email>{key}</attendeeEmail>"),
                ("LstMeetingAttendee", f"<meetingKey>{number}</meetingKey>"),
                ("LstMeetingAttendee", "<meetingKey>7</meetingKey>")):
            self.xml(self.me, "attendee." + operation, body)

    def sessions(self):
        number = self.create("Session", 4)
        key = f"<sessionKey>{number}</sessionKey>"
        answer = self.xml(self.me, "auo.CreateTeleconferenceSession",
                          "<metaData><confName>Call</confName></metaData>"
                          "<schedule><startDate>01/02/2031 10:00:00"
                          "</startDate></schedule>")
        call = "<sessionKey>" + re.search(
            r"sessionKey>(\d+)", answer.text).group(1) + "</sessionKey>"
        self.xml(self.me, "auo.SetTeleconferenceSession", call +
                 "<metaData><confName>Called</confName></metaData>")
        self.xml(self.me, "auo.GetTeleconferenceSession", call)
        self.xml(self.me, "auo.GetTeleconferenceSession", key)
        self.xml(self.me, "ep.LstsummarySession",
                 key + "<dateScope><timeZoneID>25</timeZoneID></dateScope>")
        self.xml(self.me, "ep.LstOpenSession")
        self.xml(self.me, "ep.GetSessionInfo", key)
        for _ in range(2):
            self.xml(self.me, "ep.DelSession", key)

    def about(self):
        """The site itself, its people's URLs, what has been."""
        self.xml(self.me, "site.GetSite")
        self.xml(self.me, "site.LstTimeZone",
                 "<date>07/01/2031 00:00:00</date>")
        self.xml(self.me, "meetingtype.LstMeetingType")
        for operation in ("GetloginurlUser", "GetlogouturlUser"):
            self.xml(self.me, "user." + operation,
                     f"<webExID>{self.me.user}</webExID>")
        self.xml(self.me, "user.GetLoginTicket")
        for operation in ("usage", "attendee"):
            for body in ("", "<confID>x</confID>"):
                self.xml(self.me, f"history.Lstmeeting{operation}History",
                         body)
        self.xml(self.admin, "user.DelUser", f"<webExId>{self.me.user}-2"
                 "</webExId><webExId>nobody</webExId>")

    @staticmethod
    def routes(said):
        """"GET meetings/*" of "GET /v1/meetings/UUID"."""
        return {what.replace("/v1/", "").replace("UUID", "*")
                for what in said}

    def faults(self):
        self.xml(self.me, "meeting.GetMeeting",
                 "<meetingKey>x</meetingKey>")
        self.xml(self.me, "meeting.Nothing")
        self.xml(self.me, "user.GetUser", "<webExId>nobody</webExId>")
        self.xml(Xml(self.pair.url, self.pair.company, self.me.user, "no"),
                 "user.GetUser")
        for document in ("", "<a>", "<!DOCTYPE a><a/>"):
            self.note("document", self.me.http.request(
                "POST", "/WBXService/XMLService", document), MADE)
        for method, path, body in (
                ("GET", "/v1/nothing", None), ("PUT", "/v1/people/me", {}),
                ("GET", "/v1/meetings/x", None),
                ("POST", "/v1/meetings", {"title": "t"})):
            self.call(method, path, body)
        for path in ("nothing", "m.php?AT=JM&MK=1", "j.php?MTID=x"):
            self.note(path, self.me.http.request(
                "GET", f"/{self.pair.company}/{path}"), MADE)

    def over_json(self):
        answer = self.call("POST", "/v1/meetings", {
            "title": "Twin", "start": "2031-06-09T05:00:00+02:00",
            "end": "2031-06-09T06:00:00+02:00", "timezone": "Europe/Berlin"},
            **{"Idempotency-Key": f"key-{self.tag}"})
        path = f"/v1/meetings/{answer.json['id']}"
        self.call("GET", path)
        self.call("GET", "/v1/meetings")
        self.call("PUT", path, {
            "title": "Other", "start": "2031-06-09T05:00:00Z",
            "end": "2031-06-09T06:00:00Z"})
        self.call("DELETE", path)
        self.call("GET", path)

    def people_and_invitees(self):
        answer = self.call("POST", "/v1/meetings", {
            "title": "Invite", "start": "2031-06-09T05:00:00Z",
            "end": "2031-06-09T06:00:00Z", "recurrence": "FREQ=DAILY",
            "invitees": [{"email": "c@x.org"}]})
        meeting = answer.json["id"]
        self.call("PATCH", f"/v1/meetings/{meeting}", {"title": "Zoë"})
        for email in ("d@x.org", "d@x.org", "no"):
            answer = self.call("POST", "/v1/meetingInvitees", {
                "meetingId": meeting, "email": email, "coHost": True})
            if answer.status == 200:
                path = "/v1/meetingInvitees/" + answer.json["id"]
        self.call("GET", path)
        self.call("PUT", path, {"displayName": "D", "panelist": True})
        for _ in range(2):
            self.call("DELETE", path)
        self.call("GET", "/v1/meetingInvitees?max=1&meetingId=" + meeting)
        for report in ("usage", "usage?format=csv", "attendees",
                       "attendees?format=csv", "usage?max=0"):
            path = "/v1/meetingReports/" + report
            self.note("GET " + path.partition("?")[0], self.json.http.request(
                "GET", path, None,
                {"Authorization": "Bearer " + self.json.token}), MADE)
        self.json.close()
        self.json = self.pair.json()
        email = f"json-{self.tag}@x.org"
        answer = self.call("POST", "/v1/people", {
            "emails": [email], "firstName": "J", "lastName": "S",
            "password": PASSWORD})
        path = "/v1/people/" + answer.json["id"]
        self.call("POST", "/v1/people", {"emails": [email]})
        self.call("PUT", path, {"emails": [email], "displayName": "<J>"})
        self.call("GET", path)
        self.call("GET", f"/v1/people?email={email}")
        for _ in range(2):
            self.call("DELETE", path)

    def page(self, path, cookie=None):
        answer = self.me.http.request(
            "GET", f"/{self.pair.company}/{path}", None,
            {"Cookie": cookie} if cookie else {})
        return self.note(plain(path, MADE).replace(self.tag, "TAG"), answer,
                         MADE)

    def pages(self):
        """As nobody, then as himself."""
        number = self.create("Pages", 5)
        answer = self.xml(self.me, "meeting.GetjoinurlMeeting",
                          f"<sessionKey>{number}</sessionKey>")
        self.xml(self.me, "attendee.CreateMeetingAttendee",
                 "<person><email>a@x.org</email></person>"
                 f"<sessionKey>{number}</sessionKey>")
        token = re.search(r"MTID=\w+", answer.text).group(0)
        for path in ("login", "join", f"join/{number}", f"room/{number}",
                     f"m.php?AT=JM&MK={number}", f"m.php?AT=HM&MK={number}",
                     f"e.php?AT=SI&MK={number}", f"j.php?{token}",
                     f"j.php?{token}&ICS=1", "p.php?AT=LO", "clients",
                     "p.php?AT=LI&WID=x&TK=x&MU=GoBack&BU=/"):
            self.page(path)
        ticket = self.me.must("user.GetLoginTicket").get("ticket")
        cookie = self.page(f"p.php?AT=LI&WID={self.me.user}&TK={ticket}"
                           ).getheader("Set-Cookie").partition(";")[0]
        for path in ("", "?when=past", "schedule", f"meetings/{number}",
                     f"meetings/{number}/edit", f"meetings/{number}/meeting."
                     "ics", f"room/{number}", "profile", "reports",
                     "reports.csv", "admin/accounts"):
            self.page(path, cookie)

    def read(self, name, number):
        """Of things that are there: answers with nothing replaced."""
        key = f"<meetingKey>{number}</meetingKey>"
        for operation, body in (
                ("user.GetUser", f"<webExId>{name}</webExId>"),
                ("user.LstsummaryUser", f"<webExId>{name}</webExId>"),
                ("meeting.GetMeeting", key),
                ("meeting.LstsummaryMeeting", key),
                ("meeting.GetjoinurlMeeting", key)):
            self.xml(self.admin, operation, body, [])
        self.json = self.pair.json()
        answer = self.call("GET", f"/v1/meetings?meetingNumber={number}",
                           rules=[])
        self.call("GET", f"/v1/meetings/{answer.json['items'][0]['id']}",
                  rules=[])
        self.call("GET", "/v1/people/me", rules=[])
        return self

    def close(self):
        for client in (self.admin, self.me, self.json):
            if client is not None:
                client.close()


def differences(one, two):
    """Where answers part, with what stands around it."""
    found = []
    for a, b in zip(map(str, one.said), map(str, two.said)):
        same = os.path.commonprefix((a, b))
        if a != b:
            at = max(0, len(same) - 60)
            found.append(f"{a[:40]}: {a[at:at + 120]} | {b[at:at + 120]}")
    return found


def moved(pair, verb, *words):
    pair.ctl(verb, *words, "--reason", "scenario", "--yes", "--wait")


def test_g04_g23_one_script_two_sites(pair):
    scripts = [Script(pair, "tagged1").run()]
    moved(pair, "switchover", "--to", "backup")
    wait_until(lambda: pair.detect() == "Backup")
    scripts.append(Script(pair, "tagged2").run())
    for script in scripts:
        script.close()
    assert [s.sites for s in scripts] == [{"PRIMARY"}, {"BACKUP"}]
    said = [[what for what, *_ in s.said] for s in scripts]
    assert said[0] == said[1] and len(said[0]) > 80
    assert {o.name for o in OPERATIONS} <= set(said[0])
    assert {o.name for o in json_operations.OPERATIONS} <= \
        Script.routes(said[0])
    assert differences(*scripts) == []


def test_g04_g23_what_is_read_is_equal(pair):
    admin = pair.xml()
    made = {}
    for site in ("Primary", "Backup"):
        if site == "Backup":
            moved(pair, "switchover", "--to", "backup")
        wait_until(lambda: pair.detect() == site)  # pylint: disable=W0640
        admin.create_user(f"made-on-{site}", PASSWORD)
        made[site] = admin.create_meeting(f"on {site} <&> Zoë").get(
            "meetingkey")
    for site, number in made.items():
        read = Script(pair, "read").read(f"made-on-{site}", number)
        moved(pair, *(("failback",) if pair.detect() == "Backup" else
                      ("switchover", "--to", "backup")))
        other = Script(pair, "read").read(f"made-on-{site}", number)
        assert read.sites != other.sites
        assert differences(read, other) == []
        read.close()
        other.close()
    admin.close()
