"""Clients as integrators write them: small, with one kept connection."""
import http.client
import json
import re
import urllib.parse
import xml.etree.ElementTree as ElementTree
from xml.sax.saxutils import escape

TIMEOUT_S = 30


class Http:
    """One kept connection. What breaks it reaches the caller as it is: a
    reset is what a scenario may be looking for."""

    def __init__(self, url, timeout=TIMEOUT_S):
        self.where = urllib.parse.urlsplit(url)
        self.timeout = timeout
        self.connection = None

    def request(self, method, path, body=None, headers=None):
        if self.connection is None:
            self.connection = http.client.HTTPConnection(
                self.where.hostname, self.where.port, timeout=self.timeout)
        try:
            self.connection.request(method, path, body, headers or {})
            answer = self.connection.getresponse()
            answer.text = answer.read().decode("utf-8")
        except BaseException:
            self.close()
            raise
        if answer.will_close:
            self.close()
        return answer

    def close(self):
        if self.connection is not None:
            self.connection.close()
            self.connection = None


def detect(url, company):
    """What detectbackup says now: "Primary" or "Backup"."""
    client = Http(url)
    try:
        answer = client.request("GET", f"/{company}/detectbackup.php")
        assert answer.status == 200, (answer.status, answer.text)
        return answer.text
    finally:
        client.close()


class XmlAnswer:
    """An answer of the XML API, its text and its parts."""

    def __init__(self, answer):
        self.status = answer.status
        self.type = answer.getheader("Content-Type", "")
        self.text = answer.text
        self.root = ElementTree.fromstring(answer.text)

    def get(self, name):
        """The text of the first element of this local name, or None."""
        for element in self.root.iter():
            if element.tag.rpartition("}")[2] == name:
                return element.text or ""
        return None

    def all(self, name):
        return [e.text or "" for e in self.root.iter()
                if e.tag.rpartition("}")[2] == name]

    @property
    def good(self):
        return self.get("result") == "SUCCESS"

    @property
    def site(self):
        return self.get("gsbStatus")


class Xml:
    """The XML API as one account sees it."""

    def __init__(self, url, company, user, password):
        self.http = Http(url)
        self.company, self.user, self.password = company, user, password

    def document(self, operation, body="", ticket=None):
        secret = (f"<sessionTicket>{escape(ticket)}</sessionTicket>" if ticket
                  else f"<password>{escape(self.password)}</password>")
        return (
            '<?xml version="1.0" encoding="UTF-8"?>'
            '<serv:message xmlns:xsi='
            '"http://www.w3.org/2001/XMLSchema-instance">'
            "<header><securityContext>"
            f"<webExID>{escape(self.user)}</webExID>{secret}"
            f"<siteName>{escape(self.company)}</siteName>"
            "</securityContext></header><body><bodyContent xsi:type="
            f'"java:com.webex.service.binding.{operation}">{body}'
            "</bodyContent></body></serv:message>")

    def post(self, document, headers=None):
        return XmlAnswer(self.http.request(
            "POST", "/WBXService/XMLService", document.encode(),
            {"Content-Type": "text/xml", **(headers or {})}))

    def call(self, operation, body="", ticket=None):
        """operation: "user.GetUser", "meeting.CreateMeeting"…"""
        return self.post(self.document(operation, body, ticket))

    def must(self, operation, body="", ticket=None):
        answer = self.call(operation, body, ticket)
        assert answer.good, f"{operation}: {answer.text}"
        return answer

    def ticket(self):
        return self.must("user.AuthenticateUser").get("sessionTicket")

    def create_user(self, name, password="Geheim-12345", more=""):
        return self.call(
            "user.CreateUser",
            f"<firstName>{name}</firstName><lastName>Test</lastName>"
            f"<webExId>{name}</webExId><email>{name}@example.com</email>"
            f"<password>{password}</password>"
            f"<privilege><host>true</host></privilege>"
            f"<active>ACTIVATED</active>{more}")

    def create_meeting(self, title, when="12/24/2030 10:00:00"):
        return self.call(
            "meeting.CreateMeeting",
            f"<metaData><confName>{escape(title)}</confName></metaData>"
            f"<accessControl><meetingPassword>Pa55word</meetingPassword>"
            f"</accessControl>"
            f"<schedule><startDate>{when}</startDate>"
            f"<duration>60</duration><timeZoneID>20</timeZoneID></schedule>")

    def close(self):
        self.http.close()


class Json:
    """The JSON API with a bearer token."""

    def __init__(self, url, token):
        self.http = Http(url)
        self.token = token

    def request(self, method, path, body=None, headers=None):
        """The answer; .json is its document, or None when it has none."""
        fields = {"Authorization": f"Bearer {self.token}", **(headers or {})}
        data = None
        if body is not None:
            data = json.dumps(body)
            fields["Content-Type"] = "application/json;charset=utf-8"
        answer = self.http.request(method, path, data, fields)
        answer.json = json.loads(answer.text) if answer.text else None
        return answer

    def close(self):
        self.http.close()


def looks_like_html(text):
    return re.match(r"\s*<(!doctype html|html)", text, re.I) is not None
