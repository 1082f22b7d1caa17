"""scikit-learn's whole conformance suite; no check is expected to fail."""

import pytest
import sklearn
from sklearn.exceptions import SkipTestWarning
from sklearn.utils.estimator_checks import (
    estimator_checks_generator,
    parametrize_with_checks,
)
from sklearn.utils.fixes import parse_version

from mne_eegmamba import EEGMambaClassifier, MultiTaskEEGMamba

# The suite's data have 2 to 20 columns, read as one channel of 2 to 20 samples, so
# every fit pads them with zeros and says so.
pytestmark = [
    pytest.mark.filterwarnings(
        "ignore:Epochs have .* samples, the network needs:UserWarning"
    ),
]
TINY = {
    "d_model": 16,
    "n_layers": 1,
    "tokenizer_pool": "max",  # an average hides 2 samples among 287 zeros
    "tokenizer_norm": "batch",
    "max_epochs": 12,
    "lr": 2e-3,
    "batch_size": 16,
    "dropout": 0.0,
    "mixup": 0.0,
    "verbose": "error",
}
ESTIMATORS = [EEGMambaClassifier(**TINY), MultiTaskEEGMamba(n_experts=2, **TINY)]


@parametrize_with_checks(ESTIMATORS)
def test_sklearn_check(estimator, check):
    try:
        check(estimator)
    except pytest.skip.Exception as skipped:
        pytest.fail(f"skipped: {skipped}")
    except BaseException as error:
        if type(error).__name__ in ("SkipTest", "Skipped"):
            pytest.fail(f"skipped: {error}")
        raise


@pytest.mark.parametrize("tiny", ESTIMATORS, ids=lambda tiny: type(tiny).__name__)
def test_all_checks_are_there(tiny):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sklearn.utils.estimator_checks.warnings.warn", _refuse_skips)
        checks = list(
            estimator_checks_generator(tiny, legacy=True, expected_failed_checks=None)
        )
    assert all(estimator.get_params() == tiny.get_params() for estimator, _ in checks)
    if parse_version(sklearn.__version__).release[:2] == (1, 9):
        assert len(checks) == 69
    else:
        assert len(checks) >= 50


def _refuse_skips(message, category=None, *args, **kwargs):
    assert category is not SkipTestWarning, message
