"""SHHS: two kinds of XML, one channel of several, the npz form."""

import logging

import numpy as np
import pytest

from mne_eegmamba.datasets import shhs
from mne_eegmamba.datasets.shhs_labels import parse_nsrr, parse_profusion
from mne_eegmamba.datasets.simulate import simulate
from mne_eegmamba.datasets.simulate.shhs import (
    PARTICIPANTS,
    REJECTED,
    STAGES,
    event,
    nsrr,
    profusion,
)

NAMES = {"W": "W", "1": "N1", "2": "N2", "3": "N3", "4": "N3", "R": "REM"}
CODES = {"W": 0, "1": 1, "2": 2, "3": 3, "4": 4, "R": 5, "M": 6, "?": 9}
POLY = "polysomnography"
PROFUSION = f"{POLY}/annotations-events-profusion/shhs1"
NSRR = f"{POLY}/annotations-events-nsrr/shhs1"


@pytest.fixture(scope="module")
def twin(tmp_path_factory):
    return simulate("shhs", tmp_path_factory.mktemp("shhs"), len(PARTICIPANTS))


@pytest.fixture(scope="module")
def epochs(twin):
    return shhs.load(twin)


@pytest.fixture
def night(tmp_path):
    """One participant, to be spoilt."""
    return simulate("shhs", tmp_path, 1)


def labels(epochs):
    names = {code: name for name, code in epochs.event_id.items()}
    return [names[code] for code in epochs.events[:, 2]]


def test_both_kinds_say_the_same():
    stages = "WW1234R?MW"
    expected = [(30.0 * k, CODES[stage]) for k, stage in enumerate(stages)]
    assert parse_profusion(profusion(stages)) == expected
    assert parse_nsrr(nsrr(stages)) == expected


def test_stages_are_found_by_tag():
    """Not as the fifth child: elements may be missing or more."""
    text = profusion("W1R").replace("<StepChannels></StepChannels>", "")
    assert [s for _, s in parse_profusion(text)] == [0, 1, 5]
    text = profusion("W1R").replace("<SleepStages>", "<New/><SleepStages>")
    assert [s for _, s in parse_profusion(text)] == [0, 1, 5]


def test_other_events_are_not_stages():
    text = nsrr("W1").replace("<ScoredEvents>", "<ScoredEvents><ScoredEvent/>")
    assert parse_nsrr(text) == [(0.0, 0), (30.0, 1)]


@pytest.mark.parametrize(
    ("text", "match"),
    [
        (profusion("WR")[:-30], "no complete XML"),
        ("", "no complete XML"),
        ("<CMPStudyConfig/>", "must have EpochLength 30 and SleepStages"),
        (profusion("W").replace(">30<", ">20<"), "Got EpochLength 20"),
    ],
)
def test_profusion_of_another_form(text, match):
    with pytest.raises(ValueError, match=match):
        parse_profusion(text)


def test_nsrr_with_parts_of_epochs():
    text = nsrr("W").replace("</ScoredEvents>", "{}</ScoredEvents>")
    extra = event("Stages|Stages", "Wake|0", 30, 45)
    with pytest.raises(ValueError, match="a stage at 30 s lasts 45.0 s"):
        parse_nsrr(text.format(extra))


def test_stages_against_the_simulated_truth(epochs):
    start, stop = STAGES.index("1") - 60, STAGES.rindex("1") + 61
    got = epochs["subject == '204051'"]
    assert labels(got) == [NAMES[stage] for stage in STAGES[start:stop]]
    assert got.metadata["onset"].iloc[0] == 30.0 * start


def test_both_kinds_give_the_same_epochs(twin, tmp_path_factory):
    path = simulate("shhs", tmp_path_factory.mktemp("nsrr"), 1)
    (path / PROFUSION / "shhs1-200010-profusion.xml").unlink()
    a, b = shhs.load(path), shhs.load(twin, "200010")
    np.testing.assert_array_equal(a.events, b.events)
    np.testing.assert_array_equal(a.get_data(), b.get_data())


