"""Pages for people, as a browser without scripts meets them."""
import base64
import json
import re
import secrets
import urllib.parse

import pytest

from page_person import FORM, MEETING, PASSWORD, Person, account, said
from site_alone import URL, Site

EVIL = "\"><script>alert(1)</script>'; DROP TABLE meeting; -- {{csrf}}"


@pytest.fixture(name="site", scope="module")
def made_site():
    made = Site()
    try:
        made.start()
        made.keep()
        for number, name in enumerate(("acme", "other"), 1):
            assert made.add_company(name, number).status == 200
        yield made
    finally:
        made.close()


@pytest.fixture(name="admin", scope="module")
def made_admin(site):
    return Person(site, "admin")


def test_logging_in_and_out(site):
    nobody = Person(site)
    assert nobody.get("").status == 200
    for path in ("schedule", "profile", "admin/accounts", "meetings/1"):
        answer = nobody.get(path)
        assert answer.status == 401 and 'type="password"' in answer.text
        assert f'value="/acme/{path}"' in answer.text
    for user, password in (("admin", "wrong"), ("nobody", "wrong"),
                           ("no@body", "wrong")):
        answer = nobody.post("login", user=user, password=password)
        assert answer.status == 401
        assert said(answer) == ["Incorrect user or password"]
    for to, there in (("/acme/schedule", "/acme/schedule"),
                      ("//evil.test/", "/acme/"), ("/acme//evil", "/acme/"),
                      ("https://evil.test", "/acme/"), ("/acme/\\x", "/acme/"),
                      ("/other/", "/acme/")):
        answer = nobody.post("login", user="admin", password=PASSWORD, to=to)
        assert (answer.status, answer.headers["location"]) == (303, there)
    stolen = dict(nobody.cookies)
    assert nobody.get("profile").status == 200
    assert nobody.send("logout").headers["location"] == \
        "/acme/login?said=out"
    nobody.cookies = stolen
    assert nobody.get("profile").status == 401
    assert nobody.get("join").status == 200


def test_under_https_cookies_and_answers_say_so(site):
    """RFC 6797, and cookies that only this very host can set."""
    secure = Site("primary", cluster=site.cluster, url="https://meet.test")
    try:
        secure.start()
        secure.keep()
        login = urllib.parse.urlencode({"user": "admin",
                                        "password": PASSWORD})
        answer = secure.request("POST", "/acme/login", login,
                                {"Content-Type": FORM})
        assert re.fullmatch(r"__Host-gsb=[^;]+; Path=/; HttpOnly; "
                            r"SameSite=Lax; Secure",
                            answer.headers["set-cookie"])
        for method, path, body in (
                ("GET", "/acme/login", None), ("GET", "/v1/people/me", None),
                ("POST", "/WBXService/XMLService", "<a/>"),
                ("GET", "/acme/assets/style.css", None),
                ("POST", "/v1/meetings", "x" * (2 << 20))):
            for at, wanted in ((secure, "max-age=31536000"), (site, None)):
                answer = at.request(method, path, body)
                assert answer.headers.get(
                    "strict-transport-security") == wanted, path
                assert answer.headers["x-content-type-options"] == "nosniff"
    finally:
        secure.close()


def test_every_page_has_its_policy(site, admin):
    for path in ("", "login", "schedule", "profile", "join", "reports",
                 "clients", "admin/accounts", "admin/settings", "nothing"):
        answer = admin.get(path)
        policy = dict(part.split(" ", 1) for part in
                      answer.headers["content-security-policy"].split("; "))
        assert policy["default-src"] == "'none'"
        assert policy["frame-ancestors"] == policy["base-uri"] == "'none'"
        assert {policy[k] for k in ("script-src", "style-src", "connect-src",
                                    "form-action")} == {"'self'"}
        assert answer.headers["referrer-policy"] == "same-origin"
        assert answer.headers["cache-control"] == "no-store"
        assert not [k for k in answer.headers
                    if k == "server" or k.startswith("access-control")]
        assert not re.search(r"<script(?! type=\"module\" src=)|<style|"
                             r" on\w+=|style=", answer.text), path


