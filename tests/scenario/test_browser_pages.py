"""A person's day and an administrator's in browsers, over the end of the
primary: whoever is in a room is in it again, on the backup, without doing
anything (G9 G13 G16 G19)."""
import secrets

from browser import DESK, PHONE
from wait import wait_until

DEAD = ("primary-web", "primary-collab", "primary-replicator", "primary-db")
PAGE = "<!DOCTYPE html><html lang=en><title>Hi</title><h1>Welcome {}</h1>"


def look(browser, name, dark=False):
    """Nothing that axe, the console or a phone's width finds fault with;
    pictures to look at. dark: axe looks at its colours as well."""
    assert browser.axe() == [], name
    browser.screenshot(name)
    browser.scheme("dark")
    browser.size(*PHONE)
    assert not dark or browser.axe() == [], name + ", dark, on a phone"
    assert browser.wide() == 0, name
    browser.screenshot(name + "-phone")
    browser.scheme("light")
    browser.size(*DESK)
    assert browser.console() == [], name


def go(browser, pair, path, css="main h1"):
    browser.open(f"{pair.url}/{pair.company}/{path}")
    browser.wait(css)


def log_in(browser, pair):
    go(browser, pair, "login", "#user")
    look(browser, "login")
    browser.fill("#user", pair.env["GSB_ADMIN"])
    browser.fill("#password", pair.admin_password())
    browser.press("Enter")
    browser.wait(".tabs")
    assert browser.console() == []


def saved(browser, css, words):
    browser.click(css)
    browser.wait_text("main", words)


# --- an administrator's ------------------------------------------------------

def accounts(browser, pair, tag):
    go(browser, pair, "admin/accounts/new", "#user")
    look(browser, "account")
    browser.fill("#user", f"ann-{tag}")
    browser.fill("#email", f"ann-{tag}@example.com")
    browser.fill("#first", "Ann")
    browser.fill("#last", "<i>Onymous")
    browser.fill("#password", "password1")
    browser.wait_text("#strength", "very weak")
    look(browser, "account-weak", dark=True)
    browser.fill("#password", "Geheim9!")
    browser.wait_text("#strength", "fair")
    saved(browser, "main button", "The account is created.")
    go(browser, pair, "admin/accounts", "#find")
    browser.fill("#find", f"ann-{tag}@example.com")
    browser.press("Enter")
    browser.wait_text("tbody", "<i>Onymous")
    look(browser, "accounts")


def settings(browser, pair):
    go(browser, pair, "admin/settings", "#length")
    before = browser.find("[name=digit]").is_selected()
    browser.click("[name=digit]")
    saved(browser, "main button", "Saved.")
    assert browser.find("[name=digit]").is_selected() != before
    look(browser, "settings")
    browser.click("[name=digit]")
    saved(browser, "main button", "Saved.")


def upload(browser, pair, tag, path):
    welcome, client = path / "welcome.html", path / "client.deb"
    welcome.write_text(PAGE.format(tag))
    client.write_bytes(secrets.token_bytes(1 << 21))  # not in memory alone
    go(browser, pair, "admin/files", "#file")
    for area, file in (("pages", welcome), ("clients", client)):
        browser.choose("#area", area)
        browser.find("#file").send_keys(str(file))
        assert browser.run("return path.value") == file.name
        browser.fill("#path", f"{tag}/{file.name}")
        saved(browser, "#upload button", "The file is stored.")
        browser.wait_text("main", f"{tag}/{file.name}")
    look(browser, "files", dark=True)
    browser.find("#file").send_keys(str(welcome))
    browser.fill("#path", "../up.html")
    browser.click("#upload button")
    browser.wait("#outcome.error")
    browser.console()  # says that it was answered 400
    go(browser, pair, f"pages/{tag}/welcome.html", "h1")
    assert browser.text("h1") == f"Welcome {tag}"
    go(browser, pair, "clients")
    assert f"{tag}/client.deb" in browser.text("main")
    look(browser, "downloads")
    go(browser, pair, "admin/files", "#file")
    # both: the sites of a pair that others use as well are alike again
    for file in ("pages/{}/welcome.html", "clients/{}/client.deb"):
        saved(browser, f".line:has([href*='{file.format(tag)}']) button",
              "The file is removed.")
        assert file.format(tag) not in browser.run(
            "return document.querySelector('main').innerHTML")


