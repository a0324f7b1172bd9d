"""No statement of the site reads a large table from end to end: every plan
that PostgreSQL made while every operation ran, as auto_explain wrote it down.
The tables are as large as makes such a plan the worse one by far, and spread
over a thousand companies; nothing is switched off in the planner."""
import glob
import os
import re

import pytest

import json_operations
from site_alone import ROOT
from xml_operations import OPERATIONS, World
from xml_site import XmlSite, key, tags

LARGE = ("account", "meeting", "attendee", "session", "attendance", "number",
         "journal", "login_failure", "invitation")
# 1,000 companies with 20 accounts, 50 meetings, 10 runs of them each.
ROWS = """
INSERT INTO company (id, name, site_id) SELECT md5('c' || c)::uuid, 'c' || c,
  1000 + c FROM generate_series(1, 998) c;
CREATE TABLE made AS SELECT id AS c, row_number() OVER () AS k FROM company;
INSERT INTO account (id, company_id, number, webexid, email)
  SELECT md5('a' || k || '/' || i)::uuid, c, new_number('account'),
    'u' || i, 'u' || i || '@x.org' FROM made, generate_series(1, 20) i;
INSERT INTO meeting (id, company_id, host_id, number, access_code, confname,
    starts, duration)
  SELECT md5('m' || k || '/' || i)::uuid, c,
    md5('a' || k || '/' || 1 + i % 20)::uuid, new_number('meeting'), '1',
    'meeting ' || i, now() + (i - 25) * interval '1 hour', 60
  FROM made, generate_series(1, 50) i;
INSERT INTO attendee (id, company_id, meeting_id, number, email)
  SELECT gen_random_uuid(), company_id, id, new_number('attendee'),
    'guest' || number % 100 || '@x.org' FROM meeting;
INSERT INTO session (id, company_id, meeting_id, number, session_no, host_id,
    site, state, started, ended, meeting_number, confname, type)
  SELECT md5('s' || m.id)::uuid, company_id, m.id, new_number('session'), 1,
    host_id, 'P', 'ended', starts - interval '30 days',
    starts - interval '30 days' + interval '1 hour', number, confname, type
  FROM meeting m WHERE number % 10 < 2;
INSERT INTO attendance (id, company_id, session_id, site, participant,
    joined, seen)
  SELECT gen_random_uuid(), company_id, id, 'P', 'p' || i, started, ended
  FROM session, generate_series(1, 12) i;
INSERT INTO number SELECT 'meeting', number, id, company_id FROM meeting
  UNION ALL SELECT 'session', number, id, company_id FROM session;
INSERT INTO journal (id, operation, digest, status, answer, created)
  SELECT gen_random_uuid(), 'x', 'x', 200, repeat('x', 200),
    now() - i * interval '1 second' FROM generate_series(1, 20000) i;
INSERT INTO login_failure SELECT gen_random_uuid(), company_id, id, '::1', 1,
  now() FROM account;
INSERT INTO invitation (id, company_id, meeting_id, email, wanted, sequence,
    told, content)
  SELECT id, company_id, meeting_id, email, 'x', 1, 1, '{}' FROM attendee;
VACUUM ANALYZE;
"""
# An operator's, once: it reads all that there is to be deleted.
END_OF_A_COMPANY = "WITH c AS (DELETE FROM company "
# Nobody takes mail there: it is written down, and tried.
MAIL = "[mail]\nsmtp = smtp://127.0.0.1:9\nfrom = meet@gsb.test\n"
JSON = [
    "people?email=u7@x.org", "people?displayName=u", "people?max=100",
    "people/me", "meetings", "meetings?max=100&state=inProgress",
    "meetings?from=2026-01-01T00:00:00Z&to=2040-01-01T00:00:00Z",
    "meetings?current=true", "meetings?participantEmail=guest7@x.org",
    "meetings?hostEmail=u7@x.org", "meetings?state=ended",
    "meetingReports/usage", "meetingReports/attendees?max=100",
    "meetingReports/usage?from=2026-01-01T00:00:00Z"]
LISTS = [
    ("user.LstsummaryUser", "<order>" + tags(orderBy="MAIL", orderAD="DESC")
     + "</order>"),
    ("user.LstsummaryUser", tags(webExId="u7")),
    ("user.LstsummaryUser", tags(email="u7@x.org")),
    ("meeting.LstsummaryMeeting", ""),
    ("meeting.LstsummaryMeeting", tags(hostWebExID="u7")),
    ("ep.LstsummarySession", tags(invited="true")),
    ("ep.LstsummarySession", tags(status="INPROGRESS")),
    ("ep.LstsummarySession", tags(confName="7")),
    ("history.LstmeetingusageHistory", "<order>" + tags(
        orderBy="TOTALATTENDEE", orderAD="DESC") + "</order>"),
    ("history.LstmeetingusageHistory", tags(hostWebExID="u7")),
    ("history.LstmeetingattendeeHistory", "<order>" + tags(
        orderBy="CITY", orderAD="DESC") + "</order>")]


