"""People, invitees, filters of the lists and limits of the JSON API."""
import re
import urllib.parse

import pytest

from site_alone import Site, URL
from wait import wait_until

MEETING = {"title": "Plan", "start": "2031-07-02T10:00:00Z",
           "end": "2031-07-02T11:00:00Z"}
NOBODY = "00000000-0000-4000-8000-000000000000"


class Caller:
    def __init__(self, site, token):
        self.site = site
        self.headers = {"Authorization": f"Bearer {token}"}

    def call(self, method, path, body=None, status=200, **headers):
        answer = self.site.request(method, path, body,
                                   {**self.headers, **headers})
        assert answer.status == status, (answer.status, answer.text)
        if status >= 400:
            assert answer.json["message"] and answer.json["trackingId"]
            assert answer.json["errors"][0]["description"]
        return answer

    def __call__(self, *arguments, **how):
        answer = self.call(*arguments, **how)
        return answer.json if answer.text else None

    def pages(self, path):
        """All items, by the Links, which name the public host."""
        items, seen = [], 0
        while path:
            answer = self.call("GET", path)
            items += answer.json["items"]
            link = answer.headers.get("link")
            seen += 1
            assert seen < 50
            if link is None:
                return items, seen
            found = re.fullmatch(r'<(.*)>; rel="next"', link)
            assert found.group(1).startswith(URL + "/v1/")
            path = found.group(1)[len(URL):]
        return items, seen


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
    return Caller(site, site.token())


@pytest.fixture(name="foreign", scope="module")
def made_foreign(site):
    return Caller(site, site.token("other"))


def person(admin, name, **more):
    made = admin("POST", "/v1/people", {
        "emails": [f"{name}@example.com"], "firstName": name.title(),
        "lastName": "Test", "webExId": name, "password": "Pass-" + name,
        "licenses": ["MeetingCenter"], **more})
    return made, Caller(admin.site, admin.site.token(
        "acme", name, "Pass-" + name))


# --- people -------------------------------------------------------------------

def test_people(site, admin, foreign):
    made, ann = person(admin, "ann", displayName="Ann & <Co>")
    path = f"/v1/people/{made['id']}"
    assert made["displayName"] == "Ann & <Co>" and made["loginEnabled"]
    assert ann("GET", "/v1/people/me") == made
    assert ann("GET", path) == made and admin("GET", path) == made
    changed = ann("PUT", path, {"firstName": "Anna", "roles": ["siteAdmin"],
                                "loginEnabled": False})
    assert changed["firstName"] == "Anna"
    assert changed["roles"] == [] and changed["loginEnabled"]
    changed = admin("PUT", path, {"emails": ["new@example.com"],
                                  "roles": ["siteAdmin"], "licenses": []})
    assert changed["emails"] == ["new@example.com"]
    assert changed["roles"] == ["siteAdmin"] and changed["licenses"] == []
    admin("PUT", path, {"roles": []})
    for method, body in (("GET", None), ("PUT", {}), ("DELETE", None)):
        foreign(method, path, body, status=404)
    admin("DELETE", path, status=204)
    assert admin("GET", path)["status"] == "inactive"
    ann("GET", "/v1/people/me", status=403)
    admin("PUT", path, {"loginEnabled": True})
    ann("GET", "/v1/people/me")


def test_people_lists(admin):
    bob, caller = person(admin, "bob", displayName="Bobby Tables")
    for i in range(12):
        person(admin, f"crowd{i}", displayName=f"Crowd {i:02}")
    items, pages = admin.pages("/v1/people?max=5&displayName=crowd")
    assert sorted(p["displayName"] for p in items) == [
        f"Crowd {i:02}" for i in range(12)] and pages == 3
    for query, found in (("email=BOB@example.com", [bob]),
                         (f"id={bob['id']}", [bob]), ("id=x", []),
                         ("displayName=bobby%20t", [bob]),
                         ("email=nobody@x", [])):
        assert admin("GET", f"/v1/people?{query}")["items"] == found, query
    assert caller("GET", "/v1/people")["items"] == [bob]
    caller("GET", f"/v1/people?id={NOBODY}", status=403)


