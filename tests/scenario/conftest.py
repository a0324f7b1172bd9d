"""Fixtures of the scenarios: one demo for a session, whole before each test.

    pair        the session's demo, everything running, the primary serving
    make_pair   make_pair("replicator.replicator.sync=off"): one with other
                settings, for the tests of one module
    browser, make_browser   headless Chromium: browser.py

A report of a sanitizer, or a daemon that died by itself, fails the test in
whose time it came.
"""
import os
import signal
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from pair import Demo  # noqa: E402  pylint: disable=wrong-import-position


def pytest_configure(config):
    config.addinivalue_line("markers", "long: left to tests/run long")
    # ended by either, or begun in the background: the demos are taken down
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    report = outcome.get_result()
    if report.when == "call":
        item.failed_call = report.failed


def ended(demo):
    reports = demo.down()
    assert not reports, "\n".join(reports)


@pytest.fixture(scope="session")
def session_demo():
    demo = Demo()
    try:
        yield demo.up()
    finally:
        ended(demo)


@pytest.fixture(scope="module")
def make_pair():
    made = []

    def make(*settings):
        made.append(Demo(settings))
        return made[-1].up()

    try:
        yield make
    finally:
        for demo in made:
            ended(demo)


def watched(request, demo):
    """One test with one demo, and what it must not leave behind."""
    demo.restore()
    yield demo
    problems = demo.new_reports()
    problems += [f"{name} ended by itself:\n{demo.log_tail(name)}"
                 for name in demo.died()]
    if problems or getattr(request.node, "failed_call", False):
        demo.keep_logs()
    if problems:
        pytest.fail("\n".join(problems), pytrace=False)


@pytest.fixture
def pair(request, session_demo):
    yield from watched(request, session_demo)


@pytest.fixture(scope="session")
def session_browser():
    from browser import Browser  # only those who use it need Selenium
    made = Browser()
    try:
        yield made
    finally:
        made.end()
    assert not made.processes()


@pytest.fixture
def browser(session_browser):
    return session_browser.clean()


@pytest.fixture
def make_browser():
    from browser import Browser
    made = []

    def make():
        made.append(Browser())
        return made[-1].clean()

    try:
        yield make
    finally:
        for each in made:
            each.end()
