"""User operations of the XML API on one site."""
import time

import pytest

from xml_site import XmlSite, key, login, tags

GET, SET, LIST = "user.GetUser", "user.SetUser", "user.LstsummaryUser"


@pytest.fixture(scope="module", name="xml")
def fixture_xml():
    made = XmlSite.start()
    yield made
    made.site.close()


def webexid(name):
    return tags(webExId=name)


def page(start, number, more=""):
    return f"<listControl>{tags(startFrom=start, maximumNum=number)}" \
           f"{more}</listControl>"


# --- who asks ---------------------------------------------------------------

def test_ticket(xml):
    before = int(time.time() * 1000)
    answer = xml.must("user.AuthenticateUser")
    answer.declares("user")
    assert int(answer.get("use:createTime")) >= before
    assert answer.get("use:timeToLive") == "5400"
    ticket = answer.get("use:sessionTicket")
    for who in ({"sessionTicket": ticket},
                {"sessionTicket": ticket, "siteName": "ACME"},
                {"sessionTicket": ticket, "webExID": "Admin", "siteID": 11}):
        assert xml.must(GET, who=who).get("use:webExId") == "admin"


@pytest.mark.parametrize("who", [
    login(), {**login(), "webExID": "ADMIN", "siteName": "Acme"},
    {"email": "ADMIN@acme.invalid", "password": "Geheim-1", "siteName": "acme"},
    {"webExID": "admin", "password": "Geheim-1", "siteID": 11,
     "partnerID": "p1"},
    {"webExID": "admin", "password": "Geheim-1", "siteName": "acme",
     "siteID": "", "partnerID": "", "email": ""},
], ids=["plain", "case", "email", "site-id", "empty-siblings"])
def test_who_is_known(xml, who):
    assert xml.must(GET, who=who).get("use:webExId") == "admin"


@pytest.mark.parametrize("who, exception", [
    (login("nobody"), "030001"),
    ({**login(), "password": "wrong"}, "030002"),
    ({"webExID": "admin", "siteName": "acme"}, "030002"),
    ({"siteName": "acme", "password": "x"}, "030002"),
    ({"webExID": "admin", "siteName": "acme", "sessionTicket": "x"}, "030047"),
    ({"sessionTicket": "ticket.1.YQ.k1.abc"}, "030047"),
    ({"webExAccessToken": "x", "siteName": "acme"}, "030047"),
    (login(site="nowhere"), None),
    ({**login(), "siteName": "other", "password": "Wrong"}, "030002"),
    ({"webExID": "admin", "password": "Geheim-1"}, None),
    ({"webExID": "admin", "password": "Geheim-1", "siteID": 99}, None),
    ({"webExID": "admin", "password": "Geheim-1", "siteID": 12,
      "siteName": "acme"}, None),
    ({"webExID": "admin", "password": "Geheim-1", "siteID": 11,
      "partnerID": "p2"}, None),
    ({"webExID": "admin", "password": "Geheim-1", "siteID": "x"}, None),
    ({}, None),
])
def test_who_is_not_known(xml, who, exception):
    xml.refused(exception, GET, who=who, address="198.51.100.66")


def test_ticket_of_another_company(xml):
    ticket = xml.must("user.AuthenticateUser").get("use:sessionTicket")
    xml.refused(None, GET, who={"sessionTicket": ticket, "siteName": "other"})
    other = xml.user("ticketother")
    xml.refused("030047", GET, who={
        "sessionTicket": ticket, "webExID": other["webExID"],
        "siteName": "acme"})


def test_account_locks_after_bad_passwords(xml):
    who = xml.user("locky")
    for _ in range(10):
        xml.refused("030002", GET, who={**who, "password": "no"})
    answer = xml.refused("030002", GET, who=who)
    assert "locked" in answer.reason
    # from another address it is not
    xml.must(GET, who=who, address="203.0.113.9")


def test_deactivated_account(xml):
    who = xml.user("gone")
    ticket = xml.must("user.AuthenticateUser", who=who).get(
        "use:sessionTicket")
    xml.must(SET, webexid("gone") + tags(active="DEACTIVATED"))
    assert "not active" in xml.refused("030002", GET, who=who).reason
    xml.refused("030002", GET, who={"sessionTicket": ticket})
    xml.must(SET, webexid("gone") + tags(active="activated"))
    xml.must(GET, who=who)


