"""G19: usage of both sites in one report, nothing counted twice: the history
of the XML API, the reports of the JSON API and their CSV."""
import csv
import io
import re

import pytest

from wait import wait_until
from xml_site import XmlSite, key, login, tags

USAGE = "history.LstmeetingusageHistory"
ATTENDEES = "history.LstmeetingattendeeHistory"
ENDED = """
WITH m AS (SELECT * FROM meeting WHERE number = %(meeting)s),
s AS (INSERT INTO session (id, company_id, meeting_id, number, session_no,
    host_id, site, state, started, ended, meeting_number, confname, type,
    timezone_id, timezone)
  SELECT gen_random_uuid(), company_id, id, new_number('session'), %(run)s, host_id, 'P', 'ended',
    %(day)s::timestamptz + %(start)s * interval '1 minute',
    %(day)s::timestamptz + %(end)s * interval '1 minute', number, confname,
    type, timezone_id, timezone FROM m RETURNING *)
INSERT INTO number (kind, number, row_id, company_id)
  SELECT 'session', number, id, company_id FROM s RETURNING row_id, number"""
STAY = """
INSERT INTO attendance (id, company_id, session_id, site, participant,
    account_id, name, email, host, address, agent, joined, seen, left_at)
  SELECT gen_random_uuid(), s.company_id, s.id, %(site)s, %(who)s, a.id,
    %(who)s, coalesce(a.email, ''), %(host)s, '192.0.2.9', 'Firefox',
    %(day)s::timestamptz + %(join)s * interval '1 second',
    %(day)s::timestamptz + %(seen)s * interval '1 second',
    %(day)s::timestamptz + %(left)s * interval '1 second'
  FROM session s LEFT JOIN account a ON a.company_id = s.company_id AND
    a.webexid = %(who)s WHERE s.id = %(id)s"""


class Day:
    """Runs and stays of one day, as rooms write them; minutes, seconds."""

    def __init__(self, sql, ago):
        self.sql = sql
        self.day = sql("SELECT date_trunc('day', now()) - %s * interval "
                       "'1 day'", ago)[0][0]

    def run(self, meeting, start, end, run=1):
        return self.sql(ENDED, {"meeting": meeting, "start": start,
                                "end": end, "run": run, "day": self.day})[0]

    # pylint: disable-next=too-many-arguments
    def stay(self, run, who, join, left, site="P", seen=None, host=False):
        self.sql(STAY, {"id": run, "who": who, "site": site, "join": join,
                        "left": left, "seen": seen or left, "host": host,
                        "day": self.day})


@pytest.fixture(scope="module", name="xml")
def fixture_xml():
    made = XmlSite.start()
    made.host = made.user("hoster", tags(company="Lee & Co") +
                          "<address><city>Ulm</city></address>")
    made.other = made.user("stranger")
    made.reader = made.user("reader")
    made.must("user.SetUser", tags(webExId="reader") + "<privilege>"
              "<roSiteAdmin>true</roSiteAdmin></privilege>")
    made.site.keep()
    yield made
    made.site.close()


def day(xml, ago):
    def sql(text, *values):
        if values and isinstance(values[0], dict):
            values = values[0]
        c = xml.site.cluster.connect()
        try:
            with c.cursor() as cursor:
                cursor.execute(text, values or None)
                return cursor.fetchall() if cursor.description else None
        finally:
            c.close()
    return Day(sql, ago)


def report(xml, path, who="admin", status=200):
    token = xml.site.token(user=who, password=login(who)["password"])
    answer = xml.site.request("GET", "/v1/meetingReports/" + path, None,
                              {"Authorization": "Bearer " + token})
    assert answer.status == status, answer.text
    return answer


def every(xml, path):
    """All items by following Link; each page but the last is full."""
    items, sizes = [], []
    while path is not None:
        answer = report(xml, path)
        items += answer.json["items"]
        sizes.append(len(answer.json["items"]))
        link = answer.headers.get("link")
        path = link and re.fullmatch(
            r"<http://meet\.test:8080/v1/meetingReports/(.+)>; rel=\"next\"",
            link).group(1)
    return items, sizes


