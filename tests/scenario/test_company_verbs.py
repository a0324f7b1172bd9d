"""gsbctl company: what it does is there on both sites (G11)."""
from wait import wait_until


def test_companies_by_gsbctl(pair, tmp_path):
    secret = tmp_path / "password"
    secret.write_text("Geheim-1\n")
    secret.chmod(0o600)
    pair.ctl("company", "create", "verbs", "--site-id", "4711",
             "--partner-id", "px", "--admin", "admin", "--password-file",
             str(secret))
    wait_until(lambda: "verbs" in pair.ctl("company", "list"))
    pair.ctl("company", "set", "verbs", "--brand", "Verbs & Co", "--numbers",
             "Berlin=+49 30 1,free:World=+800 2")
    shown = pair.ctl("company", "show", "verbs")
    assert "Verbs & Co" in shown and "+49 30 1" in shown
    for site in ("primary", "backup"):
        wait_until(lambda: pair.query(
            site, "SELECT numbers -> 1 ->> 'toll_free' FROM company WHERE "
            "name = 'verbs'") == [("true",)])
    assert "--yes" in pair.ctl("company", "delete", "verbs",
                               check=False).stderr
    assert "suspend" in pair.ctl("company", "delete", "verbs", "--yes",
                                 check=False).stderr
    pair.ctl("company", "suspend", "verbs")
    wait_until(lambda: "verbs" not in pair.ctl("company", "list"))
    pair.ctl("company", "delete", "verbs", "--yes")
    for site in ("primary", "backup"):
        wait_until(lambda: pair.query(
            site, "SELECT count(*) FROM company WHERE name = 'verbs'")
            == [(0,)])
