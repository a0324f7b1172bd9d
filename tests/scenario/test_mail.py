"""Invitations, updates, cancellations and reminders by mail: each once, from
the site that serves, whichever site that is."""
import datetime
import email
import email.policy
import secrets

import pytest
from aiosmtpd.controller import Controller

from ports import free_port
from site_alone import Site
from wait import wait_until

FROM = "meet@gsb.test"


class Mailbox:
    """A mail server that keeps what it takes; refuse: its answer instead."""

    def __init__(self):
        self.refuse, self.tries, self.mails = None, 0, []
        self.port = free_port()
        self.controller = Controller(self, hostname="127.0.0.1",
                                     port=self.port)
        self.controller.start()

    async def handle_DATA(self, _server, _session, envelope):
        self.tries += 1
        if self.refuse:
            return self.refuse
        mail = email.message_from_bytes(envelope.content,
                                        policy=email.policy.default)
        assert envelope.mail_from == FROM
        assert envelope.rcpt_tos == [mail["To"].addresses[0].addr_spec]
        self.mails.append(mail)
        return "250 OK"

    def to(self, address):
        return [m for m in self.mails if address in m["To"]]

    def wait(self, address, n):
        wait_until(lambda: len(self.to(address)) >= n, 60,
                   what=f"{n} mails to {address}")
        return self.to(address)[n - 1]

    def conf(self):
        return (f"[mail]\nsmtp = smtp://127.0.0.1:{self.port}\n"
                f"from = {FROM}\n")


def parts(mail):
    """(plain text, calendar's lines, its method)"""
    plain, calendar = list(mail.iter_parts())
    text = calendar.get_content().replace("\r\n ", "")
    lines = dict(line.split(":", 1) for line in text.splitlines()
                 if ":" in line)
    return plain.get_content(), lines, calendar["Content-Type"].params[
        "method"]


@pytest.fixture(name="mailbox", scope="module")
def made_mailbox():
    made = Mailbox()
    yield made
    made.controller.stop()


@pytest.fixture(name="site", scope="module")
def made_site(mailbox):
    made = Site(more=mailbox.conf())
    try:
        made.start()
        made.keep()
        assert made.add_company().status == 200
        yield made
    finally:
        made.close()


class Api:
    def __init__(self, site):
        self.site, self.token = site, site.token()

    def call(self, method, path, body=None, status=200):
        answer = self.site.request(method, path, body, {
            "Authorization": f"Bearer {self.token}"})
        assert answer.status == status, answer.text
        return answer.json if answer.text else None

    def meet(self, *invited, start="2031-03-04T10:00:00+01:00", **more):
        begin = datetime.datetime.fromisoformat(start)
        end = begin + datetime.timedelta(minutes=45)
        return self.call("POST", "/v1/meetings", {
            "title": "Plän & <b>", "start": start, "end": end.isoformat(),
            "timezone": "Europe/Berlin", "password": "Geheim9",
            "invitees": [{"email": e} for e in invited], **more})



def person():
    return f"p{secrets.token_hex(4)}@x.test"


def told(site, *people):
    """No row of theirs is to be told any more."""
    wait_until(lambda: site.cluster.sql(
        "gsb", "SELECT count(*) FILTER (WHERE told >= sequence) = %s FROM "
        "invitation WHERE email = ANY (%s)", len(people), list(people))[0][0],
        60, what="all of them told")


def tried(site, address):
    return site.cluster.sql("gsb", "SELECT tries FROM invitation WHERE email "
                            "= %s AND told < 0", address)[0][0] > 0


def test_invited_changed_uninvited_cancelled(site, mailbox):
    api, ann, bob = Api(site), person(), person()
    meeting = api.meet(ann, bob, recurrence="FREQ=WEEKLY;COUNT=5")
    mail = mailbox.wait(ann, 1)
    plain, lines, method = parts(mail)
    assert mail["Subject"] == "Invitation: Plän & <b>" and method == "REQUEST"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert f"/acme/m.php?AT=JM&MK={meeting['meetingNumber']}" in plain
    assert "Password: Geheim9" in plain and "2031-03-04 10:00" in plain
    assert lines["METHOD"] == "REQUEST" and lines["RRULE"]
    assert lines["ATTENDEE;ROLE=REQ-PARTICIPANT;RSVP=FALSE"] == "mailto:" + ann
    assert lines["ORGANIZER"].startswith("mailto:")
    uid, first = lines["UID"], int(lines["SEQUENCE"])
    mailbox.wait(bob, 1)

    api.call("PATCH", f"/v1/meetings/{meeting['id']}", {"title": "Other"})
    _, lines, method = parts(mailbox.wait(ann, 2))
    assert (method, lines["UID"]) == ("REQUEST", uid)
    assert lines["SUMMARY"] == "Other" and int(lines["SEQUENCE"]) > first
    second = int(lines["SEQUENCE"])
    mailbox.wait(bob, 2)

    guests = api.call("GET", f"/v1/meetingInvitees?meetingId={meeting['id']}")
    gone = next(g for g in guests["items"] if g["email"] == bob)
    api.call("DELETE", f"/v1/meetingInvitees/{gone['id']}", status=204)
    mail = mailbox.wait(bob, 3)
    assert mail["Subject"] == "Cancelled: Other"
    assert parts(mail)[2] == "CANCEL"
    assert len(mailbox.to(ann)) == 2

    api.call("DELETE", f"/v1/meetings/{meeting['id']}", status=204)
    _, lines, method = parts(mailbox.wait(ann, 3))
    assert (method, lines["STATUS"]) == ("CANCEL", "CANCELLED")
    assert lines["UID"] == uid and int(lines["SEQUENCE"]) > second
    told(site, ann, bob)
    assert (len(mailbox.to(ann)), len(mailbox.to(bob))) == (3, 3)