def test_both_sites_are_one_and_no_minute_counts_twice(xml):
    number = xml.meeting("Fail <over>", who=xml.host)
    d = day(xml, 2)
    run, conf = d.run(number, 600, 630)
    # at the primary, until it dies: seen last at 900 s
    d.stay(run, "hoster", 36000, None, seen=36900, host=True)
    d.stay(run, "bob", 36060, None, seen=36900)
    # all come again at the backup, bob before he was missed, and once more
    d.stay(run, "hoster", 37200, 37800, "B", host=True)
    d.stay(run, "bob", 36600, 37200, "B")
    d.stay(run, "bob", 37260, 37320, "B")
    d.stay(run, "eve", 37700, 37701, "B")
    one = xml.must(USAGE, key(number), xml.host)
    for name, value in {
            "history:sessionKey": number, "history:confName": "Fail <over>",
            "history:meetingStartTime":
                d.day.strftime("%m/%d/%Y 10:00:00"),
            "history:meetingEndTime": d.day.strftime("%m/%d/%Y 10:30:00"),
            "history:duration": "30", "history:hostWebExID": "hoster",
            "history:hostName": "First Last",
            "history:hostEmail": "hoster@example.com",
            "history:totalParticipants": "3", "history:peakAttendee": "2",
            # hoster 900 + 600, bob 540 + 600 + 60, eve 1 s
            "history:totalPeopleMinutes": "46",
            "history:confID": str(conf), "serv:total": "1"}.items():
        assert one.all(name) == [value], (name, one.text)
    many = xml.must(ATTENDEES, key(number), xml.host)
    assert many.all("history:name") == ["hoster", "bob", "bob", "hoster",
                                        "bob", "eve"]
    assert many.all("history:duration") == ["15", "9", "10", "10", "1", "1"]
    assert many.all("history:leaveTime")[1] == d.day.strftime(
        "%m/%d/%Y 10:10:00")
    assert many.all("history:participantType") == [
        "HOST", "ATTENDEE", "ATTENDEE", "HOST", "ATTENDEE", "ATTENDEE"]
    assert many.all("history:company") == ["Lee & Co"] * 2
    assert many.all("history:city") == ["Ulm"] * 2
    (item,), _ = every(xml, f"usage?meetingNumber={number}")
    assert (item["totalParticipants"], item["totalPeopleMinutes"],
            item["peakAttendee"], item["duration"]) == (3, 46, 2, 30)
    items, _ = every(xml, f"attendees?meetingNumber={number}&max=4")
    assert [i["duration"] for i in items] == [15, 9, 10, 10, 1, 1]
    assert items[0]["participantType"] == "host"
    assert items[0]["city"] == "Ulm" and "city" not in items[1]


def test_it_outlives_its_meeting(xml):
    number = xml.meeting("Gone", who=xml.host)
    d = day(xml, 1)
    d.stay(d.run(number, 0, 5)[0], "x", 0, 60)
    xml.must("meeting.DelMeeting", key(number), xml.host)
    got = xml.must(USAGE, key(number), xml.host)
    assert got.all("history:confName") == ["Gone"]
    got = xml.must(ATTENDEES, key(number), xml.host)
    assert got.all("history:meetingKey") == [number]


def test_who_sees_what(xml):
    number = xml.meeting("Mine", who=xml.host)
    d = day(xml, 3)
    d.stay(d.run(number, 0, 5)[0], "x", 0, 60)
    for operation in (USAGE, ATTENDEES):
        for who in (login(), xml.host, xml.reader):
            assert xml.must(operation, key(number), who).all("serv:total") \
                == ["1"]
        xml.refused("000015", operation, key(number), xml.other)
        xml.refused("000015", operation, key(number),
                    login("admin", site="other"))
        xml.refused("000015", operation, key(1))
        for bad in (tags(meetingKey="x"), tags(confID="-"),
                    tags(timeZoneID=99), tags(inclAudioOnly="maybe"),
                    "<startTimeScope>" + tags(sessionStartTimeStart="1/2")
                    + "</startTimeScope>"):
            if operation == USAGE or "timeZone" not in bad:
                xml.invalid(operation, bad)
    mine = tags(hostWebExID="hoster")
    assert xml.must(USAGE, mine + key(number)).good
    xml.refused("000015", USAGE, tags(hostWebExID="stranger") + key(number))
    # ignored for others
    assert xml.must(USAGE, tags(hostWebExID="stranger") + key(number),
                    xml.host).good
    for who, n in (("hoster", 1), ("reader", 1), ("stranger", 0)):
        for kind in ("usage", "attendees"):
            got = report(xml, f"{kind}?meetingNumber={number}", who).json
            assert len(got["items"]) == n, (who, kind)
    for bad in ("max=0", "max=101", "cursor=x", "cursor=" + "YQ" * 9,
                "from=1", "to=x", "meetingNumber=x", "format=xls",
                "siteUrl=other.meet.test:8080"):
        report(xml, "usage?" + bad, status=400)
        report(xml, "attendees?" + bad, status=400)
    site = "siteUrl=ACME.meet.test:8080&meetingNumber=" + number
    assert len(report(xml, "usage?" + site).json["items"]) == 1
    assert xml.site.request("GET", "/v1/meetingReports/usage").status == 401
    assert xml.site.request("POST", "/v1/meetingReports/usage", {}).status \
        == 405