def test_new_password_ends_tickets(xml):
    who = xml.user("changer")
    ticket = xml.must("user.AuthenticateUser", who=who).get(
        "use:sessionTicket")
    xml.must(SET, tags(password="Another-2"), who)
    xml.refused("030002", GET, who=who)
    xml.refused("030047", GET, who={"sessionTicket": ticket})
    xml.must(GET, who={**who, "password": "Another-2"})


# --- accounts ---------------------------------------------------------------

def test_all_fields_come_back(xml):
    more = tags(title="Dr", description="d", officeGreeting="g", company="c",
                categoryId=3, email2="x@y.org", officeurl="http://x.org/",
                personalUrl="http://y.org/", timeZoneID=23, language="GERMAN",
                locale="Germany", service="pro_office", languageID=2)
    more += "<address>" + tags(addressType="global", address1="Street 1",
                               city="Town", zipCode="0815",
                               country="Germany") + "</address>"
    more += "<phones>" + tags(phone="1,,030,123", pager="7") + "</phones>"
    more += "<commOptions>" + tags(prodAnnounce="TRUE", mail=0) + \
        "</commOptions>"
    more += "<meetingTypes>" + tags(meetingType=3) + tags(meetingType=9) + \
        "</meetingTypes>"
    more += "<tracking>" + tags(trackingCode1="t1", trackingCode10="t10") + \
        "</tracking>"
    xml.user("full", more)
    got = xml.must(GET, webexid("FULL"))
    assert got.get("use:webExId") == "full"
    assert got.get("use:password") == "******"
    assert got.get("use:timeZoneID") == "23"
    assert got.get("use:timeZone").startswith("GMT+01:00")
    assert got.get("use:service") == "PRO_OFFICE"
    assert got.get("use:address/com:addressType") == "GLOBAL"
    assert got.get("use:address/com:zipCode") == "0815"
    assert got.get("use:phones/com:phone") == "1,,030,123"
    assert got.get("use:phones/use:pager") == "7"
    assert got.get("use:commOptions/use:prodAnnounce") == "true"
    assert got.get("use:commOptions/use:mail") == "false"
    assert got.all("use:meetingType") == ["3", "9"]
    assert got.get("use:tracking/com:trackingCode10") == "t10"
    assert got.get("use:privilege/use:host") == "true"
    assert got.get("use:privilege/use:siteAdmin") == "false"
    assert got.get("use:active") == "ACTIVATED"
    assert got.get("use:expirationDate") == "12/31/2049 23:59:59"
    assert "Pass-full" not in got.text and "scrypt" not in got.text


def test_set_changes_what_is_named(xml):
    xml.user("setter", "<address>" + tags(city="A", state="B") + "</address>")
    xml.must(SET, webexid("setter") + tags(firstName="New", title="")
             + "<address>" + tags(city="C") + "</address>")
    got = xml.must(GET, webexid("setter"))
    assert got.get("use:firstName") == "New"
    assert got.get("use:lastName") == "Last"
    assert got.get("use:address/com:city") == "C"
    assert got.get("use:address/com:state") == "B"


def test_new_webexid(xml):
    who = xml.user("oldname")
    xml.refused("030004", SET, webexid("oldname") + tags(newWebExId="ADMIN"))
    xml.refused("030005", SET, webexid("oldname")
                + tags(email="Admin@ACME.invalid"))
    xml.must(SET, webexid("oldname") + tags(newWebExId="newname"))
    xml.refused("030001", GET, webexid("oldname"))
    xml.must(GET, who={**who, "webExID": "newname"})


def test_twice_is_refused(xml):
    xml.user("twice")
    xml.refused("030004", "user.CreateUser", tags(
        firstName="a", lastName="b", webExId="TWICE", email="else@x.org",
        password="Pass-x"))
    xml.refused("030005", "user.CreateUser", tags(
        firstName="a", lastName="b", webExId="twice2",
        email="Twice@Example.com", password="Pass-x"))
    assert xml.create_user("twice", who=login(site="other")).good