def test_a_session_is_no_token_and_not_another_companys(site, admin):
    session = next(iter(admin.cookies.values()))
    assert site.request("GET", "/v1/people/me", headers={
        "Authorization": f"Bearer {session}"}).status == 401
    assert admin.get("/other/profile").status == 401
    other = Person(site)
    other.cookies = {"gsb": site.token()}
    assert other.get("profile").status == 401


def test_who_mistypes_a_path_is_still_at_home(site, admin):
    for who, way in ((admin, "/acme/profile"), (Person(site), "/acme/login")):
        answer = who.get("meetingz")
        assert answer.status == 404 and "<h1>Not found</h1>" in answer.text
        assert "/acme/assets/style.css" in answer.text
        assert f'href="{way}"' in answer.text
    assert "style.css" not in site.request("GET", "/nobody/meetingz").text


def test_forms_of_others_are_refused(admin):
    for headers in ({"Sec-Fetch-Site": "cross-site"},
                    {"Sec-Fetch-Site": "same-site"},
                    {"Origin": "https://evil.test"}, {"Origin": "null"}):
        answer = admin.post("schedule", headers, csrf=admin.csrf(), **MEETING)
        assert answer.status == 403, headers
        answer = Person(admin.site).post("login", headers, user="admin",
                                         password=PASSWORD)
        assert answer.status == 403, headers
    for csrf in ("", "k1.AAAA", Person(admin.site, "admin").csrf()):
        assert admin.post("schedule", csrf=csrf, **MEETING).status == 403
    assert admin.post("schedule", {"Origin": URL}, csrf=admin.csrf(),
                      **MEETING).status == 303


def test_a_meeting_is_scheduled_changed_and_cancelled(site, admin):
    number = admin.schedule(repeat="weekly", every="2", until="2031-05-01",
                            invite="a@x.test, b@x.test\nc@x.test", early="1")
    page = admin.get(f"meetings/{number}").text
    for text in ("Tue 4 Mar 2031, 10:00", "Every 2 weeks until 05/01/2031",
                 "c@x.test", "Geheim9"):
        assert text in page, text
    calendar = admin.get(f"meetings/{number}/meeting.ics")
    assert calendar.headers["content-type"] == "text/calendar; charset=utf-8"
    assert "DTSTART;TZID=Europe/Paris:20310304T100000" in calendar.text
    form = admin.get(f"meetings/{number}/edit").text
    assert 'value="keep" selected' in form and "b@x.test" in form
    answer = admin.send(f"meetings/{number}/edit", **{
        **MEETING, "repeat": "keep", "name": "Other", "invite": "b@x.test"})
    assert answer.status == 303, said(answer)
    page = admin.get(f"meetings/{number}").text
    assert "Other" in page and "a@x.test" not in page
    assert "Every 2 weeks" in page
    assert admin.send(f"meetings/{number}/cancel").status == 303
    assert admin.get(f"meetings/{number}").status == 404


def test_a_form_that_is_sent_twice_is_one_meeting(admin):
    form = {**MEETING, "csrf": admin.csrf(), "once": "o" + secrets.token_hex(8)}
    first, second = (admin.post("schedule", **form) for _ in range(2))
    assert first.headers["location"] == second.headers["location"]
    form["name"] = "Another"
    third = admin.post("schedule", **form)
    assert third.status == 303
    assert third.headers["location"] != first.headers["location"]


def test_meetings_of_others(site, admin):
    number = admin.schedule()
    guest = account(admin)
    invited = admin.schedule(invite=f"{guest}@acme.test")
    person = Person(site, guest)
    for method, path in (("GET", ""), ("GET", "/edit"), ("POST", "/cancel"),
                         ("GET", "/meeting.ics")):
        answer = person.send(f"meetings/{number}{path}") \
            if method == "POST" else person.get(f"meetings/{number}{path}")
        assert answer.status in (403, 404), path
        assert "Geheim9" not in answer.text
    page = person.get(f"meetings/{invited}")
    assert page.status == 200 and "Geheim9" not in page.text
    assert f"meetings/{invited}" in person.get("?when=invited").text
    assert person.get("admin/accounts").status == 403
    assert person.send("admin/accounts/new", user="x").status == 403