def test_running_and_old_ones_are_not_in_it(xml):
    number = xml.meeting("Old", who=xml.host)
    day(xml, 91).run(number, 0, 5)
    xml.refused("000015", USAGE, key(number))
    run = day(xml, 0).run(number, 0, 5, 2)[0]
    xml.site.cluster.sql(
        "gsb", "UPDATE session SET state = 'in_progress', ended = NULL "
        "WHERE id = %s", run)
    xml.refused("000015", USAGE, key(number))
    day(xml, 90).run(number, 0, 5, 3)
    assert xml.must(USAGE, key(number)).all("serv:total") == ["1"]


def test_filters_zones_and_orders(xml):
    numbers = {}
    d = day(xml, 5)
    for name, start, people in (("Anton", 60, 1), ("berta", 120, 3),
                                ("Caesar", 180, 2)):
        numbers[name] = xml.meeting("ord " + name, who=xml.host)
        run, _ = d.run(numbers[name], start, start + 10)
        for i in range(people):
            d.stay(run, f"p{i}", start * 60 + i, start * 60 + 60)

    def names(more, operation=USAGE):
        answer = xml.call(operation, tags(confName="ORD ") + more, xml.host)
        return [n[4:5] for n in answer.all("history:confName")] \
            if answer.good else []

    def order(by, ad):
        return f"<order>{tags(orderBy=by, orderAD=ad)}</order>"

    def scope(what, start, end):
        return (f"<{what}TimeScope>" + tags(**{
            f"session{what.capitalize()}TimeStart": start,
            f"session{what.capitalize()}TimeEnd": end})
            + f"</{what}TimeScope>")

    at = d.day.strftime("%m/%d/%Y ")
    assert names("") == ["A", "b", "C"]
    assert names(order("STARTTIME", "DESC")) == ["C", "b", "A"]
    assert names(order("TOTALATTENDEE", "DESC")) == ["b", "C", "A"]
    assert names(order("CONFNAME", "DESC")) == ["C", "b", "A"]
    assert names(order("ASSISTREQUEST", "DESC")) == ["A", "b", "C"]
    assert names(scope("start", at + "02:00:00", at + "02:59:00")) == ["b"]
    assert names(scope("end", at + "01:10:00", at + "02:09:59")) == ["A"]
    assert names(scope("end", at + "03:10:01", "12/31/2049 00:00:00")) == []
    # 02:00 GMT is 07:30 in Bombay
    assert names(scope("start", at + "07:30:00", at + "07:31:00")
                 + tags(timeZoneID=41)) == ["b"]
    got = xml.must(USAGE, key(numbers["berta"]) + tags(timeZoneID=41))
    assert got.all("history:meetingStartTime") == [at + "07:30:00"]
    assert got.all("history:timezone") == ["GMT+05:30, India (Bombay)"]
    conf = xml.must(USAGE, key(numbers["Caesar"])).get(
        "history:meetingUsageHistory/history:confID")
    assert names(tags(confID=conf)) == ["C"]
    assert names(tags(confID=conf), ATTENDEES) == ["C", "C"]
    assert names(order("STARTTIME", "DESC"), ATTENDEES) == list("CCbbbA")


def test_pages_stay_as_they_are_while_reports_grow(xml):
    d = day(xml, 7)
    number = xml.meeting("Pages", who=xml.host)
    ends = [10, 10, 10, 20, 20, 30, 30]  # several at the same time
    for i, end in enumerate(ends):
        run, _ = d.run(number, 0, end, i)
        for j in range(3):
            d.stay(run, f"p{j}", 0 if j else 1, 60)
    whole, _ = every(xml, f"usage?meetingNumber={number}&max=100")
    stays, _ = every(xml, f"attendees?meetingNumber={number}&max=100")
    assert [len(whole), len(stays)] == [7, 21]
    for size in range(1, 9):
        items, sizes = every(xml, f"usage?meetingNumber={number}&max={size}")
        assert items == whole and set(sizes[:-1]) <= {size}
    for size in (1, 2, 3, 4, 20, 21, 22):
        items, sizes = every(
            xml, f"attendees?meetingNumber={number}&max={size}")
        assert items == stays and set(sizes[:-1]) <= {size}

    def page(start, operation=USAGE):
        listed = f"<listControl>{tags(startFrom=start, maximumNum=3)}" \
            "</listControl>"
        answer = xml.call(operation, key(number) + listed, xml.host)
        if answer.good:
            assert answer.all("serv:startFrom") == [str(start)]
        return answer.all("history:confID") if answer.good else None

    first = page(1)
    link = report(xml, f"usage?meetingNumber={number}&max=3").headers["link"]
    d.run(number, 1, 40, 7)  # while somebody turns the page
    assert page(1) == first
    conf = first + page(4) + page(7)
    assert len(conf) == len(set(conf)) == 8 and page(9) is None
    assert conf[:7] == [str(i["conferenceId"]) for i in whole]
    rest = report(xml, re.search(r"Reports/(.+)>", link).group(1)).json
    assert [i["conferenceId"] for i in rest["items"]] == list(
        map(int, conf[3:6]))


