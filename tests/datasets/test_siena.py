"""Siena: the lists of seizures as they were published."""

from pathlib import Path

import numpy as np
import pytest

from mne_eegmamba.datasets import siena
from mne_eegmamba.datasets.siena_labels import parse_seizure_list
from mne_eegmamba.datasets.simulate import simulate
from mne_eegmamba.datasets.simulate.edf import clock, write_edf
from mne_eegmamba.datasets.simulate.siena import LISTS, RECORDINGS

SHARED = Path(__file__).resolve().parents[3] / "shared"
FRAGMENTS = SHARED / "data" / "layout_fragments" / "siena"
PAPER = (
    "Fp1 F3 C3 P3 O1 F7 T3 T5 Fc1 Fc5 Cp1 Cp5 F9 Fz Cz Pz Fp2 F4 C4 P4 O2 F8 T4 T6 "
    "Fc2 Fc6 Cp2 Cp6 F10"
)


def at(hours, minutes, seconds):
    return 3600 * hours + 60 * minutes + seconds


def one(lines, name="PN03-1"):
    return parse_seizure_list(f"File name: {name}.edf\n{lines}")[name]


@pytest.fixture(scope="module")
def twin(tmp_path_factory):
    return simulate("siena", tmp_path_factory.mktemp("siena"), len(LISTS))


@pytest.fixture(scope="module")
def epochs(twin):
    return siena.load(twin)


@pytest.fixture
def small(tmp_path):
    """One recording of 20 s with all channels; the seizure is from 8 to 16 s."""
    return write_small(tmp_path)


def write_small(path, label="EEG {}", signal=0.0, others=()):
    folder = path / "PN03"
    folder.mkdir()
    x = np.zeros(20 * 512) + signal
    labels = [*others, *(label.format(name) for name in siena.CHANNELS)]
    signals = [(name, 512.0, x, "uV") for name in labels]
    write_edf(folder / "PN03-1.edf", clock("10.00.00"), signals)
    (folder / "Seizures-list-PN03.txt").write_text(
        "Seizure n 1\nFile name: PN03-1.edf\nRegistration start time: 10.00.00\n"
        "Seizure start time: 10.00.08\nSeizure end time: 10.00.16\n"
    )
    return path


def test_plain_list():
    text = """PN09

Channel 5: 1      \r
Seizure n 2
File name: PN09-2.edf
Registration start time:  02.18.17
Registration end time:  02.56.19
Seizure start time: 02.38.37
Seizure end time: 02.39.31
"""
    assert parse_seizure_list(text) == {"PN09-2": [(at(2, 38, 37), at(2, 39, 31))]}


def test_end_one_hour_late_in_pn00_3():
    lines = "Seizure start time: 18.28.29\nSeizure end time: 19.29.29"
    assert one(lines, "PN00-3") == [(at(18, 28, 29), at(18, 29, 29))]
    assert one(lines, "PN00-2") == [(at(18, 28, 29), at(19, 29, 29))]


def test_space_in_the_hour_in_pn10():
    lines = "Seizure start time: 1 6.49.25\nSeizure end time: 16.50.00"
    assert one(lines) == [(at(16, 49, 25), at(16, 50, 0))]


def test_two_ends_in_pn10():
    lines = "Seizure start time: 11.40.13\nSeizure end time: 11.41.04 opure 11.40.43"
    assert one(lines) == [(at(11, 40, 13), at(11, 40, 43))]


def test_clinical_and_electric_onset_in_pn10():
    lines = (
        "Seizure start time: 15.43.53 (CLINICAL ONSET); 15.43.59 (ELECTRIC ONSET)\n"
        "Seizure end time: 15.45.02"
    )
    assert one(lines) == [(at(15, 43, 59), at(15, 45, 2))]


def test_clinical_onset_only():
    lines = "Seizure start time: 15.18.26 (CLINICAL ONSET)\nSeizure end time: 15.19.00"
    assert one(lines) == [(at(15, 18, 26), at(15, 19, 0))]