def test_guests_join_with_the_password(site, admin):
    number = admin.schedule(name="<b>Room</b>")
    guest = Person(site)
    form = guest.get(f"join/{number}").text
    assert "&lt;b&gt;Room" in form and "Geheim9" not in form
    for name, password in (("Ann", "wrong"), ("Ann", ""), ("", "Geheim9"),
                           ("a\nb", "Geheim9"), ("x" * 65, "Geheim9")):
        answer = guest.post(f"join/{number}", name=name, password=password)
        assert answer.status in (400, 403) and said(answer), name
    assert guest.get(f"room/{number}").headers["location"] == \
        f"/acme/join/{number}"
    assert guest.get(f"room/{number}/path").status == 403
    answer = guest.post(f"join/{number}", name=EVIL[:60], password="Geheim9")
    assert answer.headers["location"] == f"/acme/room/{number}"
    room = guest.get(f"room/{number}")
    assert room.status == 200 and "<b>Room" not in room.text
    path = guest.get(f"room/{number}/path").json["roomPath"]
    assert path.startswith(f"/acme/ws/P/{number}?t=join.")
    other = admin.schedule()
    guest.cookies[f"gsb-join-{other}"] = guest.cookies[f"gsb-join-{number}"]
    assert guest.get(f"room/{other}/path").status == 403
    assert admin.get(f"join/{number}").headers["location"] == \
        f"/acme/room/{number}"


def test_guesses_of_a_meetings_password_are_counted(site, admin):
    number = admin.schedule()

    def guess(password, address):
        return site.request("POST", f"/acme/join/{number}", urllib.parse.
                            urlencode({"name": "Ann", "password": password}),
                            {"Content-Type": FORM}, address=address).status

    here, there = "203.0.113.9", "203.0.113.10"
    assert [guess("wrong", here) for _ in range(10)] == [403] * 9 + [423]
    assert guess("Geheim9", here) == guess("wrong", here) == 423
    assert guess("Geheim9", there) == 303
    token = site.token(user=account(admin))
    for password, address, status in (("Geheim9", here, 423),
                                      ("wrong", there, 403),
                                      ("Geheim9", there, 200)):
        answer = site.request(
            "POST", "/v1/meetings/join", {"meetingNumber": number,
                                          "password": password},
            {"Authorization": f"Bearer {token}"}, address=address)
        assert answer.status == status, answer.text


def test_a_guest_who_comes_again_is_known_and_waits_in_the_lobby(site, admin):
    number = admin.schedule(lobby="1")
    assert 'name="lobby" value="1" checked' in \
        admin.get(f"meetings/{number}/edit").text
    guest = Person(site)
    guest.post(f"join/{number}", name="Zoë", password="Geheim9")
    assert 'name="name" value="Zoë"' in guest.get(f"join/{number}").text
    token = guest.get(f"room/{number}/path").json["roomPath"].split(".")[2]
    assert json.loads(base64.urlsafe_b64decode(token + "==="))["l"] is True