def test_csv(xml):
    number = xml.meeting("=1+1,\"quoted\"", who=xml.host)
    d = day(xml, 9)
    run, _ = d.run(number, 0, 5)
    d.stay(run, "@evil\n<b>", 0, 61)
    answer = report(xml, f"usage?format=csv&meetingNumber={number}")
    assert answer.headers["content-type"] == "text/csv;charset=UTF-8"
    assert "attachment" in answer.headers["content-disposition"]
    (row,) = csv.DictReader(io.StringIO(answer.text, newline=""))
    assert row["meetingTitle"] == "'=1+1,\"quoted\""
    assert row["totalPeopleMinutes"] == "2"
    answer = report(xml, f"attendees?format=csv&meetingNumber={number}")
    (row,) = csv.DictReader(io.StringIO(answer.text, newline=""))
    assert row["displayName"] == "'@evil\n<b>"
    assert row["duration"] == "2" and row["leftTime"].endswith("Z")
    report(xml, "usage?format=csv&from=x", status=400)


def test_a_deleted_company_leaves_nothing(xml):
    xml.site.add_company("brief", 99)
    admin = login("admin", site="brief")
    number = xml.meeting("Brief", who=admin)
    d = day(xml, 1)
    d.stay(d.run(number, 0, 5)[0], "x", 0, 60)
    xml.must("meeting.DelMeeting", key(number), admin)
    where = "company_id = (SELECT id FROM company WHERE name = 'brief')"
    assert xml.count("session", where) == xml.count("attendance", where) == 1
    before = xml.count("attendance")
    for op in ("suspend", "delete"):
        answer = xml.site.signed("/gsb/companies", {"op": op,
                                                    "name": "brief"})
        assert answer.status == 200, answer.text
    assert xml.count("attendance") == before - 1
    assert xml.count("session", "confname = 'Brief'") == 0


def test_two_sites_write_and_both_report_the_whole(pair):
    """Each site's rows from its own rooms, merged by the replicators."""
    client = pair.xml()
    number = client.create_meeting("both").get("meetingkey")
    wait_until(lambda: pair.query("backup", "SELECT 1 FROM meeting WHERE "
                                  "number = %s", (number,)), 10, 0.02)
    days = {site: Day(lambda sql, *v, s=site: pair.query(
        s, sql, v[0] if v and isinstance(v[0], dict) else v), 1)
        for site in ("primary", "backup")}
    # it begins at the primary and ends at the backup
    run, _ = days["primary"].run(number, 0, 20)
    wait_until(lambda: pair.query(
        "backup", "UPDATE session SET site = 'B', ended = ended + interval "
        "'1 minute' WHERE id = %s RETURNING id", (run,)), 10, 0.02)
    days["primary"].stay(run, "ann", 0, None, seen=600)
    days["backup"].stay(run, "ann", 300, 900, "B")
    days["primary"].stay(run, "bob", 0, 60)
    pair.wait_equal()
    texts = []
    for site in ("Primary", "Backup"):
        if site == "Backup":
            pair.ctl("switchover", "--to", "backup", "--reason", "scenario",
                     "--yes", "--wait")
        wait_until(lambda: pair.detect() == site)  # pylint: disable=W0640
        usage = client.must(USAGE, key(number))
        assert usage.site == site.upper()
        assert usage.get("duration") == "21"
        assert usage.get("totalPeopleMinutes") == "16"  # 5 + 10 + 1
        assert usage.get("totalParticipants") == usage.get("peakAttendee") \
            == "2"
        people = client.must(ATTENDEES, key(number))
        assert people.all("duration") == ["5", "1", "10"] or \
            people.all("duration") == ["1", "5", "10"]
        texts.append([re.sub("PRIMARY|BACKUP", "", a.text)
                      for a in (usage, people)])
    assert texts[0] == texts[1]
    client.close()