def test_what_tells_nothing_new_tells_nobody(site, mailbox):
    api, ann, late = Api(site), person(), person()
    meeting = api.meet(ann)
    mailbox.wait(ann, 1)
    same = {"title": meeting["title"]}
    api.call("PATCH", f"/v1/meetings/{meeting['id']}", same)
    api.call("POST", "/v1/meetingInvitees", {
        "meetingId": meeting["id"], "email": late})
    mailbox.wait(late, 1)
    over = api.meet(ann, start="2020-03-04T10:00:00+01:00")
    api.call("DELETE", f"/v1/meetings/{over['id']}", status=204)
    told(site, ann, late)
    assert len(mailbox.to(ann)) == 1


def test_reminders_of_each_occurrence_once(site, mailbox):
    api, ann, bob, eve = Api(site), person(), person(), person()
    soon = datetime.datetime.now(datetime.timezone.utc).replace(
        microsecond=0) + datetime.timedelta(minutes=14)
    api.meet(ann, start=soon.isoformat())
    api.meet(bob, start=soon.isoformat(), recurrence="FREQ=DAILY")
    api.meet(eve, start=(soon - datetime.timedelta(days=3)).isoformat(),
             recurrence="FREQ=DAILY")
    for who in (ann, bob, eve):
        mailbox.wait(who, 2)
        kinds = sorted(m["Subject"].split(":")[0] for m in mailbox.to(who))
        assert kinds == ["Invitation", "Reminder"]
    reminded = "SELECT remind FROM invitation WHERE email = %s"
    wait_until(lambda: site.cluster.sql("gsb", reminded, ann)[0][0] is None)
    wait_until(lambda: site.cluster.sql("gsb", reminded, bob)[0][0] ==
               soon + datetime.timedelta(days=1))
    told(site, ann, bob, eve)
    assert [len(mailbox.to(who)) for who in (ann, bob, eve)] == [2, 2, 2]


def test_refused_for_now_and_for_good(site, mailbox):
    api, ann, bob = Api(site), person(), person()
    mailbox.refuse = "550 nobody of that name"
    tries = mailbox.tries
    api.meet(ann)
    told(site, ann)
    assert mailbox.tries == tries + 1
    mailbox.refuse = "451 later"
    api.meet(bob)
    wait_until(lambda: tried(site, bob))
    mailbox.refuse = None
    site.cluster.sql("gsb", "UPDATE invitation SET due = now() WHERE email "
                     "= %s", bob)
    mailbox.wait(bob, 1)
    assert not mailbox.to(ann)


def test_the_other_site_goes_on_where_this_one_ended(site, mailbox):
    """Its database is the same one here: what replicates is tested there."""
    api, ann, bob = Api(site), person(), person()
    meeting = api.meet(ann)
    mailbox.wait(ann, 1)
    told(site, ann)
    mailbox.refuse = "451 later"
    api.meet(bob)
    other = Site("backup", site.cluster, more=mailbox.conf())
    try:
        wait_until(lambda: tried(site, bob))
        site.stop()
        mailbox.refuse = None
        site.cluster.sql("gsb", "UPDATE invitation SET due = now() WHERE "
                         "email = %s", bob)
        other.start()
        other.keep()
        mailbox.wait(bob, 1)
        Api(other).call("PATCH", f"/v1/meetings/{meeting['id']}",
                        {"title": "Moved"})
        assert mailbox.wait(ann, 2)["Subject"] == "Updated: Moved"
        told(site, ann, bob)
        assert (len(mailbox.to(ann)), len(mailbox.to(bob))) == (2, 1)
    finally:
        other.close()


def test_a_configuration_that_cannot_be_is_refused(site):
    for lines, says in (("smtp = 127.0.0.1:25", "smtp://HOST:PORT"),
                        ("smtp = smtp://127.0.0.1", "from"),
                        (f"smtp = smtp://127.0.0.1\nfrom = {FROM}\n"
                         "password_file = /nonexistent", "password_file")):
        one = Site("primary", site.cluster, more="[mail]\n" + lines)
        done = one.migrate(check=False)
        one.close()
        assert done.returncode != 0 and says in done.stderr, done.stderr
