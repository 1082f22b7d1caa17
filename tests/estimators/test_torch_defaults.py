"""torch's default dtype and device are the user's; the estimators do not ask them."""

import numpy as np
import pytest
import torch

from mne_eegmamba import EEGMambaClassifier, MultiTaskEEGMamba

TINY = {"d_model": 16, "n_layers": 1, "max_epochs": 1, "random_state": 0}
QUIET = {"verbose": False, "device": "cpu"}
LABELS = np.arange(16) % 2


@pytest.fixture
def defaults():
    """Set torch's defaults, and set them back."""

    def set_them(dtype, device):
        torch.set_default_dtype(dtype)
        torch.set_default_device(device)

    yield set_them
    set_them(torch.float32, None)


def outputs(folder):
    X = np.random.default_rng(0).standard_normal((16, 3, 320))
    one = EEGMambaClassifier(**TINY, **QUIET, mixup=0.2, validation=0.25)
    found = [one.fit(X, LABELS).predict_proba(X)]
    found.append(one.partial_fit(X, LABELS).transform(X))
    many = MultiTaskEEGMamba(**TINY, **QUIET, n_experts=3)
    many.fit({"a": X, "b": X[:, :2]}, {"a": LABELS, "b": LABELS})
    many.add_task("c", X, LABELS)
    many.save(folder / "model.eegmamba")
    read = MultiTaskEEGMamba.load(folder / "model.eegmamba")
    return [*found, *read.predict_proba({"b": X[:, :2], "c": X}).values()]


@pytest.mark.parametrize(
    ("dtype", "device"),
    [(torch.float64, "cpu"), (torch.float16, "cpu"), (torch.float32, "meta")],
)
def test_other_defaults_change_nothing_and_stay(dtype, device, defaults, tmp_path):
    want = outputs(tmp_path)
    defaults(dtype, device)
    got = outputs(tmp_path)
    assert torch.get_default_dtype() == dtype
    assert torch.get_default_device().type == device
    assert all(map(np.array_equal, got, want))
