"""report writes a page with what was trained and how well it does."""

import matplotlib.pyplot as plt
import mne
import numpy as np
import pytest
from sklearn.exceptions import NotFittedError

from mne_eegmamba import EEGMambaClassifier, MultiTaskEEGMamba, MultiTaskEpochs
from mne_eegmamba.evaluation import report, score_table
from mne_eegmamba.evaluation.report import _with_chance

TINY = {
    **{"d_model": 16, "n_layers": 1, "max_epochs": 2, "device": "cpu"},
    **{"backend": "torch", "random_state": 0, "verbose": "error"},
}


@pytest.fixture(scope="module")
def single(epochs):
    return EEGMambaClassifier(**TINY).fit(epochs[:32])


@pytest.fixture(scope="module")
def arrays():
    """Give two tasks, one with numbers as labels."""
    rng = np.random.default_rng(0)
    X = {"a": rng.standard_normal((12, 2, 300)), "b": rng.standard_normal((9, 3, 320))}
    return X, {"a": [0, 1] * 6, "b": ["x", "y", "z"] * 3}


@pytest.fixture(scope="module")
def several(arrays):
    return MultiTaskEEGMamba(**TINY, n_experts=3).fit(*arrays)


def contents(page):
    """Return [(section, title)] of a page."""
    return [(part.section, part.name) for part in page._content]


def html_of(page, title):
    (found,) = [part.html for part in page._content if part.name == title]
    return found


def test_sections_of_one_task(single, epochs):
    before = plt.get_fignums()
    page = report(single, epochs[32:], title="Hands")
    assert isinstance(page, mne.Report)
    assert page.title == "Hands"
    assert contents(page) == [
        ("Training", "Parameters"),
        ("Training", "Tasks"),
        ("Training", "Size"),
        ("Training", "Learning curves"),
        ("Scores", "Scores"),
        ("Scores", "Chance level"),
        ("Confusion", "Confusion"),
    ]
    assert plt.get_fignums() == before


def test_tables_hold_what_was_trained(single, epochs):
    page = report(single, epochs[32:])
    parameters = html_of(page, "Parameters")
    assert "<td>16</td>\n      <td>64</td>" in parameters  # d_model
    changed, usual = map(parameters.index, ("<th>verbose<", "<th>activation_check"))
    assert changed < usual
    tasks = html_of(page, "Tasks")
    assert all(text in tasks for text in ("<td>160.000</td>", "left, right"))
    n = sum(p.numel() for p in single.net_.module_.parameters())
    assert f"{n:,} weights, 2 passes" in html_of(page, "Size")


def test_scores_are_those_of_score_table(single, epochs):
    X = epochs[32:]
    y = np.array(["left", "right"])[X.events[:, 2] - 1]
    expected = score_table(y, single.predict_proba(X), single.classes_)
    found = html_of(report(single, X), "Scores")
    for name in ("accuracy", "balanced_accuracy", "auroc", "macro_f1"):
        assert f"<th>{name.replace('_', ' ')}</th>" in found
        assert f"<td>{expected[name]:.3f}</td>" in found
    assert "<td>16</td>" in found
    assert '<div class="table-responsive">' in found
    assert report(single, X, y)._content[4].html == report(single, X)._content[4].html


def test_chance_by_hand():
    """Of four coins, more than 3 heads have a chance of 1/16, more than 4 none."""
    scores = score_table([0, 0, 1, 1], np.eye(2)[[0, 0, 1, 1]], [0, 1])
    accuracy, majority, bound, _, balanced, *_ = _with_chance(scores, 2)
    assert (accuracy, majority, bound, balanced) == (1.0, 0.5, 1.0, 0.5)


def test_several_tasks(several, arrays):
    before = plt.get_fignums()
    page = report(several, *arrays)
    assert contents(page)[6:] == [
        ("Confusion", "Confusion of a"),
        ("Confusion", "Confusion of b"),
        ("Experts", "Weight of each expert in the last layer"),
        ("Experts", "Expert usage"),
    ]
    assert plt.get_fignums() == before
    usage = several.expert_usage(arrays[0])
    assert f"<td>{usage.loc['a', 0]:.3f}</td>" in html_of(page, "Expert usage")


def test_flat_form_and_fewer_tasks(several, arrays):
    flat = MultiTaskEpochs(*arrays)
    scores = html_of(report(several, *arrays), "Scores")
    assert html_of(report(several, flat), "Scores") == scores
    assert html_of(report(several, flat[::-1], flat.y[::-1]), "Scores") == scores
    page = report(several, {"b": arrays[0]["b"]}, {"b": arrays[1]["b"]})
    assert "Confusion of a" not in [title for _, title in contents(page)]


def test_saves_a_page(single, epochs, tmp_path):
    page = report(single, epochs[32:])
    page.save(tmp_path / "a.html", open_browser=False, verbose="error")
    text = (tmp_path / "a.html").read_text(encoding="utf-8")
    assert "Chance level" in text
    assert text.count("data:image/") >= 2


def test_pictures_are_not_sheared(single, epochs, monkeypatch):
    """MNE and matplotlib must agree on the number of pixels of each figure."""
    sizes, add = [], mne.Report.add_figure

    def spy(page, fig, title, **settings):
        sizes.append((fig.bbox.size.astype(int), fig.canvas.get_width_height()))
        return add(page, fig, title, **settings)

    monkeypatch.setattr(mne.Report, "add_figure", spy)
    report(single, epochs[32:])
    assert len(sizes) == 2
    for taken, drawn in sizes:
        assert tuple(taken) == drawn


def test_names_cannot_break_the_page(arrays):
    X, y = {"a": arrays[0]["a"]}, {"a": ["<b>", "&"] * 6}
    page = report(MultiTaskEEGMamba(**TINY, n_experts=0).fit(X, y), X, y)
    assert "&lt;b&gt;" in html_of(page, "Tasks")
    assert "Experts" not in [section for section, _ in contents(page)]


def test_refuses_a_network_that_is_not_fitted(epochs):
    with pytest.raises(NotFittedError):
        report(EEGMambaClassifier(), epochs)


def test_refuses_forms_that_do_not_fit(single, several, arrays, epochs):
    X, y = arrays
    with pytest.raises(TypeError, match="epochs of one task.*Got dict"):
        report(single, X, y)
    with pytest.raises(TypeError, match=r"tasks \['a', 'b'\]. Got ndarray"):
        report(several, X["a"], y["a"])
    with pytest.raises(TypeError, match="y must be a dict, as X is. Got list"):
        report(several, X, y["a"])
    with pytest.raises(ValueError, match=r"out of \['a', 'b'\].*Got \['c'\]"):
        report(several, {"c": X["a"]}, {"c": y["a"]})
    with pytest.raises(ValueError, match="at least one. Got none"):
        report(several, {}, {})


def test_refuses_labels_that_do_not_fit(several, arrays):
    X, y = arrays
    with pytest.raises(ValueError, match="Task 'a': y must be given"):
        report(several, X)
    with pytest.raises(ValueError, match=r"Got \['q'\] as well"):
        report(several, {"b": X["b"]}, {"b": ["q"] + ["x"] * 8})
    with pytest.raises(ValueError, match="each of the 21 epochs.*shape .3,"):
        report(several, MultiTaskEpochs(X, y), ["a/0"] * 3)
