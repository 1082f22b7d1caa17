"""The standard candidates: what each has and lacks."""

import numpy as np
import pytest

from mne_eegmamba import EEGMambaClassifier, MultiTaskEEGMamba, MultiTaskEpochs
from mne_eegmamba.evaluation import Jointly, compare, comparison_table
from mne_eegmamba.experiments import eegmamba_candidates
from mne_eegmamba.experiments.candidates import ABLATIONS, MIXTURE

TINY = {"d_model": 16, "n_layers": 1, "max_epochs": 1, "verbose": False}


def test_single_task_first_and_all_else_jointly():
    single, *others = eegmamba_candidates({"random_state": 3}).values()
    assert isinstance(single, EEGMambaClassifier)
    assert all(isinstance(other, Jointly) for other in others)
    assert all(isinstance(other.estimator, MultiTaskEEGMamba) for other in others)
    for one in (single, *(other.estimator for other in others)):
        assert one.random_state == 3


@pytest.mark.parametrize("name", ABLATIONS)
def test_an_ablation_changes_what_it_says(name):
    found = eegmamba_candidates(TINY)
    whole, less = (found[key].estimator.get_params() for key in (MIXTURE, name))
    changed = {key for key in whole if whole[key] != less[key]}
    assert changed == set(ABLATIONS[name])


@pytest.mark.parametrize("name", [MIXTURE, *ABLATIONS])
def test_predictions_depend_on_the_signal(name):
    X, y = np.random.default_rng(0).standard_normal((8, 2, 300)), np.arange(8) % 2
    clf = eegmamba_candidates({**TINY, "random_state": 0})[name].estimator
    proba = clf.fit(X, y).predict_proba(X)
    assert len(np.unique(proba[:, 0])) == 8


def test_all_can_be_compared():
    X = np.random.default_rng(0).standard_normal((8, 2, 300))
    data = MultiTaskEpochs({"a": X}, {"a": [0, 1] * 4}, {"a": np.arange(8) // 2})
    found = compare(eegmamba_candidates(TINY), data, [(np.arange(4), np.arange(4, 8))])
    table = comparison_table(found)
    assert table["mean"].notna().all()
    assert table["reason"].isna().all()


def test_unknown_ablations():
    assert len(eegmamba_candidates(ablations=[])) == 2
    with pytest.raises(ValueError, match=r"out of \['forward only.*Got \['none'\]"):
        eegmamba_candidates(ablations=["none"])
