"""G4 G23: the same script of XML and JSON calls is answered alike by both
sites, but for gsbStatus, X-GSB-Status, and what no two calls share: ids,
tokens, times. What is read, not made, is equal to the byte."""
import os
import re

from clients import Json, Xml
from wait import wait_until

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
    (r"(?<!\d)\d{7,10}(?!\d)", "NUMBER"),
    (r"/ws/[PB]/", "/ws/S/"),
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
        return self.note(f"{method} {path.partition('?')[0][:13]}", answer,
                         MADE if rules is None else rules)

    def run(self):
        name = f"twin-{self.tag}"
        self.admin.create_user(name, PASSWORD)
        self.me = Xml(self.pair.url, self.pair.company, name, PASSWORD)
        ticket = self.me.ticket()
        self.json = Json(self.pair.url, ticket)
        self.users(name)
        self.meetings(name)
        self.faults()
        self.over_json()
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
        self.call("DELETE", path)
        self.call("GET", path)

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
    assert len(scripts[0].said) == len(scripts[1].said) > 30
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