@pytest.fixture(scope="module", name="xml")
def fixture_xml():
    made = XmlSite.start(settings=(
        "session_preload_libraries=auto_explain",
        "auto_explain.log_min_duration=0", "log_line_prefix=%u:",
        "auto_explain.log_nested_statements=on"), more=MAIL)
    try:
        c = made.site.cluster.connect()
        with c.cursor() as cursor:
            for statement in ROWS.split(";\n"):
                if statement.strip():
                    cursor.execute(statement)
        c.close()
        made.site.keep()
        yield made
    finally:
        made.site.close()


class Plans:
    """What auto_explain has written of a user since the last look."""

    def __init__(self, folder, user="gsb_site"):
        self.user = user
        self.path = os.path.join(folder, "db.log")
        self.at = os.path.getsize(self.path)
        self.texts = set()

    def look(self):
        with open(self.path, encoding="utf-8", errors="replace") as f:
            f.seek(self.at)
            text = f.read()
        self.at += len(text.encode())
        found = []
        for plan in re.findall(
                rf"^{self.user}:LOG:  duration: \S+ ms  plan:\n"
                r"((?:\t.*\n)+)", text, re.M):
            query, _, nodes = plan.partition("\n\t")
            self.texts.add(query)
            found += [(table, plan) for table in re.findall(
                r"Seq Scan on (\w+)", nodes) if table in LARGE]
        return found


def test_no_statement_reads_a_large_table_whole(xml):
    world = World(xml)
    plans = Plans(xml.site.folder)
    for operation in OPERATIONS:
        world.renew()
        plans.look()
        answer = xml.call(operation.name, operation.body(world))
        assert answer.good or "is not" in answer.reason \
            or answer.exception == "000001", answer.text
        found = plans.look()
        assert not found, (operation, found[0][1])
    for name, body in LISTS:
        xml.call(name, body)
        found = plans.look()
        assert not found, (name, body, found[0][1])
    headers = {"Authorization": "Bearer " + xml.site.token()}
    for path in JSON:
        answer = xml.site.request("GET", "/v1/" + path, None, headers)
        assert answer.status == 200, (path, answer.text)
        found = plans.look()
        assert not found, (path, found[0][1])
    of_json = json_operations.World(xml.site, "json-")
    for operation in json_operations.OPERATIONS:
        of_json.renew()
        plans.look()
        answer = of_json.run(operation)
        assert answer.status == operation.rights["admin"], answer.text
        found = plans.look()
        assert not found, (operation, found[0][1])
    meeting = xml.must("meeting.LstsummaryMeeting", key(world.number))
    assert meeting.good
    assert len(plans.texts) > 50  # of so many statements plans were seen
    for part in ("INSERT INTO invitation", "UPDATE invitation",
                 "FROM invitation i JOIN company"):
        assert any(part in text for text in plans.texts), part


def statements(program):
    """Every SQL text in the program but those that are put together."""
    with open(program, "rb") as f:
        texts = {m.decode() for m in re.findall(
            rb"(?<=\0)(?:WITH|\(?SELECT|INSERT|UPDATE|DELETE) "
            rb"[\t\n\x20-\x7e]{20,}(?=\0)", f.read())}
    return {t for t in texts if not re.search("%[sdlu]", t)
            and not t.startswith(END_OF_A_COMPANY)}


def explained(cursor, text):
    """The plan of a prepared statement for any values."""
    numbers = [int(n) for n in re.findall(r"\$(\d+)", text)]
    values = ", ".join(["NULL"] * max(numbers, default=0))
    cursor.execute("PREPARE s AS " + text)
    cursor.execute("EXPLAIN EXECUTE s" + (f"({values})" if values else ""))
    plan = "\n".join(line for line, in cursor.fetchall())
    cursor.execute("DEALLOCATE s")
    return plan


def test_no_prepared_statement_reads_a_large_table_whole(xml):
    """Those too that a minute's timer or another service sends."""
    texts = statements(xml.site.program())
    c = xml.site.cluster.connect(user="gsb_site")
    with c.cursor() as cursor:
        cursor.execute("SET plan_cache_mode = force_generic_plan")
        for text in texts:
            plan = explained(cursor, text)
            found = set(re.findall(r"Seq Scan on (\w+)", plan)) & set(LARGE)
            assert not found, (text, plan)
        assert "Seq Scan on account" in explained(
            cursor, "SELECT 1 FROM account WHERE first_name = $1")
    c.close()
    for part in ("DELETE FROM journal", "DELETE FROM invitation",
                 "DELETE FROM login_failure", "INSERT INTO attendance",
                 "UPDATE session", "UPDATE meeting", "UPDATE account"):
        assert any(part in text for text in texts), part
    named = 0
    for path in glob.glob(os.path.join(ROOT, "lib/site/*.c")):
        with open(path, encoding="utf-8") as f:
            named += f.read().count("static const struct pgstmt ")
    assert len(texts) >= named > 50


def test_a_plan_that_does_is_found(xml):
    plans = Plans(xml.site.folder, "postgres")
    xml.site.cluster.sql("gsb", "SELECT count(*) FROM account WHERE "
                         "first_name = 'nobody'")
    assert [table for table, _ in plans.look()] == ["account"]
