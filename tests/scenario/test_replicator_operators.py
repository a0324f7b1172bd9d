"""What operators type at a replicator, and what they see of it."""
import http.client
import json
import os
import signal
import subprocess

from heals import (SITES, control, digest, equal, fill, gsbctl, hide, shared,
                   twins, verify)
from wait import wait_until

assert shared and twins


def test_gsbctl_verify_shows_what_was_compared_and_when(twins):
    fill(twins)
    hide(twins, "backup", "UPDATE item SET amount = -1 WHERE id = 7")
    shown = gsbctl(twins, "primary", "verify", "public.item", "--watch")
    assert shown.returncode == 0, shown
    line = next(x for x in shown.stdout.splitlines() if "public.item" in x)
    assert line.split()[1:3] == ["300", "1"], line
    assert " rows" in shown.stderr
    assert twins.one("primary", "SELECT amount FROM item WHERE id = 7") == -1
    shown = gsbctl(twins, "primary", "verify", "--format", "json")
    assert all(t["verified"] for t in json.loads(shown.stdout)["tables"])


def test_bad_words_are_answered_with_the_right_ones(twins):
    wrong = {("verify", "public.nothing"): "not a replicated table",
             ("verify", "--site", "x"): "not an option",
             ("parked", "show"): "which parked row?",
             ("parked", "show", "x"): "named by its number",
             ("parked", "drop"): "or --all",
             ("parked", "drop", "0"): "named by its number",
             ("parked", "drop", "99"): "no parked row 99",
             ("parked", "retry", "99"): "no parked row 99",
             ("parked", "burn", "1"): "one word too many"}
    for words, part in wrong.items():
        said = gsbctl(twins, "primary", *words)
        assert said.returncode == 1 and part in said.stderr, (words, said)
    away = subprocess.run(
        [os.path.join(os.path.dirname(twins.program), "gsbctl"), "parked"],
        capture_output=True, text=True, check=False, env={})
    assert away.returncode == 1 and "which replicator?" in away.stderr
    away = subprocess.run(
        [os.path.join(os.path.dirname(twins.program), "gsbctl"), "parked",
         "--replicator", "/nowhere/control"],
        capture_output=True, text=True, check=False, env={})
    assert away.returncode == 5 and "gsb-replicator running" in away.stderr


def test_parked_rows_are_shown_retried_and_dropped(twins):
    fill(twins)
    twins.query("backup", "ALTER TABLE item ADD CONSTRAINT small "
                "CHECK (amount < 1000000)")
    try:
        twins.query("primary", "INSERT INTO item (id, name, amount) VALUES "
                    "(1001, 'big', 2000000), (1002, 'big', 3000000)")
        twins.settle()
        listed = gsbctl(twins, "backup", "parked").stdout.splitlines()
        assert len(listed) == 2 and "23514" in listed[0], listed
        first, second = (line.split()[0] for line in listed)
        shown = gsbctl(twins, "backup", "parked", "show", first)
        assert "public.item 1001" in shown.stdout and "small" in shown.stdout
        again = gsbctl(twins, "backup", "parked", "retry", "--all")
        assert again.returncode == 2
        assert "merged 0, failed again 2" in again.stdout
        # a digest finds them different, and parks neither twice
        tables = verify(twins, "backup", "public.item")
        assert tables["public.item"]["different"] >= 2
        rows = twins.query("backup", "SELECT id, tries FROM gsb.parked")
        assert len(rows) == 2, rows
    finally:
        twins.query("backup", "ALTER TABLE item DROP CONSTRAINT small")
    first, second = (str(r[0]) for r in twins.query(
        "backup", "SELECT id FROM gsb.parked ORDER BY key"))
    assert gsbctl(twins, "backup", "parked", "retry", first).returncode == 0
    assert gsbctl(twins, "backup", "parked", "drop", second).returncode == 0
    assert "nothing is parked" in gsbctl(twins, "backup", "parked").stderr
    assert twins.one("backup", "SELECT amount FROM item WHERE id = 1001") \
        == 2000000
    tables = verify(twins, "backup", "public.item")
    assert tables["public.item"]["verified"]
    equal(twins)



def lose(twins, sql):
    """Edits on both sites while neither hears of the other: the backup's is
    the later one, by its stamp."""
    for site in SITES:
        twins.stop(site)
    for stamp, site in enumerate(SITES, 900000000000000):
        with twins.connect(site) as c:
            c.cursor().execute(f"SET gsb.stamp = '{stamp}'")
            c.cursor().execute(sql[site])
    twins.start()
    twins.settle()
    equal(twins)


