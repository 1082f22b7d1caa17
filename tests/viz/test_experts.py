"""The figure of expert usage shows the numbers of its table."""

import matplotlib.pyplot as plt
import pandas as pd
import pytest

from mne_eegmamba.viz import plot_expert_usage


@pytest.fixture
def usage():
    return pd.DataFrame(
        [[0.5, 0.25, 0.25], [0.1, 0.0, 0.9]], index=["sleep", "imagery"]
    )


@pytest.fixture(autouse=True)
def close():
    yield
    plt.close("all")


def test_shows_every_share(usage):
    fig = plot_expert_usage(usage, show=False)
    texts = [int(text.get_text()) for text in fig.axes[0].texts]
    assert texts == [50, 25, 25, 10, 0, 90]
    image = fig.axes[0].images[0]
    assert image.get_array().tolist() == usage.to_numpy().tolist()
    labels = [label.get_text() for label in fig.axes[0].get_yticklabels()]
    assert labels == ["sleep", "imagery"]


def test_draws_where_it_is_told(usage):
    fig, axes = plt.subplots()
    assert plot_expert_usage(usage, axes=axes, show=False) is fig
    assert len(axes.images) == 1


def test_text_is_readable_on_dark_cells(usage):
    fig = plot_expert_usage(usage, show=False)
    colors = [text.get_color() for text in fig.axes[0].texts]
    assert colors == ["black", "black", "black", "black", "black", "white"]


@pytest.mark.parametrize("bad", [[[0.5, -0.5]], [[float("nan"), 1.0]], [[]]])
def test_what_are_no_shares_is_refused(bad):
    with pytest.raises(ValueError, match="usage must be a table of shares"):
        plot_expert_usage(pd.DataFrame(bad), show=False)
