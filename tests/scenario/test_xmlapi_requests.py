"""The XML API reads liberally and refuses in form: every shape of request
that integrations send, and what nobody should send."""
import socket
import urllib.parse

import pytest

from site_alone import request_id, stamp_now
from xml_shapes import parse
from xml_site import (PATH, XmlAnswer, XmlSite, document, login, tags,
                      user_body)

XSI = 'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
SERV = 'xmlns:serv="http://www.webex.com/schemas/2002/06/service"'
JAVA = "java:com.webex.service.binding.meeting.CreateMeeting"
SECURITY = ("<header><securityContext>" + tags(**login())
            + "</securityContext></header>")
FIELDS = ("<metaData><confName>Shape</confName></metaData><schedule>"
          "<startDate>6/9/2030 5:4:3</startDate><duration>30</duration>"
          "</schedule>")


@pytest.fixture(scope="module", name="xml")
def fixture_xml():
    made = XmlSite.start()
    yield made
    made.site.close()


def message(root="serv:message", declares=f" {SERV} {XSI}", operation=JAVA,
            body=FIELDS, security=SECURITY):
    return (f"<{root}{declares}>{security}<body><bodyContent "
            f'xsi:type="{operation}">{body}</bodyContent></body></{root}>')


def qualified(text):
    """Every element with a prefix, as schema-bound clients write them."""
    for name, prefix in (
            ("header", "serv"), ("securityContext", "serv"),
            ("webExID", "com"), ("password", "com"), ("siteName", "com"),
            ("body", "serv"), ("bodyContent", "serv"), ("metaData", "meet"),
            ("confName", "meet"), ("schedule", "meet"),
            ("startDate", "meet"), ("duration", "meet")):
        text = text.replace(f"<{name}", f"<{prefix}:{name}").replace(
            f"</{name}", f"</{prefix}:{name}")
    return text.replace("<serv:bodyContent", "<serv:bodyContent").replace(
        "serv:bodyContent", "serv:bodyContent")


def form(**fields):
    return urllib.parse.urlencode(fields)


WHOLE = '<?xml version="1.0" encoding="UTF-8"?>' + message()
NOBODY = message(security="<header><securityContext/></header>")
SHAPES = {
    "declared": WHOLE,
    "undeclared": message(declares=""),
    "plain": message("message"),
    "default-namespace": message(
        "message", f' xmlns="{SERV[12:-1]}" {XSI}'),
    "message-type": message("serv:messageType"),
    "upper-case": message("SERV:MESSAGE").replace("header", "HEADER"),
    "qualified": qualified(message(declares="")),
    "mixed": message().replace("duration>", "serv:duration>"),
    "java-blank": message(operation=JAVA.replace(":", ": ")),
    "java-other-package": message(
        operation="java:com.webex.xmlapi.service.binding.meeting."
                  "CreateMeeting"),
    "operation-case": message(operation=JAVA.replace("CreateM", "createm")),
    "meet-prefix": message(operation="meet:createMeeting"),
    "meeting-prefix": message(operation="meeting:CreateMeeting"),
    "no-service": message(operation="CreateMeeting"),
    "type-without-prefix": message().replace("xsi:type", "type"),
    "blanks-before": " \r\n\t" + WHOLE,
    "bom": "\ufeff" + WHOLE,
    "blanks-and-bom": "\n\ufeff" + WHOLE,
    "no-declaration": message(),
    "latin": WHOLE.replace("UTF-8", "ISO-8859-1"),
    "site-id": WHOLE.replace("<siteName>acme</siteName>",
                             "<siteID>11</siteID><partnerID>p1</partnerID>"),
    "empty-siblings": WHOLE.replace(
        "<siteName>", "<siteID></siteID><partnerID/><siteName>"),
    "element-case": WHOLE.replace("webExID", "webExId").replace(
        "confName", "CONFNAME"),
    "other-order": WHOLE.replace(FIELDS, "<schedule><duration>30</duration>"
                                 "<startDate>6/9/2030 5:4:3</startDate>"
                                 "</schedule><metaData><confName>Shape"
                                 "</confName></metaData>"),
    "unknown-elements": WHOLE.replace(
        "<metaData>", "<order><orderBy>SMELL</orderBy></order><new><a/></new>"
        "<metaData><shape>round</shape>"),
    "cdata-and-comment": WHOLE.replace(
        ">Shape<", "><!-- a --><![CDATA[Shape]]><"),
    "form-encoded": form(UID="", XML=WHOLE),
    "form-raw": "UID=x&PWD=y&SID=&PID=&XML=" + WHOLE.replace(
        "Shape", "Shape"),
    "form-first": form(XML=WHOLE, UID="no", PWD="no"),
    "form-who": form(UID="admin", PWD="Geheim-1", SID=11, PID="p1",
                     XML=NOBODY),
    "form-case": form(uid="admin", pwd="Geheim-1", sid=11, xml=NOBODY),
}
TYPES = [None, "text/xml", "text/xml charset=UTF-8", "application/xml",
         "application/x-www-form-urlencoded", "text/html", "nonsense;;="]


