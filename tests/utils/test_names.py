"""Any name becomes a key that torch takes, and different names different keys."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mne_eegmamba.utils.names import module_key

# few letters, so that names are alike, among them those of the escapes
NAMES = st.text("._%2Ee", max_size=3) | st.text()


@settings(deadline=None)
@given(names=st.sets(NAMES, max_size=20))
def test_different_names_have_different_keys(names):
    modules = torch.nn.ModuleDict({module_key(n): torch.nn.Linear(1, 1) for n in names})
    assert len(modules) == len(names)
    assert all("." not in key for key in modules)
    parameters = torch.nn.ParameterDict({key: torch.zeros(1) for key in modules})
    assert parameters.keys() == modules.keys()


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("scp", "task_scp"),
        ("train", "task_train"),
        ("", "task_"),
        ("a.b", "task_a%2Eb"),
        ("a%2Eb", "task_a%252Eb"),
        ("left hand/right", "task_left%20hand%2Fright"),
    ],
)
def test_keys(name, key):
    assert module_key(name) == key


def test_attributes_of_modules():
    for name in dir(torch.nn.ModuleDict()):
        assert module_key(name) in torch.nn.ModuleDict(
            {module_key(name): torch.nn.Identity()}
        )
