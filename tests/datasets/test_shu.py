"""SHU's reader on the simulated twin and on files with one thing wrong."""

import shutil

import mne
import numpy as np
import pytest
from scipy.io import loadmat, savemat

from mne_eegmamba.datasets import shu
from mne_eegmamba.datasets.simulate import simulate
from mne_eegmamba.datasets.simulate.shu import CH_NAMES, event_table, write_edf

MAT = "sub-001_ses-01_task_motorimagery_eeg.mat"
EDF = "sub-001_ses-01_task_motorimagery_eeg.edf"
TSV = "sub-001_ses-01_task_motorimagery_events.tsv"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return simulate("shu", tmp_path_factory.mktemp("shu"))


@pytest.fixture(scope="module")
def from_mat(folder):
    return shu.load(folder, ["sub-001"])


@pytest.fixture(scope="module")
def from_edf(folder):
    return shu.load(folder / "edf", ["sub-001"])


@pytest.fixture
def one(folder, tmp_path):
    """Copy one session in both forms, all files in one folder."""
    for file in folder.rglob("sub-001_ses-01*"):
        shutil.copy(file, tmp_path)
    return tmp_path


def test_form_of_the_epochs(from_mat):
    """Sessions differ in the number of trials."""
    assert from_mat.get_data().shape == (39, 32, 800)
    assert from_mat.info["sfreq"] == 200
    assert from_mat.ch_names == list(CH_NAMES)
    assert from_mat.event_id == {"left_hand": 1, "right_hand": 2}
    assert list(from_mat.metadata)[:4] == ["subject", "session", "recording", "onset"]
    assert set(from_mat.metadata["subject"]) == {"sub-001"}
    per_session = from_mat.metadata.groupby("session").size()
    assert per_session.to_dict() == {"ses-01": 20, "ses-04": 19}
    assert from_mat.metadata["onset"].tolist()[:3] == [0, 4, 8]
    assert 5e-6 < from_mat.get_data().std() < 50e-6


def test_labels_are_the_simulated_ones(folder, from_mat, from_edf):
    files = [
        folder / "mat" / MAT.replace("ses-01", session)
        for session in ("ses-01", "ses-04")
    ]
    truth = np.concatenate([loadmat(file)["labels"][0] for file in files]).tolist()
    assert from_mat.events[:, 2].tolist() == truth
    assert from_edf.events[:, 2].tolist() == truth


def test_both_forms_agree(from_mat, from_edf):
    """One sample off, one header taken for a trial, and they would not."""
    step = 200e-6 / 2**15
    np.testing.assert_allclose(
        from_edf.get_data(), from_mat.get_data(), rtol=0, atol=step
    )
    assert from_edf.metadata.equals(from_mat.metadata)


def test_nothing_is_filtered_unless_asked(folder):
    epochs = shu.load(folder, ["sub-002"], sfreq=250)
    file = folder / "mat" / MAT.replace("sub-001", "sub-002")
    np.testing.assert_allclose(epochs.get_data()[:20], loadmat(file)["data"] * 1e-6)


def test_a_band_that_fits_into_a_trial_is_applied(folder):
    """The twin's channels have offsets, which a high-pass takes away."""
    kept = shu.load(folder, ["sub-002"])
    banded = shu.load(folder, ["sub-002"], l_freq=4, h_freq=30)
    assert np.abs(kept.get_data().mean(axis=2)).mean() > 5e-6
    assert np.abs(banded.get_data().mean(axis=2)).mean() < 0.5e-6


@pytest.mark.parametrize("l_freq", [0.1, 0.5])
def test_a_filter_longer_than_a_trial_is_refused(folder, l_freq):
    with pytest.raises(ValueError, match=rf"l_freq={l_freq}.*s long; use None"):
        shu.load(folder, l_freq=l_freq, h_freq=50)
    with pytest.raises(ValueError, match="trials of 4 s, filtered to 0.5-40 Hz"):
        shu.read(shu.find(folder)[0], l_freq=l_freq)


def test_trials_are_resampled_by_themselves(one):
    """In the EDF file trials lie end to end; a loud one must not touch the next."""
    data = loadmat(one / MAT)["data"]
    (one / MAT).unlink()
    parts = []
    for loud in (0, 100):
        louder = data.copy()
        louder[::2] += loud * np.sign(np.sin(np.arange(1000)))
        write_edf(one / EDF, louder)
        parts.append(shu.load(one, h_freq=45).get_data()[1::2])
    np.testing.assert_allclose(*parts, atol=0.02e-6)


def test_events_without_and_with_header(folder):
    lines = {
        session: (folder / "events" / TSV.replace("ses-01", session))
        .read_text()
        .splitlines()
        for session in ("ses-01", "ses-04")
    }
    assert lines["ses-01"][0].startswith("onset")
    assert lines["ses-04"][0].startswith("1\t1000")
    assert [len(text) for text in lines.values()] == [21, 19]


