"""plot_expert_weights shows the weights of the network's gates over time."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

from mne_eegmamba import EEGMambaClassifier, MultiTaskEEGMamba, MultiTaskEpochs
from mne_eegmamba.tokens.tokenizer import token_centers
from mne_eegmamba.viz import plot_expert_weights


@pytest.fixture(autouse=True)
def _close_figures():
    """Leave no figure open."""
    yield
    plt.close("all")


def maps(fig):
    """Return what the three panels show, each (n_experts, n_tokens)."""
    return [ax.images[0].get_array() for ax in fig.axes[:3]]


def test_mean_over_the_epochs(network, tasks):
    """The class token, then both paths; tokens in columns."""
    weights = network.expert_weights(tasks)["imagery"].mean(0)  # (n_tokens, n_experts)
    small, wide = map(len, token_centers(600))
    fig = plot_expert_weights(network, tasks["imagery"], "imagery", show=False)
    found = maps(fig)
    assert [part.shape for part in found] == [(4, 1), (4, small), (4, wide)]
    np.testing.assert_array_equal(np.hstack(found).T, weights)
    assert fig.axes[1].get_title(loc="left") == "imagery, mean over 8 epochs"
    assert fig.axes[3].get_ylabel() == "Weight"


def test_one_epoch_of_one_layer(network, tasks):
    weights = network.expert_weights(tasks, layer=0)["imagery"]
    fig = plot_expert_weights(network, tasks, "imagery", layer=0, epoch=-1, show=False)
    np.testing.assert_array_equal(np.hstack(maps(fig)).T, weights[-1])
    assert fig.axes[1].get_title(loc="left") == "imagery, epoch 7"


def test_tokens_stand_where_they_look(network, tasks):
    """In seconds: the middle of each column is the centre of its token."""
    fig = plot_expert_weights(network, tasks, "imagery", show=False)
    for ax, centers in zip(fig.axes[1:3], token_centers(600), strict=True):
        begin, end, *_ = ax.images[0].get_extent()
        edges = np.linspace(begin, end, len(centers) + 1)
        middle = (edges[1:] + edges[:-1]) / 2
        np.testing.assert_allclose(middle, np.array(centers) / 200)
        assert ax.get_xlim() == (0, 3)
        assert not ax.lines
    assert fig.axes[2].get_xlabel() == "Time, s"


def test_short_epochs_end_at_a_line(network, tasks):
    """250 samples at 100 Hz are padded to 289."""
    fig = plot_expert_weights(network, tasks, "sleep", show=False)
    for ax in fig.axes[1:3]:
        assert ax.get_xlim() == (0, 2.89)
        assert ax.lines[0].get_xdata() == [2.5, 2.5]


def test_arrays_of_another_length(rng):
    """Samples, where the rate is not known; as long as the number of tokens says."""
    clf = MultiTaskEEGMamba(
        **{"d_model": 16, "n_layers": 1, "n_experts": 3, "max_epochs": 1},
        **{"variable_length": True, "backend": "torch", "verbose": "error"},
    )
    clf.fit(rng.standard_normal((6, 1, 300)), [0, 1] * 3)
    X = rng.standard_normal((3, 1, 900))
    fig = plot_expert_weights(clf, X, show=False)
    assert fig.axes[2].get_xlabel() == "Time, samples"
    assert [part.shape[1] for part in maps(fig)[1:]] == [*map(len, token_centers(900))]
    assert 880 <= fig.axes[1].get_xlim()[1] <= 900


def test_flat_form(network, tasks):
    fig = plot_expert_weights(network, MultiTaskEpochs(tasks), "imagery", show=False)
    same = plot_expert_weights(network, tasks, "imagery", show=False)
    for one, other in zip(maps(fig), maps(same), strict=True):
        np.testing.assert_array_equal(one, other)


def test_draws_on_given_axes(network, tasks):
    fig, axes = plt.subplots(1, 4)
    args = (network, tasks, "imagery")
    assert plot_expert_weights(*args, axes=axes[1:], show=False) is fig
    assert [len(ax.images) for ax in axes] == [0, 1, 1, 1]
    assert plt.get_fignums() == [fig.number]
    with pytest.raises(ValueError, match="must be 3 axes, for the class token.*Got 4"):
        plot_expert_weights(*args, axes=axes, show=False)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"task": None}, "`task`.*one of 'imagery', 'sleep'. Got None"),
        ({"task": "blink"}, "`task`.*one of 'imagery', 'sleep'. Got 'blink'"),
        ({"layer": 2}, "one of the 2 mixtures.*Got 2"),
        ({"epoch": 8}, r"`epoch`.*an int in \[-8, 7\]. Got 8"),
        ({"X": {"a": None}}, r"epochs of the task 'imagery'. Got those of \['a'\]"),
    ],
)
def test_refuses_what_is_not_there(network, tasks, arguments, message):
    with pytest.raises(ValueError, match=message):
        plot_expert_weights(
            network, **{"X": tasks, "task": "imagery", "show": False, **arguments}
        )


@pytest.mark.parametrize(
    ("clf", "message"),
    [
        (EEGMambaClassifier(), "Got EEGMambaClassifier, which has none"),
        (MultiTaskEEGMamba(), "Got MultiTaskEEGMamba, not fitted"),
    ],
)
def test_refuses_other_estimators(clf, message):
    with pytest.raises(TypeError, match=message):
        plot_expert_weights(clf, None, show=False)


def test_refuses_a_network_without_experts(rng):
    X = rng.standard_normal((6, 1, 300))
    clf = MultiTaskEEGMamba(
        **{"d_model": 16, "n_layers": 1, "n_experts": 0, "max_epochs": 1},
        **{"backend": "torch", "verbose": "error"},
    ).fit(X, [0, 1] * 3)
    with pytest.raises(ValueError, match="n_experts=0.*fit one with experts"):
        plot_expert_weights(clf, X, show=False)
