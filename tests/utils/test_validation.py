"""One wording for refused parameters."""

import numpy as np
import pytest

from mne_eegmamba.utils.validation import check_flag, check_number, check_option


@pytest.mark.parametrize("value", ["a", None, 3])
def test_option_allowed(value):
    assert check_option("p", value, ("a", None, 3), "Owner") is value


@pytest.mark.parametrize("value", ["b", "A", 0, True, 3.0, np.zeros(2), ["a"]])
def test_option_refused(value):
    message = r"`p` parameter of Owner must be one of 'a', None, 3. Got"
    with pytest.raises(ValueError, match=message):
        check_option("p", value, ("a", None, 3), "Owner")


def test_options_and_flags_may_come_out_of_arrays():
    assert check_option("a", np.array(["b"])[0], ("b", None), "X") == "b"
    assert check_flag("a", np.array([True])[0], "X")


def test_option_does_not_take_numbers_for_flags():
    with pytest.raises(ValueError, match="must be one of True. Got 1"):
        check_option("p", 1, (True,), "Owner")


@pytest.mark.parametrize("value", [1, 5, np.int64(3)])
def test_whole_number_allowed(value):
    assert check_number("p", value, "Owner", 1, 5, integer=True) is value


@pytest.mark.parametrize("value", [0.0, 1, 0.5, np.float32(0.25)])
def test_number_allowed(value):
    assert check_number("p", value, "Owner", 0, 1) is value


@pytest.mark.parametrize("value", ["1", None, True, 1j, np.ones(1), np.True_])
def test_no_number(value):
    message = r"The `p` parameter of Owner must be a number in \[0, 1\]. Got"
    with pytest.raises(TypeError, match=message):
        check_number("p", value, "Owner", 0, 1)


@pytest.mark.parametrize("value", [1.0, np.float64(2)])
def test_no_whole_number(value):
    message = r"must be an int in \[1, inf\). Got"
    with pytest.raises(TypeError, match=message):
        check_number("p", value, "Owner", 1, integer=True)


@pytest.mark.parametrize("value", [-1e-9, 1.1, float("nan"), float("inf")])
def test_out_of_range(value):
    with pytest.raises(ValueError, match=r"a number in \[0, 1\]. Got"):
        check_number("p", value, "Owner", 0, 1)


def test_open_end():
    with pytest.raises(ValueError, match=r"a number in \(0, 1\]. Got 0"):
        check_number("p", 0, "Owner", 0, 1, low_open=True)
    assert check_number("p", 1e-300, "Owner", 0, 1, low_open=True) == 1e-300


@pytest.mark.parametrize("value", [True, False])
def test_flag_allowed(value):
    assert check_flag("p", value, "Owner") is value


@pytest.mark.parametrize("value", [0, 1, None, "True"])
def test_flag_refused(value):
    message = "`p` parameter of Owner must be True or False. Got"
    with pytest.raises(TypeError, match=message):
        check_flag("p", value, "Owner")
