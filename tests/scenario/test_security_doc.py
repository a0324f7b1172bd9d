"""docs/security.md names tests: each of them is there, and every point of
level 1 of OWASP's ASVS 4.0.3 has its line."""
import glob
import os
import re

from site_alone import ROOT

# What level 1 asks for: chapter.section -> how many points, less those that
# were withdrawn or are of a higher level.
POINTS = {
    "2.1": 12, "2.2": 3, "2.3": 1, "2.5": 6, "2.7": 4, "2.8": 1, "3.1": 1,
    "3.2": 3, "3.3": 2, "3.4": 5, "3.7": 1, "4.1": {1, 2, 3, 5}, "4.2": 2,
    "4.3": 2, "5.1": 5, "5.2": 8, "5.3": 10, "5.5": 4, "6.2": 1, "7.1": 2,
    "7.4": 1, "8.2": 3, "8.3": 4, "9.1": 3, "10.3": 3, "11.1": 5, "12.1": 1,
    "12.3": 5, "12.4": 2, "12.5": 2, "12.6": 1, "13.1": {1, 3}, "13.2": 3,
    "13.3": 1, "14.2": 3, "14.3": {2, 3}, "14.4": 7, "14.5": 3}


def rows():
    with open(os.path.join(ROOT, "docs/security.md"), encoding="utf-8") as f:
        for line in f:
            cells = [c.strip() for c in line.strip("|\n ").split(" | ")]
            if line.startswith("| ") and re.match(r"\d", cells[0]):
                yield cells


def test_every_point_has_its_line():
    named = [point for cells in rows()
             for point in re.findall(r"\d+\.\d+\.\d+", cells[0])]
    wanted = {f"{section}.{n}" for section, points in POINTS.items()
              for n in (range(1, points + 1) if isinstance(points, int)
                        else points)}
    assert len(named) == len(set(named)) and set(named) == wanted
    for cells in rows():
        assert len(cells) == 3 and all(cells), cells


def test_every_test_that_it_names_is_there():
    tests = {}
    for path in glob.glob(os.path.join(ROOT, "tests/scenario/test_*.py")):
        with open(path, encoding="utf-8") as f:
            tests[os.path.basename(path)[:-3]] = set(
                re.findall(r"^def (test_\w+)", f.read(), re.M))
    known = set(tests).union(*tests.values())
    named = 0
    for cells in rows():
        for name in re.findall(r"`([^`]+)`", cells[2]):
            named += 1
            if "/" in name or name.startswith("."):
                assert os.path.exists(os.path.join(ROOT, name)), name
            else:
                assert name in known, name
    assert named > 50
