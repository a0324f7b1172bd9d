"""Every operation of the XML API in one table: a request that is good, who
may send it, and what is wrong with others. docs/api.md, "Operations and
rights", in a form that tests can walk.

A row's bodies are made from a world: number (a meeting of the owner), conf (a
run of it that has ended), audio (a teleconference), guest (an attendee's id),
owner (his webExId), serial (a number of its own).
"""
from xml_site import key, meeting_body, tags, user_body

DENIED, NONE, NO_USER, NO_MEETING = "000001", "000015", "030001", "060001"
INVALID = None  # exceptionID is missing: "validation: ..."
ROLES = ("owner", "stranger", "reader", "admin", "foreign")


class Operation:
    """rights: for each of ROLES what comes, "" is success; foreign is the
    administrator of another company. wrong: (body, what comes) for the
    administrator."""

    def __init__(self, name, body, rights, *wrong):
        self.name, self.body, self.wrong = name, body, wrong
        self.rights = dict(zip(ROLES, rights))

    def __repr__(self):
        return self.name


def to_all(name, body=lambda w: "", *wrong):
    return Operation(name, body, ("",) * 5, *wrong)


def owners(name, body, missing, reader=DENIED, stranger=DENIED, *wrong):
    """The owner and administrators; of another company nothing is found."""
    return Operation(name, body, ("", stranger, reader, "", missing), *wrong)


def number(w):
    return key(w.number)


def user(w):
    return tags(webExId=w.owner)


def user_url(w):
    return tags(webExID=w.owner)


def person(w, suffix=""):
    return "<person>" + tags(name="Guest", email=f"g{w.serial}{suffix}@x.org"
                             ) + "</person>"


OF_MEETING = ((lambda w: "", INVALID), (lambda w: key("x"), INVALID),
              (lambda w: key(7), NO_MEETING),
              (lambda w: key(10 ** 30), INVALID))

OPERATIONS = [
    to_all("user.AuthenticateUser"),
    to_all("user.GetLoginTicket"),
    Operation("user.GetloginurlUser", user_url,
              ("", DENIED, DENIED, DENIED, DENIED), (lambda w: "", INVALID),
              (lambda w: tags(webExID="nobody"), DENIED)),
    Operation("user.GetlogouturlUser", user_url,
              ("", DENIED, DENIED, DENIED, DENIED), (lambda w: "", INVALID)),
    owners("user.GetUser", user, NO_USER, "", DENIED,
           (lambda w: tags(webExId="nobody"), NO_USER)),
    owners("user.SetUser", lambda w: user(w) + tags(title="T"), NO_USER,
           DENIED, DENIED,
           (lambda w: tags(webExId="nobody"), NO_USER),
           (lambda w: user(w) + tags(newWebExId="admin"), "030004"),
           (lambda w: user(w) + tags(email="admin@acme.invalid"), "030005"),
           (lambda w: user(w) + tags(timeZoneID="x"), INVALID)),
    Operation("user.CreateUser", lambda w: user_body(f"made{w.serial}"),
              (DENIED, DENIED, DENIED, "", ""),
              (lambda w: user_body("admin").replace("admin@", "x@"),
               "030004"),
              (lambda w: user_body(f"new{w.serial}").replace(
                  f"new{w.serial}@example.com", "admin@acme.invalid"),
               "030005"),
              (lambda w: tags(webExId="less"), INVALID),
              (lambda w: user_body(f"bad{w.serial}", tags(
                  timeZoneID=4711)), INVALID)),
    Operation("user.DelUser", lambda w: tags(webExId=w.spare()),
              (DENIED, DENIED, DENIED, "", ""),
              (lambda w: "", INVALID)),
    Operation("user.LstsummaryUser", lambda w: "",
              (DENIED, DENIED, "", "", ""),
              (lambda w: tags(webExId="nobody"), NONE),
              (lambda w: "<listControl>" + tags(startFrom=10 ** 6)
               + "</listControl>", NONE),
              (lambda w: "<listControl>" + tags(startFrom="x")
               + "</listControl>", INVALID)),
    to_all("meeting.CreateMeeting", lambda w: meeting_body("New"),
           (lambda w: "", INVALID),
           (lambda w: meeting_body("M" * 256), INVALID),
           (lambda w: meeting_body("M").replace("12/24", "13/24"), INVALID),
           (lambda w: meeting_body("M").replace(
               "<schedule>", "<schedule>" + tags(hostWebExID="nobody")),
            NO_USER)),
    owners("meeting.SetMeeting", lambda w: number(w) + "<schedule>" + tags(
        duration=30) + "</schedule>", NO_MEETING, DENIED, DENIED, *OF_MEETING,
        (lambda w: number(w) + "<schedule>" + tags(duration=0)
         + "</schedule>", INVALID)),
    owners("meeting.GetMeeting", number, NO_MEETING, "", DENIED,
           *OF_MEETING),
    owners("meeting.DelMeeting", number, NO_MEETING, DENIED, DENIED,
           *OF_MEETING),
    Operation("meeting.LstsummaryMeeting", number, ("", NONE, "", "", NONE),
              (lambda w: key(7), NONE), (lambda w: key("x"), INVALID)),
    owners("meeting.GethosturlMeeting", lambda w: tags(sessionKey=w.number),
           NO_MEETING, DENIED, DENIED, *OF_MEETING),
    owners("meeting.GetjoinurlMeeting", lambda w: tags(sessionKey=w.number),
           NO_MEETING, "", "", *OF_MEETING),
    owners("attendee.CreateMeetingAttendee", lambda w: person(w) + tags(
        sessionKey=w.number), NO_MEETING, DENIED, DENIED,
        (lambda w: person(w) + tags(sessionKey=7), NO_MEETING),
        (lambda w: tags(sessionKey=w.number), INVALID),
        (lambda w: "<person>" + tags(email="no address") + "</person>"
         + tags(sessionKey=w.number), INVALID)),
    owners("attendee.RegisterMeetingAttendee", lambda w: "<attendees>"
           + person(w, "r") + tags(sessionKey=w.number) + "</attendees>",
           NO_MEETING, DENIED, DENIED,
           (lambda w: "", INVALID)),
    owners("attendee.LstMeetingAttendee", number, NO_MEETING, "", DENIED,
           (lambda w: key(7), NO_MEETING)),
    owners("attendee.DelMeetingAttendee", lambda w: tags(attendeeID=w.guest),
           NONE, DENIED, DENIED, (lambda w: "", INVALID),
           (lambda w: tags(attendeeID="x"), INVALID)),
    to_all("ep.GetAPIVersion"),
    Operation("ep.LstsummarySession", lambda w: tags(sessionKey=w.number),
              ("", NONE, "", "", NONE),
              (lambda w: tags(sessionKey=7), NONE),
              (lambda w: tags(status="perhaps"), INVALID)),
    Operation("ep.LstOpenSession", lambda w: w.begin(),
              ("", NONE, "", "", NONE)),
    owners("ep.GetSessionInfo", lambda w: tags(sessionKey=w.number),
           NO_MEETING, "", DENIED, *OF_MEETING),
    owners("ep.DelSession", lambda w: tags(sessionKey=w.number), NO_MEETING,
           DENIED, DENIED, *OF_MEETING),
    Operation("history.LstmeetingusageHistory", lambda w: tags(confID=w.conf),
              ("", NONE, "", "", NONE), (lambda w: tags(confID=7), NONE),
              (lambda w: tags(timeZoneID="x"), INVALID)),
    Operation("history.LstmeetingattendeeHistory",
              lambda w: tags(confID=w.conf), ("", NONE, "", "", NONE),
              (lambda w: tags(confID=7), NONE),
              (lambda w: tags(confID="x"), INVALID)),
    to_all("site.GetSite"),
    to_all("site.LstTimeZone", lambda w: tags(timeZoneID=4),
           (lambda w: tags(timeZoneID=4711), NONE),
           (lambda w: tags(date="yesterday"), INVALID)),
    to_all("meetingtype.LstMeetingType", lambda w: "",
           (lambda w: tags(meetingTypeID=4711), NONE)),
    to_all("auo.CreateTeleconferenceSession", lambda w: "<metaData>" + tags(
        confName="Call") + "</metaData>", (lambda w: "", INVALID)),
    owners("auo.GetTeleconferenceSession", lambda w: tags(sessionKey=w.audio),
           NO_MEETING, "", DENIED, *OF_MEETING,
           (lambda w: tags(sessionKey=w.number), NO_MEETING)),
    owners("auo.SetTeleconferenceSession", lambda w: tags(sessionKey=w.audio)
           + "<metaData>" + tags(confName="Called") + "</metaData>",
           NO_MEETING, DENIED, DENIED, *OF_MEETING,
           (lambda w: tags(sessionKey=w.number), NO_MEETING)),
]


