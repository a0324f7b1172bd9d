"""The JSON API of the site as its clients see it (site-api.md 3)."""
import json
import urllib.parse

import pytest

from site_alone import Site, URL, sign

MEETING = {"title": "Plan", "agenda": "All of it", "password": "Geheim9",
           "start": "2031-07-02T10:00:00+02:00", "end": "2031-07-02T08:45:00Z",
           "timezone": "Europe/Berlin", "enabledJoinBeforeHost": True,
           "unlockedMeetingJoinSecurity": "allowJoinWithLobby",
           "joinBeforeHostMinutes": 5, "publicMeeting": True,
           "recurrence": "FREQ=WEEKLY"}


@pytest.fixture(name="site", scope="module")
def made_site():
    made = Site()
    try:
        made.start()
        made.keep()
        for number, name in enumerate(("acme", "other"), 1):
            assert made.add_company(name, number).status == 200
        made.headers = {"Authorization": f"Bearer {made.token()}"}
        yield made
    finally:
        made.close()


def call(site, method, path, body=None, headers=None):
    answer = site.request(method, path, body,
                          {**site.headers, **(headers or {})})
    if answer.status >= 400:
        assert answer.headers["content-type"] == \
            "application/json;charset=UTF-8"
        assert answer.json["message"] and answer.json["trackingId"]
        assert answer.json["errors"][0]["description"]
    assert answer.headers["x-gsb-status"] == "PRIMARY"
    assert answer.headers["trackingid"].startswith("GSB_")
    return answer


def create(site, **changes):
    answer = call(site, "POST", "/v1/meetings", {**MEETING, **changes})
    assert answer.status == 200, answer.text
    return answer.json


def test_me(site):
    me = call(site, "GET", "/v1/people/me").json
    assert me["emails"] == ["admin@acme.invalid"]
    assert me["loginEnabled"] is True and me["roles"] == ["siteAdmin"]
    assert me["created"].endswith("Z") and "." in me["created"]


def test_a_meeting_comes_back_as_it_was_made(site):
    made = create(site)
    assert call(site, "GET", f"/v1/meetings/{made['id']}").json == made
    for name in ("title", "agenda", "password", "timezone", "publicMeeting",
                 "enabledJoinBeforeHost", "joinBeforeHostMinutes",
                 "recurrence", "unlockedMeetingJoinSecurity"):
        assert made[name] == MEETING[name], name
    assert made["start"] == "2031-07-02T08:00:00.000Z"
    assert made["end"] == "2031-07-02T08:45:00.000Z"
    assert made["state"] == "scheduled"
    assert made["webLink"].startswith(f"{URL}/acme/m.php?AT=JM&MK=")
    assert call(site, "GET", made["webLink"][len(URL):]).status == 303


def test_without_a_password_one_is_made(site):
    made = call(site, "POST", "/v1/meetings", {
        k: v for k, v in MEETING.items() if k != "password"}).json
    assert len(made["password"]) == 8


def test_changes_and_deletion(site):
    path = f"/v1/meetings/{create(site)['id']}"
    changed = call(site, "PATCH", path, {"title": "New"}).json
    assert changed["title"] == "New" and changed["agenda"] == "All of it"
    changed = call(site, "PUT", path, {
        "title": "Put", "start": "2031-07-03T10:00:00Z",
        "end": "2031-07-03T11:00:00Z"}).json
    assert changed["start"] == "2031-07-03T10:00:00.000Z"
    answer = call(site, "DELETE", path)
    assert answer.status == 204 and answer.text == ""
    assert call(site, "GET", path).status == 404
    assert call(site, "DELETE", path).status == 404


@pytest.mark.parametrize("change", [
    {"title": ""}, {"title": None}, {"title": 7}, {"title": "x" * 129},
    {"agenda": "x" * 2501}, {"start": "tomorrow"}, {"start": None},
    {"end": "2031-07-02T07:00:00Z"}, {"end": "2031-07-02T08:00:30Z"},
    {"end": "2031-07-09T08:00:00Z"}, {"timezone": "Berlin"},
    {"unlockedMeetingJoinSecurity": "lobby"}, {"timezone": "../etc/passwd"}, {"enabledJoinBeforeHost": "yes"},
    {"joinBeforeHostMinutes": 61}, {"joinBeforeHostMinutes": 1.5},
    {"hostEmail": "nobody@nowhere.test"}, {"publicMeeting": 1}])
