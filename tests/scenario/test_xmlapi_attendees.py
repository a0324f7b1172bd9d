"""Attendees over the XML API, and that they are the meeting's own."""
import pytest

from xml_site import XmlSite, key, login, tags

CREATE, REGISTER = ("attendee.CreateMeetingAttendee",
                    "attendee.RegisterMeetingAttendee")
LIST, DELETE = "attendee.LstMeetingAttendee", "attendee.DelMeetingAttendee"
NOBODYS = key(999999999)


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


def person(email, **more):
    address = more.pop("address", "")
    return (f"<person>{tags(**more)}{address}{tags(email=email)}</person>")


def test_who_is_added_is_listed_with_all_that_was_said(xml):
    number = xml.meeting("Guests", who=xml.host)
    said = person("Ann@Example.com", name="Ann & <Zoë>", firstName="Ann",
                  lastName="B", title="Dr", company="C", notes="n",
                  url="http://x", type="MEMBER",
                  address="<address><city>Köln</city><country>DE</country>"
                          "</address><phones><phone>1</phone></phones>")
    answer = xml.must(CREATE, said + tags(
        joinStatus="ACCEPT", meetingKey=number, role="PRESENTER",
        language="de", timeZoneID=25), xml.host)
    (one,) = answer.all("att:attendeeId")
    assert answer.all("att:registerID") == [one]
    listed = xml.must(LIST, key(number), xml.host)
    assert listed.all("serv:total") == ["1"]
    for name, value in {
            "com:name": "Ann & <Zoë>", "com:firstName": "Ann",
            "com:lastName": "B", "com:title": "Dr", "com:company": "C",
            "com:email": "Ann@Example.com", "com:city": "Köln",
            "com:country": "DE", "com:phone": "1", "com:notes": "n",
            "com:url": "http://x", "com:type": "MEMBER",
            "att:joinStatus": "ACCEPT", "att:role": "PRESENTER",
            "att:language": "de", "att:timeZoneID": "25",
            "att:meetingKey": number, "att:sessionKey": number,
            "att:attendeeId": one, "att:accepted": "true",
            "att:invited": "false"}.items():
        assert listed.all(name) == [value], name
    got = xml.must("meeting.GetMeeting", key(number), xml.host)
    assert got.all("com:name") == ["Ann & <Zoë>"]
    assert got.all("att:role") == ["PRESENTER"]


def test_one_address_is_one_attendee_with_one_number(xml):
    number = xml.meeting("Again", who=xml.host)
    body = "".join(
        f"<attendees>{person(e, name=n)}{tags(sessionKey=number)}</attendees>"
        for e, n in (("a@x.org", "A"), ("b@x.org", "B"), ("A@X.org", "AA")))
    first = xml.must(CREATE, body, xml.host)
    assert len(first.all("att:attendeeId")) == 2
    again = xml.must(CREATE, person("A@x.ORG", name="Anew")
                     + tags(meetingKey=number), xml.host)
    assert again.all("att:attendeeId") == first.all("att:attendeeId")[:1]
    order = ("<order><orderBy>EMAIL</orderBy><orderAD>DESC</orderAD></order>")
    listed = xml.must(LIST, key(number) + order, xml.host)
    assert listed.all("com:name") == ["B", "Anew"]
    page = "<listControl>" + tags(startFrom=2, maximumNum=1) + "</listControl>"
    listed = xml.must(LIST, key(number) + order + page, xml.host)
    assert listed.all("com:name") == ["Anew"]
    assert listed.all("serv:total") == ["2"]
    assert listed.all("serv:startFrom") == ["2"]


def test_those_of_create_and_set_meeting_are_the_same_ones(xml):
    def guests(*emails):
        return ("<participants><attendees>" + "".join(
            f"<attendee>{person(e, name=e[0])}</attendee>" for e in emails)
            + "</attendees></participants>")
    number = xml.meeting("Both", guests("a@x.org", "b@x.org"), xml.host)
    before = xml.must(LIST, key(number), xml.host)
    assert before.all("com:name") == ["a", "b"]
    xml.must("meeting.SetMeeting", key(number) + guests("b@x.org", "c@x.org"),
             xml.host)
    after = xml.must(LIST, key(number), xml.host)
    assert sorted(after.all("com:name")) == ["b", "c"]
    assert before.all("att:attendeeId")[1] in after.all("att:attendeeId")
    xml.must("meeting.SetMeeting", key(number) + "<metaData><agenda>x</agenda>"
             "</metaData>", xml.host)
    assert xml.must(LIST, key(number), xml.host).all("serv:total") == ["2"]
    xml.must("meeting.DelMeeting", key(number), xml.host)
    assert xml.count("attendee", "email IN ('b@x.org', 'c@x.org') AND "
                     "meeting_id NOT IN (SELECT id FROM meeting)") == 0