def test_a_file_is_put_and_served(site, admin):
    person = Person(site, account(admin))

    def put(path, body, who=admin, **headers):
        if who.cookies and not headers:
            headers = {"X-GSB-Form": who.csrf()}
        return who.request("PUT", "admin/files/put?path=" +
                           urllib.parse.quote(path), body, **headers).status

    page = b"<h1>Hello</h1>"
    assert put("pages/a/hello.html", page) == 200
    assert put("clients/big.bin", b"x" * (2 << 20)) == 200
    for path in ("", "pages", "pages/", "other/x", "pages/../x", "pages//x",
                 "pages/x\0y"):
        assert put(path, page) == 400, path
    assert put("pages/x", page, **{"X-GSB-Form": "k1.AAAA"}) == 403
    assert put("pages/x", page, person) == 403
    assert put("pages/x", page, Person(site)) == 401
    assert put("pages/x", b"x" * (2 << 20), Person(site)) == 413
    assert admin.get("pages/a/hello.html").text == page.decode()
    for path, size in (("pages/a/hello.html", len(page)),
                       ("clients/big.bin", 2 << 20)):
        answer = admin.request("HEAD", path)
        assert (answer.status, answer.text) == (200, "")
        assert answer.headers["content-length"] == str(size)
    assert "a/hello.html" in admin.get("admin/files").text
    assert person.get("admin/files").status == 403
    form = urllib.parse.urlencode({"csrf": admin.csrf(),
                                   "path": "pages/a/hello.html"})
    for status in (303, 404):
        answer = admin.request("POST", "admin/files/remove", form,
                               **{"Content-Type": FORM})
        assert answer.status == status
        assert admin.get("pages/a/hello.html").status == 404


def test_evil_in_every_field_is_text_or_refused(site, admin):
    name = account(admin)
    person = Person(site, name)
    number = person.schedule()
    forms = [(admin, "admin/accounts/new", {
        "user": "u", "email": "e@x.test", "first": "", "last": "",
        "display": "", "password": PASSWORD, "isHost": "1"}),
             (person, "schedule", MEETING),
             (person, f"meetings/{number}/edit", MEETING),
             (person, "profile", {"first": "", "last": "", "display": "",
                                  "zone": "23", "present": "",
                                  "password": "", "repeat": ""}),
             (Person(site), "login", {"user": "", "password": "", "to": ""}),
             (Person(site), f"join/{number}", {"name": "", "password": ""})]
    for who, path, fields in forms:
        csrf = {"csrf": who.csrf()} if who.cookies else {}
        for field in fields:
            for evil in (EVIL, "x" * 20000, "\u202e\x01", "%s%n", "\ud7ff\U0001f600"):
                answer = who.post(path, **{**fields, **csrf, field: evil})
                assert answer.status < 500, (path, field, answer.text)
                assert "<script>alert" not in answer.text, (path, field)
                if answer.status == 303 and path != "login":
                    page = who.get(answer.headers["location"])
                    assert "<script>alert" not in page.text, (path, field)
    for raw in (b"name=%ff%fe", b"name=%00", b"name=%zz", b"%", b"\xff=\xff"):
        answer = person.request("POST", "schedule", raw + b"&csrf=" +
                                person.csrf().encode(),
                                **{"Content-Type": FORM})
        assert answer.status == 400, raw
    assert "Plan" in person.get("").text
    for query in ("when=x", "page=-1", "page=999999999999", "page=x",
                  "when=%ff", "said=" + urllib.parse.quote(EVIL)):
        answer = person.get("?" + query)
        assert answer.status == 200 and "<script>alert" not in answer.text


def test_back_leads_to_other_hosts_only_on_demand(site, admin):
    ticket = re.search(r"TK=([^&]+)", login_url(site))[1]

    def come(back, **cookies):
        person = Person(site)
        person.cookies = cookies
        return person.get(f"p.php?AT=LI&WID=admin&TK={ticket}&MU=GoBack&BU=" +
                          urllib.parse.quote(back))

    answer = come("")
    assert answer.status == 303 and answer.headers["location"] == "/acme/"
    assert answer.headers["set-cookie"].startswith("gsb=session.")
    answer = come("/acme/schedule?a=b")
    assert answer.headers["location"] == \
        "/acme/schedule?a=b&AT=LI&ST=SUCCESS"
    answer = come(URL + "/acme/#x")
    assert answer.headers["location"] == URL + "/acme/?AT=LI&ST=SUCCESS"
    for back in ("https://evil.test/x", "HTTP://evil.test"):
        answer = come(back)
        assert answer.status == 200 and "Go to" in answer.text, back
        assert "location" not in answer.headers
    for back in ("//evil.test", "javascript:alert(1)", "/\\evil.test",
                 "https://a@evil.test", URL + ".evil.test/", "https:///x",
                 "https://evil.test\r\nX: y", "data:text/html,x"):
        answer = come(back)
        assert "javascript:" not in answer.text and "data:" not in answer.text
        assert not answer.headers.get("location", "/acme/").startswith(
            ("//", "http", "javascript", "data")), back
    assert Person(site).get(
        f"p.php?AT=LI&WID=somebody&TK={ticket}").status == 401
    assert Person(site).get("p.php?AT=LI&WID=admin&TK=x&BU=/acme/").headers[
        "location"] == "/acme/?AT=LI&ST=FAIL&RS=InvalidTicket"


