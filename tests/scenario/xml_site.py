"""The XML API of one site (site_alone.py) as the proxy would forward to it;
every answer is checked for what all answers promise."""
from xml.sax.saxutils import escape

import xml_shapes
from site_alone import KEPT_US, Site

PATH = "/WBXService/XMLService"
SCHEMAS = "http://www.webex.com/schemas/2002/06/"
ROOT = (f'<serv:message xmlns:serv="{SCHEMAS}service"'
        f' xmlns:com="{SCHEMAS}common"')
DECLARED = {
    "user": f' xmlns:use="{SCHEMAS}service/user"',
    "meeting": f' xmlns:meet="{SCHEMAS}service/meeting"'
               f' xmlns:att="{SCHEMAS}service/attendee"',
    "ep": f' xmlns:ep="{SCHEMAS}service/ep"'
          f' xmlns:meet="{SCHEMAS}service/meeting"',
    "attendee": f' xmlns:att="{SCHEMAS}service/attendee"',
    "site": f' xmlns:ns1="{SCHEMAS}service/site"'
            f' xmlns:event="{SCHEMAS}service/event"',
    "history": f' xmlns:history="{SCHEMAS}service/history"',
    "meetingtype": f' xmlns:mtgtype="{SCHEMAS}service/meetingtype"',
    "auo": f' xmlns:auo="{SCHEMAS}service/meeting/auo"',
    None: "",
}
HEADERS = {
    "content-type": "text/xml;charset=UTF-8",
    "cache-control": "no-cache",
    "pragma": "no-cache",
    "expires": "Thu, 01 Jan 1970 00:00:00 GMT",
}
GSB_STATUS = {"primary": "PRIMARY", "backup": "BACKUP"}


class XmlAnswer:
    def __init__(self, answer, site="primary", status=200):
        self.text, self.headers = answer.text, answer.headers
        assert answer.status == status, (answer.status, answer.text)
        assert self.text.startswith(
            '<?xml version="1.0" encoding="UTF-8"?>\n' + ROOT), self.text
        self.root = xml_shapes.parse(self.text)
        xml_shapes.check_prefixes(self.root)
        self.check_envelope(site)
        if status == 200:
            for name, value in HEADERS.items():
                assert self.headers.get(name) == value, (name, self.headers)

    def check_envelope(self, site):
        response = self.root.child("serv:header").child("serv:response")
        self.response = {c.name: c.text for c in response.children}
        names = [c.name for c in response.children]
        order = ["serv:result", "serv:reason", "serv:gsbStatus",
                 "serv:exceptionID"]
        assert names == [n for n in order if n in names], names
        assert self.response["serv:gsbStatus"] == GSB_STATUS[site]
        self.good = self.response["serv:result"] == "SUCCESS"
        self.reason = self.response.get("serv:reason")
        self.exception = self.response.get("serv:exceptionID")
        (self.content,) = self.root.child("serv:body").children
        assert self.content.name == "serv:bodyContent"
        if self.good:
            assert "serv:reason" not in self.response
            assert '<serv:bodyContent xsi:type="' in self.text
            xml_shapes.check_content(self.content)
        else:
            assert self.response["serv:result"] == "FAILURE" and self.reason
            assert "<serv:bodyContent/>" in self.text

    def declares(self, service):
        """The root's namespaces, in the contract's order."""
        assert ROOT + DECLARED[service] + "><serv:header>" in self.text, \
            self.text

    def get(self, path):
        """The text at "meet:schedule/meet:duration", None if absent."""
        at = self.content
        for name in path.split("/"):
            at = at.child(name) if at is not None else None
        return at.text if at is not None else None

    def all(self, name):
        return [e.text for e in self.content.walk() if e.name == name]


class XmlSite:
    """A site with companies, and what its callers send."""

    def __init__(self, site):
        self.site = site

    @classmethod
    def start(cls, **how):
        made = cls(Site(**how).start())
        made.site.ttl_us = KEPT_US
        try:
            made.site.grant()
            for name, number in (("acme", 11), ("other", 12)):
                answer = made.site.add_company(name, number)
                assert answer.status == 200, answer.text
        except BaseException:
            made.site.close()
            raise
        return made

    def post(self, document, headers=None, status=200, **how):
        if isinstance(document, str):
            document = document.encode("utf-8")
        if self.site.keeper is None:
            self.site.grant()
        return XmlAnswer(self.site.request(
            "POST", PATH, document, {"Content-Type": "text/xml",
                                     **(headers or {})}, **how),
                         self.site.name, status)

    def call(self, operation, body="", who=None, **how):
        """operation: "user.GetUser"; who: security context, in its words."""
        answer = self.post(document(operation, body, who), **how)
        if answer.good or answer.exception:
            answer.declares(operation.partition(".")[0])
        return answer

    def must(self, operation, body="", who=None, **how):
        answer = self.call(operation, body, who, **how)
        assert answer.good, f"{operation}: {answer.text}"
        return answer

    def refused(self, exception, operation, body="", who=None, **how):
        answer = self.call(operation, body, who, **how)
        assert not answer.good and answer.exception == exception, answer.text
        return answer

    def invalid(self, operation, body="", who=None, **how):
        """The reason, which says what and where."""
        answer = self.call(operation, body, who, **how)
        assert not answer.good and answer.exception is None, answer.text
        assert answer.reason.startswith("validation: "), answer.reason
        return answer.reason

    def create_user(self, name, more="", **how):
        return self.call("user.CreateUser", user_body(name, more), **how)

    def user(self, name, more=""):
        """A new account; returns its security context."""
        answer = self.create_user(name, more)
        assert answer.good, answer.text
        return login(name)

    def meeting(self, title="Meeting", more="", who=None, **how):
        """A new meeting; returns its key."""
        answer = self.must("meeting.CreateMeeting", meeting_body(title, more),
                           who, **how)
        return answer.get("meet:meetingkey")

    def count(self, table, where="true", *values):
        return self.site.cluster.sql(
            "gsb", f"SELECT count(*) FROM {table} WHERE {where}",
            *values)[0][0]


def tags(**elements):
    return "".join(f"<{k}>{escape(str(v))}</{k}>" for k, v in elements.items())


def login(name="admin", password=None, site="acme", **more):
    password = password or ("Geheim-1" if name == "admin" else "Pass-" + name)
    return {"webExID": name, "password": password, "siteName": site, **more}


def document(operation, body="", who=None):
    return ('<?xml version="1.0" encoding="UTF-8"?>'
            '<serv:message xmlns:xsi='
            '"http://www.w3.org/2001/XMLSchema-instance">'
            "<header><securityContext>"
            f"{tags(**(login() if who is None else who))}"
            "</securityContext></header><body><bodyContent xsi:type="
            f'"java:com.webex.service.binding.{operation}">{body}'
            "</bodyContent></body></serv:message>")


def user_body(name, more=""):
    return (tags(firstName="First", lastName="Last", webExId=name,
                 email=f"{name}@example.com", password="Pass-" + name)
            + "<privilege><host>true</host></privilege>"
            + "<active>ACTIVATED</active>" + more)


def meeting_body(title="Meeting", more=""):
    return (f"<metaData>{tags(confName=title)}</metaData>"
            "<accessControl><meetingPassword>Pa55word</meetingPassword>"
            "</accessControl><schedule>"
            + tags(startDate="12/24/2030 10:00:00", duration=60,
                   timeZoneID=20) + "</schedule>" + more)


def key(number):
    return tags(meetingKey=number)
