"""Simulated recordings: repeatable, labelled, and with the difference they promise."""

import hashlib
from importlib import import_module

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import LeaveOneGroupOut, cross_val_score

from mne_eegmamba.datasets.simulate import NAMES, simulate


def digests(folder):
    """Return what is in each file; MAT and EDF files carry the time in their head."""
    return {
        str(file.relative_to(folder)): hashlib.sha256(
            file.read_bytes()[256 if file.suffix in (".mat", ".edf") else 0 :]
        ).hexdigest()
        for file in sorted(folder.rglob("*"))
        if file.is_file() and file.suffix != ".npz"  # its zip has the time inside
    }


def band_powers(epochs):
    """Return the logarithm of the power of each channel in three bands."""
    power = np.abs(np.fft.rfft(epochs.get_data())) ** 2
    hertz = np.fft.rfftfreq(epochs.get_data().shape[2], 1 / epochs.info["sfreq"])
    bands = [(4, 8), (8, 13), (25, 35)]
    parts = [power[..., (hertz >= a) & (hertz < b)].mean(axis=2) for a, b in bands]
    return np.log(np.concatenate(parts, axis=1))


@pytest.mark.parametrize("name", NAMES)
def test_a_classifier_separates_the_classes(name, tmp_path):
    """Trained on one simulated subject, tested on the other."""
    module = import_module(f"mne_eegmamba.datasets.{name}")
    epochs = module.load(simulate(name, tmp_path))
    assert set(epochs.event_id) == set(module.ABOUT.classes)
    assert len(epochs.ch_names) == module.ABOUT.n_channels
    assert epochs.get_data().shape[2] == module.ABOUT.duration * 200
    subjects = epochs.metadata["subject"]
    folds = module.ABOUT.folds or module.paper_folds(sorted(set(subjects)))
    assert set(subjects) <= {subject for fold in folds for subject in fold}
    scores = cross_val_score(
        LogisticRegression(C=10, max_iter=1000),
        band_powers(epochs),
        epochs.events[:, 2],
        groups=subjects,
        cv=LeaveOneGroupOut(),
    )
    assert scores.min() > 0.9


@pytest.mark.parametrize("name", NAMES)
def test_the_seed_decides(name, tmp_path):
    first, again, other = (
        digests(simulate(name, tmp_path / str(number), n_subjects=1, seed=seed))
        for number, seed in enumerate([1, 1, 2])
    )
    assert first == again
    assert list(first) == list(other)
    assert first != other


def test_unknown_name(tmp_path):
    with pytest.raises(ValueError, match=r"'deap'.*Got 'nothing'"):
        simulate("nothing", tmp_path)