@pytest.mark.parametrize("change, words", [
    ({"webExId": ""}, "webExId"), ({"email": ""}, "email"),
    ({"firstName": ""}, "firstName"), ({"lastName": ""}, "lastName"),
    ({"password": ""}, "password"), ({"password": "x" * 61}, "password"),
    ({"webExId": "w" * 129}, "webExId"),
    ({"webExId": "a b"}, "webExId"),
    ({"email": "no-address"}, "email"), ({"email": "a b@c.d"}, "email"),
    ({"email": "e" * 190 + "@x.org"}, "email"),
    ({"firstName": "f" * 65}, "firstName"),
    ({"timeZoneID": 9999}, "timeZoneID"),
    ({"timeZoneID": "Berlin"}, "timeZoneID"),
    ({"active": "PERHAPS"}, "active"), ({"service": "NO_OFFICE"}, "service"),
])
def test_bad_values_name_the_element(xml, change, words):
    fields = {"firstName": "a", "lastName": "b", "webExId": "bad",
              "email": "bad@x.org", "password": "Pass-bad", **change}
    assert words in xml.invalid("user.CreateUser", tags(**fields))
    assert xml.count("account", "webexid = 'bad'") == 0


def test_bad_values_in_set(xml):
    xml.user("badset")
    for change in ({"newWebExId": "w" * 129}, {"email": "nothing"},
                   {"timeZoneID": 9999}, {"password": "x" * 61}):
        assert next(iter(change)) in xml.invalid(
            SET, webexid("badset") + tags(**change))


def test_characters_and_bytes_survive(xml):
    for name, text in (("sql", "Robert'); DROP TABLE account;--"),
                       ("html", "<script>alert(1)</script>&\"'"),
                       ("wide", "Zoë 漢字 🙂 \u202e"),
                       ("long", "ü" * 64)):
        xml.must("user.CreateUser", tags(
            firstName=text, lastName=text, webExId=name,
            email=name + "@x.org", password=text[:60]
            if len(text.encode()) <= 60 else "Pass-" + name))
        got = xml.must(GET, webexid(name))
        assert got.get("use:firstName") == text
        assert text in xml.must(LIST, webexid(name)).all("use:lastName")
    assert xml.count("account") > 4


# --- who may ----------------------------------------------------------------

def test_hosts_see_and_change_themselves_only(xml):
    one, _ = xml.user("hostone"), xml.user("hosttwo")
    assert xml.must(GET, who=one).get("use:webExId") == "hostone"
    xml.must(GET, webexid("hostone"), one)
    xml.must(SET, webexid("HOSTONE") + tags(title="Dr"), one)
    for operation, body in ((GET, webexid("hosttwo")),
                            (GET, webexid("missing")),
                            (SET, webexid("hosttwo") + tags(title="x")),
                            (LIST, ""), ("user.CreateUser", tags(
                                firstName="a", lastName="b", webExId="mine",
                                email="m@x.org", password="Pass-x"))):
        xml.refused("000001", operation, body, one)


def test_privileges_are_the_administrators(xml):
    who = xml.user("climber")
    admin = "<privilege><siteAdmin>true</siteAdmin></privilege>"
    xml.refused("000001", SET, admin, who)
    xml.refused("000001", SET, tags(active="DEACTIVATED"), who)
    xml.refused("000001", LIST, "", who)
    # what he has may be sent back
    same = "<privilege>" + tags(host="true", siteAdmin="false") + \
        "</privilege>" + tags(active="ACTIVATED", title="same")
    xml.must(SET, same, who)
    assert xml.must(GET, who=who).get("use:title") == "same"
    xml.must(SET, webexid("climber") + admin)
    xml.must(LIST, "", who)
    xml.must(SET, webexid("climber") + "<privilege>"
             + tags(siteAdmin=0, host=0) + "</privilege>")
    xml.refused("000001", LIST, "", who)
    xml.refused("000001", "meeting.CreateMeeting",
                "<metaData><confName>x</confName></metaData>", who)


def test_reading_administrator(xml):
    who = xml.user("reader")
    xml.must(SET, webexid("reader")
             + "<privilege><roSiteAdmin>true</roSiteAdmin></privilege>")
    number = xml.meeting("of admin")
    xml.must(GET, webexid("admin"), who)
    xml.must(LIST, "", who)
    xml.must("meeting.GetMeeting", key(number), who)
    xml.refused("000001", SET, webexid("admin") + tags(title="x"), who)
    xml.refused("000001", "meeting.SetMeeting", key(number), who)
    xml.refused("000001", "meeting.DelMeeting", key(number), who)


