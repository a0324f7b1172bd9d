"""Who is let in: lock-out, what a caller changes about himself, tickets,
companies that share a number, keys that rotate."""
import re

import pytest

from site_alone import Site, request_id, stamp_now
from xml_site import XmlSite, key, login, tags

FAILURES = 10


@pytest.fixture(scope="module", name="xml")
def fixture_xml():
    made = XmlSite.start()
    yield made
    made.site.close()


def fail(xml, user, times, address="203.0.113.9"):
    for _ in range(times):
        xml.refused("030002", "user.GetUser", "",
                    login(user, "wrong"), address=address)


def test_failures_lock_an_account_for_an_address_and_outlive_a_restart(xml):
    who = xml.user("locked")
    there = {"address": "203.0.113.9"}
    fail(xml, "locked", FAILURES - 1)
    xml.must("user.GetUser", "", who, **there)
    fail(xml, "locked", FAILURES - 1)  # from the beginning
    xml.must("user.GetUser", "", who, **there)
    fail(xml, "locked", FAILURES)
    refused = xml.refused("030002", "user.GetUser", "", who, **there)
    assert "locked" in refused.reason
    xml.must("user.GetUser", "", who, address="203.0.113.10")
    xml.site.stop()
    xml.site.start()
    assert "locked" in xml.refused("030002", "user.GetUser", "", who,
                                   **there).reason
    xml.site.cluster.sql("gsb", "UPDATE login_failure SET last = last - "
                         "interval '15 minutes'")
    xml.must("user.GetUser", "", who, **there)


def test_a_lock_holds_on_the_other_site(xml):
    """Both on one database: what replication brings is there."""
    who = xml.user("both")
    fail(xml, "both", FAILURES)
    other = XmlSite(Site("backup", cluster=xml.site.cluster).start())
    try:
        assert "locked" in other.refused(
            "030002", "user.GetUser", "", who,
            address="203.0.113.9").reason
    finally:
        other.site.close()


@pytest.mark.parametrize("change, after", [
    (tags(password="New-pass-1"), {"password": "New-pass-1"}),
    (tags(newWebExId="renamed-self"), {"webExID": "renamed-self"}),
])
def test_a_caller_who_changed_himself_is_answered_again(xml, change, after):
    name = "self-" + re.sub(r"\W", "", change)[:8]
    who = xml.user(name)
    again = {"id": request_id(), "stamp": stamp_now()}
    first = xml.must("user.SetUser", change, who, **again)
    for _ in range(2):
        assert xml.must("user.SetUser", change, who,
                        **again).text == first.text
    # another request with the old password is refused, and so is this one
    # with another body
    xml.refused("030001" if "webExID" in after else "030002",
                "user.GetUser", "", who)
    answer = xml.call("user.SetUser", change + tags(title="x"), who, **again)
    assert not answer.good
    xml.must("user.GetUser", "", {**who, **after})


def test_a_resent_change_does_not_count_as_a_failure(xml):
    who = xml.user("resender")
    again = {"id": request_id(), "stamp": stamp_now()}
    for _ in range(FAILURES + 2):
        xml.must("user.SetUser", tags(password="Second-1"), who, **again)
    xml.must("user.GetUser", "", {**who, "password": "Second-1"})


def test_a_password_change_over_json_is_answered_again(xml):
    who = xml.user("ticketed")
    ticket = xml.must("user.AuthenticateUser", "", who).get(
        "use:sessionTicket")
    with_ticket = {"webExID": "ticketed", "siteName": "acme",
                   "sessionTicket": ticket}
    again = {"id": request_id(), "stamp": stamp_now()}
    for _ in range(2):
        xml.must("user.SetUser", tags(password="Third-1"), with_ticket,
                 **again)
    xml.refused("030047", "user.GetUser", "", with_ticket)


def test_a_ticket_does_not_outlive_the_first_one(xml):
    who = xml.user("renewer")
    first = xml.must("user.AuthenticateUser", "", who)
    assert first.get("use:timeToLive") == "5400"
    ticket = first.get("use:sessionTicket")
    ends = ticket.split(".")[1]
    for _ in range(3):
        again = xml.must("user.AuthenticateUser", "", {
            "siteName": "acme", "sessionTicket": ticket})
        ticket = again.get("use:sessionTicket")
        assert ticket.split(".")[1] == ends
        assert int(again.get("use:timeToLive")) <= 5400


def test_a_number_of_two_companies_is_decided_by_the_partner(xml):
    for name, partner in (("twin-a", "pa"), ("twin-b", "pb")):
        assert xml.site.signed("/gsb/companies", {
            "op": "add", "name": name, "site_id": 77, "partner_id": partner,
            "admin": "admin", "password": f"Geheim-{name}"}).status == 200
    taken = xml.site.signed("/gsb/companies", {
        "op": "add", "name": "twin-c", "site_id": 77, "partner_id": "pb",
        "admin": "admin", "password": "Geheim-1"})
    assert taken.status == 409
    by = {"webExID": "admin", "siteID": 77}
    for partner, name in (("pa", "twin-a"), ("pb", "twin-b")):
        got = xml.must("user.GetUser", "", {
            **by, "password": f"Geheim-{name}", "partnerID": partner})
        assert got.get("use:email") == f"admin@{name}.invalid"
        xml.refused("030002", "user.GetUser", "", {
            **by, "password": "Geheim-twin-a" if partner == "pb"
            else "Geheim-twin-b", "partnerID": partner})
    for more in ({}, {"partnerID": ""}, {"partnerID": "pc"}):
        answer = xml.call("user.GetUser", "", {
            **by, "password": "Geheim-twin-a", **more})
        assert not answer.good and answer.exception is None
    assert "partnerID" in xml.call("user.GetUser", "", {
        **by, "password": "x"}).reason
    # one number of one company needs none
    xml.must("user.GetUser", "", {**login(), "siteName": "", "siteID": 11})


def test_what_a_meeting_was_given_outlives_the_pairs_key(xml):
    number = xml.meeting("Keys")
    before = xml.must("meeting.GetMeeting", key(number))
    path = xml.site.folder + "/pair.keys"
    with open(path, encoding="ascii") as f:
        old = f.read()
    xml.site.stop()
    with open(path, "w", encoding="ascii") as f:
        f.write("k2 " + "ab" * 32 + "\n" + old)
    xml.site.start()
    try:
        after = xml.must("meeting.GetMeeting", key(number))
        for name in ("meet:hostKey", "meet:guestToken"):
            assert before.get(name) == after.get(name)
    finally:
        xml.site.stop()
        with open(path, "w", encoding="ascii") as f:
            f.write(old)
        xml.site.start()


def test_what_is_refused_unread_has_the_fields_of_every_answer(xml):
    xml.site.grant()
    answer = xml.site.request("POST", "/WBXService/XMLService",
                              b"x" * (2 << 20))
    assert answer.status == 413 and "FAILURE" in answer.text
    assert answer.headers["cache-control"] == "no-cache"
    assert answer.headers["expires"] == "Thu, 01 Jan 1970 00:00:00 GMT"
    assert answer.headers["content-type"] == "text/xml;charset=UTF-8"
