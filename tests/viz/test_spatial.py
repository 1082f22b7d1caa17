"""plot_spatial_filters draws what the first layer looks for, on the scalp."""

import matplotlib.pyplot as plt
import mne
import numpy as np
import pytest

from mne_eegmamba import EEGMambaClassifier
from mne_eegmamba.viz import plot_spatial_filters


@pytest.fixture(autouse=True)
def _close_figures():
    """Leave no figure open."""
    yield
    plt.close("all")


@pytest.fixture
def drawn(monkeypatch):
    """Collect what is handed to MNE's topomap."""
    calls, draw = [], mne.viz.plot_topomap

    def spy(data, pos, **settings):
        calls.append((np.array(data), pos))
        return draw(data, pos, **settings)

    monkeypatch.setattr(mne.viz, "plot_topomap", spy)
    return calls


@pytest.fixture(scope="module")
def on_arrays():
    """Give a network that was fitted on an array of three channels."""
    X = np.random.default_rng(0).standard_normal((6, 3, 300))
    return EEGMambaClassifier(
        **{"d_model": 16, "n_layers": 1, "max_epochs": 1},
        **{"backend": "torch", "verbose": "error"},
    ).fit(X, [0, 1] * 3)


def test_filters_are_the_main_directions(network, drawn):
    """Orthonormal, and each catches as much of the weights as its title says."""
    fig = plot_spatial_filters(network, task="imagery", show=False)
    filters = np.array([data for data, _ in drawn])
    np.testing.assert_allclose(filters @ filters.T, np.eye(5), atol=1e-6)
    weights = network.net_.module_.spatial_filters("imagery").numpy()
    caught = ((weights @ filters.T) ** 2).sum(0) / (weights**2).sum()
    assert (np.diff(caught) < 0).all()
    titles = [ax.get_title() for ax in fig.axes[:5]]
    assert titles == [
        f"Filter {k}\n{100 * share:.0f} % of weights"
        for k, share in enumerate(caught, 1)
    ]
    assert (filters.max(1) == np.abs(filters).max(1)).all()
    assert fig.axes[5].get_ylabel() == "Weight"


def test_channels_are_where_the_montage_has_them(network, drawn):
    plot_spatial_filters(network, task="sleep", n_filters=1, show=False)
    ((_, info),) = drawn
    assert info.ch_names == ["Fz", "Cz", "Pz"]
    y = [ch["loc"][1] for ch in info["chs"]]
    assert y[0] > y[1] > y[2]  # from the forehead to the back


def test_own_positions_are_taken(network, drawn):
    """Other channels are left aside, and the order is that of fit."""
    info = mne.create_info(["Pz", "EOG", "Cz", "Fz"], 1.0, ["eeg", "eog", "eeg", "eeg"])
    places = {"Pz": [0, 0.03, 0.09], "Cz": [0.01, 0, 0.09], "Fz": [0, -0.03, 0.09]}
    info.set_montage(mne.channels.make_dig_montage(places, coord_frame="head"))
    plot_spatial_filters(network, info, "sleep", n_filters=1, show=False)
    ((_, found),) = drawn
    assert found.ch_names == ["Fz", "Cz", "Pz"]
    np.testing.assert_allclose([ch["loc"][1] for ch in found["chs"]], [-0.03, 0, 0.03])


def test_patterns_are_covariances(network, tasks, drawn):
    """In microvolts per standard deviation of a filter's output."""
    args = {"task": "imagery", "n_filters": 2, "show": False}
    plot_spatial_filters(network, **args)
    fig = plot_spatial_filters(network, X=tasks, **args)
    filters, patterns = np.split(np.array([data for data, _ in drawn]), 2)
    x = tasks["imagery"].get_data(copy=False)
    scaled = network.tasks_["imagery"].scaling.apply(x)
    for f, pattern in zip(filters, patterns, strict=True):
        output = np.tensordot(scaled, f, (1, 0)).ravel()
        expected = [
            np.cov(x[:, c].ravel() * 1e6, output, bias=True)[0, 1] / output.std()
            for c in range(5)
        ]
        np.testing.assert_allclose(pattern, expected, rtol=1e-4, atol=1e-6)
    assert fig.axes[2].get_ylabel() == "Pattern, µV"


def test_patterns_find_channels_by_name(network, tasks, drawn):
    other = tasks["imagery"].copy().reorder_channels(["Oz", "C4", "C3", "Pz", "Cz"])
    for X in (tasks["imagery"], other):
        plot_spatial_filters(network, task="imagery", X=X, n_filters=1, show=False)
    np.testing.assert_allclose(drawn[0][0], drawn[1][0], rtol=1e-5)


def test_arrays_need_info(on_arrays, rng, drawn):
    with pytest.raises(ValueError, match="needs `info`.*3 channels, in order"):
        plot_spatial_filters(on_arrays, show=False)
    info = mne.create_info(["F3", "F4", "Oz"], 1.0, "eeg")
    X = rng.standard_normal((6, 3, 300))
    fig = plot_spatial_filters(on_arrays, info, X=X, show=False)
    assert [found.ch_names for _, found in drawn] == [["F3", "F4", "Oz"]] * 3
    assert fig.axes[3].get_ylabel() == "Pattern, unit of X"


def test_draws_on_given_axes(network):
    fig, axes = plt.subplots(1, 3)
    args = {"task": "sleep", "n_filters": 2, "show": False}
    assert plot_spatial_filters(network, axes=axes[1:], **args) is fig
    assert [len(ax.images) for ax in axes] == [0, 1, 1]
    assert plt.get_fignums() == [fig.number]
    with pytest.raises(ValueError, match="must be 2 axes, for each filter one. Got 3"):
        plot_spatial_filters(network, axes=axes, **args)


def test_refuses_names_that_no_montage_has(on_arrays):
    info = mne.create_info(["Fpz-Cz", "Oz", "Pz"], 1.0, "eeg")
    message = r"position for each channel.*none for \['Fpz-Cz'\].*set_montage"
    with pytest.raises(ValueError, match=message):
        plot_spatial_filters(on_arrays, info, show=False)


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["Cz", "Pz"], r"must have the 3 channels.*Got 2, without \['Fz'\]"),
        (["Fz", "Cz", "Oz"], r"Got 3, without \['Pz'\]"),
    ],
)
def test_refuses_info_of_other_channels(network, names, message):
    info = mne.create_info(names, 1.0, "eeg")
    with pytest.raises(ValueError, match=message):
        plot_spatial_filters(network, info, "sleep", show=False)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"task": None}, "`task`.*one of 'imagery', 'sleep'. Got None"),
        ({"n_filters": 0}, r"`n_filters`.*\[1, inf\).*Got 0"),
        ({"X": np.ones((4, 2, 300))}, "`X`.*must have the 3 channels of fit. Got 2"),
    ],
)
def test_refuses_what_does_not_fit(network, arguments, message):
    with pytest.raises(ValueError, match=message):
        plot_spatial_filters(network, **{"task": "sleep", "show": False, **arguments})


def test_refuses_what_has_no_map(rng):
    with pytest.raises(ValueError, match="must be fitted. Got EEGMambaClassifier"):
        plot_spatial_filters(EEGMambaClassifier(), show=False)
    clf = EEGMambaClassifier(
        **{"d_model": 16, "n_layers": 1, "max_epochs": 1},
        **{"backend": "torch", "verbose": "error"},
    ).fit(rng.standard_normal((6, 2, 300)), [0, 1] * 3)
    with pytest.raises(ValueError, match="at least 3 channels to draw a map. Got 2"):
        plot_spatial_filters(clf, show=False)