def test_an_administrators_day(pair, browser, tmp_path):
    tag = secrets.token_hex(4)
    log_in(browser, pair)
    accounts(browser, pair, tag)
    settings(browser, pair)
    upload(browser, pair, tag, tmp_path)
    go(browser, pair, "reports")
    look(browser, "reports", dark=True)


# --- a person's --------------------------------------------------------------

def schedule(browser, pair, name):
    go(browser, pair, "schedule", "#name")
    look(browser, "schedule")
    browser.fill("#name", name)
    browser.fill("#invite", "ann@example.com")
    browser.fill("#password", "Geheim9")
    browser.choose("#repeat", "weekly")
    saved(browser, "form.card button", "The meeting is scheduled.")
    assert "ann@example.com" in browser.text(".facts")
    look(browser, "meeting")
    number = browser.run("return location.pathname").split("/")[-1]
    go(browser, pair, "")
    look(browser, "home", dark=True)
    return number


def join_as_guest(browser, pair, number):
    browser.open(f"{pair.url}/{pair.company}/m.php?AT=JM&MK={number}")
    browser.wait("#password")
    look(browser, "join")
    browser.fill("#name", "Guest <b>")
    browser.fill("#password", "wrong")
    saved(browser, "form.card button", "password is wrong")
    browser.console()  # says that it was answered 403
    browser.fill("#password", "Geheim9")
    browser.click("form.card button")


def in_room(*people):
    for person in people:
        wait_until(lambda p=person: p.run(
            "return document.getElementById('state')?.dataset.state") ==
            "open" and len(p.all("#roster li")) == len(people), 120,
            what="all of them in the room")


def say(one, other, text):
    one.fill("#text", text)
    one.press("Enter")
    other.wait_text("#chat", text)


def fail_over(pair, *people):
    """None of their pages is loaded again: a mark stays."""
    marks = [p.run("return window.mark = Math.random()") for p in people]
    pair.kill(*DEAD)
    wait_until(lambda: pair.detect() == "Backup", 120, what="the backup")
    for person in people:
        person.wait(lambda p=person: p.run(
            "return performance.getEntriesByType('resource').some("
            "e => e.name.endsWith('/path') && e.responseStatus === 200)"),
            120, "asked where the meeting is")
    in_room(*people)
    assert marks == [p.run("return window.mark") for p in people]


def read_only(browser, pair):
    """What the primary alone may change (G16), and why."""
    for path in ("admin/settings", "admin/files"):
        go(browser, pair, path, "main [role=note]")
        assert "Read-only here" in browser.text("main [role=note]")
        assert not browser.all("main button:enabled")
        look(browser, path.replace("/", "-") + "-backup")


def test_g09_a_room_comes_back_by_itself_on_the_backup(pair, browser,
                                                       make_browser):
    other = make_browser()
    name = f"Day {secrets.token_hex(4)}"
    log_in(browser, pair)
    number = schedule(browser, pair, name)
    go(browser, pair, f"join/{number}", "#state")
    join_as_guest(other, pair, number)
    in_room(browser, other)
    say(browser, other, "Good <b>morning</b>")
    say(browser, other, "A second line")
    look(browser, "room", dark=True)
    fail_over(pair, browser, other)
    browser.console()  # says what was cut
    for person in (browser, other):
        person.wait_text("#chat", "Good <b>morning</b>")
    say(other, browser, "Here we are again")
    for person in (browser, other):
        assert person.text("footer") == "Site: Backup"
    look(browser, "room-backup")
    browser.run("window.confirm = () => true")
    browser.click("#end")
    for person in (browser, other):
        person.wait_text("#state", "ended")
    go(browser, pair, "reports")
    browser.wait(lambda: browser.open(browser.driver.current_url) and
                 name in browser.text("main"), what="the meeting's report")
    row = next(r.text for r in browser.all("tr") if name in r.text)
    assert row.split()[-2:] == ["2", "2"], row
    assert browser.shown(".chart rect")
    look(browser, "reports-backup")
    assert "Site: Backup" in browser.text("footer")
    read_only(browser, pair)
