"""Every operation of the JSON API in one table: a request that is good and who
may send it; docs/api.md in a form that tests can walk. Bodies and paths are
made from a World."""
import secrets

ROLES = ("owner", "stranger", "reader", "admin", "foreign")
PASSWORD = "Geheim-1"
MEETING = {"title": "Plan", "start": "2031-07-02T10:00:00Z",
          "end": "2031-07-02T11:00:00Z"}


class Operation:
    """rights: the status for each of ROLES; foreign is the administrator of
    another company. open: no token is asked for."""

    def __init__(self, name, path, rights, body=None, is_open=False):
        self.name, self.path, self.body = name, path, body
        self.method, self.route = name.split(" ")
        self.rights = dict(zip(ROLES, rights))
        self.is_open = is_open

    def __repr__(self):
        return self.name


def every(status=200):
    return (status,) * 5


OWNERS = (200, 403, 403, 200, 404)  # and the administrators'
READ = (200, 403, 200, 200, 404)
OPERATIONS = [
    Operation("POST access_token", "access_token", every(), lambda w: {
        "siteName": "acme", "webExId": w.owner, "password": PASSWORD}, True),
    Operation("GET people/me", "people/me", every()),
    Operation("GET people", "people?email={owner}@x.org&displayName=x&max=5",
              every()),
    Operation("POST people", "people", (403, 403, 403, 200, 200), lambda w: {
        "emails": [f"{w.fresh()}@x.org"], "firstName": "A", "lastName": "B",
        "displayName": "C", "password": "Pass-1", "webExId": w.fresh()}),
    Operation("GET people/*", "people/{owner_id}", READ),
    Operation("PUT people/*", "people/{owner_id}", OWNERS, lambda w: {
        "firstName": "A", "lastName": "B", "displayName": "C"}),
    Operation("DELETE people/*", "people/{spare_id}",
              (403, 403, 403, 204, 404)),
    Operation("GET meetingInvitees",
              "meetingInvitees?meetingId={meeting}&max=1", every()),
    Operation("POST meetingInvitees", "meetingInvitees", OWNERS, lambda w: {
        "meetingId": w.meeting, "email": f"{w.fresh()}@x.org",
        "displayName": "Guest"}),
    Operation("GET meetingInvitees/*", "meetingInvitees/{invitee}",
              (200, 404, 200, 200, 404)),
    Operation("PUT meetingInvitees/*", "meetingInvitees/{invitee}", OWNERS,
              lambda w: {"displayName": "Guest"}),
    Operation("DELETE meetingInvitees/*", "meetingInvitees/{invitee}",
              (204, 403, 403, 204, 404)),
    Operation("GET meetingReports/usage", "meetingReports/usage?"
              "from=2026-01-01T00:00:00Z&to=2040-01-01T00:00:00Z"
              "&meetingNumber=7&siteUrl={site}&format=json&max=5",
              (200, 200, 200, 200, 400)),
    Operation("GET meetingReports/attendees", "meetingReports/attendees?"
              "from=2026-01-01T00:00:00Z&meetingId={meeting}&format=csv",
              every()),
    Operation("GET meetings", "meetings?meetingNumber={number}&webLink=x"
              "&meetingType=meeting&state=ready&current=true&siteUrl={site}"
              "&participantEmail=a@x.org&hostEmail=a@x.org&max=5"
              "&from=2026-01-01T00:00:00Z&to=2040-01-01T00:00:00Z", every()),
    Operation("POST meetings", "meetings", every(), lambda w: {
        **MEETING, "agenda": "A", "password": "Pa55", "timezone": "UTC",
        "invitees": [{"email": "a@x.org", "displayName": "Guest"}],
        "unlockedMeetingJoinSecurity": "allowJoin"}),
    Operation("POST meetings/join", "meetings/join",
              (200, 200, 200, 200, 404), lambda w: {
                  "meetingNumber": w.number, "password": "Pa55",
                  "displayName": "Guest"}, True),
    Operation("GET meetings/*", "meetings/{meeting}", READ),
    Operation("PUT meetings/*", "meetings/{meeting}", OWNERS, lambda w: {
        **MEETING, "agenda": "A", "password": "Pa55", "timezone": "UTC"}),
    Operation("PATCH meetings/*", "meetings/{meeting}", OWNERS, lambda w: {
        "title": "Plan", "agenda": "A", "recurrence": "FREQ=DAILY"}),
    Operation("DELETE meetings/*", "meetings/{meeting}",
              (204, 403, 403, 204, 404)),
]


class World:
    """What the rows speak of, in a site with the companies acme and other;
    anew by renew()."""

    def __init__(self, site, tag=""):
        """tag: before the names of its people."""
        self.site, self.owner = site, tag + "owner"
        self.token = {"admin": site.token(),
                      "foreign": site.token("other")}
        made = {name: self.person(tag + name, password=PASSWORD) for name in
                ("owner", "stranger", "reader")}
        site.cluster.sql("gsb", "UPDATE account SET ro_site_admin = true "
                         "WHERE webexid = %s", tag + "reader")
        for name in made:
            self.token[name] = site.token("acme", tag + name, PASSWORD)
        self.names = {"owner": self.owner, "owner_id": made["owner"]}
        self.renew()

    def send(self, method, path, body=None, role="admin", **fields):
        if role is not None:
            fields["Authorization"] = f"Bearer {self.token[role]}"
        return self.site.request(method, "/v1/" + path, body, fields)

    def must(self, *arguments, **how):
        answer = self.send(*arguments, **how)
        assert answer.status == 200, answer.text
        return answer.json

    def person(self, name, **more):
        return self.must("POST", "people", {
            "emails": [f"{name}@x.org"], "webExId": name,
            "licenses": ["MeetingCenter"], **more})["id"]

    @staticmethod
    def fresh():
        return "n" + secrets.token_hex(6)

    def renew(self):
        made = self.must("POST", "meetings", {**MEETING, "password": "Pa55"},
                         role="owner")
        self.meeting, self.number = made["id"], made["meetingNumber"]
        invitee = self.must("POST", "meetingInvitees", {
            "meetingId": self.meeting, "email": "guest@x.org"}, role="owner")
        self.names.update(site=made["siteUrl"], meeting=self.meeting,
                          number=self.number, invitee=invitee["id"],
                          spare_id=self.person(self.fresh()))

    def path(self, operation):
        return operation.path.format(**self.names)

    def run(self, operation, role="admin", body=None, path=None, **fields):
        """As its row says, but for what is named."""
        if body is None and operation.body is not None:
            body = operation.body(self)
        return self.send(operation.method, path or self.path(operation), body,
                         role, **fields)
