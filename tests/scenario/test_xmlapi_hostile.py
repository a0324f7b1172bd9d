"""What nobody should send to the XML and JSON APIs, through every operation:
refused in form, or kept as the text that it is."""
import os
import re
import urllib.parse
from xml.sax.saxutils import escape

import pytest

from site_alone import ROOT
from xml_operations import OPERATIONS, World
from xml_site import (PATH, XmlAnswer, XmlSite, document, key, login, tags,
                      user_body)

TEXTS = ["'; DROP TABLE account; --", "\" OR 1=1 --", "$1 %s \\' \\\\",
         "<script>alert(1)</script>", "a & b ]]> <!-- c", "{{7*7}}${7*7}"]
BOMB = ('<!DOCTYPE a [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">'
        '<!ENTITY c "&b;&b;&b;&b;">]>')
XXE = '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]>'


@pytest.fixture(scope="module", name="xml")
def fixture_xml():
    made = XmlSite.start()
    made.site.keep()
    yield made
    made.site.close()


def hostile(operation):
    whole = document(operation)
    declared, _, rest = whole.partition("?>")
    open_tag = "<a>" * 40 + "</a>" * 40
    return {
        "bomb": declared + "?>" + BOMB + rest.replace("acme", "&c;"),
        "xxe": declared + "?>" + XXE + rest.replace("acme", "&x;"),
        "depth": whole.replace("</bodyContent>",
                               open_tag + "</bodyContent>"),
        "elements": whole.replace("</bodyContent>",
                                  "<a/>" * 20001 + "</bodyContent>"),
        "attributes": whole.replace("<body>", "<body " + " ".join(
            f'a{i}="1"' for i in range(40)) + ">"),
        "utf-8": whole.encode().replace(b"acme", b"ac\xff\xfeme"),
        "nul": whole.encode().replace(b"acme", b"ac\0me"),
        "cut": whole[:-9],
        "two": whole + whole,
        "disguise": urllib.parse.urlencode({"XML": declared + "?>" + BOMB
                                            + rest}),
    }


@pytest.fixture(scope="module", name="world")
def fixture_world(xml):
    return World(xml)


@pytest.mark.parametrize("operation", OPERATIONS, ids=repr)
def test_documents_are_refused_in_form(xml, operation):
    for name, body in hostile(operation.name).items():
        answer = xml.post(body)
        assert not answer.good, (name, answer.text)
        assert answer.exception is None, (name, answer.text)
        assert answer.reason.startswith("validation: "), (name, answer.reason)
        assert "root:" not in answer.text


@pytest.mark.parametrize("operation", [
    o for o in OPERATIONS if o.name != "ep.GetAPIVersion"], ids=repr)
def test_nobody_is_let_in_without_credentials(xml, operation):
    for who, exception in (
            ({"siteName": "acme"}, "030002"),
            (login("nobody", "x"), "030001"),
            (login("admin", "wrong"), "030002"),
            ({"siteName": "acme", "sessionTicket": "ticket.1.x.k.y"},
             "030047")):
        answer = xml.call(operation.name, "", who, address="192.0.2." + str(
            OPERATIONS.index(operation) + 1))
        assert not answer.good and answer.exception == exception, answer.text
    answer = xml.call(operation.name, "", login(site="nowhere"))
    assert answer.reason == "Site not found"


@pytest.mark.parametrize("operation", OPERATIONS, ids=repr)
def test_every_element_bears_evil(world, operation):
    """One element of a good request after the other: refused in form, or
    taken as the text that it is."""
    world.renew()
    body = operation.body(world)
    meetings = world.xml.count("meeting")
    for leaf in re.finditer(r">([^<>]+)</", body):
        for evil in (TEXTS[0], TEXTS[3], "\ud7ff\U0001f600" * 500):
            answer = world.xml.call(operation.name, body[:leaf.start(1)] +
                                    escape(evil) + body[leaf.end(1):])
            assert answer.good or answer.exception != "000000", answer.text
            assert "<script" not in answer.text
    assert world.xml.count("meeting") >= meetings


def text_fields(source):
    """[(path, characters)] of each text that the table in it reads."""
    with open(os.path.join(ROOT, "lib/site", source), encoding="utf-8") as f:
        code = f.read()
    found = re.findall(r'\{ "([^"]+)",\s+XMLAPI_TEXT,\s+"[^"]+",\s+0,\s+'
                       r"(\d+)", code)
    found += re.findall(r'\bTEXT\("([^"]+)", "[^"]+", (\d+)\)', code)
    assert len(found) > 15, source
    return {path: int(most) for path, most in found if path != "email"}


