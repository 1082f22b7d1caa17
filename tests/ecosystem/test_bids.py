"""Epochs out of a BIDS data set."""

import mne
import numpy as np
import pytest

mne_bids = pytest.importorskip("mne_bids", reason="needs the extra ecosystem")
pytest.importorskip("edfio", reason="needs the extra ecosystem")


def recording(seed):
    """Return two minutes with a 10 Hz rhythm in the half of the trials."""
    rng, sfreq = np.random.default_rng(seed), 128
    data = 1e-5 * rng.standard_normal((3, 40 * 3 * sfreq))
    rhythm = 5e-5 * np.sin(2 * np.pi * 10 * np.arange(3 * sfreq) / sfreq)
    for trial in range(0, 40, 2):
        data[0, trial * 3 * sfreq : (trial + 1) * 3 * sfreq] += rhythm
    info = mne.create_info(["C3", "Cz", "C4"], sfreq, "eeg", verbose="error")
    info["line_freq"] = 50
    raw = mne.io.RawArray(data, info, verbose="error")
    names = ["left", "right"] * 20
    raw.set_annotations(mne.Annotations(3.0 * np.arange(40), 3.0, names))
    return raw


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    root = tmp_path_factory.mktemp("bids")
    for number in ("01", "02"):
        mne_bids.write_raw_bids(
            recording(int(number)),
            mne_bids.BIDSPath(number, task="hands", datatype="eeg", root=root),
            format="EDF",
            allow_preload=True,
            verbose="error",
        )
    return root


def read(root, subject):
    path = mne_bids.BIDSPath(subject, task="hands", datatype="eeg", root=root)
    raw = mne_bids.read_raw_bids(path, verbose="error")
    return mne.Epochs(raw, tmin=0, tmax=2.9, baseline=None, verbose="error")


def test_epochs_from_bids(root, make):
    train, test = (read(root, subject) for subject in ("01", "02"))
    assert not train.preload
    clf = make(max_epochs=6).fit(train)
    assert clf.classes_.tolist() == ["left", "right"]
    assert clf.ch_names_in_ == ("C3", "Cz", "C4")
    assert clf.score(test) > 0.9  # the rhythm stands 5 to 1 above the noise
    loaded = read(root, "02").load_data()
    np.testing.assert_array_equal(clf.predict_proba(test), clf.predict_proba(loaded))