def test_the_channel_is_eeg_and_not_the_second(epochs):
    """The second EEG is noise of all kinds of names; C4-A1 has slow waves in N3."""
    assert epochs.ch_names == ["C4-A1"]
    for subject in set(epochs.metadata["subject"]):
        deviation = epochs[f"subject == '{subject}'"]["N3"].get_data().std(axis=2)
        assert deviation.min() > 50e-6


def test_rate_and_metadata(epochs):
    assert epochs.info["sfreq"] == 200
    assert epochs.get_data().shape[1:] == (1, 6000)
    row = epochs["subject == '200010'"].metadata.iloc[0]
    assert row["session"] == "shhs1"
    assert row["recording"] == "shhs1-200010"


def test_movement_rejects_the_recording(twin, epochs, caplog):
    assert REJECTED not in set(epochs.metadata["subject"])
    with caplog.at_level(logging.INFO, logger="mne_eegmamba"):
        shhs.load(twin, [REJECTED, "200010"])
    assert f"shhs1-{REJECTED}: 2 epochs are movement or unscored" in caplog.text


def test_movement_left_out(twin):
    epochs = shhs.load(twin, [REJECTED], unscored="drop")
    n_kept = len(STAGES) - 2 * 4  # four epochs of wake on each side are out of 30 min
    assert len(epochs) == n_kept - 2


def test_parameters_are_checked(twin):
    with pytest.raises(ValueError, match='must be "reject" or "drop". Got \'keep\''):
        shhs.load(twin, unscored="keep")
    with pytest.raises(ValueError, match="`wake_minutes` parameter"):
        shhs.load(twin, wake_minutes=-1)


def test_the_folder_itself(twin):
    assert len(shhs.find(twin / POLY)) == len(PARTICIPANTS)


def test_no_annotations(night):
    (night / PROFUSION / "shhs1-200010-profusion.xml").unlink()
    (night / NSRR / "shhs1-200010-nsrr.xml").unlink()
    with pytest.raises(
        ValueError, match="shhs1-200010.*is no .*-profusion.xml or -nsrr"
    ):
        shhs.load(night)


def test_truncated_annotations(night):
    file = night / PROFUSION / "shhs1-200010-profusion.xml"
    file.write_text(file.read_text()[:500])
    with pytest.raises(
        ValueError, match="shhs1-200010-profusion.xml: it is no complete"
    ):
        shhs.load(night)


def test_the_npz_form(tmp_path):
    x = 40 * np.sin(2 * np.pi * 10 * np.arange(5 * 3750) / 125).reshape(5, 3750, 1)
    y = np.array([0, 1, 2, 3, 4], dtype=np.int32)
    np.savez(tmp_path / "shhs1-200123.npz", x=x.astype(np.float32), y=y, fs=125)
    epochs = shhs.load(tmp_path)
    assert labels(epochs) == ["W", "N1", "N2", "N3", "REM"]
    assert set(epochs.metadata["subject"]) == {"200123"}
    expected = 40e-6 * np.sin(2 * np.pi * 10 * np.arange(6000) / 200)
    got = epochs.get_data()[2, 0]
    assert np.corrcoef(got, expected)[0, 1] > 0.98  # MNE shifts by parts of a sample
    np.testing.assert_allclose(got.std(), expected.std(), rtol=0.02)


def test_paper_folds():
    subjects = ["200010", "201021", "201023", "202956", "202983", "204047", "204051"]
    subjects += ["204781", "204783", "205789"]
    folds = shhs.paper_folds(subjects)
    assert folds == tuple(tuple(subjects[k : k + 2]) for k in range(0, 10, 2))


@pytest.mark.parametrize("wrong", ["10", "300000", "shhs1-200010"])
def test_paper_folds_refuse(wrong):
    with pytest.raises(ValueError, match=f"must be like \"200001\". Got .'{wrong}'"):
        shhs.paper_folds([wrong])
