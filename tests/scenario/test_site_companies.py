"""Companies as operators make, change, suspend and delete them."""
import pytest

from xml_site import XmlSite, key, login, tags

NUMBERS = [{"label": "Berlin", "number": "+49 30 1234", "toll_free": False},
           {"label": "World", "number": "+800 5678", "toll_free": True}]


@pytest.fixture(scope="module", name="xml")
def fixture_xml():
    made = XmlSite.start()
    yield made
    made.site.close()


def change(xml, op, name, status=200, **more):
    xml.site.grant()
    answer = xml.site.signed("/gsb/companies", {"op": op, "name": name,
                                                **more})
    assert answer.status == status, answer.text
    return answer.json


def listed(xml):
    return xml.site.signed("/gsb/companies", {"op": "list"}).json["companies"]


def test_show_and_set(xml):
    shown = change(xml, "show", "ACME")
    assert shown == {"name": "acme", "site_id": 11, "partner_id": "p1",
                     "brand": "", "suspended": False, "numbers": [],
                     "accounts": 1, "meetings": 0}
    after = change(xml, "set", "acme", brand="Acme <&>", numbers=NUMBERS)
    assert after == {**shown, "brand": "Acme <&>", "numbers": NUMBERS}
    assert change(xml, "show", "acme") == after
    assert xml.must("site.GetSite").all("ns1:brandName") == ["Acme <&>"]
    assert change(xml, "set", "acme", partner_id="p9")["brand"] == "Acme <&>"
    change(xml, "set", "acme", partner_id="p1")


def test_numbers_are_those_of_its_meetings(xml):
    """G11"""
    change(xml, "set", "acme", numbers=NUMBERS)
    number = xml.meeting("Dial", "<telephony><telephonySupport>CALLIN"
                         "</telephonySupport></telephony>")
    got = xml.must("meeting.GetMeeting", key(number))
    assert got.all("serv:tollNum") == ["+49 30 1234"]
    assert got.all("serv:tollFreeNum") == ["+800 5678"]
    own = xml.meeting("Own", "<telephony><telephonySupport>CALLIN"
                      "</telephonySupport><callInNum><tollNum>1</tollNum>"
                      "</callInNum></telephony>")
    assert xml.must("meeting.GetMeeting", key(own)).all("serv:tollNum") == [
        "1"]
    xml.site.grant()
    answer = xml.site.request(
        "GET", f"/v1/meetings?meetingNumber={number}", None,
        {"Authorization": "Bearer " + xml.site.token()}).json["items"][0]
    assert answer["telephony"]["callInNumbers"] == [
        {"label": "Berlin", "callInNumber": "+49 30 1234", "tollType": "toll"},
        {"label": "World", "callInNumber": "+800 5678",
         "tollType": "tollFree"}]


@pytest.mark.parametrize("more, says", [
    ({}, "brand, partner_id or numbers"), ({"brand": "b" * 129}, "128"),
    ({"numbers": [{"label": "x"}]}, "number is missing"),
    ({"numbers": [{"label": "x", "number": "<script>"}]}, "telephone"),
    ({"numbers": "x"}, "numbers"), ({"numbers": NUMBERS * 11}, "at most 20")])
def test_set_says_what_is_wrong(xml, more, says):
    assert says in change(xml, "set", "acme", 400, **more)["message"]


def test_a_suspended_company_is_found_by_nobody(xml):
    assert xml.site.add_company("gone", 33).status == 200
    who = login(site="gone")
    number = xml.meeting("There", who=who)
    token = xml.site.token("gone")
    assert change(xml, "delete", "gone", 409)["message"].startswith("company")
    assert change(xml, "suspend", "gone")["suspended"]
    assert "gone" not in listed(xml)
    assert xml.call("user.GetUser", "", who).reason == "Site not found"
    assert xml.site.request("GET", "/v1/people/me", None, {
        "Authorization": "Bearer " + token}).status == 404
    assert not change(xml, "resume", "gone")["suspended"]
    assert "gone" in listed(xml)
    xml.must("meeting.GetMeeting", key(number), who)
    xml.must("attendee.CreateMeetingAttendee",
             "<person><email>a@x.org</email></person>"
             + tags(meetingKey=number), who)
    change(xml, "suspend", "gone")
    assert change(xml, "delete", "gone") == {"name": "gone"}
    for op in ("show", "set", "suspend", "resume", "delete"):
        assert "gone" in change(xml, op, "gone", 404, brand="x")["message"]
    assert xml.count("meeting", "confname = 'There'") == 0
    assert xml.count("attendee", "email = 'a@x.org'") == 0
    assert xml.count("account", "company_id NOT IN (SELECT id FROM "
                     "company)") == 0


def test_operations_are_signed_and_known(xml):
    assert xml.site.request("POST", "/gsb/companies", {
        "op": "delete", "name": "acme"}).status == 403
    change(xml, "destroy", "acme", 400)
    change(xml, "show", "", 404)