def test_companies_are_apart(xml):
    xml.user("acmeonly")
    other = login(site="other")
    xml.refused("030001", GET, webexid("acmeonly"), other)
    xml.refused("030001", SET, webexid("acmeonly") + tags(title="x"), other)
    xml.refused("000015", LIST, webexid("acmeonly"), other)
    xml.refused("030001", GET, who=login("acmeonly", site="other"))


def test_unknown_account(xml):
    xml.refused("030001", GET, webexid("missing"))
    xml.refused("030001", SET, webexid("missing") + tags(title="x"))


# --- lists ------------------------------------------------------------------

def test_lists(xml):
    for i in range(12):
        xml.must("user.CreateUser", tags(
            firstName=f"L{i:02}", lastName="Lister", webExId=f"list{i:02}",
            email=f"list{11 - i:02}@x.org", password="Pass-x"))
    mine = tags(lastName="lister")
    answer = xml.must(LIST, mine)
    assert answer.all("serv:total") == ["12"]
    assert answer.all("serv:returned") == ["10"]
    assert answer.all("serv:startFrom") == ["1"]
    assert len(answer.all("use:webExId")) == 10
    answer = xml.must(LIST, mine + page(11, 10))
    assert answer.all("use:webExId") == ["list10", "list11"]
    assert answer.all("serv:startFrom") == ["11"]
    assert xml.must(LIST, mine + page(0, 1)).all("serv:startFrom") == ["1"]
    xml.refused("000015", LIST, mine + page(13, 10))
    xml.refused("000015", LIST, tags(lastName="nobody"))
    assert len(xml.must(LIST, mine + page(1, 99999999)).all(
        "use:webExId")) == 12


@pytest.mark.parametrize("order, first", [
    ("<orderBy>FIRSTNAME</orderBy><orderAD>DESC</orderAD>", "ord3"),
    ("<orderBy>EMAIL</orderBy><orderAD>ASC</orderAD>", "ord3"),
    ("<orderBy>NONSENSE</orderBy><orderBy>FIRSTNAME</orderBy>"
     "<orderAD>ASC</orderAD><orderAD>DESC</orderAD>", "ord3"),
    ("<orderBy>LASTNAME</orderBy><orderAD>ASC</orderAD>"
     "<orderBy>WEBEXID</orderBy><orderAD>DESC</orderAD>", "ord3"),
    ("<orderBy>WEBEXID</orderBy>", "ord1"),
])
def test_orders(xml, order, first):
    for i in (1, 2, 3):
        xml.create_user(f"ord{i}", tags())
        xml.must(SET, webexid(f"ord{i}") + tags(
            firstName=f"O{i}", lastName="Order", email=f"ord{9 - i}@x.org"))
    answer = xml.must(LIST, tags(lastName="Order") + f"<order>{order}</order>")
    assert answer.all("use:webExId")[0] == first


def test_any_or_all(xml):
    xml.user("anya")
    xml.user("anyb")
    both = tags(webExId="anya", email="anyb@example.com")
    xml.refused("000015", LIST, both)
    either = both + "<listControl><listMethod>or</listMethod></listControl>"
    assert xml.must(LIST, either).all("use:webExId") == ["anya", "anyb"]


def test_by_status(xml):
    xml.user("statusa")
    xml.user("statusb")
    xml.must(SET, webexid("statusb") + tags(active="DEACTIVATED"))
    for status, name in (("activated", "statusa"), ("DEACTIVATED", "statusb")):
        answer = xml.must(LIST, tags(active=status, firstName="First")
                          + page(1, 1000))
        assert name in answer.all("use:webExId")
        assert set(answer.all("use:active")) == {status.upper()}
    xml.refused("000015", LIST, tags(active="REQUEST_TO_ACTIVATE"))
    assert "active" in xml.invalid(LIST, tags(active="asleep"))


def test_registered(xml):
    scope = "<dataScope>%s</dataScope>"
    xml.must(LIST, scope % tags(regDateStart="1/2/2020 3:4:5"))
    xml.refused("000015", LIST, scope % tags(regDateEnd="01/02/2020"))
    assert "regDateEnd" in xml.invalid(LIST, scope % tags(regDateEnd="soon"))
    assert "maximumNum" in xml.invalid(LIST, page(1, "many"))
    assert "startFrom" in xml.invalid(LIST, page(-1, 1))
