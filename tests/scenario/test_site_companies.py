"""Companies as operators make, change, suspend and delete them."""
import pytest

from site_alone import Site
from xml_site import XmlSite, key, login, tags

NUMBERS = [{"label": "Berlin", "number": "+49 30 1234", "toll_free": False},
           {"label": "World", "number": "+800 5678", "toll_free": True}]


SCANNER = """#!/bin/sh
text=$(cat | tr -d '\\0' | grep -a -o -e VIRUS -e BROKEN)
case $text in
VIRUS) echo "stream: Test-Virus FOUND"; exit 1 ;;
BROKEN) echo "no database" >&2; exit 2 ;;
esac
"""


@pytest.fixture(scope="module", name="xml")
def fixture_xml(tmp_path_factory):
    scanner = tmp_path_factory.mktemp("scan") / "scan"
    scanner.write_text(SCANNER)
    scanner.chmod(0o755)
    made = XmlSite.start(more=f"[web]\nscan = {scanner} -x  -\n")
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
                     "accounts": 1, "meetings": 0, "settings": {}}
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
    ({}, "brand, partner_id, numbers or settings"), ({"brand": "b" * 129}, "128"),
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


# --- settings -------------------------------------------------------------------

def setting(xml, group, status=200, **values):
    return change(xml, "set", "acme", status, settings={group: values})


def token_call(xml, method, path, body=None):
    xml.site.grant()
    return xml.site.request(method, path, body, {
        "Authorization": "Bearer " + xml.site.token()})


def test_the_password_policy_of_a_company(xml):
    after = setting(xml, "password", min_length=10, mixed_case=True,
                    digit=True, special=True)
    assert after["settings"]["password"]["min_length"] == 10
    assert change(xml, "show", "acme") == after
    body = tags(firstName="A", lastName="B", webExId="pol",
                email="pol@x.org")
    for password, word in (("Ab1-", "10 characters"),
                           ("abcdefgh1-", "capital"),
                           ("ABCDEFGH1-", "small"),
                           ("Abcdefghi-", "digit"),
                           ("Abcdefghi1", "no letter")):
        assert word in xml.invalid("user.CreateUser",
                                   body + tags(password=password))
        answer = token_call(xml, "POST", "/v1/people", {
            "emails": ["pol@x.org"], "password": password})
        assert answer.status == 400 and word in answer.json["message"]
    assert xml.call("user.CreateUser", body + tags(password="Äbcd-efg-1"),
                    ).reason == "validation: password must have small and " \
        "capital letters"
    xml.must("user.CreateUser", body + tags(password="Abcdefg-1ß"))
    assert "digit" in xml.invalid("user.SetUser", tags(
        webExId="pol", password="Abcdefghi-"))
    # another company's is its own
    assert xml.create_user("free", who=login(site="other")).good
    setting(xml, "password", min_length=None, mixed_case=None, digit=None,
            special=None)
    assert xml.create_user("plain").good


def test_passwords_that_are_easily_guessed(xml):
    """A company may refuse them; it does not by itself."""
    setting(xml, "password", uncommon=True)
    body = tags(firstName="A", lastName="B", webExId="rare",
                email="rare@x.org")
    for password in ("password1", "Passw0rd!", "qwertyuiop", "123123123",
                     "acme1234", "Summer2024!"):
        assert "easily guessed" in xml.invalid(
            "user.CreateUser", body + tags(password=password)), password
    answer = token_call(xml, "POST", "/v1/people", {
        "emails": ["rare@x.org"], "password": "letmein"})
    assert answer.status == 400 and "easily guessed" in answer.json["message"]
    xml.must("user.CreateUser", body + tags(password="zebra cloud 91 mast"))
    assert "easily guessed" in xml.invalid("user.SetUser", tags(
        webExId="rare", password="iloveyou"))
    setting(xml, "password", uncommon=None)
    xml.must("user.SetUser", tags(webExId="rare", password="iloveyou"))


def test_passwords_of_up_to_128_characters(xml):
    """By the XML API's schema it sets at most 60 bytes, but takes all."""
    for n, (length, status) in enumerate([(64, 200), (128, 200), (129, 400)]):
        password = "ß" * (length - 1) + "."
        answer = token_call(xml, "POST", "/v1/people", {
            "emails": [f"long{n}@x.org"], "password": password})
        assert answer.status == status, answer.text
        if status == 200:
            assert xml.site.token(user=f"long{n}@x.org", password=password)
            xml.must("user.GetUser", "", login(f"long{n}@x.org", password))
            assert xml.call("user.GetUser", "", login(
                f"long{n}@x.org", password[:-1])).exception == "030002"
        else:
            assert "at most 128 characters" in answer.json["message"]


