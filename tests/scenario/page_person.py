"""A person with a browser without scripts, before the pages of one site."""
import re
import secrets
import urllib.parse

PASSWORD = "Geheim-1"
FORM = "application/x-www-form-urlencoded"
MEETING = {"name": "Plan", "date": "2031-03-04", "time": "10:00",
           "duration": "45", "zone": "23", "repeat": "", "every": "1",
           "until": "", "agenda": "", "password": "Geheim9", "invite": ""}


class Person:
    """A browser's cookies, and forms with what they must carry."""

    def __init__(self, site, user=None, password=PASSWORD):
        self.site, self.cookies = site, {}
        if user is not None:
            answer = self.post("login", user=user, password=password)
            assert answer.status == 303, answer.text

    def request(self, method, path, body=None, **headers):
        if self.cookies:
            headers["Cookie"] = "; ".join(
                f"{k}={v}" for k, v in self.cookies.items())
        if not path.startswith("/"):
            path = "/acme/" + path
        answer = self.site.request(method, path, body, headers)
        given = answer.headers.get("set-cookie", "")
        if given:
            assert "HttpOnly" in given and "SameSite=Lax" in given
            name, _, value = given.split(";")[0].partition("=")
            self.cookies[name] = value
        return answer

    def get(self, path, **headers):
        return self.request("GET", path, **headers)

    def post(self, path, headers=None, **fields):
        return self.request("POST", path, urllib.parse.urlencode(fields),
                            **{"Content-Type": FORM, **(headers or {})})

    def csrf(self):
        return re.search(r'name="csrf" value="([^"]+)"',
                         self.get("profile").text)[1]

    def send(self, path, **fields):
        return self.post(path, csrf=self.csrf(), **fields)

    def schedule(self, **changes):
        answer = self.send("schedule", **{**MEETING, **changes})
        assert answer.status == 303, answer.text
        return re.search(r"/acme/meetings/(\d+)",
                         answer.headers["location"])[1]


def said(answer):
    return re.findall(r'role="alert">([^<]*)<', answer.text)


def account(admin, **changes):
    name = "p" + secrets.token_hex(4)
    answer = admin.send("admin/accounts/new", **{
        "user": name, "email": f"{name}@acme.test", "first": "P", "last": "Q",
        "display": name, "password": PASSWORD, "isHost": "1",
        "isActive": "1", **changes})
    assert answer.status == 303, answer.text
    return name