def test_registering(xml):
    closed = xml.meeting("Closed", who=xml.host)
    one = f"<attendees>{person('r@x.org', name='R')}" \
          f"{tags(sessionKey=closed)}</attendees>"
    xml.refused("000001", REGISTER, one, xml.guest)
    xml.must(REGISTER, one, xml.host)
    opened = xml.meeting("Open", "<attendeeOptions><registration>true"
                         "</registration></attendeeOptions>", xml.host)
    answer = xml.must(REGISTER, one.replace(closed, opened), xml.guest)
    assert len(answer.all("att:registerID")) == 1
    listed = xml.must(LIST, key(opened) + tags(joinStatus="register"),
                      xml.host)
    assert listed.all("att:registered") == ["true"]
    xml.refused("000015", LIST, key(opened) + tags(joinStatus="ACCEPT"),
                xml.host)


def test_deleting(xml):
    number = xml.meeting("Leaving", who=xml.host)
    other = xml.meeting("Not his")
    made = xml.must(CREATE, "".join(
        f"<attendees>{person(e + '@x.org')}{tags(meetingKey=number)}"
        "</attendees>" for e in "abc"), xml.host).all("att:attendeeId")
    foreign = xml.must(CREATE, person("a@x.org") + tags(
        meetingKey=other)).get("att:attendeeId")
    xml.must(DELETE, tags(attendeeID=made[0]), xml.host)
    by = "<attendeeEmail>" + tags(email="B@x.org", sessionKey=number) + \
        "</attendeeEmail>"
    xml.must(DELETE, by, xml.host)
    assert xml.must(LIST, key(number), xml.host).all("com:email") == [
        "c@x.org"]
    xml.refused("000015", DELETE, by, xml.host)
    # one that is not his keeps all where they are
    xml.refused("000001", DELETE, tags(attendeeID=made[2])
                + tags(attendeeID=foreign), xml.host)
    assert xml.must(LIST, key(number), xml.host).all("serv:total") == ["1"]
    xml.must(DELETE, tags(attendeeID=made[2]) + tags(attendeeID=foreign))


@pytest.mark.parametrize("operation, body", [
    (CREATE, person("x@x.org")), (LIST, "")])
def test_rights(xml, operation, body):
    number = xml.meeting("Rights", who=xml.host)
    xml.must(CREATE, person("y@x.org") + tags(meetingKey=number), xml.host)
    xml.refused("000001", operation, body + tags(meetingKey=number),
                xml.guest)
    xml.must(operation, body + tags(meetingKey=number))
    answer = xml.call(operation, body + tags(meetingKey=number), xml.reader)
    assert answer.good == (operation == LIST)
    xml.refused("060001", operation, body + NOBODYS, xml.host)
    xml.refused("060001", operation, body + tags(meetingKey=number),
                login(site="other"))


@pytest.mark.parametrize("operation, body, says", [
    (CREATE, person("x@x.org"), "meetingKey is missing"),
    (CREATE, "<person><name>N</name></person>" + NOBODYS, "no email"),
    (CREATE, person("nothing") + NOBODYS, "not an address"),
    (CREATE, person("x@x.org", type="KING") + NOBODYS, "type"),
    (CREATE, person("x@x.org", name="n" * 129) + NOBODYS, "name is longer"),
    (CREATE, person("x@x.org") + tags(joinStatus="x") + NOBODYS,
     "joinStatus"),
    (REGISTER, f"<attendees>{NOBODYS}</attendees>", "no email"),
    (LIST, "", "meetingKey is missing"),
    (LIST, tags(meetingKey="x"), "not a number"),
    (DELETE, "", "1 to 1000 attendees"),
    (DELETE, tags(attendeeID="x"), "attendeeID"),
    (DELETE, "<attendeeEmail><email>a@x</email></attendeeEmail>",
     "needs email and sessionKey")])
def test_what_is_wrong_is_said(xml, operation, body, says):
    assert says in xml.invalid(operation, body)


def test_more_than_a_thousand_are_refused(xml):
    number = xml.meeting("Crowd")
    body = "".join(f"<attendees>{person(f'{i}@x.org')}"
                   f"{tags(meetingKey=number)}</attendees>"
                   for i in range(1001))
    assert "more than 1000" in xml.invalid(CREATE, body)
    xml.must(CREATE, body.rpartition("<attendees>")[0])
    assert xml.must(LIST, key(number)).all("serv:total") == ["1000"]
