"""Waiting for conditions: no scenario sleeps for a time that it guessed."""
import time


class Late(AssertionError):
    """A condition that did not come true in time."""


def wait_until(condition, timeout=30, pause=0.05, what=None):
    """The first true value of condition(); Late after timeout seconds. An
    exception of the last attempt is told, those before it are not."""
    end = time.monotonic() + timeout
    while True:
        problem = None
        value = None
        try:
            value = condition()
        except Exception as e:  # pylint: disable=broad-except
            problem = e
        if value:
            return value
        if time.monotonic() > end:
            what = what or getattr(condition, "__name__", "the condition")
            raise Late(f"not within {timeout} s: {what}; last: "
                       f"{problem if problem is not None else value!r}"
                       ) from problem
        time.sleep(pause)
