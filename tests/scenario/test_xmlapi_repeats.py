"""A request that comes twice, to one site or to both, is one row and one
answer: what makes it safe to resend."""
import threading

import pytest

from site_alone import Site, request_id, stamp_now
from xml_site import XmlSite, document, key, login, meeting_body, tags, \
    user_body

CREATE, SET, DELETE = ("meeting.CreateMeeting", "meeting.SetMeeting",
                       "meeting.DelMeeting")


@pytest.fixture(scope="module", name="xml")
def fixture_xml():
    made = XmlSite.start()
    yield made
    made.site.close()


@pytest.fixture(name="twin")
def fixture_twin(xml):
    """The backup on a copy of the database as it is now."""
    cluster = xml.site.cluster
    xml.site.stop()
    cluster.sql("postgres", "CREATE DATABASE copy TEMPLATE gsb")
    cluster.sql("copy", "UPDATE node SET site = 'backup', residue = 1")
    xml.site.start()
    site = Site("backup", cluster)
    with open(site.conf, encoding="ascii") as f:
        text = f.read()
    with open(site.conf, "w", encoding="ascii") as f:
        f.write(text.replace("dbname=gsb ", "dbname=copy "))
    yield XmlSite(site.start())
    site.close()
    cluster.sql("postgres", "DROP DATABASE copy")


def again():
    """What the proxy keeps over resends."""
    return {"id": request_id(), "stamp": stamp_now()}


def bare(text):
    return text.replace("<serv:gsbStatus>BACKUP", "<serv:gsbStatus>PRIMARY")


def account(xml, name, database="gsb"):
    """Without what a site gives by itself."""
    return xml.site.cluster.sql(
        database, "SELECT to_jsonb(a) - '{number,created,modified,"
        "gsb_changed,password_hash}'::text[] FROM account a "
        "WHERE webexid = %s", name)


def meeting(xml, title, database="gsb"):
    return xml.site.cluster.sql(
        database, "SELECT to_jsonb(m) - '{number,created,modified,"
        "gsb_changed}'::text[] FROM meeting m WHERE confname = %s", title)


def test_one_row_one_answer(xml):
    number = xml.meeting("to change")
    gone = xml.meeting("to delete")
    xml.user("repeatset")
    for operation, body in (
            ("user.CreateUser", user_body("repeated")),
            ("user.SetUser", tags(webExId="repeatset", title="T")),
            (CREATE, meeting_body("repeated")),
            (SET, key(number) + "<metaData><agenda>a</agenda></metaData>"),
            (DELETE, key(gone))):
        how = again()
        first = xml.must(operation, body, **how)
        rows = [xml.count(t) for t in ("account", "meeting", "number",
                                       "journal")]
        second = xml.must(operation, body, **how)
        assert second.text == first.text, operation
        assert rows == [xml.count(t) for t in ("account", "meeting", "number",
                                               "journal")]
    # a new request is a new one
    answer = xml.create_user("repeated")
    assert answer.exception in ("030004", "030005"), answer.text
    xml.refused("060001", DELETE, key(gone))


def test_a_repeat_is_answered_after_later_changes(xml):
    """The journal, not the row as it is now."""
    number = xml.meeting("short-lived")
    change = again()
    first = xml.must(SET, key(number) + "<metaData><agenda>a</agenda>"
                     "</metaData>", **change)
    xml.must(DELETE, key(number))
    second = xml.must(SET, key(number) + "<metaData><agenda>a</agenda>"
                      "</metaData>", **change)
    assert second.text == first.text
    xml.refused("060001", SET, key(number))
    made = again()
    first = xml.must("user.CreateUser", user_body("renamed"), **made)
    xml.must("user.SetUser", tags(webExId="renamed", newWebExId="other-name"))
    assert xml.must("user.CreateUser", user_body("renamed"),
                    **made).text == first.text
    assert xml.count("account", "webexid IN ('renamed', 'other-name')") == 1


def test_refusals_are_not_remembered(xml):
    how = again()
    xml.refused("060001", SET, key(999999998), **how)
    xml.refused("030004", "user.CreateUser", user_body("admin"), **how)
    assert xml.must("user.CreateUser", user_body("later"), **how)


def test_the_same_id_with_another_request(xml):
    how = again()
    xml.must(CREATE, meeting_body("first use"), **how)
    answer = xml.call(CREATE, meeting_body("second use"), **how)
    assert not answer.good and "was used" in answer.reason
    assert xml.count("meeting", "confname = 'second use'") == 0


def test_a_client_s_own_key(xml):
    own = {"Idempotency-Key": "order-66"}
    first = xml.must(CREATE, meeting_body("keyed"), headers=own)
    assert xml.must(CREATE, meeting_body("keyed"),
                    headers=own).text == first.text
    assert xml.count("meeting", "confname = 'keyed'") == 1
    # of this account alone
    other = xml.user("keyuser")
    assert xml.must(CREATE, meeting_body("keyed"), other,
                    headers=own).text != first.text
    assert xml.count("meeting", "confname = 'keyed'") == 2


def test_the_same_request_at_the_same_time(xml):
    how = again()
    answers = []

    def send():
        answers.append(xml.site.request(
            "POST", "/WBXService/XMLService",
            document(CREATE, meeting_body("at once")).encode(), **how))

    xml.must("user.GetUser")
    threads = [threading.Thread(target=send) for _ in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert [a.status for a in answers] == [200] * 8
    assert len({a.text for a in answers}) == 1 and "SUCCESS" in answers[0].text
    assert xml.count("meeting", "confname = 'at once'") == 1


def test_executed_on_both_sites_it_is_one_row(xml, twin):
    """The other site has not heard of the first execution."""
    how = again()
    made = [s.must("user.CreateUser", user_body("both"), **how)
            for s in (xml, twin)]
    assert account(xml, "both") == account(xml, "both", "copy")
    assert len(account(xml, "both")) == 1
    numbers = [int(a.get("use:userId")) for a in made]
    assert numbers[0] % 2 != numbers[1] % 2
    how = again()
    made = [s.must(CREATE, meeting_body("both"), **how) for s in (xml, twin)]
    assert meeting(xml, "both") == meeting(xml, "both", "copy")
    keys = [int(a.get("meet:meetingkey")) for a in made]
    assert keys[0] % 2 != keys[1] % 2
    for path in ("meet:iCalendarURL/serv:host", "meet:guestToken"):
        assert made[0].get(path) == made[1].get(path)


def test_a_replay_on_the_backup_is_answered_as_the_backup(xml):
    """The journal has been replicated: the row is not touched again."""
    number = xml.meeting("replayed")
    calls = [(CREATE, meeting_body("replay"), again()),
             ("user.CreateUser", user_body("replay"), again()),
             (DELETE, key(number), again())]
    first = [xml.must(op, body, **how) for op, body, how in calls]
    xml.site.stop()
    backup = XmlSite(Site("backup", xml.site.cluster).start())
    try:
        for (op, body, how), answer in zip(calls, first):
            text = backup.must(op, body, **how).text
            assert "BACKUP" in text and bare(text) == answer.text
        assert backup.count("meeting", "confname = 'replay'") == 1
        assert backup.count("account", "webexid = 'replay'") == 1
        who = login("replay")
        assert backup.must("user.GetUser", who=who).get(
            "use:userId") == first[1].get("use:userId")
    finally:
        backup.site.close()
        xml.site.start()


def test_tickets_are_good_on_the_other_site(xml, twin):
    ticket = xml.must("user.AuthenticateUser").get("use:sessionTicket")
    assert twin.must("user.GetUser", who={
        "sessionTicket": ticket}).get("use:webExId") == "admin"
