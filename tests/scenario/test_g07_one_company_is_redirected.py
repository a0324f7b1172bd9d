"""G7: an operator moves one company to the backup, by hand and for a time;
every API of that company and detectbackup say so, nobody else moves, and no
request fails on the way."""
import os

from clients import Http, Json, Xml, detect
from load import Load
from wait import wait_until


def add_company(pair, name, site_id):
    path = os.path.join(pair.dir, f"password-{name}")
    with open(path, "w", encoding="utf-8") as f:
        f.write("Geheim-12345\n")
    os.chmod(path, 0o600)
    if name not in pair.ctl("company", "list"):
        pair.ctl("company", "add", name, "--site-id", str(site_id),
                 "--partner-id", "p", "--admin", "boss", "--password-file",
                 path)
    wait_until(lambda: name in pair.ctl("company", "list"), 30)


def order(pair, *words):
    return pair.ctl(*words, "--reason", "test", "--yes", "--wait")


def sites(pair, company, user, password):
    """What every way in says of the site that answers."""
    xml = Xml(pair.url, company, user, password)
    answer = xml.must("user.GetUser", f"<webExId>{user}</webExId>")
    api = Json(pair.url, xml.ticket())
    said = api.request("GET", "/v1/people/me")
    page = Http(pair.url)
    shown = page.request("GET", f"/{company}/")
    assert said.status == 200 and shown.status == 200
    found = {answer.site, said.getheader("X-GSB-Status"),
             shown.getheader("X-GSB-Status"), detect(pair.url, company).upper()}
    for client in (xml, api, page):
        client.close()
    return found


def test_g07_one_company_moves_and_returns(pair):
    add_company(pair, "gamma", 4711)
    acme = (pair.company, pair.env["GSB_ADMIN"], pair.admin_password())
    gamma = ("gamma", "boss", "Geheim-12345")
    with Load(pair, workers=3, rate=60) as load:
        wait_until(lambda: load.count() > 50, 30)
        order(pair, "redirect", "add", "--company", "gamma", "--to",
              "backup", "--expires-in", "1h")
        assert sites(pair, *gamma) == {"BACKUP"}
        assert sites(pair, *acme) == {"PRIMARY"}
        assert "gamma to the backup" in pair.ctl("redirect", "list")
        before = load.count()
        wait_until(lambda: load.count() > before + 50, 30)
        order(pair, "redirect", "del", "--company", "gamma")
        assert sites(pair, *gamma) == {"PRIMARY"}
        order(pair, "redirect", "add", "--company", "gamma", "--to",
              "backup", "--expires-in", "2s")
        assert sites(pair, *gamma) == {"BACKUP"}
        wait_until(lambda: not pair.status()["redirects"], 30)
        assert sites(pair, *gamma) == {"PRIMARY"}
    load.check()
    assert pair.status()["active"] == "primary"


def test_g07_the_redirect_ends_with_its_site(pair):
    add_company(pair, "gamma", 4711)
    order(pair, "redirect", "add", "--company", "gamma", "--to", "backup",
          "--expires-in", "1h")
    gamma = ("gamma", "boss", "Geheim-12345")
    assert sites(pair, *gamma) == {"BACKUP"}
    pair.kill("backup-web")
    wait_until(lambda: not pair.status()["redirects"], 30)
    assert sites(pair, *gamma) == {"PRIMARY"}
