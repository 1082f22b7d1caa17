"""Warnings appear once, at the user's own line."""

import numpy as np
import pytest

from mne_eegmamba import EEGMambaClassifier, MultiTaskEEGMamba
from mne_eegmamba.utils.notices import warn_padding


def test_padding_is_announced():
    with pytest.warns(UserWarning, match="200 samples, the network needs 289"):
        warn_padding(200, 289)
    with pytest.warns(UserWarning, match="Epochs of task 'sleep' have 200 samples"):
        warn_padding(200, 289, "sleep")
    assert warn_padding(289, 289) is None  # and a warning would be an error


@pytest.mark.parametrize("several", [False, True])
def test_line_of_the_user(several):
    X = np.random.default_rng(0).standard_normal((4, 1, 200))
    y = [0, 1, 0, 1]
    tiny = {"d_model": 8, "n_layers": 1, "max_epochs": 1, "verbose": False}
    clf = MultiTaskEEGMamba(**tiny) if several else EEGMambaClassifier(**tiny)
    data = ({"a": X, "b": X}, {"a": y, "b": y}) if several else (X, y)
    with pytest.warns(UserWarning, match="200 samples") as caught:
        clf.fit(*data)
    assert [warning.filename for warning in caught] == [__file__] * (1 + several)
