"""CHB-MIT: summaries, binary files, changing channels."""

from pathlib import Path

import numpy as np
import pytest

from mne_eegmamba.datasets import chbmit
from mne_eegmamba.datasets.chbmit_labels import parse_seizure_file, parse_summary
from mne_eegmamba.datasets.simulate import simulate
from mne_eegmamba.datasets.simulate.chbmit import LABELS, PATIENTS, binary
from mne_eegmamba.datasets.simulate.edf import clock, write_edf

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data"
FRAGMENTS = SHARED / "layout_fragments" / "chbmit"
SEGMENTS = SHARED / "chbmit_segments"
needs_fragments = pytest.mark.skipif(
    not FRAGMENTS.is_dir(), reason="no real fragments in ../shared"
)
RECORDINGS = {
    name: recording
    for recordings in PATIENTS.values()
    for name, recording in recordings.items()
}
PAPER = (
    "FP1-F7 F7-T7 T7-P7 P7-O1 FP1-F3 F3-C3 C3-P3 P3-O1 FP2-F4 F4-C4 C4-P4 P4-O2 "
    "FP2-F8 F8-T8 T8-P8-0 P8-O2 FZ-CZ CZ-PZ P7-T7 T7-FT9 FT9-FT10 FT10-T8 T8-P8-1"
)


@pytest.fixture(scope="module")
def twin(tmp_path_factory):
    return simulate("chbmit", tmp_path_factory.mktemp("chbmit"), len(PATIENTS))


@pytest.fixture(scope="module")
def epochs(twin):
    # All recordings of the twin are named; chb24_02 is, chb24_01 has a binary file.
    return chbmit.load(twin)


@pytest.fixture
def case(tmp_path):
    return simulate("chbmit", tmp_path, 1)


def test_unnumbered_seizures():
    text = """File Name: chb05_06.edf
File Start Time: 22:21:25
File End Time: 4:37:53
Number of Seizures in File: 1
Seizure Start Time: 417 seconds
Seizure End Time: 532 seconds
"""
    assert parse_summary(text) == {"chb05_06": [(417, 532)]}


def test_numbered_seizures_and_spaces():
    text = """File Name: chb04_28.edf
Number of Seizures in File: 2
Seizure 1 Start Time:  1679 seconds
Seizure 1 End Time:  1781 seconds
Seizure 2 Start Time:  3782 seconds
Seizure 2 End Time: 3898 seconds
"""
    assert parse_summary(text) == {"chb04_28": [(1679, 1781), (3782, 3898)]}


def test_channels_changed_between_files():
    text = """Data Sampling Rate: 256 Hz
Channels in EDF Files:
Channel 1: FP1-F7

File Name: chb09_01.edf
File Start Time: 04:37:53
File End Time: 24:00:00
Number of Seizures in File: 0

Channels changed:
Channel 1: FP1-F7
Channel 2: -
Channel 3: .

File Name: chb09_06.edf
Number of Seizures in File: 1
Seizure 1 Start Time: 12231 seconds
Seizure 1 End Time: 12295 seconds
"""
    assert parse_summary(text) == {"chb09_01": [], "chb09_06": [(12231, 12295)]}


def test_files_without_times_in_chb24():
    text = "File Name: chb24_01.edf\nNumber of Seizures in File: 0\n"
    assert parse_summary(text) == {"chb24_01": []}


@pytest.mark.parametrize("name", ["chb02_16+", "chb17a_03"])
def test_odd_names(name):
    text = f"File Name: {name}.edf\nNumber of Seizures in File: 0\n"
    assert parse_summary(text) == {name: []}


@pytest.mark.parametrize(
    "lines",
    [
        "Number of Seizures in File: 1",
        "Number of Seizures in File: 0\nSeizure Start Time: 4 seconds\n"
        "Seizure End Time: 8 seconds",
        "Number of Seizures in File: 1\nSeizure Start Time: 4 seconds",
        "",
    ],
)
def test_a_summary_that_contradicts_itself(lines):
    with pytest.raises(ValueError, match="summary states .* seizures in chb01_03"):
        parse_summary(f"File Name: chb01_03.edf\n{lines}")