@pytest.mark.parametrize("body, says", [
    ({}, "emails"), ({"emails": []}, "emails"), ({"emails": ["x"]}, "address"),
    ({"emails": ["a@x", "b@x"]}, "one address"), ({"emails": "a@x"}, "emails"),
    ({"emails": ["c@x"], "firstName": "n" * 65}, "firstName"),
    ({"emails": ["c@x"], "roles": ["king"]}, "roles"),
    ({"emails": ["c@x"], "licenses": [1]}, "licenses"),
    ({"emails": ["c@x"], "loginEnabled": "yes"}, "loginEnabled"),
    ({"emails": ["c@x"], "webExId": "a b"}, "webExId"),
    ({"emails": ["c@x"], "password": ""}, "password")])
def test_people_say_what_is_wrong(admin, body, says):
    assert says in admin("POST", "/v1/people", body, status=400)["message"]


def test_people_rights_and_clashes(admin, foreign):
    made, eve = person(admin, "eve")
    eve("POST", "/v1/people", {"emails": ["x@example.com"]}, status=403)
    for method, body in (("GET", None), ("PUT", {}), ("DELETE", None)):
        eve(method, f"/v1/people/{admin('GET', '/v1/people/me')['id']}", body,
            status=403)
        admin(method, f"/v1/people/{NOBODY}", body, status=404)
    admin("POST", "/v1/people", {"emails": ["EVE@example.com"],
                                 "webExId": "eve2"}, status=409)
    admin("POST", "/v1/people", {"emails": ["eve3@example.com"],
                                 "webExId": "EVE"}, status=409)
    admin("DELETE", f"/v1/people/{admin('GET', '/v1/people/me')['id']}",
          status=409)
    admin("PATCH", f"/v1/people/{made['id']}", {}, status=405)
    foreign("POST", "/v1/people", {"emails": ["eve@example.com"]})
    # without a password nobody logs in
    admin.site.request("POST", "/v1/access_token", {})
    admin("POST", "/v1/people", {"emails": ["nopass@example.com"]})
    answer = admin.site.request("POST", "/v1/access_token", {
        "siteName": "acme", "email": "nopass@example.com", "password": "x"})
    assert answer.status == 401


# --- invitees -----------------------------------------------------------------

def test_invitees(admin, foreign):
    _, host = person(admin, "inviter")
    _, other = person(admin, "bystander")
    meeting = host("POST", "/v1/meetings", {
        **MEETING, "invitees": [{"email": "first@x.org"}]})
    path = f"/v1/meetingInvitees?meetingId={meeting['id']}"
    made = host("POST", "/v1/meetingInvitees", {
        "meetingId": meeting["id"], "email": "Guest@x.org",
        "displayName": "Zoë <&>", "coHost": True})
    assert made["coHost"] and not made["panelist"]
    assert made["displayName"] == "Zoë <&>"
    one = f"/v1/meetingInvitees/{made['id']}"
    assert host("GET", one) == made and admin("GET", one) == made
    assert sorted(i["email"] for i in host("GET", path)["items"]) == [
        "Guest@x.org", "first@x.org"]
    changed = host("PUT", one, {"email": "other@x.org", "panelist": True,
                                "coHost": False, "displayName": "Z"})
    assert changed == {**made, "panelist": True, "coHost": False,
                       "displayName": "Z"}
    for i in range(11):
        host("POST", "/v1/meetingInvitees", {"meetingId": meeting["id"],
                                             "email": f"{i}@x.org"})
    items, pages = host.pages(path + "&max=4")
    assert len({i["id"] for i in items}) == 13 and pages == 4
    for method, body in (("GET", None), ("PUT", {}), ("DELETE", None)):
        foreign(method, one, body, status=404)
        other(method, one, body, status=404 if method == "GET" else 403)
        host(method, f"/v1/meetingInvitees/{NOBODY}", body, status=404)
        host(method, "/v1/meetingInvitees/x", body, status=404)
    assert other("GET", path)["items"] == []
    body = {"meetingId": meeting["id"], "email": "a@x.org"}
    other("POST", "/v1/meetingInvitees", body, status=403)
    foreign("POST", "/v1/meetingInvitees", body, status=404)
    host("DELETE", one, status=204)
    host("GET", one, status=404)


