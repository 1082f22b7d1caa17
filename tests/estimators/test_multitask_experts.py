"""How much each task uses each expert (the paper's Figure 5)."""

import numpy as np
import pandas as pd
import pytest
import torch

from mne_eegmamba.epochs.scaling import learn_scaling
from mne_eegmamba.tokens.tokenizer import n_tokens
from tests.estimators.conftest import make_tasks


@pytest.fixture(scope="module")
def deep(arrays):
    return make_tasks(n_layers=2, n_experts=5).fit(*arrays)


def test_table(deep, arrays):
    usage = deep.expert_usage(arrays[0])
    assert isinstance(usage, pd.DataFrame)
    assert usage.shape == (2, 5)
    assert usage.index.tolist() == ["a", "b"]
    assert (usage.index.name, usage.columns.name) == ("task", "expert")
    assert usage.columns.tolist() == list(range(5))
    np.testing.assert_allclose(usage.sum(axis=1), 1, rtol=1e-5)
    assert (usage >= 0).all(axis=None)


def test_it_is_the_mean_weight_over_tokens(deep, arrays):
    X, module = arrays[0]["a"], deep.net_.module_
    x = torch.from_numpy(learn_scaling(X, "channel").apply(X))
    with torch.inference_mode():
        for layer in (0, 1):
            weights = module.expert_weights(x, "a", layer)  # (18, n_tokens, 5)
            assert ((weights > 0).sum(-1) == 2).all()
            found = deep.expert_usage({"a": X}, layer=layer).loc["a"]
            np.testing.assert_allclose(found, weights.mean((0, 1)), rtol=1e-4)


def test_layers_count_from_both_ends(deep, arrays):
    X = arrays[0]
    first, last = (deep.expert_usage(X, layer=layer) for layer in (0, 1))
    assert not first.equals(last)
    assert deep.expert_usage(X).equals(last)
    assert deep.expert_usage(X, layer=-2).equals(first)


@pytest.mark.parametrize("layer", [2, -3, 99])
def test_no_such_layer(deep, state, arrays, layer):
    before = state(deep)
    with pytest.raises(ValueError, match=f"one of the 2 mixtures.*Got {layer}"):
        deep.expert_usage(arrays[0], layer=layer)
    assert state(deep) == before


def test_no_experts(arrays):
    clf = make_tasks(n_experts=0).fit(*arrays)
    with pytest.raises(ValueError, match="one of the 0 mixtures"):
        clf.expert_usage(arrays[0])


def test_forms(deep, arrays, flat):
    X = arrays[0]
    usage = deep.expert_usage(X)
    pd.testing.assert_frame_equal(deep.expert_usage(flat[::-1]), usage, rtol=1e-5)
    one = deep.expert_usage(X["b"], task=["b"] * 18)
    np.testing.assert_array_equal(one.loc["b"], usage.loc["b"])
    assert deep.expert_usage({"b": X["b"]}).index.tolist() == ["b"]
    single = deep.expert_usage({"a": X["a"][:1]})
    np.testing.assert_allclose(single.sum(axis=1), 1, rtol=1e-5)
    mean = np.mean([deep.expert_usage({"a": x[None]}).loc["a"] for x in X["a"]], axis=0)
    np.testing.assert_allclose(usage.loc["a"], mean, rtol=1e-4, atol=1e-6)


def test_the_task_gate_tells_tasks_apart(arrays):
    X, y = arrays[0]["b"], arrays[1]["b"]
    both = {"p": X, "q": X}, {"p": y, "q": y}
    clf = make_tasks().fit(*both)
    tokens = clf.net_.module_.encoder.task_tokens
    with torch.no_grad():
        for number, token in enumerate(tokens.values()):
            token.copy_(10 * torch.eye(16)[number])
    usage = clf.expert_usage(both[0])
    assert not np.allclose(usage.loc["p"], usage.loc["q"])


@pytest.mark.parametrize("class_token", ["first", "middle"])
def test_weights_of_each_token(arrays, class_token):
    """The class token comes first, wherever it stands in the sequence."""
    X = arrays[0]["b"]
    clf = make_tasks(class_token=class_token, n_layers=2).fit(*arrays)
    x = torch.from_numpy(learn_scaling(X, "channel").apply(X))
    with torch.inference_mode():
        expected = clf.net_.module_.expert_weights(x, "b", 0).numpy()
    n = expected.shape[1] - 1
    at = 0 if class_token == "first" else n // 2
    order = [at, *range(at), *range(at + 1, n + 1)]
    found = clf.expert_weights({"b": X}, layer=0)
    assert list(found) == ["b"]
    np.testing.assert_allclose(found["b"], expected[:, order], rtol=1e-4, atol=1e-6)


def test_weights_agree_with_usage(deep, arrays, flat):
    for X in (arrays[0], flat):
        weights, usage = deep.expert_weights(X), deep.expert_usage(X)
        assert weights["a"].shape == (18, 1 + n_tokens(320), 5)
        for task, part in weights.items():
            np.testing.assert_allclose(part.sum(-1), 1, rtol=1e-5)
            np.testing.assert_allclose(part.mean((0, 1)), usage.loc[task], rtol=1e-4)
    with pytest.raises(ValueError, match="one of the 2 mixtures.*Got 2"):
        deep.expert_weights(arrays[0], layer=2)