def test_binary_seizures():
    # Written by hand from the format: seconds 2996 to 3036 at 256 Hz.
    data = bytes.fromhex(
        "005817fc"  # a note with 23 characters
        "23232074696d65207265736f6c7574696f6e3a2032353600"
        "00ecffffffff0100"  # one tick back, and on again
        "00ec0b0000b40080"  # 766976 ticks on: a seizure begins
        "00ec000000280084"  # 10240 ticks on: it ends
        "0000"
    )
    assert parse_seizure_file(data) == [(2996, 3036)]
    for size in range(0, len(data) - 2):
        with pytest.raises(ValueError, match="file of seizures"):
            parse_seizure_file(data[:size])


def test_binary_seizures_of_the_twin():
    assert parse_seizure_file(binary([(8, 28), (700, 1300)])) == [(8, 28), (700, 1300)]


@pytest.mark.parametrize("name", RECORDINGS)
def test_labels_against_the_simulated_truth(epochs, name):
    got = epochs[f"recording == '{name}'"]
    seizures = RECORDINGS[name][0]
    seizure = [
        onset
        for onset in range(0, 80, 4)
        if sum(any(b <= s < e for b, e in seizures) for s in range(onset, onset + 4))
        >= 2
    ]
    onset = got.metadata["onset"]
    assert onset[got.events[:, 2] == 2].tolist() == seizure
    assert bool(seizure) == bool(seizures)


def test_labels_against_the_signal(epochs):
    power = epochs.get_data().std(axis=(1, 2))
    seizure = epochs.events[:, 2] == epochs.event_id["seizure"]
    assert power[seizure].min() > 1.5 * power[~seizure].max()


def test_channels(epochs):
    assert epochs.ch_names == PAPER.split()
    assert epochs.info["sfreq"] == 200
    data = epochs.get_data()
    np.testing.assert_array_equal(
        data[:, epochs.ch_names.index("T8-P8-0")],
        data[:, epochs.ch_names.index("T8-P8-1")],
    )


def test_each_signal_is_under_its_own_name(tmp_path):
    """With dummies between them and another order, as after a change in chb09."""
    (tmp_path / "chb09").mkdir()
    times = np.arange(60 * 256) / 256
    order = ["-", *LABELS[::-1], "-", ".", "VNS"]
    rows = {label: 5.0 * (k + 1) for k, label in enumerate(dict.fromkeys(order))}
    write_edf(
        tmp_path / "chb09" / "chb09_02.edf",
        clock("10.00.00"),
        [(n, 256.0, rows[n] * np.sin(20 * np.pi * times), "uV") for n in order],
    )
    (tmp_path / "chb09" / "chb09-summary.txt").write_text(
        "Channels changed:\nFile Name: chb09_02.edf\nNumber of Seizures in File: 0\n"
    )
    epochs = chbmit.load(tmp_path)
    assert epochs.ch_names == PAPER.split()
    middle = epochs.get_data()[7]
    expected = [
        rows[name.removesuffix("-0").removesuffix("-1")] for name in PAPER.split()
    ]
    np.testing.assert_allclose(middle.max(axis=1) * 1e6, expected, rtol=0.02)


def test_one_t8_p8_is_doubled(twin):
    epochs = chbmit.load(twin, "chb17")
    assert epochs.ch_names == PAPER.split()
    data = epochs.get_data()
    np.testing.assert_array_equal(data[:, 14], data[:, 22])


def test_case_21_is_the_first_patient(epochs):
    first = epochs.metadata.query("subject == 'chb01'")
    assert set(first["session"]) == {"chb01", "chb21"}
    assert "chb21" not in set(epochs.metadata["subject"])
    subjects = [subject for fold in chbmit.ABOUT.folds for subject in fold]
    assert len(subjects) == len(set(subjects)) == 22
    assert "chb21" not in subjects


def test_odd_names_on_disk(twin):
    names = [recording.name for recording in chbmit.find(twin)]
    assert {"chb02_16", "chb02_16+", "chb17a_03"} <= set(names)
    assert names == sorted(names)


