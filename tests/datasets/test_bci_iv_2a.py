"""The reader of BCI competition IV 2a on the simulated twin, in all three forms."""

import shutil
import sys
from types import ModuleType

import mne
import numpy as np
import pytest
from scipy.io import loadmat, savemat

from mne_eegmamba.datasets import bci_iv_2a
from mne_eegmamba.datasets.bci_iv_2a_forms import missing_samples
from mne_eegmamba.datasets.simulate import simulate
from mne_eegmamba.datasets.simulate.bci_iv_2a import GDF_NAMES
from mne_eegmamba.datasets.simulate.gdf import MISSING, write_gdf

FORMS = ["gdf", "bnci", "npz"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Four subjects, since A04T is unlike all others."""
    return simulate("bci_iv_2a", tmp_path_factory.mktemp("bci"), n_subjects=4)


@pytest.fixture(scope="module", params=FORMS)
def epochs(request, folder):
    """One subject, read from each form."""
    return bci_iv_2a.load(folder / request.param, ["A01"], rejected="keep")


@pytest.fixture(scope="module")
def bnci_runs(folder):
    """The runs with labels of A01T, by another way than the reader's."""
    cell = loadmat(folder / "bnci" / "A01T.mat", squeeze_me=True)["data"]
    return [run for run in cell if run["y"].item().size]


def truth(folder, name):
    """Return the classes of a session as they are in the BNCI form."""
    runs = loadmat(folder / "bnci" / f"{name}.mat", squeeze_me=True)["data"]
    return np.concatenate([run["y"].item().ravel() for run in runs]).tolist()


def write_npz(path, signal, events):
    """Write one session; events are (sample from 0, type)."""
    at, kinds = np.array(events).T
    np.savez(path, s=signal.T, epos=at[:, None] + 1, etyp=kinds[:, None])


def test_form_of_the_epochs(epochs):
    assert epochs.get_data().shape == (32, 22, 600)
    assert epochs.info["sfreq"] == 200
    names = "Fz FC3 FC1 FCz FC2 FC4 C5 C3 C1 Cz C2 C4 C6 CP3 CP1 CPz CP2 CP4 P1 Pz P2"
    assert epochs.ch_names == [*names.split(), "POz"]
    assert list(epochs.event_id) == ["left_hand", "right_hand", "feet", "tongue"]
    assert list(epochs.event_id) == list(bci_iv_2a.ABOUT.classes)
    assert list(epochs.metadata)[:4] == ["subject", "session", "recording", "onset"]
    assert epochs.metadata["session"].tolist() == ["E"] * 16 + ["T"] * 16
    assert set(epochs.metadata["recording"]) == {"A01E", "A01T"}


def test_volts_and_nothing_missing(epochs):
    assert np.isfinite(epochs.get_data()).all()
    assert 2e-6 < epochs.get_data().std() < 50e-6
    assert np.abs(epochs.get_data()).max() < 200e-6


def test_labels_are_the_simulated_ones(epochs, folder):
    expected = truth(folder, "A01E") + truth(folder, "A01T")
    assert epochs.events[:, 2].tolist() == expected


def test_forms_agree(folder):
    """Also that gaps and 16 bits do no harm: the BNCI form has neither."""
    parts = [
        bci_iv_2a.load(folder / form, ["A02"], rejected="keep").get_data()
        for form in FORMS
    ]
    np.testing.assert_allclose(parts[0], parts[1], atol=1e-11)
    np.testing.assert_allclose(parts[2], parts[1], atol=1e-10)


@pytest.mark.parametrize("form", FORMS)
def test_epochs_begin_at_the_right_sample(folder, bnci_runs, form):
    """Positions count from 1 in all forms; without a band samples come out as is."""
    epochs = bci_iv_2a.load(
        folder / form,
        ["A01"],
        tmin=2,
        duration=4,
        rejected="keep",
        sfreq=250,
        l_freq=None,
        h_freq=None,
    )
    expected = [
        run["X"].item()[trial - 1 + 500 : trial - 1 + 1500, :22].T * 1e-6
        for run in bnci_runs
        for trial in run["trial"].item().astype(int)
    ]
    found = epochs[epochs.metadata["session"] == "T"].get_data()
    np.testing.assert_allclose(found, expected, atol=1e-10)


@pytest.mark.parametrize("form", FORMS)
def test_each_run_is_filtered_by_itself(folder, bnci_runs, form):
    """MNE, given one run alone, makes the same epochs."""
    epochs = bci_iv_2a.load(folder / form, ["A01"], rejected="keep")
    for number, run in enumerate(bnci_runs):
        raw = mne.io.RawArray(
            run["X"].item()[:, :22].T * 1e-6,
            mne.create_info(22, 250, "eeg"),
            verbose="error",
        )
        raw.filter(0.1, 50, h_trans_bandwidth=5, verbose="error")
        raw.resample(200, verbose="error")
        start = round((run["trial"].item()[2] - 1) / 250 * 200) + 600
        at = 16 + 8 * number + 2
        expected = raw.get_data()[:, start : start + 600]
        np.testing.assert_allclose(epochs.get_data()[at], expected, atol=1e-9)


def test_onsets(folder):
    """GDF files hold the gaps, MAT files do not; runs for the eyes are 7, 6 and 5 s."""
    gdf = bci_iv_2a.load(folder / "gdf", ["A01"], rejected="keep").metadata
    bnci = bci_iv_2a.load(folder / "bnci", ["A01"], rejected="keep").metadata
    np.testing.assert_allclose(bnci["onset"].iloc[:2], [21, 28])
    np.testing.assert_allclose(gdf["onset"].iloc[:2], [21 + 1.2, 28 + 1.2])


def test_runs_without_labels_are_told_by_their_labels(folder):
    """A04T has one of them, the other sessions have three."""
    runs = [
        bci_iv_2a.load(folder / "bnci", [subject]).metadata.query("session == 'T'")
        for subject in ("A03", "A04")
    ]
    assert [sorted(set(part["run"])) for part in runs] == [[4, 5], [2, 3]]
    assert truth(folder, "A04T") == (
        bci_iv_2a.load(folder / "bnci", ["A04"], rejected="keep")
        .events[16:, 2]
        .tolist()
    )


@pytest.mark.parametrize("form", FORMS)
def test_rejected_trials(folder, form):
    """The fifth trial of each session is rejected."""
    kept = bci_iv_2a.load(folder / form, ["A01"], rejected="keep")
    dropped = bci_iv_2a.load(folder / form, ["A01"])
    assert len(dropped) == 30
    at = np.delete(np.arange(32), [4, 20])
    np.testing.assert_array_equal(dropped.get_data(), kept.get_data()[at])
    assert dropped.events[:, 2].tolist() == kept.events[at, 2].tolist()


def test_rejection_by_event_or_by_flag(folder, tmp_path):
    with np.load(folder / "npz" / "A01T.npz") as file:
        content = dict(file)
    flags = content.pop("artifacts")
    np.savez(tmp_path / "A01T.npz", **content)
    assert len(bci_iv_2a.load(tmp_path)) == 15
    content["etyp"] = np.where(content["etyp"] == 1023, 1, content["etyp"])
    np.savez(tmp_path / "A01T.npz", **content)
    assert len(bci_iv_2a.load(tmp_path)) == 16
    np.savez(tmp_path / "A01T.npz", artifacts=flags, **content)
    assert len(bci_iv_2a.load(tmp_path)) == 15


def test_tmin_is_from_the_start_of_a_trial(folder):
    """The twin has its rhythm from the cue at 2 s until 6 s only."""
    power = {
        tmin: bci_iv_2a.load(folder / "gdf", ["A01"], tmin=tmin, duration=2)
        .get_data(picks=["C3"])
        .var()
        for tmin in (0, 2, 4)
    }
    assert power[2] > 3 * power[0]
    assert power[4] > 3 * power[0]


@pytest.mark.parametrize("form", ["gdf", "npz"])
def test_evaluation_sessions_need_their_labels(folder, tmp_path, form):
    shutil.copy(folder / form / f"A01E.{form}", tmp_path)
    with pytest.raises(ValueError, match=r"A01E cannot.*783.*A01E\.mat with class"):
        bci_iv_2a.load(tmp_path)
    savemat(tmp_path / "A01E.mat", {"classlabel": np.ones((15, 1))})
    with pytest.raises(ValueError, match="15 labels for 16 trials"):
        bci_iv_2a.load(tmp_path)
    savemat(tmp_path / "A01E.mat", {"classlabel": np.full((16, 1), 7)})
    with pytest.raises(ValueError, match="must be 1 to 4. Got {7"):
        bci_iv_2a.load(tmp_path)


def test_true_labels_of_a_training_session_do_no_harm(folder, tmp_path):
    shutil.copy(folder / "gdf" / "A01T.gdf", tmp_path)
    savemat(tmp_path / "A01T.mat", {"classlabel": np.ones((16, 1))})
    epochs = bci_iv_2a.load(tmp_path, rejected="keep")
    assert epochs.events[:, 2].tolist() == truth(folder, "A01T")


def test_epochs_that_run_into_missing_samples_are_left_out(tmp_path, rng):
    signal = rng.standard_normal((25, 40 * 250))
    signal[3, 14 * 250] = np.nan
    events = [(0, 32766)]
    for second in (1, 10, 20, 37):
        events += [(second * 250, 768), (second * 250 + 500, 769)]
    write_npz(tmp_path / "A01T.npz", signal, events)
    with pytest.warns(RuntimeWarning, match="A01T: 2 epochs run into missing samples"):
        epochs = bci_iv_2a.load(tmp_path)
    # The second is in the stretch after the missing sample, on a grid of its own.
    np.testing.assert_allclose(epochs.metadata["onset"], [4, 23], atol=0.0025)
    assert np.isfinite(epochs.get_data()).all()


def test_runs_without_a_gap_are_still_apart(tmp_path, rng):
    """The event 32766 begins a run, though no sample may be missing before it."""
    second = rng.standard_normal((25, 40 * 250))
    parts = []
    for loud in (0, 1e5):
        signal = np.concatenate([second[:, ::-1] + loud, second], axis=1)
        events = [(250, 768), (750, 769), (10000, 32766), (10250, 768), (10750, 770)]
        write_npz(tmp_path / "A01T.npz", signal, events)
        epochs = bci_iv_2a.load(tmp_path)
        assert epochs.metadata["run"].tolist() == [1, 2]
        parts.append(epochs["right_hand"].get_data())
    np.testing.assert_array_equal(*parts)


def test_missing_samples():
    """NaN in one channel, or the least number in all of them."""
    signal = np.array([[0, -9, 3, 4, -9], [5, -8, np.nan, 1, 2]])
    assert missing_samples(signal).tolist() == [False, True, True, False, False]


def test_whole_stretches():
    missing = np.array([True, False, False, True, True, False])
    assert bci_iv_2a.whole_stretches(missing).tolist() == [[1, 3], [5, 6]]
    assert bci_iv_2a.whole_stretches(np.zeros(3, bool)).tolist() == [[0, 3]]
    assert len(bci_iv_2a.whole_stretches(np.ones(3, bool))) == 0


def test_mne_reads_what_the_twin_writes(tmp_path, rng):
    """Steps, missing samples, names that occur twice, events."""
    counts = rng.integers(-999, 999, (25, 500)).astype(np.int16)
    counts[:, 300:] = MISSING
    events = [(0, 768, 10), (7, 769, 1), (250, 1023, 20)]
    write_gdf(tmp_path / "a.gdf", counts, GDF_NAMES, 250, 0.05, events)
    raw = mne.io.read_raw_gdf(tmp_path / "a.gdf", verbose="error")
    np.testing.assert_allclose(raw.get_data(), counts * 0.05e-6, atol=1e-12)
    assert raw.ch_names[0] == "EEG-Fz"
    assert raw.ch_names[24] == "EOG-right"
    assert len(set(raw.ch_names)) == 25
    found = raw.annotations
    np.testing.assert_allclose(found.onset * 250, [0, 7, 250])
    np.testing.assert_allclose(found.duration * 250, [10, 1, 20])
    assert found.description.tolist() == ["768", "769", "1023"]


def test_finds_one_form_of_each_session(folder):
    found = bci_iv_2a.find(folder, ["A01", "A03"])
    assert [recording.name for recording in found] == ["A01E", "A01T", "A03E", "A03T"]
    assert {recording.signal.suffix for recording in found} == {".gdf"}
    with pytest.raises(ValueError, match=r"Got \['A10'\]"):
        bci_iv_2a.find(folder, ["A10"])
    with pytest.raises(FileNotFoundError, match=r"nowhere.*A01T\.gdf"):
        bci_iv_2a.load(folder / "nowhere")


def test_labels_without_signals_are_named(folder, tmp_path):
    shutil.copy(folder / "gdf" / "A01E.mat", tmp_path)
    shutil.copy(folder / "gdf" / "A01T.gdf", tmp_path)
    with pytest.raises(ValueError, match="A01E has labels, but no file A01E.gdf"):
        bci_iv_2a.load(tmp_path)
    with pytest.warns(RuntimeWarning, match="A01E has labels, but no file"):
        assert len(bci_iv_2a.load(tmp_path, on_error="warn")) == 15


@pytest.mark.parametrize("share", [0, 0.0005, 0.5, 0.9999])
@pytest.mark.parametrize("form", FORMS)
def test_a_truncated_file_is_named(folder, tmp_path, form, share):
    name = "A01T.mat" if form == "bnci" else f"A01T.{form}"
    content = (folder / form / name).read_bytes()
    (tmp_path / name).write_bytes(content[: int(len(content) * share)])
    shutil.copy(folder / "gdf" / "A02T.gdf", tmp_path)
    with pytest.raises(ValueError, match="Recording A01T cannot be used"):
        bci_iv_2a.load(tmp_path)
    with pytest.warns(RuntimeWarning, match="Recording A01T cannot be used"):
        epochs = bci_iv_2a.load(tmp_path, on_error="warn")
    assert set(epochs.metadata["recording"]) == {"A02T"}


def test_other_channels_or_trials_are_refused(tmp_path, rng):
    trial = [(250, 768), (750, 769)]
    write_npz(tmp_path / "A01T.npz", rng.standard_normal((22, 5000)), trial)
    with pytest.raises(ValueError, match="must have 25 channels. Got 22"):
        bci_iv_2a.load(tmp_path)
    write_npz(tmp_path / "A01T.npz", rng.standard_normal((25, 5000)), trial[:1])
    with pytest.raises(ValueError, match="1 of 1 trials do not have one cue"):
        bci_iv_2a.load(tmp_path)
    np.savez(tmp_path / "A01T.npz", s=np.zeros((9, 25)))
    with pytest.raises(ValueError, match=r"lacks \['epos', 'etyp'\]"):
        bci_iv_2a.load(tmp_path)


@pytest.mark.parametrize(
    ("rules", "match"),
    [
        ({"rejected": True}, '"drop" or "keep". Got True'),
        ({"tmin": -1}, "0 s or more after the start of a trial"),
        ({"duration": 0}, "above 0 s. Got 3.0 and 0"),
    ],
)
def test_rules_are_checked(folder, rules, match):
    with pytest.raises(ValueError, match=match):
        bci_iv_2a.load(folder, **rules)
    with pytest.raises(ValueError, match=match):
        bci_iv_2a.read(bci_iv_2a.find(folder)[0], **rules)


def test_fetch_asks_moabb(folder, tmp_path, monkeypatch):
    """The files lie some folders deep, as MOABB puts them."""
    asked = []

    class BNCI2014_001:
        def data_path(self, subject, path=None):
            asked.append((subject, path))
            place = tmp_path / "MNE-bnci-data" / "001-2014"
            place.mkdir(parents=True, exist_ok=True)
            names = [f"A{subject:02d}{session}.mat" for session in "TE"]
            return [str(shutil.copy(folder / "bnci" / name, place)) for name in names]

    fake, inner = ModuleType("moabb"), ModuleType("moabb.datasets")
    inner.BNCI2014_001 = BNCI2014_001
    monkeypatch.setitem(sys.modules, "moabb", fake)
    monkeypatch.setitem(sys.modules, "moabb.datasets", inner)
    path = bci_iv_2a.fetch(["A02", "A03"], path=tmp_path)
    assert asked == [(2, str(tmp_path)), (3, str(tmp_path))]
    assert len(bci_iv_2a.load(path)) == 60
    assert len(bci_iv_2a.load(tmp_path)) == 60


def test_fetch_without_moabb(monkeypatch):
    monkeypatch.setitem(sys.modules, "moabb", None)
    with pytest.raises(ImportError, match="pip install moabb.*bbci.de"):
        bci_iv_2a.fetch()
    with pytest.raises(ValueError, match=r"Got \['A10'\]"):
        bci_iv_2a.fetch(["A10"])


def test_folds_are_table_7():
    assert bci_iv_2a.ABOUT.folds == (
        ("A01", "A02"),
        ("A03", "A04"),
        ("A05", "A06"),
        ("A07", "A08"),
        ("A09",),
    )
