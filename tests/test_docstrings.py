"""Public docstrings are numpydoc, complete, and agree with the signatures."""

import importlib
import inspect

import pytest
from numpydoc.validate import validate

import mne_eegmamba

DATASETS = (
    *("siena", "chbmit", "sleep_edf", "shhs", "deap", "seed", "shu", "bci_iv_2a"),
    "simulate",
)
PACKAGES = [
    *("", ".datasets", ".evaluation", ".experiments", ".models", ".ops", ".viz"),
    *(f".datasets.{name}" for name in DATASETS),
]
CHECKED = {
    *("GL03", "GL05", "GL06", "GL07", "GL08", "GL10"),
    *("SS02", "SS03", "SS04", "SS05", "SS06"),
    *("PR01", "PR02", "PR03", "PR04", "PR05", "PR07", "PR09", "PR10"),
    *("RT01", "RT03", "RT04", "RT05", "YD01"),
}
INHERITED = {  # from scikit-learn and torch, documented there
    *("fit_transform", "get_metadata_routing", "get_params", "set_params"),
    *("set_output", "get_feature_names_out", "set_fit_request", "set_score_request"),
    *("set_partial_fit_request", "extra_repr"),
}


def public_objects():
    """Return the dotted names of public functions, classes and their methods."""
    found = []
    for package in PACKAGES:
        module = importlib.import_module("mne_eegmamba" + package)
        for name in module.__all__:
            thing = getattr(module, name)
            if not callable(thing):  # a module, or the facts of a data set
                continue
            dotted = f"mne_eegmamba{package}.{name}"
            found.append(dotted)
            if inspect.isclass(thing):
                found += [
                    f"{dotted}.{key}"
                    for key, value in vars(thing).items()
                    if not key.startswith("_")
                    and key not in INHERITED
                    and callable(getattr(thing, key))
                    and not inspect.isclass(value)
                ]
    return sorted(set(found))


OBJECTS = public_objects()


def resolve(dotted):
    """Return the object of a dotted name."""
    parts = dotted.split(".")
    thing = mne_eegmamba
    for part in parts[1:]:
        thing = getattr(thing, part)
    return thing


def test_objects_are_found():
    assert "mne_eegmamba.EEGMambaClassifier.fit" in OBJECTS
    assert "mne_eegmamba.ops.selective_scan" in OBJECTS
    assert len(OBJECTS) >= 20


@pytest.mark.parametrize("dotted", OBJECTS)
def test_docstring(dotted):
    errors = [e for e in validate(dotted)["errors"] if e[0] in CHECKED]
    assert errors == []


@pytest.mark.parametrize("dotted", OBJECTS)
def test_has_an_example(dotted):
    parent, name = dotted.rsplit(".", 1)
    thing = getattr(resolve(parent), name)
    if not inspect.isclass(resolve(parent)):  # methods are shown with their class
        assert ">>>" in inspect.getdoc(thing), f"{dotted} has no example"
