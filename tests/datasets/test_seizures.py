"""Windows and the seizures in them."""

import numpy as np
import pytest

from mne_eegmamba.datasets.seizures import label_windows

RULES = {"duration": 4.0, "step": None, "overlap": 0.5, "partial": "drop"}


def windows(seizures=(), n_times=4000, sfreq=100.0, **rules):
    starts, codes = label_windows(n_times, sfreq, list(seizures), **RULES | rules)
    return starts.tolist(), codes.tolist()


def test_without_seizures_all_is_background():
    assert windows() == ([4.0 * k for k in range(10)], [1] * 10)


def test_the_last_window_must_be_whole():
    assert windows(n_times=1199)[0] == [0, 4]
    assert windows(n_times=1200)[0] == [0, 4, 8]


def test_a_recording_shorter_than_a_window():
    assert windows(n_times=399) == ([], [])


def test_step_between_windows():
    starts, codes = windows([(4, 8)], n_times=1200, step=2.0)
    assert starts == [0, 2, 4, 6, 8]
    assert codes == [1, 2, 2, 2, 1]


@pytest.mark.parametrize(
    ("overlap", "begin", "expected"),
    [
        (0.5, 6.0, 2),  # just half
        (0.5, 6.1, None),
        (0.25, 7.0, 2),
        (1.0, 4.0, 2),
        (1.0, 4.1, None),
    ],
)
def test_share_of_a_window(overlap, begin, expected):
    starts, codes = windows([(begin, 8)], overlap=overlap)
    assert dict(zip(starts, codes, strict=True)).get(4.0) == expected


def test_partly_touched_windows_as_background():
    starts, codes = windows([(7, 8)], partial="background")
    assert dict(zip(starts, codes, strict=True))[4.0] == 1


def test_seconds_count_once():
    # Twice the same second, and two that touch: one second of four.
    assert 4.0 not in windows([(7, 8), (7, 8), (7.5, 8)])[0]
    assert windows([(4, 5), (5, 6)])[1][1] == 2


def test_a_share_of_floats_is_not_lost():
    starts, codes = windows([(0.3, 0.6)], duration=0.3, overlap=1.0)
    assert dict(zip(np.round(starts, 6), codes, strict=True))[0.3] == 2


@pytest.mark.parametrize("seizure", [(30, 60), (50, 60), (-1, 5), (9, 9), (9, 8)])
def test_seizures_must_lie_in_the_recording(seizure):
    with pytest.raises(ValueError, match="does not lie in the recording, which has 40"):
        windows([seizure])


@pytest.mark.parametrize(
    ("rule", "match"),
    [
        ({"duration": 0}, "`duration` parameter must be above 0 seconds. Got 0"),
        ({"step": -1.0}, "`step` parameter must be above 0"),
        ({"overlap": 0}, r"`overlap` parameter must be a share .* in \(0, 1\]. Got 0"),
        ({"overlap": 1.1}, "`overlap` parameter"),
        ({"partial": "half"}, '"drop" or "background". Got \'half\''),
    ],
)
def test_rules_are_checked(rule, match):
    with pytest.raises(ValueError, match=match):
        windows(**rule)