@pytest.mark.parametrize(
    ("published", "name"),
    [
        ("PNO6-1.edf", "PN06-1"),  # the letter O
        ("PN11-.edf", "PN11-1"),
        ("PN01.edf", "PN01-1"),
        ("PN10-4.5.6.edf", "PN10-4.5.6"),
        ("PN12-1.2.edf", "PN12-1.2"),
    ],
)
def test_names_of_files(published, name):
    times = "Seizure start time: 10.00.00\nSeizure end time: 10.01.00"
    text = f"File name: {published}\n{times}"
    assert parse_seizure_list(text) == {name: [(36000, 36060)]}


def test_file_before_the_seizure_in_pn01():
    text = """File name: PN01.edf
Registration start time: 19.00.44
Registration end time: 08.29.41

Seizure n 1
Start time: 21:51:02
End time: 21:51:56

Seizure n 2
Start time: 07:53:17
End time: 07:54:31
"""
    expected = [(at(21, 51, 2), at(21, 51, 56)), (at(7, 53, 17), at(7, 54, 31))]
    assert parse_seizure_list(text) == {"PN01-1": expected}


def test_second_seizure_without_registration_in_pn12():
    text = """Seizure n 1
File name: PN12-1.2.edf
Registration start time: 15.51.31
Seizure start time: 16:13.23
Seizure end time: 16.14.26

Seizure n 2
Seizure start time: 18.31.01
Seizure end time: 18.32.09
"""
    expected = [(at(16, 13, 23), at(16, 14, 26)), (at(18, 31, 1), at(18, 32, 9))]
    assert parse_seizure_list(text) == {"PN12-1.2": expected}


def test_no_space_after_the_colon():
    lines = "Seizure start time:03.18.36\nSeizure end time:03.19.00"
    assert one(lines) == [(at(3, 18, 36), at(3, 19, 0))]


@pytest.mark.parametrize(
    ("lines", "match"),
    [
        ("Seizure start time: 10.00.00", "gives no end to the last one of PN03-1"),
        ("Seizure end time: 10.00.00", "out of order at 'Seizure end time: 10.00.00'"),
        ("Seizure start time: soon", "no time in ' soon'.*PN03-1"),
        ("Seizure start time: 25.00.00", "is no time.*PN03-1"),
        ("Start time: 10.00.00\nStart time: 10.00.01", "out of order"),
    ],
)
def test_lists_that_cannot_be_read(lines, match):
    with pytest.raises(ValueError, match=match):
        one(lines)


def test_a_time_without_a_file():
    with pytest.raises(ValueError, match="out of order"):
        parse_seizure_list("Seizure start time: 10.00.00")


@pytest.mark.parametrize("name", RECORDINGS)
def test_labels_against_the_simulated_truth(epochs, name):
    """All typos of the lists, midnight and starts 3 h and 10 s off are in these."""
    got = epochs[f"recording == '{name}'"]
    seizure_onsets, background_onsets = [], []
    for onset in range(0, 100, 4):
        inside = sum(
            any(b <= s < e for b, e in RECORDINGS[name][1])
            for s in range(onset, onset + 4)
        )
        if inside >= 2:
            seizure_onsets.append(onset)
        elif inside == 0:
            background_onsets.append(onset)
    assert got["seizure"].metadata["onset"].tolist() == seizure_onsets
    assert got["background"].metadata["onset"].tolist() == background_onsets


def test_labels_against_the_signal(epochs):
    """The spikes and waves are where the labels are."""
    power = epochs.get_data().std(axis=(1, 2))
    seizure = epochs.events[:, 2] == epochs.event_id["seizure"]
    assert power[seizure].min() > 1.5 * power[~seizure].max()