def login_url(site):
    answer = site.request("POST", "/WBXService/XMLService", (
        '<message><header><securityContext><webExID>admin</webExID>'
        f"<password>{PASSWORD}</password><siteName>acme</siteName>"
        "</securityContext></header><body><bodyContent xsi:type="
        '"java:com.webex.service.binding.user.GetloginurlUser">'
        "<webExID>admin</webExID></bodyContent></body></message>"))
    return answer.text.replace("&amp;", "&")


def test_the_pages_of_integrations(site, admin):
    number = admin.schedule()
    answer = Person(site).get(f"m.php?AT=JM&MK={number}&AN=Ann&PW=x")
    assert answer.headers["location"] == \
        f"/acme/join/{number}?name=Ann&password=x"
    assert Person(site).get(f"m.php?AT=HM&MK={number}").status == 401
    assert admin.get(f"m.php?AT=HM&MK={number}").headers["location"] == \
        f"/acme/join/{number}"
    assert admin.get(f"e.php?AT=SI&MK={number}").headers["location"] == \
        f"/acme/meetings/{number}"
    for path in ("m.php", "m.php?AT=JM&MK=1", "e.php?MK=x", "j.php",
                 "j.php?MTID=m" + "0" * 32, "j.php?MTID=x"):
        assert admin.get(path).status == 404, path
    leaving = Person(site, "admin")
    assert leaving.get("p.php?AT=LO").headers["location"] == \
        "/acme/login?said=out"


def test_an_accounts_rights_and_password(site, admin):
    name = account(admin)
    person = Person(site, name)
    taken = admin.send("admin/accounts/new", user=name, email="z@x.test",
                       password=PASSWORD)
    assert taken.status == 409 and said(taken) == ["webExId already exists"]
    new = {"first": "A", "last": "B", "display": "Ab", "zone": "23",
           "password": "Neu-1", "repeat": "Neu-1"}
    assert person.send("profile", **new, present="wrong").status == 401
    assert person.send("profile", **{**new, "repeat": "x"},
                       present=PASSWORD).status == 400
    assert person.send("profile", **new, present=PASSWORD).headers[
        "location"] == "/acme/login?said=password"
    assert person.get("profile").status == 401
    Person(site, name, "Neu-1")
    page = admin.get("admin/accounts?find=" + name).text
    link = re.search(r'href="/acme/(admin/accounts/[0-9a-f-]{36})"', page)[1]
    assert admin.send(link, user=name, email=f"{name}@acme.test",
                      isHost="1").status == 303
    refused = Person(site).post("login", user=name, password="Neu-1")
    assert refused.status == 403 and "not active" in refused.text


def test_how_hard_a_new_password_is_to_guess(site, admin):
    def judged(person, password, status=200):
        answer = person.post("strength", csrf=person.csrf(),
                             password=password)
        assert answer.status == status, answer.text
        return answer.json
    levels = [judged(admin, p)["strength"] for p in (
        "password", "acme1234", "blue horse", "zebra cloud 91 mast")]
    assert levels == sorted(levels) and levels[0] == 0 and levels[3] == 4
    assert "very weak" in judged(admin, "Passw0rd!")["words"]
    assert "at most 128" in judged(admin, "x" * 129, 400)["message"]
    assert admin.post("strength", password="x").status == 403
    assert Person(site).post("strength", password="x").status == 401


