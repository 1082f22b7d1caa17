"""Where the Triton kernels run: on a card, else in Triton's interpreter."""

import os

import pytest
import torch

# Read when Triton is first imported, which no other test does.
if not torch.cuda.is_available():
    os.environ.setdefault("TRITON_INTERPRET", "1")


@pytest.fixture
def card():
    """Give the device on which Triton's kernels run here."""
    return "cuda" if torch.cuda.is_available() else "cpu"


@pytest.fixture(autouse=True, scope="session")
def quick_interpreter():
    """Keep the interpreter from preparing itself again at every call of a function."""
    if torch.cuda.is_available():
        yield
        return
    from triton.runtime.interpreter import InterpretedFunction

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            InterpretedFunction, "__call__", lambda self, *args: self.rewrite()(*args)
        )
        yield