def test_bad_values_are_refused_by_name(site, change):
    answer = call(site, "POST", "/v1/meetings", {**MEETING, **change})
    assert answer.status == 400
    name = next(iter(change))
    assert name in answer.json["message"], answer.text


@pytest.mark.parametrize("body, status", [
    (b"", 400), (b"{", 400), (b"[]", 400), (b"null", 400),
    (b'{"title": "a", "title": "b"}', 400), (b'{"title": "\xff"}', 400),
    (b'{"title": "a\\u0000"}', 400), (b"[" * 50000, 400),
    (b'{"a": "' + b"x" * 1100000 + b'"}', 413)])
def test_bad_bodies_are_refused(site, body, status):
    answer = call_raw(site, body, "application/json")
    assert answer.status == status and answer.json["message"]


def call_raw(site, body, kind):
    return site.request("POST", "/v1/meetings", body,
                        {**site.headers, "Content-Type": kind})


def test_other_media_types_paths_and_methods(site):
    assert call_raw(site, b"title=x", "text/plain").status == 415
    assert call(site, "GET", "/v1/nothing").status == 404
    assert call(site, "GET", "/v1").status == 404
    assert call(site, "GET", "/v1/meetings/x/y").status == 404
    assert call(site, "DELETE", "/v1/people/me").status == 405
    assert call(site, "GET", "/v1/meetings/%zz").status == 400
    assert call(site, "GET", "/v1/meetings/not-an-id").status == 404


def test_tokens(site):
    assert site.request("GET", "/v1/people/me").status == 401
    for bad in ("Basic x", "Bearer ", "Bearer x.y.z",
                site.headers["Authorization"] + "A"):
        assert call(site, "GET", "/v1/people/me",
                    headers={"Authorization": bad}).status == 401
    assert site.request("POST", "/v1/access_token", {
        "siteName": "ACME", "email": "Admin@acme.invalid",
        "password": "Geheim-1"}).status == 200
    assert site.request("POST", "/v1/access_token", {
        "siteName": "nobody", "webExId": "admin",
        "password": "Geheim-1"}).status == 404


def test_a_new_password_ends_the_tokens(site):
    site.add_company("fresh", 40)
    headers = {"Authorization": f"Bearer {site.token('fresh')}"}
    site.cluster.sql("gsb", "UPDATE account SET credentials_no = 2 FROM "
                     "company c WHERE c.id = company_id AND c.name = 'fresh'")
    assert site.request("GET", "/v1/people/me", None,
                        headers).status == 401


def test_repeated_failures_lock_the_address_out(site):
    site.add_company("locked", 41)

    def attempt(password, address):
        return site.request("POST", "/v1/access_token", {
            "siteName": "locked", "webExId": "admin",
            "password": password}, address=address).status

    statuses = [attempt("wrong", "203.0.113.1") for _ in range(12)]
    assert statuses == [401] * 10 + [423] * 2
    assert attempt("Geheim-1", "203.0.113.1") == 423
    assert attempt("Geheim-1", "203.0.113.2") == 200