@pytest.mark.parametrize("shape", SHAPES)
def test_every_shape(xml, shape):
    answer = xml.post(SHAPES[shape])
    assert answer.good, answer.text
    number = answer.get("meet:meetingkey")
    got = xml.must("meeting.GetMeeting", tags(meetingKey=number))
    assert got.get("meet:metaData/meet:confName") == "Shape"
    assert got.get("meet:schedule/meet:startDate") == "06/09/2030 05:04:03"
    assert got.get("meet:schedule/meet:duration") == "30"


@pytest.mark.parametrize("shape", ["declared", "form-encoded", "form-raw"])
@pytest.mark.parametrize("kind", TYPES)
def test_every_content_type(xml, shape, kind):
    headers = {"Content-Type": kind} if kind else {}
    xml.site.grant()
    answer = XmlAnswer(xml.site.request("POST", PATH,
                                        SHAPES[shape].encode(), headers))
    assert answer.good, answer.text


@pytest.mark.parametrize("body, title", [
    ('<?xml version="1.0" encoding="ISO-8859-1"?>'.encode()
     + message(body="<metaData><confName>Gr\xfc\xdfe</confName></metaData>"
               ).encode("latin-1"), "Grüße"),
    (message(body="<metaData><confName>Gr&#252;&#xDF;e &lt;&amp;&gt;"
                  "</confName></metaData>").encode(), "Grüße <&>"),
    (form(XML=message(body="<metaData><confName>a+b c%26 ü</confName>"
                           "</metaData>")).encode(), "a+b c%26 ü"),
    (("XML=" + message(body="<metaData><confName>a&amp;b=c%20d</confName>"
                            "</metaData>")).encode(), "a&b=c%20d"),
], ids=["latin-1", "references", "form-encoded", "form-raw"])
def test_text_is_read_right(xml, body, title):
    answer = xml.post(body)
    assert answer.good, answer.text
    got = xml.must("meeting.GetMeeting", tags(
        meetingKey=answer.get("meet:meetingkey")))
    assert got.get("meet:metaData/meet:confName") == title


def test_list_control_may_be_qualified(xml):
    body = ("<listControl><serv:startFrom>1</serv:startFrom>"
            "<serv:maximumNum>1</serv:maximumNum></listControl>")
    answer = xml.must("user.LstsummaryUser", body)
    assert answer.all("serv:returned") == ["1"]
    answer = xml.post(document("user.LstsummaryUser", body).replace(
        "java:com.webex.service.binding.user.L", "use:l"))
    assert answer.all("serv:returned") == ["1"]


