"""Folds on the workers of dask."""

import numpy as np
import pytest
from joblib import parallel_config

from mne_eegmamba import MultiTaskEpochs, TaskGroupKFold
from mne_eegmamba.evaluation import evaluate

distributed = pytest.importorskip("distributed", reason="needs the extra ecosystem")


@pytest.fixture(scope="module")
def client():
    with distributed.Client(
        n_workers=2, threads_per_worker=1, dashboard_address=None
    ) as client:
        yield client


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((16, 2, 300))
    return MultiTaskEpochs({"a": X}, {"a": [0, 1] * 8}, {"a": np.arange(16) // 4})


def test_folds_on_dask(client, make, data):
    cv = TaskGroupKFold(2)
    here = evaluate(make(), data, cv, alone=True)
    with parallel_config("dask"):
        there = evaluate(make(), data, cv, alone=True, n_jobs=2)
    assert there.equals(here)
