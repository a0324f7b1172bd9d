"""G14 G15: what is made on one site is on the other in real time."""
import pytest

from wait import wait_until


def move(pair, site):
    """A site whose machine stalls is dead for a moment, and refused."""
    wait_until(lambda: pair.ctl("switchover", "--to", site, "--reason",
                                "scenario", "--yes", "--wait",
                                check=False).returncode == 0, 60)
    wait_until(lambda: pair.detect() == site.capitalize(), 30)


def other(site):
    return "backup" if site == "primary" else "primary"


@pytest.mark.parametrize("site", ["primary", "backup"])
def test_g14_g15(pair, site):
    if site == "backup":
        move(pair, "backup")
    client = pair.xml()
    name = f"g15{site}"
    answer = client.create_user(name)
    assert answer.good and answer.site == site.upper(), answer.text
    key = client.create_meeting(f"made on {site}").get("meetingkey")
    assert key and key.isdigit()
    wait_until(lambda: pair.query(
        other(site), "SELECT 1 FROM meeting WHERE confname = %s",
        (f"made on {site}",)), 5, 0.01)

    # changed on the other site, seen on this one
    move(pair, other(site))
    answer = client.must("meeting.GetMeeting",
                         f"<meetingKey>{key}</meetingKey>")
    assert answer.get("confName") == f"made on {site}"
    assert answer.site == other(site).upper()
    client.must("meeting.SetMeeting",
                "<metaData><confName>changed</confName></metaData>"
                f"<meetingkey>{key}</meetingkey>")
    answer = client.must("user.GetUser", f"<webExId>{name}</webExId>")
    assert answer.get("email") == f"{name}@example.com"
    client.must("meeting.DelMeeting", f"<meetingKey>{key}</meetingKey>")
    wait_until(lambda: not pair.query(
        site, "SELECT 1 FROM meeting WHERE confname IN (%s, 'changed')",
        (f"made on {site}",)), 5, 0.01)
    client.close()
    pair.wait_equal()


def test_a_ticket_of_one_site_is_good_on_the_other(pair):
    client = pair.xml()
    ticket = client.ticket()
    move(pair, "backup")
    answer = client.call("user.GetUser",
                         f"<webExId>{client.user}</webExId>", ticket)
    assert answer.good and answer.site == "BACKUP", answer.text
    client.close()
