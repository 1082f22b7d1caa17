"""Sleep-EDF: pairs of files, R&K to five classes, two forms."""

from pathlib import Path

import mne
import numpy as np
import pytest

from mne_eegmamba.datasets import sleep_edf
from mne_eegmamba.datasets.simulate import simulate
from mne_eegmamba.datasets.simulate.edf import clock, write_edf
from mne_eegmamba.datasets.simulate.sleep_edf import STAGES, hypnogram
from mne_eegmamba.datasets.sleep import near_sleep

SHARED = Path(__file__).resolve().parents[3] / "shared"
FRAGMENTS = SHARED / "data" / "layout_fragments" / "sleep-cassette"
NAMES = {"W": "W", "1": "N1", "2": "N2", "3": "N3", "4": "N3", "R": "REM"}
# By hand: 70 epochs of wake, 55 from sleep's begin to its end, of which 6 unscored.
SLEEP = slice(70, 125)


@pytest.fixture(scope="module")
def twin(tmp_path_factory):
    return simulate("sleep_edf", tmp_path_factory.mktemp("sleep_edf"), 2)


@pytest.fixture(scope="module")
def epochs(twin):
    return sleep_edf.load(twin)


@pytest.fixture
def night(tmp_path):
    """One person with two nights, to be spoilt."""
    return simulate("sleep_edf", tmp_path, 1)


def labels(epochs):
    names = {code: name for name, code in epochs.event_id.items()}
    return [names[code] for code in epochs.events[:, 2]]


def write_hypnogram(path, annotations):
    write_edf(path, clock("16.13.00"), annotations=annotations)


def test_the_twin_is_as_these_tests_think():
    assert set(STAGES[:70] + STAGES[125:]) == {"W"}
    assert STAGES[70] == STAGES[124] == "1"
    assert sum(STAGES.count(stage) for stage in "?M") == 6


def test_stages_against_the_simulated_truth(epochs):
    """Thirty minutes of wake, 4 is N3, movement and unscored epochs are out."""
    start, stop = SLEEP.start - 60, SLEEP.stop + 60
    kept = [k for k in range(start, stop) if STAGES[k] in NAMES]
    got = epochs["recording == 'SC4012E0'"]
    assert labels(got) == [NAMES[STAGES[k]] for k in kept]
    assert got.metadata["onset"].tolist() == [30.0 * k for k in kept]


@pytest.mark.parametrize("minutes", [0, 5])
def test_wake_minutes(twin, minutes):
    [first, *_] = sleep_edf.find(twin)
    got = sleep_edf.read(first, wake_minutes=minutes)
    assert labels(got).count("W") == 3 + 2 * 2 * minutes
    assert got.metadata["onset"].iloc[0] == 30.0 * (70 - 2 * minutes)


def test_all_wake(twin):
    got = sleep_edf.load(twin, "SC400", wake_minutes=None)
    assert labels(got).count("W") == 2 * (70 + 3 + 70)


def test_channel_rate_volts_and_metadata(epochs):
    assert epochs.ch_names == ["Fpz-Cz"]
    assert epochs.info["sfreq"] == 200
    assert epochs.get_data().shape[1:] == (1, 6000)
    assert set(epochs.metadata["subject"]) == {"SC400", "SC401"}
    assert set(epochs.metadata["session"]) == {"1", "2"}
    assert epochs.metadata["recording"].nunique() == 4


def test_labels_against_the_signal(epochs):
    """Sleep with slow waves has the most power below 2 Hz, wake at 10 Hz."""
    power = np.abs(np.fft.rfft(epochs.get_data()[:, 0])) ** 2
    hertz = np.fft.rfftfreq(6000, 1 / 200)
    slow = power[:, (hertz > 0.5) & (hertz < 2)].sum(axis=1)
    alpha = power[:, (hertz > 9) & (hertz < 11)].sum(axis=1)
    names = np.array(labels(epochs))
    assert slow[names == "N3"].min() > 2 * slow[names != "N3"].max()
    assert alpha[names == "W"].min() > 2 * alpha[names != "W"].max()