def test_bids_names_and_capital_channels(one):
    """Copies named as BIDS wants, with labels in capitals, are the same data."""
    expected = shu.load(one).get_data()
    raw = mne.io.read_raw_edf(one / EDF, preload=True, verbose="error")
    header = bytearray((one / EDF).read_bytes())
    header[256 : 256 + 16 * 32] = bytes(header[256 : 256 + 16 * 32]).upper()
    (one / EDF.replace("task_", "task-")).write_bytes(header)
    shutil.move(one / TSV, one / TSV.replace("task_", "task-"))
    for name in (MAT, EDF):
        (one / name).unlink()
    assert raw.ch_names[0] == "Fp1"
    np.testing.assert_allclose(shu.load(one).get_data(), expected, atol=0.02e-6)


def test_a_session_without_trials_is_no_error_but_said(one):
    savemat(one / MAT, {"data": np.zeros((0, 32, 1000)), "labels": np.zeros((1, 0))})
    with pytest.raises(ValueError, match="1 recordings gave epochs.*it has no trials"):
        shu.load(one)


def test_finds_sessions_and_subjects(folder):
    found = shu.find(folder)
    assert [recording.name for recording in found] == [
        f"sub-{subject}_ses-{session}"
        for subject in ("001", "002")
        for session in ("01", "04")
    ]
    assert {recording.signal.suffix for recording in found} == {".mat"}
    beside = shu.find(folder / "edf", ["sub-002"])
    assert [recording.labels.parent.name for recording in beside] == ["events"] * 2
    with pytest.raises(ValueError, match=r"Got \['sub-026'\]"):
        shu.find(folder, ["sub-026"])
    with pytest.raises(FileNotFoundError, match="nowhere.*mat/sub-001_ses-01"):
        shu.load(folder / "nowhere")


@pytest.mark.parametrize("size", [0, 200, 500_000])
def test_a_truncated_mat_is_named(one, folder, size):
    (one / MAT).write_bytes((one / MAT).read_bytes()[:size])
    shutil.copy(folder / "mat" / MAT.replace("001", "002"), one)
    with pytest.raises(ValueError, match="Recording sub-001_ses-01 cannot be used"):
        shu.load(one)
    with pytest.warns(RuntimeWarning, match="Recording sub-001_ses-01 cannot be used"):
        epochs = shu.load(one, on_error="warn")
    assert set(epochs.metadata["recording"]) == {"sub-002_ses-01"}


@pytest.mark.parametrize("size", [0, 200, 9000, 500_000])
def test_a_truncated_edf_is_named(one, size):
    (one / MAT).unlink()
    (one / EDF).write_bytes((one / EDF).read_bytes()[:size])
    with pytest.raises(ValueError, match="Recording sub-001_ses-01 cannot be used"):
        shu.load(one)


def test_missing_files_are_named(one):
    (one / MAT).unlink()
    (one / TSV).rename(one / "events")
    with pytest.raises(ValueError, match="sub-001_ses-01 has no .*events.tsv beside"):
        shu.load(one)
    (one / "events").rename(one / TSV)
    (one / EDF).unlink()
    with pytest.raises(ValueError, match="eeg.edf is missing, though its events"):
        shu.load(one)


def test_signals_and_labels_must_fit(one):
    content = loadmat(one / MAT)
    data, labels = content["data"], content["labels"]
    for wrong, match in [
        ({"data": data, "labels": labels[:, 1:]}, r"shape \(19, 32, 1000\)"),
        ({"data": data, "labels": labels + 1}, r"1 \(left\) or 2 \(right\). Got \{3"),
        ({"data": data}, "must have data and labels"),
    ]:
        savemat(one / MAT, wrong)
        with pytest.raises(ValueError, match=match):
            shu.load(one)


def test_events_must_fit(one):
    (one / MAT).unlink()
    for n_trials in (19, 21):
        (one / TSV).write_text(event_table([1] * n_trials, header=True))
        with pytest.raises(ValueError, match=f"{n_trials} trials of 1000.*has 20000"):
            shu.load(one)
    table = event_table([1] * 20, header=True).replace("\t1\t1\n", "\t20001\t1\n")
    (one / TSV).write_text(table)
    with pytest.raises(ValueError, match="they count from 1 to 20000"):
        shu.load(one)
    (one / TSV).write_text(event_table([1], True).replace("left", "up"))
    with pytest.raises(ValueError, match=r"left or right. Got \{'up'\}"):
        shu.load(one)
    (one / TSV).write_text("1\t1000\tleft\n")
    with pytest.raises(ValueError, match="must have 6 columns"):
        shu.load(one)


def test_folds_are_table_7():
    assert shu.ABOUT.folds[4] == tuple(f"sub-{k:03d}" for k in range(21, 26))
    assert len({subject for fold in shu.ABOUT.folds for subject in fold}) == 25
