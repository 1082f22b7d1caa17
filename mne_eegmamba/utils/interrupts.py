"""What Ctrl-C ends: a fit, which keeps what it learned, or what it is a part of."""

from contextlib import contextmanager
from contextvars import ContextVar

_everything = ContextVar("everything", default=False)


@contextmanager
def ending_everything():
    """Let an interrupt of a fit end what is around it too, so that it does not count.

    To be entered around fits whose results are kept without anyone looking at them.
    """
    token = _everything.set(True)
    try:
        yield
    finally:
        _everything.reset(token)


def ends_everything():
    """Return whether an interrupt shall end more than the fit."""
    return _everything.get()