def test_files_pair_by_seven_characters(twin):
    for recording in sleep_edf.find(twin):
        assert recording.labels.name[:7] == recording.signal.name[:7]
        assert recording.signal.name == f"{recording.name}-PSG.edf"
    scorers = {r.labels.name[7] for r in sleep_edf.find(twin)}
    assert len(scorers) > 1


def test_person_13_has_one_night(tmp_path):
    (tmp_path / "SC4131E0-PSG.edf").touch()
    (tmp_path / "SC4131EC-Hypnogram.edf").touch()
    [recording] = sleep_edf.find(tmp_path)
    assert (recording.subject, recording.session) == ("SC413", "1")


@pytest.mark.parametrize("folder", ["sleep-cassette", "physionet-sleep-data"])
def test_folders_above(night, tmp_path, folder):
    target = tmp_path / "above" / folder
    target.parent.mkdir()
    target.mkdir()
    for file in night.glob("*.edf"):
        file.rename(target / file.name)
    assert len(sleep_edf.find(tmp_path / "above")) == 2


def test_signal_without_hypnogram(night):
    next(night.glob("SC4001*-Hypnogram.edf")).unlink()
    with pytest.raises(ValueError, match="SC4001E0.*no SC4001Ex-Hypnogram.edf"):
        sleep_edf.load(night)


def test_hypnogram_without_signal(night):
    (night / "SC4001E0-PSG.edf").unlink()
    with pytest.raises(ValueError, match="SC4001E0.*file SC4001E0-PSG.edf is missing"):
        sleep_edf.load(night)


def test_truncated_hypnogram(night):
    file = next(night.glob("SC4001*-Hypnogram.edf"))
    file.write_bytes(file.read_bytes()[:-10])
    with pytest.raises(ValueError, match="SC4001E0.*Hypnogram.edf is truncated"):
        sleep_edf.load(night)


def test_two_hypnograms_of_one_night(night):
    file = next(night.glob("SC4001*-Hypnogram.edf"))
    file.with_name("SC4001EX-Hypnogram.edf").write_bytes(file.read_bytes())
    with pytest.raises(ValueError, match="SC4001EX-Hypnogram.edf belong to one signal"):
        sleep_edf.find(night)


@pytest.mark.parametrize(
    ("annotations", "match"),
    [
        ([(0, 30, "Sleep stage 5")], "has 'Sleep stage 5' from 0 s"),
        ([(0, 45, "Sleep stage 1")], "from 0 s for 45 s; whole epochs of 30 s"),
        ([(10, 30, "Sleep stage 1")], "from 10 s for 30 s; whole epochs"),
    ],
)
def test_hypnograms_of_another_form(night, annotations, match):
    file = next(night.glob("SC4001*-Hypnogram.edf"))
    write_hypnogram(file, annotations)
    with pytest.raises(ValueError, match=f"SC4001E0.*{match}"):
        sleep_edf.load(night)


def test_a_night_without_sleep_is_left_out(night):
    file = next(night.glob("SC4001*-Hypnogram.edf"))
    write_hypnogram(file, hypnogram("W" * 20))
    assert set(sleep_edf.load(night).metadata["recording"]) == {"SC4002E0"}


def test_missing_channel(night):
    write_edf(
        night / "SC4001E0-PSG.edf",
        clock("16.13.00"),
        [("EEG Pz-Oz", 100.0, np.zeros(600000), "uV")],
    )
    with pytest.raises(ValueError, match="SC4001E0.*channel 'EEG Fpz-Cz' is missing"):
        sleep_edf.load(night)