def nested(values):
    """{"a/b": text, ...} as elements."""
    tree = {}
    for path, text in values.items():
        *folders, leaf = path.split("/")
        at = tree
        for folder in folders:
            at = at.setdefault(folder, {})
        at[leaf] = text

    def write(part):
        return "".join(f"<{k}>{write(v) if isinstance(v, dict) else escape(v)}"
                       f"</{k}>" for k, v in part.items())
    return write(tree)


def found(element, path=""):
    """{"a/b": text} of what an answer holds, without prefixes."""
    all_of_them = {}
    for child in element.children:
        name = path + child.name.partition(":")[2]
        all_of_them[name] = child.text
        all_of_them.update(found(child, name + "/"))
    return all_of_them


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("source", [
    "xmlapi_fields_user.c", "xmlapi_fields_meeting.c",
    "xmlapi_attendees.c"])
def test_every_text_field_keeps_what_it_is_given(world, source, text):
    xml, w = world.xml, world.renew()
    values = {path: text[:most].strip()
              for path, most in text_fields(source).items()}
    if "user" in source:
        name = tags(webExId=w.spare())
        xml.must("user.SetUser", name + nested(values))
        got = found(xml.must("user.GetUser", name).content)
    elif "meeting" in source:
        xml.must("meeting.SetMeeting", key(w.number) + nested(values))
        got = found(xml.must("meeting.GetMeeting", key(w.number)).content)
    else:
        rest = {path: values.pop(path) for path in ("language", "locale")}
        xml.must("attendee.DelMeetingAttendee", tags(attendeeID=w.guest))
        xml.must("attendee.CreateMeetingAttendee", "<person>" + tags(
            email="e@x.org") + nested(values) + "</person>" + nested(rest)
            + key(w.number))
        answer = xml.must("attendee.LstMeetingAttendee", key(w.number))
        got = found(answer.content.child("att:attendee"))
        values = {"person/" + path: v for path, v in values.items()} | rest
    assert {path: got.get(path) for path in values} == values


@pytest.mark.parametrize("text", TEXTS)
def test_texts_are_kept_as_they_are(xml, text):
    name = "h" + str(TEXTS.index(text))
    body = user_body(name).replace("<title>", "") + tags(
        title=text, company=text, description=text)
    xml.must("user.CreateUser", body)
    got = xml.must("user.GetUser", tags(webExId=name))
    for path in ("use:title", "use:company", "use:description"):
        assert got.get(path) == text
    number = xml.meeting(text, "<metaData/>")
    got = xml.must("meeting.GetMeeting", key(number))
    assert got.get("meet:metaData/meet:confName") == text
    xml.must("attendee.CreateMeetingAttendee", "<person>" + tags(
        name=text, company=text, email=f"{name}@x.org") + "</person>"
        + key(number))
    got = xml.must("attendee.LstMeetingAttendee", key(number))
    assert got.all("com:name") == [text]
    got = xml.must("ep.LstsummarySession", tags(confName=text))
    assert number in got.all("ep:sessionKey")
    for operation in ("user.LstsummaryUser", "meeting.LstsummaryMeeting"):
        answer = xml.call(operation, tags(webExId=text, hostWebExID=text))
        assert answer.exception == "000015", answer.text
    assert xml.count("account") > 1


def test_ten_mebibytes_are_refused_in_form(xml):
    xml.site.grant()
    for body in (b"<a>" + b"x" * (10 << 20),
                 document("user.GetUser").encode() + b" " * (10 << 20)):
        answer = XmlAnswer(xml.site.request("POST", PATH, body), status=413)
        assert not answer.good
        assert answer.headers["cache-control"] == "no-cache"


def test_json_is_kept_as_it_is_too(xml):
    xml.site.grant()
    headers = {"Authorization": "Bearer " + xml.site.token()}
    for text in TEXTS:
        xml.site.grant()
        made = xml.site.request("POST", "/v1/meetings", {
            "title": text, "agenda": text, "start": "2031-01-01T10:00:00Z",
            "end": "2031-01-01T11:00:00Z"}, headers)
        assert made.status == 200, made.text
        assert made.json["title"] == made.json["agenda"] == text
    for body in (b'{"title": "\xff"}', b'{"title": "a\\u0000b"}', b"[" * 50,
                 b'{"title": 1, "title": 2}', b'{"title"', b"null"):
        answer = xml.site.request("POST", "/v1/meetings", body, {
            **headers, "Content-Type": "application/json"})
        assert answer.status == 400 and answer.json["message"], answer.text