class World:
    """What the rows speak of, in a site of XmlSite; anew by renew()."""

    def __init__(self, xml):
        self.xml, self.serial, self.owner = xml, 0, "owner"
        self.who = {"owner": xml.user("owner"),
                    "stranger": xml.user("stranger"),
                    "reader": xml.user("reader"), "admin": None,
                    "foreign": {"webExID": "admin", "password": "Geheim-1",
                                "siteName": "other"}}
        xml.must("user.SetUser", tags(webExId="reader") + "<privilege>"
                 "<roSiteAdmin>true</roSiteAdmin></privilege>")
        self.number = self.audio = self.guest = self.conf = None

    def renew(self):
        who = self.who["owner"]
        self.serial += 1
        self.number = self.xml.meeting("Matrix", who=who)
        self.audio = self.xml.must(
            "auo.CreateTeleconferenceSession", "<metaData>" + tags(
                confName="Call") + "</metaData>", who).get("auo:sessionKey")
        self.guest = self.xml.must(
            "attendee.CreateMeetingAttendee", person(self, "g") + tags(
                sessionKey=self.number), who).get(
                    "att:register/att:attendeeID")
        self.conf = self.xml.site.cluster.sql("gsb", """
            WITH s AS (INSERT INTO session (id, company_id, meeting_id, number,
                session_no, host_id, site, state, ended, meeting_number, type)
              SELECT gen_random_uuid(), company_id, id, new_number('session'),
                1, host_id, 'P', 'ended', now(), number, type FROM meeting
              WHERE number = %s RETURNING *),
            t AS (INSERT INTO attendance (id, company_id, session_id, site,
                participant, joined, seen) SELECT gen_random_uuid(),
                company_id, id, 'P', 'p', started, started FROM s)
            INSERT INTO number SELECT 'session', number, id, company_id FROM s
            RETURNING number""", self.number)[0][0]
        return self

    def spare(self):
        self.serial += 1
        self.xml.user(f"spare{self.serial}")
        return f"spare{self.serial}"

    def begin(self):
        self.xml.site.cluster.sql(
            "gsb", "UPDATE meeting SET state = 'in_progress', session_no = 1 "
            "WHERE number = %s", self.number)
        return ""