def test_the_binary_file_serves_where_the_summary_is_silent(twin):
    summary = twin / "chb24" / "chb24-summary.txt"
    assert "chb24_01" not in summary.read_text()
    epochs = chbmit.load(twin, "chb24")
    assert len(epochs["recording == 'chb24_01'"]["seizure"]) == 11


def test_a_recording_that_nothing_names_is_background_with_a_warning(case):
    edf = case / "chb01" / "chb01_01.edf"
    edf.rename(edf.with_name("chb01_77.edf"))
    (case / "RECORDS").write_text("")
    with pytest.warns(RuntimeWarning, match="does not name chb01_77.*as background"):
        epochs = chbmit.load(case, "chb01")
    assert set(epochs["recording == 'chb01_77'"].event_id) == {"background"}


@pytest.mark.parametrize("by", ["RECORDS", "summary"])
def test_a_missing_recording_is_named(case, by):
    (case / "chb01" / "chb01_03.edf").unlink()
    (case / ("chb01/chb01-summary.txt" if by == "RECORDS" else "RECORDS")).unlink()
    with pytest.warns(RuntimeWarning) as caught:
        chbmit.load(case, on_error="warn")
    assert any("chb01_03 cannot be used" in str(w.message) for w in caught)
    (case / "chb01" / "chb01_01.edf").unlink()
    with pytest.raises(ValueError, match="chb01_01 cannot be used"):
        chbmit.load(case)


def test_other_montages_are_named(tmp_path):
    (tmp_path / "chb12").mkdir()
    x = np.zeros(256 * 8)
    signals = [(name, 256.0, x, "uV") for name in ("FP1-CS2", "F7-CS2", "T8-P8")]
    write_edf(tmp_path / "chb12" / "chb12_27.edf", clock("10.00.00"), signals)
    (tmp_path / "chb12" / "chb12-summary.txt").write_text(
        "File Name: chb12_27.edf\nNumber of Seizures in File: 0\n"
    )
    with pytest.raises(ValueError, match="chb12_27.*channels .*'FP1-F7'.* are missing"):
        chbmit.load(tmp_path)


def test_only_recordings_with_seizures(twin):
    some = chbmit.load(twin, ["chb01", "chb24"], only_with_seizures=True)
    names = set(some.metadata["recording"])
    assert names == {"chb01_03", "chb21_01", "chb24_01"}


def test_no_recording_with_a_seizure(tmp_path):
    (tmp_path / "chb05").mkdir()
    (tmp_path / "chb05" / "chb05-summary.txt").write_text(
        "File Name: chb05_01.edf\nNumber of Seizures in File: 0\n"
    )
    with pytest.raises(ValueError, match="'chb05' has a seizure; only_with_seizures=F"):
        chbmit.load(tmp_path, "chb05", only_with_seizures=True)


@needs_fragments
def test_real_summary():
    recordings = chbmit.find(FRAGMENTS)
    assert len(recordings) == 39
    listed = parse_summary(recordings[0].labels.read_text())
    assert {name: times for name, times in listed.items() if times} == {
        "chb05_06": [(417, 532)],
        "chb05_13": [(1086, 1196)],
        "chb05_16": [(2317, 2413)],
        "chb05_17": [(2451, 2571)],
        "chb05_22": [(2348, 2465)],
    }


@needs_fragments
def test_real_signals():
    with pytest.warns(RuntimeWarning) as caught:
        epochs = chbmit.load(FRAGMENTS, duration=1.0, on_error="warn")
    # The five seizures are not in the 2 s that are left of the signals.
    assert sum("does not lie in the recording" in str(w.message) for w in caught) == 5
    assert epochs.get_data().shape == (68, 23, 200)
    assert epochs.ch_names == PAPER.split()
    assert 1e-6 < epochs.get_data().std() < 1e-3  # volts


@pytest.mark.skipif(not SEGMENTS.is_dir(), reason="no real segments in ../shared")
def test_real_binary_files_agree_with_the_summary():
    listed = parse_summary((SEGMENTS / "chb01-summary.txt").read_text())
    for file in sorted(SEGMENTS.glob("*.seizures")):
        name = file.name.removesuffix(".edf.seizures")
        assert parse_seizure_file(file.read_bytes()) == listed[name]