@pytest.mark.parametrize("body, says", [
    ({"email": "a@x"}, "meetingId"), ({"meetingId": NOBODY}, "email"),
    ({"meetingId": NOBODY, "email": "x"}, "address"),
    ({"meetingId": NOBODY, "email": "a@x", "coHost": 1}, "coHost"),
    ({"meetingId": NOBODY, "email": "a@x", "displayName": "n" * 129},
     "displayName")])
def test_invitees_say_what_is_wrong(admin, body, says):
    assert says in admin("POST", "/v1/meetingInvitees", body,
                         status=400)["message"]
    admin("GET", "/v1/meetingInvitees", status=400)


# --- filters ------------------------------------------------------------------

def test_filters_of_meetings(admin):
    _, host = person(admin, "filterer")
    made = host("POST", "/v1/meetings", {
        **MEETING, "invitees": [{"email": "In@x.org"}]})
    past = host("POST", "/v1/meetings", {
        **MEETING, "start": "2001-01-01T10:00:00Z",
        "end": "2001-01-01T11:00:00Z"})
    both = [past["id"], made["id"]]
    link = urllib.parse.quote(made["webLink"], safe="")
    for query, found in {
            "": both, f"webLink={link}": [made["id"]], "webLink=x": [],
            "meetingType=meetingSeries": both, "meetingType=meeting": [],
            "participantEmail=in@X.org": [made["id"]],
            "participantEmail=out@x.org": [], "current=true": [made["id"]],
            "current=false": both, f"siteUrl={made['siteUrl']}": both,
            "siteUrl=other.meet.test": []}.items():
        items = host("GET", f"/v1/meetings?{query}")["items"]
        assert [i["id"] for i in items] == found, query
    for query in ("meetingType=x", "current=x", "max=0", "max=101",
                  "cursor=x", "cursor=%%%"):
        host("GET", f"/v1/meetings?{query}", status=400)


def test_pages_are_stable_while_rows_come_and_go(admin):
    _, host = person(admin, "pager")
    made = [host("POST", "/v1/meetings", MEETING)["id"] for _ in range(7)]
    first = host.call("GET", "/v1/meetings?max=3")
    seen = [i["id"] for i in first.json["items"]]
    host("DELETE", f"/v1/meetings/{seen[0]}", status=204)
    host("POST", "/v1/meetings", {**MEETING, "start": "2001-01-01T10:00:00Z",
                                  "end": "2001-01-01T11:00:00Z"})
    rest, _ = host.pages(first.headers["link"].partition(">")[0][
        1 + len(URL):])
    assert sorted(seen + [i["id"] for i in rest]) == sorted(made)


# --- limits -------------------------------------------------------------------

def test_too_many_requests(site, admin):
    with open(site.conf, encoding="ascii") as f:
        whole = f.read()
    site.stop()
    with open(site.conf, "w", encoding="ascii") as f:
        f.write(whole.replace("[web]\n", "[web]\nrate = 3\n"))
    site.start()
    site.keep()
    try:
        answers = [site.request("GET", "/v1/people/me", None, admin.headers)
                   for _ in range(12)]
        refused = [a for a in answers if a.status == 429]
        assert refused and answers[0].status == 200
        assert int(refused[0].headers["retry-after"]) >= 1
        assert refused[0].json["message"] == "Too many requests"
        wait_until(lambda: site.request("GET", "/v1/people/me", None,
                                        admin.headers).status == 200)
    finally:
        site.stop()
        with open(site.conf, "w", encoding="ascii") as f:
            f.write(whole)
        site.start()
        site.keep()
