"""Imports point one way: down the list."""

import ast
from pathlib import Path

import pytest

import mne_eegmamba

ROOT = Path(mne_eegmamba.__file__).parent
ORDER = {  # folder: folders of ours that it may import
    "utils": set(),
    "ops": {"utils"},
    "epochs": {"utils"},
    "datasets": {"epochs", "utils"},
    "batches": {"epochs", "utils"},
    "tokens": {"ops", "utils"},
    "blocks": {"ops", "utils"},
    "heads": {"ops", "utils"},
    "models": {"tokens", "blocks", "heads", "ops", "utils"},
    "training": {"models", "blocks", "batches", "utils"},
    "viz": {"tokens", "epochs", "utils"},
    "evaluation": {
        *("viz", "training", "models", "batches", "epochs", "datasets", "utils"),
    },
    "estimators": {
        "training",
        "models",
        "batches",
        "epochs",
        "tokens",
        "heads",
        "ops",
        "utils",
    },
    "continuous": {"utils"},
    "experiments": {"estimators", "evaluation", "datasets", "epochs", "utils"},
    "cli": {
        *("experiments", "estimators", "evaluation", "datasets", "epochs", "ops"),
        "utils",
    },
}
ONLY_IN = {  # package of others: where it may be imported
    "skorch": {"training"},
    "numba": {"ops"},
    "triton": {"ops"},
    "mamba_ssm": {"ops"},
    "causal_conv1d": {"ops"},
    "safetensors": {"training"},
    "matplotlib": {"viz"},
    "edfio": {"datasets"},
    "torch": {
        *("ops", "batches", "tokens", "blocks", "heads", "models", "training"),
        *("estimators", "utils", "cli"),
    },
    "mne": {
        *("epochs", "datasets", "training", "estimators", "viz", "evaluation"),
        *("continuous", "cli"),
    },
    "sklearn": {"estimators", "evaluation", "viz", "continuous"},
    "pandas": {
        *("datasets", "epochs", "training", "estimators", "evaluation", "viz"),
        *("experiments", "cli"),
    },
}
FILES = sorted(path for path in ROOT.rglob("*.py") if path.parent != ROOT)


def imported(path):
    """Return the dotted names that a file imports, inside functions too."""
    names = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative imports hide the direction"
            names += [f"{node.module}.{alias.name}" for alias in node.names]
    return names


def test_all_folders_are_listed():
    assert {path.relative_to(ROOT).parts[0] for path in FILES} == set(ORDER)


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_point_down(path):
    folder = path.relative_to(ROOT).parts[0]
    for name in imported(path):
        first, *rest = name.split(".")
        if first == "mne_eegmamba":
            assert rest[0] in ORDER[folder] | {folder}, f"{folder} imports {name}"
        elif first in ONLY_IN:
            assert folder in ONLY_IN[first], f"{folder} imports {name}"


def test_only_two_files_know_skorch():
    users = [p.name for p in FILES if any(n.startswith("skorch") for n in imported(p))]
    assert sorted(users) == ["callbacks.py", "net.py"]


def test_the_finder_of_imports_sees_functions(tmp_path):
    file = tmp_path / "a.py"
    file.write_text("def f():\n    import skorch.net\n    from torch import nn\n")
    assert imported(file) == ["skorch.net", "torch.nn"]