def test_channels_and_metadata(epochs):
    assert epochs.ch_names == PAPER.split()
    assert epochs.info["sfreq"] == 200
    assert epochs.get_data().shape[1:] == (29, 800)
    row = epochs["recording == 'PN10-4.5.6'"].metadata.iloc[1]
    assert row.to_dict() == {
        "subject": "PN10",
        "session": "4.5.6",
        "recording": "PN10-4.5.6",
        "onset": 4.0,
    }


def test_a_signal_called_1_is_not_o1(tmp_path):
    """The list calls O1 "1"; the EDF file has both, and only one is O1."""
    path = write_small(tmp_path, others=("1", "2"))
    assert siena.load(path).ch_names == PAPER.split()


def test_labels_in_capitals(tmp_path):
    path = write_small(tmp_path, "EEG {}")
    edf = path / "PN03" / "PN03-1.edf"
    edf.write_bytes(edf.read_bytes().replace(b"EEG Fp1", b"EEG FP1"))
    assert siena.load(path).ch_names == PAPER.split()


def test_missing_channels_are_named(tmp_path):
    path = write_small(tmp_path, "X {}")
    with pytest.raises(ValueError, match="PN03-1.*channels .*'Fp1'.* are missing"):
        siena.load(path)


def test_rules_reach_the_windows(small):
    assert len(siena.load(small)) == 5
    assert len(siena.load(small, duration=2.0, step=1.0)) == 19
    assert len(siena.load(small, duration=5.0, overlap=0.9)["seizure"]) == 1
    kept = siena.load(small, duration=5.0, overlap=0.9, partial="background")
    assert len(kept["background"]) == 3


def test_a_recording_that_the_list_does_not_name(small):
    edf = small / "PN03" / "PN03-1.edf"
    edf.rename(edf.with_name("PN03-2.edf"))
    with (
        pytest.warns(RuntimeWarning) as caught,
        pytest.raises(ValueError, match="None"),
    ):
        siena.load(small, on_error="warn")
    texts = [str(warning.message) for warning in caught]
    assert any("PN03-1 cannot be used: the file PN03-1.edf is" in t for t in texts)
    assert any("Seizures-list-PN03.txt does not name it" in t for t in texts)


def test_no_list(small):
    (small / "PN03" / "Seizures-list-PN03.txt").unlink()
    with pytest.raises(ValueError, match="PN03-1.*Seizures-list-PN03.txt is missing"):
        siena.load(small)


def test_a_seizure_after_the_end(small):
    listing = small / "PN03" / "Seizures-list-PN03.txt"
    listing.write_text(listing.read_text().replace("10.00.16", "11.00.16"))
    with pytest.raises(ValueError, match="PN03-1.*from 8 to 3616 s does not lie in"):
        siena.load(small)


def test_folds_are_the_papers():
    subjects = [subject for fold in siena.ABOUT.folds for subject in fold]
    assert len(subjects) == len(set(subjects)) == 13
    assert "PN10" not in subjects


@pytest.mark.skipif(not FRAGMENTS.is_dir(), reason="no real fragments in ../shared")
def test_real_fragments():
    recordings = siena.find(FRAGMENTS)
    assert [recording.name for recording in recordings] == [
        f"PN00-{n}" for n in range(1, 6)
    ]
    text = recordings[0].labels.read_text()
    seconds = {n: e - b for n, [(b, e)] in parse_seizure_list(text).items()}
    assert list(seconds.values()) == [70, 54, 60, 74, 67]
    # The seizures are not in the 2 s that are left of the signals.
    with pytest.raises(ValueError, match="PN00-1.*from 1143 to 1213 s.* has 2 s"):
        siena.load(FRAGMENTS)


@pytest.mark.skipif(not FRAGMENTS.is_dir(), reason="no real fragments in ../shared")
def test_real_signals(monkeypatch):
    monkeypatch.setattr(siena, "seizures_of", lambda recording, start: [])
    epochs = siena.load(FRAGMENTS, duration=1.0)
    assert epochs.get_data().shape == (10, 29, 200)
    assert 1e-6 < epochs.get_data().std() < 1e-3  # volts