def test_more_of_what_was_looked_for(site, admin):
    name = "Ann & <Co>"
    site.cluster.sql("gsb", """
        INSERT INTO account (id, company_id, number, webexid, email,
            first_name)
        SELECT gen_random_uuid(), id, new_number('account'), 'co' || i,
            'co' || i || '@acme.test', %s
        FROM company, generate_series(100, 126) i WHERE name = 'acme'""",
                     name)
    page = admin.get("admin/accounts?find=" + urllib.parse.quote(name)).text
    seen = re.findall(r"co\d+@", page)
    link = re.search(r'href="/acme/([^"]+)">More<', page)[1]
    page = admin.get(link.replace("&amp;", "&")).text
    found = re.findall(r"co\d+@", page)
    assert len(seen) == 25 and len(found) == 2 and not set(seen) & set(found)
    link = re.search(r'href="/acme/([^"]+)">Back<', page)[1]
    page = admin.get(link.replace("&amp;", "&")).text
    assert re.findall(r"co\d+@", page) == seen


def test_settings_are_the_primarys(site, admin):
    now = {"length": "8", "digit": "1", "join_before_host": "1",
           "back": "https://portal.example\n"}
    for wrong in ({"length": "0"}, {"length": "x"}, {"length": "61"},
                  {"back": "javascript:alert(1)"}, {"back": EVIL}):
        answer = admin.send("admin/settings", **{**now, **wrong})
        assert answer.status == 400 and said(answer), wrong
    assert admin.send("admin/settings", **now).status == 303
    page = admin.get("admin/settings").text
    assert 'value="8"' in page and "https://portal.example" in page
    weak = admin.send("admin/accounts/new", user="weak", email="w@x.test",
                      password="short")
    assert weak.status == 400 and said(weak)
    ticket = re.search(r"TK=([^&]+)", login_url(site))[1]
    answer = Person(site).get(f"p.php?AT=LI&WID=admin&TK={ticket}"
                              "&BU=https://portal.example/x")
    assert answer.headers["location"] == \
        "https://portal.example/x?AT=LI&ST=SUCCESS"
    assert admin.send("admin/settings", length="1", back="").status == 303


def test_on_the_backup_settings_are_read_only_and_say_why(site):
    backup = Site("backup", cluster=site.cluster)
    try:
        backup.start()
        backup.keep()
        person = Person(backup, "admin")
        page = person.get("admin/settings").text
        assert "Read-only here" in page and "<fieldset disabled" in page
        assert "Save" not in page and "Site: Backup" in page
        assert "belong to the primary" in page
        answer = person.send("admin/settings", length="9", back="")
        assert answer.status == 403
        assert "belong to the primary" in said(answer)[0]
        assert 'value="9"' not in person.get("admin/settings").text
        assert "belong to the primary" in person.get("admin/files").text
        for size in (9, 3 << 20):
            answer = person.request("PUT", "admin/files/put?path=pages/x",
                                    b"x" * size,
                                    **{"X-GSB-Form": person.csrf()})
            assert answer.status == 403, (size, answer.text)
            assert "belong to the primary" in answer.text, size
        form = urllib.parse.urlencode({"csrf": person.csrf(),
                                       "path": "pages/x"})
        answer = person.request("POST", "admin/files/remove", form,
                                **{"Content-Type": FORM})
        assert answer.status == 403
        assert "belong to the primary" in said(answer)[0]
    finally:
        backup.close()


def test_reports(site, admin):
    for path in ("reports", "reports?days=7", "reports?days=x"):
        answer = admin.get(path)
        assert answer.status == 200 and "No meeting has" in answer.text
        assert "<svg" not in answer.text and "<table" not in answer.text
    table = admin.get("reports.csv?days=90")
    assert table.headers["content-type"] == "text/csv;charset=UTF-8"
    assert table.text.startswith("number,title,host,started")
