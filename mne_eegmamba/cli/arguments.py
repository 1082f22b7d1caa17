"""Arguments that several subcommands share."""

import ast
from pathlib import Path

import mne

from mne_eegmamba.datasets.store import STORE, open_store
from mne_eegmamba.estimators import EEGMambaClassifier, MultiTaskEEGMamba
from mne_eegmamba.estimators._store import load_any


def add_data(parser):
    """Add ``--data``."""
    parser.add_argument(
        "--data",
        nargs="+",
        required=True,
        metavar="TASK=PATH",
        help="a store or an epochs file (-epo.fif) per task; a PATH alone is the one "
        "task of a single-task network",
    )


def add_parameters(parser):
    """Add ``--set``."""
    parser.add_argument(
        "--set",
        nargs="+",
        default=[],
        metavar="NAME=VALUE",
        help="parameters of the estimator, such as max_epochs=20 tokenizer_norm=None",
    )


def make_estimator(kind, pairs):
    """Return an estimator with the parameters that ``--set`` gives."""
    return kind().set_params(**read_parameters(pairs))


def read_parameters(pairs):
    """Return what ``--set`` says; values are Python's literals, else texts."""
    found = {}
    for name, value in split_pairs(pairs, "--set"):
        try:
            found[name] = ast.literal_eval(value)
        except (ValueError, SyntaxError):
            found[name] = value
    return found


def split_pairs(pairs, option):
    """Return names and values of ``NAME=VALUE``."""
    found = [pair.partition("=") for pair in pairs]
    wrong = ["".join(parts) for parts in found if not parts[0] or not parts[1]]
    if wrong:
        raise ValueError(f"{option} takes NAME=VALUE. Got {wrong}.")
    return [(name, value) for name, _, value in found]


def read_data(items):
    """Return the epochs of each task; a path alone is the only task, named None."""
    if len(items) == 1 and "=" not in items[0]:
        return {None: read_epochs(items[0])}
    pairs = split_pairs(items, "--data")
    twice = sorted({name for name, _ in pairs if [n for n, _ in pairs].count(name) > 1})
    if twice:
        raise ValueError(f"--data names {twice} more than once.")
    return {name: read_epochs(path) for name, path in pairs}


def read_epochs(path):
    """Open a store or read an epochs file."""
    path = Path(path).expanduser()
    if path.is_dir():
        return open_store(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path} does not exist.")
    return mne.read_epochs(path, preload=False, verbose="error")


def is_store(path):
    """Say whether a path is a folder that `prepare` wrote."""
    return (path / STORE).is_file()


def read_model(path):
    """Read a network that ``fit`` saved."""
    return load_any((EEGMambaClassifier, MultiTaskEEGMamba), path)