def test_what_lost_is_shown_and_put_back(twins):
    fill(twins)
    assert "nothing has lost" in gsbctl(twins, "backup", "conflicts").stderr
    lose(twins, {"primary": "UPDATE item SET name = 'older' WHERE id = 7; "
                            "UPDATE item SET note = 'stays' WHERE id = 7",
                 "backup": "UPDATE item SET name = 'newer' WHERE id = 7"})
    listed = gsbctl(twins, "backup", "conflicts", "list").stdout
    number = listed.split()[0]
    assert "public.item 7  edit name" in listed, listed
    assert 'name: "older" lost to "newer"' in listed, listed
    assert "note" not in listed, listed
    shown = gsbctl(twins, "backup", "conflicts", "show", number).stdout
    assert "stays" in shown and '"newer"' in shown, shown
    metrics = http.client.HTTPConnection("127.0.0.1", twins.status["backup"])
    metrics.request("GET", "/metrics")
    assert b'gsb_replicator_conflict_history{kind="edit"} 1' in \
        metrics.getresponse().read()
    undone = gsbctl(twins, "backup", "conflicts", "undo", number)
    assert undone.returncode == 0, undone
    equal(twins)
    assert twins.query("primary", "SELECT name, note FROM item WHERE id = 7"
                       ) == [("older", "stays")]
    again = gsbctl(twins, "backup", "conflicts", "undo", number)
    assert again.returncode == 2 and "was undone by" in again.stderr, again
    for words in (("show", "99"), ("undo", "99"), ("undo",), ("show", "x")):
        said = gsbctl(twins, "backup", "conflicts", *words)
        assert said.returncode in (1, 2) and "conflict" in said.stderr, said


def test_a_row_whose_target_was_deleted_meanwhile_is_kept_and_shown(twins):
    fill(twins)
    twins.query("backup", "INSERT INTO lent VALUES (3, 6)")
    equal(twins)
    for site in SITES:
        twins.stop(site)
    twins.query("primary", "DELETE FROM item WHERE id = 5")
    twins.query("primary", "DELETE FROM item WHERE id = 6; "
                "DELETE FROM lent WHERE id = 3")  # one transaction
    twins.query("backup", "INSERT INTO lent VALUES (1, 5), (2, 7), (4, NULL)")
    twins.start()
    equal(twins)
    for site in SITES:
        assert twins.query(site, "SELECT id, what FROM lent ORDER BY 1"
                           ) == [(1, 5), (2, 7), (4, None)]
        listed = gsbctl(twins, site, "conflicts").stdout
        assert listed.count("dangling") == 1, listed
        assert "public.lent 1  dangling item" in listed, listed
        assert "what: 5 was deleted" in listed, listed
    undone = gsbctl(twins, "backup", "conflicts", "undo", listed.split()[0])
    assert undone.returncode == 2, undone
    assert "public.lent 1 is kept, but what its what names" in undone.stderr


def reload(twins, site, text, outcome="reload="):
    """SIGHUP with another configuration; the log when it was read."""
    def said():
        with open(twins.log(site), encoding="utf-8") as f:
            return f.read()
    with open(twins.conf(site), "w", encoding="utf-8") as f:
        f.write(text)
    before = said().count(outcome)
    twins.process[site].send_signal(signal.SIGHUP)
    wait_until(lambda: said().count(outcome) > before, what=outcome)
    return said()


def test_sighup_takes_limits_and_the_digest_waits_for_a_backlog(twins):
    def behind():
        status = control(twins, "backup", "GET", "/v1/status")[1]
        return status["in"]["lag_ms"]

    fill(twins)
    verify(twins, "backup")  # none in the background for ten minutes
    with open(twins.conf("backup"), encoding="utf-8") as f:
        before = f.read()
    often = before.replace("sync = ", "verify = 100ms\nsync = ")
    try:
        with twins.connect("backup") as c:
            c.autocommit = False
            c.cursor().execute("SELECT FROM item WHERE id = 1 FOR UPDATE")
            twins.query("primary", "UPDATE item SET note = 'late' "
                        "WHERE id = 1")
            wait_until(lambda: behind() > 1500, what="a backlog")
            passes = digest(twins, "backup")["passes"]
            reload(twins, "backup", often, "reload=done")
            at = behind()
            wait_until(lambda: behind() > at + 1500, what="more of it")
            now = digest(twins, "backup")
            assert (now["state"], now["passes"]) == ("idle", passes)
        wait_until(lambda: digest(twins, "backup")["passes"] > passes,
                   what="one in the background")
        said = reload(twins, "backup", often.replace("[status]\nlisten = ",
                                                     "[status]\nlisten = x"),
                      "reload=refused")
        assert "[status] listen is another; it takes a restart" in said
    finally:
        reload(twins, "backup", before)
    equal(twins)


def test_where_none_is_wanted_no_digest_comes_by_itself(twins):
    """Not even at the start, when it is asked whether something is to be
    healed."""
    with open(twins.conf("backup"), encoding="utf-8") as f:
        before = f.read()
    twins.stop("backup")
    try:
        with open(twins.conf("backup"), "w", encoding="utf-8") as f:
            f.write(before.replace("sync = ", "verify = 0\nsync = "))
        with open(twins.log("backup"), encoding="utf-8") as f:
            seen = len(f.read())
        twins.start("backup")

        def said():
            with open(twins.log("backup"), encoding="utf-8") as f:
                return f.read()[seen:]
        wait_until(lambda: "module=heal from=asking to=" in said())
        assert 'from=asking to=idle why="nothing to do"' in said()
        verify(twins, "backup")
    finally:
        twins.stop("backup")
        with open(twins.conf("backup"), "w", encoding="utf-8") as f:
            f.write(before)
        twins.start("backup")