@pytest.mark.parametrize("folder", [".", "fpzcz", "data_edf_20_npz/fpzcz"])
def test_the_npz_form(tmp_path, folder):
    """Ten epochs of a 10 Hz sine of 40 uV."""
    target = tmp_path / folder
    target.mkdir(parents=True, exist_ok=True)
    x = 40 * np.sin(2 * np.pi * 10 * np.arange(10 * 3000) / 100).reshape(10, 3000, 1)
    y = np.array([0, 0, 1, 2, 3, 4, 2, 1, 0, 0], dtype=np.int32)
    np.savez(target / "SC4021E0.npz", x=x.astype(np.float32), y=y, fs=100)
    epochs = sleep_edf.load(tmp_path, wake_minutes=0.5)
    assert labels(epochs) == ["W", "N1", "N2", "N3", "REM", "N2", "N1", "W"]
    row = epochs.metadata.iloc[0].to_dict()
    assert row == {
        "subject": "SC402",
        "session": "1",
        "recording": "SC4021E0",
        "onset": 30.0,
    }
    expected = 40e-6 * np.sin(2 * np.pi * 10 * np.arange(6000) / 200)
    np.testing.assert_allclose(epochs.get_data()[3, 0], expected, atol=2e-6)


def test_edf_goes_before_npz(night):
    (night / "SC4051E0.npz").touch()
    assert {recording.subject for recording in sleep_edf.find(night)} == {"SC400"}


def test_folds_are_the_papers():
    assert [len(fold) for fold in sleep_edf.ABOUT.folds] == [4] * 5
    assert sleep_edf.ABOUT.folds[1] == ("SC404", "SC405", "SC406", "SC407")


@pytest.fixture
def physionet(monkeypatch, tmp_path):
    """MNE's download, without a network."""
    asked = []

    def fetch_data(subjects, path, on_missing, verbose):
        asked.append((subjects, path))
        folder = tmp_path / "physionet-sleep-data"
        return [[str(folder / "a-PSG.edf"), str(folder / "a-Hypnogram.edf")]] * (
            subjects != [39]  # was never published
        )

    monkeypatch.setattr(mne.datasets.sleep_physionet.age, "fetch_data", fetch_data)
    return asked


def test_fetch(physionet, tmp_path):
    folder = sleep_edf.fetch(["SC400", "SC413"], tmp_path)
    assert folder == tmp_path / "physionet-sleep-data"
    assert physionet == [([0], tmp_path), ([13], tmp_path)]


@pytest.mark.parametrize(
    ("subjects", "match"),
    [
        (["SC439"], "published. Got .'SC439'"),
        (["39"], "must be like \"SC400\". Got '39'"),
        ([], "must be among"),
    ],
)
def test_fetch_refuses(physionet, subjects, match):
    with pytest.raises(ValueError, match=match):
        sleep_edf.fetch(subjects)


@pytest.mark.skipif(not FRAGMENTS.is_dir(), reason="no real fragments in ../shared")
def test_real_hypnograms():
    recordings = sleep_edf.find(FRAGMENTS.parent)
    assert len(recordings) == 10
    for recording in recordings:
        starts, stages = sleep_edf.read_hypnogram(recording)
        assert starts.tolist() == [30.0 * k for k in range(2880)]
        assert set(stages) == {-1, 0, 1, 2, 3, 4}
    with pytest.raises(ValueError, match="SC4001E0.*SC4001E0-PSG.edf is missing"):
        sleep_edf.load(FRAGMENTS)


@pytest.mark.skipif(not FRAGMENTS.is_dir(), reason="no real fragments in ../shared")
def test_real_hypnogram_counts_as_published():
    """SC4001: 841 epochs with 30 min of wake, as in the literature on Sleep-EDF-20."""
    [recording] = [r for r in sleep_edf.find(FRAGMENTS) if r.name == "SC4001E0"]
    starts, stages = sleep_edf.read_hypnogram(recording)
    near = near_sleep(starts, stages, 30)
    assert (near & (stages >= 0)).sum() == 841