def test_the_host_name_is_a_fallback(xml):
    nameless = {"webExID": "admin", "password": "Geheim-1"}
    for headers in ({"X-Forwarded-Host": "acme.meet.test:8080"},
                    {"X-Forwarded-Host": "ACME.Meet.Test:8080"},
                    {"Host": "acme.meet.test:8080"}):
        assert xml.post(document("user.GetUser", who=nameless),
                        headers).good, headers
        xml.post(document("ep.GetAPIVersion", who={}), headers)
    # the document is first
    host = {"X-Forwarded-Host": "other.meet.test:8080"}
    answer = xml.post(document("user.GetUser", who=login()), host)
    assert answer.get("use:email") == "admin@acme.invalid"
    for name in ("acme.elsewhere.test:8080", "meet.test:8080", ".", "acme"):
        answer = xml.post(document("user.GetUser", who=nameless),
                          {"X-Forwarded-Host": name})
        assert not answer.good, name


# --- what nobody should send ------------------------------------------------

BOMB = ('<?xml version="1.0"?><!DOCTYPE l [<!ENTITY a "aaaaaaaaaa">'
        + "".join(f'<!ENTITY {chr(98 + i)} "{("&" + chr(97 + i) + ";") * 10}">'
                  for i in range(9)) + "]>"
        + message(body="<metaData><confName>&j;</confName></metaData>"))
EXTERNAL = ('<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]>'
            + message(body="<metaData><confName>&x;</confName></metaData>"))
HOSTILE = {
    "empty": "", "blanks": " \r\n ", "text": "hello", "open": "<",
    "unclosed": "<a>", "crossed": "<a><b></a></b>",
    "two-roots": message() + message(), "rest": message() + "rest",
    "doctype": "<!DOCTYPE message>" + message(),
    "doctype-lower": "<!doctype html><html></html>",
    "bomb": BOMB, "external": EXTERNAL, "unknown-entity": WHOLE.replace(
        "Shape", "&shape;"),
    "deep": "<a>" * 5000, "deep-closed": message(
        body="<a>" * 200 + "</a>" * 200),
    "wide": message(body="<a/>" * 30000),
    "attributes": message(body="<a " + " ".join(
        f'a{i}="1"' for i in range(100)) + "/>"),
    "nul": b"<a>\0</a>", "control": message(body="<a>\x01</a>"),
    "broken-utf8": message(body="<metaData><confName>@</confName>"
                           "</metaData>").encode().replace(b"@", b"\xc3("),
    "overlong-utf8": message().encode().replace(b"Shape", b"\xc0\xaf"),
    "surrogate": message().encode().replace(b"Shape", b"\xed\xa0\x80"),
    "cut-utf8": message().encode().replace(b"Shape", b"\xf0\x9f"),
    "encoding": WHOLE.replace("UTF-8", "KOI8-R"),
    "utf-16": WHOLE.encode("utf-16"),
    "utf-16-claimed": WHOLE.replace("UTF-8", "UTF-16"),
    "form-without": "UID=x&PWD=y", "form-empty": "XML=",
    "form-bad-escape": "XML=%3Ca%3E%zz", "form-nul": "XML=%3Ca%00",
    "form-html": "XML=" + urllib.parse.quote("<html><body/></html>"),
    "json": '{"a":1}', "other-root": "<soap:Envelope/>",
    "no-body": f"<message>{SECURITY}</message>",
    "no-content": f"<message>{SECURITY}<body/></message>",
    "no-operation": message().replace(f'xsi:type="{JAVA}"', ""),
    "empty-operation": message(operation=""),
    "java-only": message(operation="java:com.webex.service.binding."),
    "long-operation": message(operation="java:a." + "x" * 5000),
    "html-operation": message(operation="&lt;script&gt;alert(1)&lt;/script"),
    "binary": bytes(range(256)) * 10,
}