def test_lists_page_by_cursor_and_stay_in_the_company(site):
    other = {"Authorization": f"Bearer {site.token('other')}"}
    for n in range(7):
        made = create(site, title=f"Page {n}",
                      start=f"2032-01-0{n % 3 + 1}T10:00:00Z",
                      end=f"2032-01-0{n % 3 + 1}T11:00:00Z")
    window = "from=2032-01-01T00:00:00Z&to=2032-02-01T00:00:00Z"
    path, pages, seen = f"/v1/meetings?{window}&max=3", 0, []
    while path:
        answer = call(site, "GET", path)
        seen += [m["title"] for m in answer.json["items"]]
        pages += 1
        link = answer.headers.get("link", "")
        assert not link or link.startswith(f"<{URL}/v1/meetings?")
        path = link.partition(">")[0][1 + len(URL):] if link else None
    assert pages == 3 and sorted(seen) == [f"Page {n}" for n in range(7)]
    mine = f"/v1/meetings/{made['id']}"
    assert site.request("GET", mine, headers=other).status == 404
    assert site.request("DELETE", mine, headers=other).status == 404
    assert site.request("GET", f"/v1/meetings?{window}",
                        headers=other).json == {"items": []}


def test_list_filters(site):
    made = create(site, title="Filter", start="2033-01-01T10:00:00Z",
                  end="2033-01-01T11:00:00Z")
    for query, found in (
            (f"meetingNumber={made['meetingNumber']}", 1),
            (f"meetingNumber={made['meetingNumber']}&state=scheduled", 1),
            (f"meetingNumber={made['meetingNumber']}&state=ended", 0),
            (f"meetingNumber={made['meetingNumber']}&state=lobby", 0),
            (f"meetingNumber={made['meetingNumber']}&hostEmail=x@y.z", 0),
            ("from=2033-01-01T10:30:00Z&to=2033-01-01T10:40:00Z", 1),
            ("from=2033-01-01T11:00:01Z&to=2033-01-02T00:00:00Z", 0)):
        answer = call(site, "GET", f"/v1/meetings?{query}")
        assert len(answer.json["items"]) == found, query
    for query in ("max=0", "max=x", "max=101", "state=x", "from=x",
                  "meetingNumber=x", "cursor=!", "cursor=QUJD", "max=%zz"):
        assert call(site, "GET", f"/v1/meetings?{query}").status == 400, query


def test_what_is_shown_is_escaped(site):
    title = '<script>alert("x")</script>&'
    made = create(site, title=title)
    assert call(site, "GET", f"/v1/meetings/{made['id']}"
                ).json["title"] == title
    page = site.request("GET", made["webLink"][len(URL):])
    assert page.status == 303
    page = site.request("GET", page.headers["location"])
    assert page.status == 200 and "alert(&quot;x&quot;)" in page.text
    assert "<script>alert" not in page.text
    assert page.headers["content-type"] == "text/html;charset=UTF-8"
    assert "default-src 'none'" in page.headers["content-security-policy"]


def test_pages_of_nobody_are_not_found(site):
    for path in ("/nobody/j.php", "/acme/x.php", "/acme/m.php?AT=JM&MK=1",
                 "/acme/m.php", "/", "/" + urllib.parse.quote("a'b") + "/"):
        assert site.request("GET", path).status == 404, path


def test_companies(site):
    listed = site.signed("/gsb/companies", {"op": "list"}).json
    assert {"acme", "other"} <= set(listed["companies"])
    assert site.lease(ask=True).json["companies"] == listed["etag"]
    for change in ({"name": "a b"}, {"name": ""}, {"name": "v1"},
                   {"site_id": 0}, {"admin": ""}, {"password": "x"},
                   {"name": None}):
        body = {"op": "add", "name": "new", "site_id": 99, "admin": "a",
                "password": "secret", **change}
        assert site.signed("/gsb/companies", body).status == 400, change
    again = site.add_company("ACME", 50)
    assert again.status == 409 and "exists" in again.json["message"]
    taken = site.add_company("fourth", 1)
    assert taken.status == 409 and "acme" in taken.json["message"]


def test_malformed_http_is_refused_in_the_form_of_the_api(site):
    answer = site.http("POST", "/v1/meetings", b"x" * 2000000)
    assert answer.status == 413 and json.loads(answer.text)["message"]
    answer = site.http("POST", "/WBXService/XMLService", b"x" * 2000000)
    assert answer.status == 413 and "FAILURE" in answer.text
    body = b'{"op": 1}'
    assert site.http("POST", "/gsb/nothing", body,
                     {"GSB-Signature": sign(body)}).status == 404