def test_what_meetings_a_company_allows(xml):
    def options():
        got = xml.must("site.GetSite")
        return [got.all("ns1:" + name)[-1] for name in (
            "allMeetingsUnlisted", "allMeetingsPassword", "joinBeforeHost")]

    public = "<accessControl><listToPublic>true</listToPublic>" \
        "<meetingPassword>Pa55</meetingPassword></accessControl>"
    when = {"start": "2031-01-02T10:00:00Z", "end": "2031-01-02T11:00:00Z"}
    bare = "<metaData>" + tags(confName="Bare") + "</metaData><schedule>" + \
        tags(startDate="12/24/2030 10:00:00") + "</schedule>"
    assert options() == ["false", "false", "true"]
    number = xml.must("meeting.CreateMeeting", bare).get("meet:meetingkey")
    setting(xml, "meetings", all_unlisted=True, all_password=True,
            join_before_host=False)
    assert options() == ["true", "true", "false"]
    assert "lists no meetings" in xml.invalid("meeting.CreateMeeting",
                                              bare + public)
    xml.refused("060026", "meeting.CreateMeeting", bare)
    xml.must("meeting.CreateMeeting", bare + public.replace("true", "false"))
    assert "lists no" in xml.invalid("meeting.SetMeeting",
                                     key(number) + public)
    xml.must("meeting.SetMeeting", key(number) + "<schedule>" + tags(
        duration=30) + "</schedule>")
    for more in ({"publicMeeting": True}, {"enabledJoinBeforeHost": True}):
        answer = token_call(xml, "POST", "/v1/meetings", {
            "title": "t", **when, **more})
        assert answer.status == 400
        assert list(more)[0] in answer.json["message"]
    answer = token_call(xml, "POST", "/v1/meetings", {"title": "t", **when})
    assert answer.status == 200 and answer.json["password"]
    setting(xml, "meetings", all_unlisted=None, all_password=False,
            join_before_host=None)
    assert options() == ["false", "false", "true"]


def test_settings_that_make_no_sense(xml):
    before = change(xml, "show", "acme")["settings"]
    for group, values, word in (
            ("password", {"min_length": 0}, "1 to 60"),
            ("password", {"min_length": "8"}, "1 to 60"),
            ("password", {"digit": 1}, "true or false"),
            ("meetings", {"all_unlisted": "yes"}, "true or false")):
        assert word in setting(xml, group, 400, **values)["message"]
        answer = token_call(xml, "PATCH", "/v1/settings", {group: values})
        assert answer.status == 400 and word in answer.json["message"]
    for settings in ([], 1, {"password": 3}):
        change(xml, "set", "acme", 400, settings=settings)
    change(xml, "set", "nobody", 404, settings={})
    assert change(xml, "show", "acme")["settings"] == before
    # what pages alone know is kept
    answer = token_call(xml, "PATCH", "/v1/settings",
                        {"brand": {"title": "Acme"}})
    assert answer.status == 200, answer.text
    assert change(xml, "show", "acme")["settings"]["brand"] == {
        "title": "Acme"}


def test_g16_configuration_is_not_changed_on_the_backup():
    made = XmlSite.start(name="backup")
    try:
        for more in ({"settings": {"password": {"digit": True}}},
                     {"brand": "x"}, {"numbers": NUMBERS}):
            answer = change(made, "set", "acme", 409, **more)
            assert "primary" in answer["message"], answer
        assert change(made, "show", "acme")["brand"] == ""
        assert change(made, "set", "acme", partner_id="p7")[
            "partner_id"] == "p7"
    finally:
        made.site.close()


def test_uploads_are_scanned(xml):
    def put(name, body):
        return token_call(xml, "PUT", "/v1/files/pages/" + name, body)

    def get(name):
        return token_call(xml, "GET", "/v1/files/pages/" + name)
    long = b"x" * (2 << 20)
    assert put("good", b"VIR").status == put("large", long).status == 200
    assert get("large").text == long.decode() and get("good").text == "VIR"
    for name, body in (("bad", b"a VIRUS!"), ("worse", long + b"VIRUS")):
        answer = put(name, body)
        assert answer.status == 400
        assert answer.json["message"] == "the file is refused by this " \
            "site's scanner: stream: Test-Virus FOUND"
        assert get(name).status == 404
    answer = put("unknown", b"BROKEN")
    assert answer.status == 500 and "database" not in answer.text
    assert "nothing is stored" in answer.json["message"]
    assert get("unknown").status == 404
    with open(xml.site.log, encoding="utf-8") as f:
        assert 'scan=failed why="status 2: no database"' in f.read()
    one = Site("primary", xml.site.cluster,
               more="[web]\nscan = clamdscan -\n")
    done = one.migrate(check=False)
    one.close()
    assert done.returncode != 0 and "[web] scan" in done.stderr
