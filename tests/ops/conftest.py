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
    from triton.runtime import interpreter

    prepared = set()

    def call(self, *args, **options):
        module = self.fn.__module__
        if not module.startswith("mne_eegmamba") and module not in prepared:
            interpreter._patch_lang(self.fn)
            prepared.add(module)
        return self.rewrite()(*args, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(interpreter.InterpretedFunction, "__call__", call)
        yield