@pytest.mark.parametrize("shape", HOSTILE)
def test_hostile_documents(xml, shape):
    before = xml.count("meeting"), xml.count("journal")
    answer = xml.post(HOSTILE[shape])
    assert not answer.good and answer.exception is None, answer.text
    assert answer.reason.startswith("validation: "), answer.reason
    assert "root:x" not in answer.text and len(answer.text) < 2000
    assert (xml.count("meeting"), xml.count("journal")) == before


def test_reasons_say_what_and_where(xml):
    def reason(body):
        return xml.post(body).reason

    assert "DOCTYPE" in reason(HOSTILE["doctype"])
    assert "line 3" in reason("<message>\n\n<a></b></message>")
    assert "nested" in reason(HOSTILE["deep"])
    assert "too many elements" in reason(HOSTILE["wide"])
    assert "soap" in reason(HOSTILE["other-root"]) or \
        "Envelope" in reason(HOSTILE["other-root"])
    assert "bodyContent" in reason(HOSTILE["no-content"])
    assert "xsi:type" in reason(HOSTILE["no-operation"])


@pytest.mark.parametrize("operation", [
    "meeting.Nothing", "user.CreateMeeting", "history.LsteventsessionHistory"])
def test_unknown_operations_are_named(xml, operation):
    answer = xml.post(document(operation))
    assert not answer.good
    assert operation.partition(".")[2] in answer.reason


def test_oversize_is_refused_in_form(xml):
    """Also while the client is still sending: the answer arrives."""
    xml.site.grant()
    for size in ((1 << 20) + 1, 5 << 20):
        answer = XmlAnswer(xml.site.request(
            "POST", PATH, b"<a>" + b" " * size, {"Content-Type": "text/xml"}),
            status=413)
        assert not answer.good and "large" in answer.reason
    # just within it is the document that is judged
    assert "validation" in xml.post(b"<a>" + b" " * ((1 << 20) - 10)).reason


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "OPTIONS"])
def test_other_methods(xml, method):
    xml.site.grant()
    answer = XmlAnswer(xml.site.request(method, PATH))
    assert not answer.good and "method" in answer.reason


def raw(xml, *lines, body):
    """The answer to a head of these lines more, up to the connection's end."""
    head = (f"POST {PATH} HTTP/1.1", "Host: meet.test:8080",
            f"GSB-Epoch: {xml.site.epoch}", f"GSB-Site: {xml.site.name}",
            f"GSB-Request: {request_id()};{stamp_now()}", *lines, "", "")
    xml.site.grant()
    with socket.create_connection(("127.0.0.1", xml.site.web), 20) as s:
        s.sendall("\r\n".join(head).encode() + body)
        answer = b""
        while chunk := s.recv(65536):
            answer += chunk
    return answer.decode()


def test_connection_close_is_echoed(xml):
    body = document("ep.GetAPIVersion").encode()
    answer = raw(xml, f"Content-Length: {len(body)}", "Connection: close",
                 body=body)
    assert "\r\nConnection: close\r\n" in answer and "SUCCESS" in answer


def test_malformed_bodies_are_answered_in_form(xml):
    for body in (b"zz\r\n", b"1\r\nxx\r\n", b"-1\r\n"):
        answer = raw(xml, "Transfer-Encoding: chunked", body=body)
        assert answer.startswith("HTTP/1.1 400 "), answer
        fields, _, text = answer.partition("\r\n\r\n")
        assert "text/xml;charset=UTF-8" in fields
        assert parse(text).name == "serv:message"


def test_answers_without_lease(xml):
    """What the proxy must see is no 200."""
    for how in ({"epoch": xml.site.epoch + 1}, {"epoch": 0}):
        xml.site.grant()
        answer = xml.site.request("POST", PATH, document(
            "user.CreateUser", user_body("nolease")).encode(), **how)
        assert answer.status == 421 and answer.unprocessed
        assert parse(answer.text).name == "serv:message"
    assert xml.count("account", "webexid = 'nolease'") == 0
