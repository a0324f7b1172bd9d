"""Invitations, updates, cancellations and reminders by mail: each once, from
the site that serves, whichever site that is."""
import asyncio
import datetime
import email
import email.policy
import secrets
import signal
import threading

import pytest
from aiosmtpd.controller import Controller

from ports import free_port
from site_alone import Site
from wait import wait_until

FROM = "meet@gsb.test"


class Mailbox:
    """A mail server that keeps what it takes; refuse: its answer instead, to
    all or to one; hang: whom it lets wait, once; when it has hold mails, it
    lets everybody wait; worn: so many mails it takes on one connection."""

    def __init__(self):
        self.refuse, self.refuse_to = None, {}
        self.hang, self.hanging = set(), set()
        self.hold, self.held = 10 ** 9, set()
        self.worn, self.served = 10 ** 9, {}
        self.tries, self.tried, self.mails = 0, [], []
        self.quits = 0
        self.port = free_port()
        self.controller = Controller(self, hostname="127.0.0.1",
                                     port=self.port)
        self.controller.start()

    async def handle_MAIL(self, _server, session, envelope, address,
                          options):
        if self.served.get(session.peer, 0) >= self.worn:
            return "421 too many on this connection"
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 OK"

    async def handle_RCPT(self, _server, _session, envelope, address,
                          options):
        if address in self.hang:
            self.hang.remove(address)
            self.hanging.add(address)
            while address in self.hanging:
                await asyncio.sleep(0.01)
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 OK"

    async def handle_QUIT(self, _server, _session, _envelope):
        """Some server never answers it: who waits for that stands still."""
        self.quits += 1
        await asyncio.sleep(1000)

    async def handle_DATA(self, _server, session, envelope):
        self.tries += 1
        mail = email.message_from_bytes(envelope.content,
                                        policy=email.policy.default)
        to = mail["To"].addresses[0].addr_spec
        assert envelope.mail_from == FROM and envelope.rcpt_tos == [to]
        self.tried.append((to, mail["Subject"]))
        refuse = self.refuse or self.refuse_to.get(to)
        if refuse:
            return refuse
        while len(self.mails) >= self.hold:
            self.held.add(to)
            await asyncio.sleep(0.01)
        self.served[session.peer] = self.served.get(session.peer, 0) + 1
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

    def meet(self, *invited, start="2031-03-04T10:00:00+01:00",
             title="Plän & <b>", **more):
        begin = datetime.datetime.fromisoformat(start)
        end = begin + datetime.timedelta(minutes=45)
        return self.call("POST", "/v1/meetings", {
            "title": title, "start": start, "end": end.isoformat(),
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


def test_who_owns_an_account_is_told_of_changes(site, mailbox):
    api, old, new = Api(site), person(), person()
    made = api.call("POST", "/v1/people", {
        "emails": [old], "webExId": old, "password": "Geheim-2",
        "firstName": "A", "lastName": "B"})
    path = "/v1/people/" + made["id"]
    same = {"emails": [old], "firstName": "Ann", "lastName": "B"}
    api.call("PUT", path, same)  # of names nobody is told
    api.call("PUT", path, {**same, "password": "Neues-Wort-3"})
    mail = mailbox.wait(old, 1)
    assert mail["Subject"] == "Your account has changed: acme"
    text = mail.get_content()
    assert "new password" in text and "address is" not in text and old in text
    assert "Neues" not in text
    api.call("PUT", path, {**same, "emails": [new]})
    text = mailbox.wait(old, 2).get_content()
    assert f"address is {new} now" in text and "password" not in text
    told(site, old, old)
    assert not mailbox.to(new) and len(mailbox.to(old)) == 2


def test_one_who_is_stuck_holds_up_nobody_else(site, mailbox):
    api, ann = Api(site), person()
    everybody = [person() for _ in range(50)]
    before = set(mailbox.served)
    mailbox.hang.add(ann)
    api.meet(ann, title="First")
    wait_until(lambda: ann in mailbox.hanging, 60, what="one that waits")
    api.meet(ann, title="Second")
    api.meet(*everybody)
    told(site, *everybody)
    assert all(len(mailbox.to(who)) == 1 for who in everybody)
    assert site.cluster.sql("gsb", "SELECT max(tries) = 0 FROM invitation "
                            "WHERE email = %s", ann)[0][0]  # still the first
    # few connections, each for many mails
    assert len(set(mailbox.served) - before) <= 16
    mailbox.hanging.discard(ann)
    told(site, ann, ann)
    assert [m["Subject"] for m in mailbox.to(ann)] == [
        "Invitation: First", "Invitation: Second"]


def test_what_was_refused_for_now_comes_before_what_is_newer(site, mailbox):
    api, ann, bob = Api(site), person(), person()
    mailbox.refuse_to[ann] = "451 later"
    api.meet(ann, title="First")
    wait_until(lambda: tried(site, ann))
    api.meet(ann, title="Second")
    api.meet(bob)
    told(site, bob)
    assert {text for to, text in mailbox.tried if to == ann} == {
        "Invitation: First"}
    del mailbox.refuse_to[ann]
    site.cluster.sql("gsb", "UPDATE invitation SET due = now() WHERE email "
                     "= %s", ann)
    told(site, ann, ann)
    assert [m["Subject"] for m in mailbox.to(ann)] == [
        "Invitation: First", "Invitation: Second"]


def test_given_up_in_the_end(site, mailbox):
    api, ann, late = Api(site), person(), person()
    before = site.lease(ask=True).json["mail"]
    for who in (ann, late):
        mailbox.refuse_to[who] = "451 later"
    api.meet(ann)
    api.meet(late)
    wait_until(lambda: tried(site, ann) and tried(site, late))

    def ended():
        """As if days had gone; and the meeting of the other one is over."""
        site.cluster.sql("gsb", "UPDATE invitation SET tries = 499, due = "
                         "now() WHERE email = %s AND told < 0", ann)
        site.cluster.sql("gsb", "UPDATE invitation SET due = now(), content "
                         "= content || '{\"ends_us\": 1}' WHERE email = %s "
                         "AND told < 0", late)
        return site.cluster.sql("gsb", "SELECT count(*) = 2 FROM invitation "
                                "WHERE email IN (%s, %s) AND told >= 0",
                                ann, late)[0][0]
    wait_until(ended, 60, what="both given up")
    after = site.lease(ask=True).json["mail"]
    assert after["given_up"] == before["given_up"] + 2
    assert after["failed_tries"] > before["failed_tries"]
    assert not mailbox.to(ann) and not mailbox.to(late)
    with open(site.log, encoding="utf-8") as f:
        given = [line for line in f if "given_up=yes" in line]
    assert any("try=500" in line for line in given)
    assert any("the meeting is over" in line for line in given)


def test_connections_on_which_no_more_is_taken_are_replaced(site, mailbox):
    everybody = [person() for _ in range(20)]
    before = site.lease(ask=True).json["mail"]
    mailbox.worn = 1
    Api(site).meet(*everybody)
    told(site, *everybody)
    mailbox.worn = 10 ** 9
    after = site.lease(ask=True).json["mail"]
    assert after["failed_tries"] == before["failed_tries"]
    assert after["sent"] == before["sent"] + 20
    assert all(len(mailbox.to(who)) == 1 for who in everybody)


def test_a_site_that_dies_in_the_middle_tells_nobody_twice(site, mailbox):
    """What it had marked is told no more. What was on its way may come
    twice, as the same."""
    everybody = [person() for _ in range(12)]
    mailbox.held.clear()
    mailbox.hold = len(mailbox.mails) + 6
    Api(site).meet(*everybody)
    marked = ("SELECT count(*) FROM invitation WHERE told >= sequence AND "
              "email = ANY (%s)")
    wait_until(lambda: len(mailbox.held) == 6 and site.cluster.sql(
        "gsb", marked, everybody)[0][0] == 6, 60, what="half of them told")
    site.stop(signal.SIGKILL)
    mailbox.hold = 10 ** 9
    site.start()
    site.keep()
    told(site, *everybody)
    for who in everybody:
        mails = mailbox.to(who)
        assert 1 <= len(mails) <= 1 + (who in mailbox.held)
        assert len({m["Message-ID"] for m in mails}) == 1


def test_a_site_that_is_stopped_ends_what_it_has_begun(site, mailbox):
    def stops():
        with open(site.log, encoding="utf-8") as f:
            return f.read().count("stop=draining")
    ann, before = person(), stops()
    mailbox.held.clear()
    mailbox.hold = len(mailbox.mails)
    Api(site).meet(ann)
    wait_until(lambda: ann in mailbox.held, 60, what="one on its way")
    stopping = threading.Thread(target=site.stop)
    stopping.start()
    wait_until(lambda: stops() > before)
    mailbox.hold = 10 ** 9
    stopping.join()
    site.start()
    site.keep()
    told(site, ann)
    assert len(mailbox.to(ann)) == 1


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
        if site.process is None:
            site.start().keep()


@pytest.mark.long
def test_g18_a_failover_in_the_middle_tells_nobody_twice(make_pair):
    """What was told is told no more by the other site. What was on its way
    when the primary died may come twice, as the same."""
    box = Mailbox()
    conf = (f"mail.smtp=smtp://127.0.0.1:{box.port}", f"mail.from={FROM}")
    pair = make_pair(*(f"{site}.{line}" for site in ("primary", "backup")
                       for line in conf))
    everybody = [person() for _ in range(8)]
    box.hold = 4
    client = pair.json()
    answer = client.request("POST", "/v1/meetings", {
        "title": "Plan", "start": "2031-03-04T10:00:00Z",
        "end": "2031-03-04T11:00:00Z",
        "invitees": [{"email": e} for e in everybody]})
    assert answer.status == 200, answer.text
    client.close()
    marked = "SELECT 1 FROM invitation WHERE told >= sequence"
    wait_until(lambda: len(box.held) == len(pair.query("backup", marked)) == 4,
               60, what="half of them told")
    pair.kill("primary-web", "primary-collab", "primary-replicator",
              "primary-db")
    wait_until(lambda: pair.detect() == "Backup", 60)
    box.hold = 10 ** 9
    for who in everybody:
        box.wait(who, 1)
    rest = "SELECT 1 FROM invitation WHERE told < sequence"
    wait_until(lambda: not pair.query("backup", rest), 60)
    pair.restore()
    pair.wait_equal()
    assert not pair.query("primary", rest)
    assert all(len(box.to(who)) <= 1 + (who in box.held) for who in everybody)
    for who in box.held:
        assert len({m["Message-ID"] for m in box.to(who)}) == 1
    assert not pair.new_reports() and not pair.died()
    box.controller.stop()


def test_without_a_server_nobody_is_invited(site):
    """As it is without [mail]."""
    ann, bob = person(), person()
    other = Site(cluster=site.cluster)
    try:
        other.start().keep()
        Api(other).meet(ann)
    finally:
        other.close()
    Api(site).meet(bob)
    assert site.cluster.sql("gsb", "SELECT email FROM invitation WHERE email "
                            "IN (%s, %s)", ann, bob) == [(bob,)]


def test_a_configuration_that_cannot_be_is_refused(site):
    for lines, says in (("smtp = 127.0.0.1:25", "smtp://HOST:PORT"),
                        ("smtp = smtp://127.0.0.1", "from"),
                        (f"smtp = smtp://127.0.0.1\nfrom = {FROM}\n"
                         "password_file = /nonexistent", "password_file")):
        one = Site("primary", site.cluster, more="[mail]\n" + lines)
        done = one.migrate(check=False)
        one.close()
        assert done.returncode != 0 and says in done.stderr, done.stderr
