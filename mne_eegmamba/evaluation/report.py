"""A page on a fitted network: what was trained, how well it does, and how it works."""

import mne
import numpy as np
import pandas as pd
from scipy.stats import binom
from sklearn.utils.validation import check_is_fitted

from mne_eegmamba.epochs.check import is_epochs, loaded
from mne_eegmamba.epochs.labels import event_names
from mne_eegmamba.epochs.multitask import MultiTaskEpochs
from mne_eegmamba.evaluation.metrics import score_table
from mne_eegmamba.viz import plot_confusion, plot_expert_usage, plot_training
from mne_eegmamba.viz.style import close

RARE = 0.05  # how often guessing may reach the bound in the table
CHANCE = """<p>These are scores on the epochs handed to the report. They say how well
the network does on new epochs only if none of these, and better none of their subjects,
were in <code>fit</code>.</p>
<ul>
<li><b>majority rate</b> is the accuracy of always naming the most frequent class.</li>
<li><b>guessing bound</b> is the accuracy that guessing with that rate exceeds in at
most 5 % of test sets of this size, if epochs are independent. Neighbouring epochs of
one recording are not, so the true bound is higher.</li>
<li><b>balanced chance</b> is the balanced accuracy of guessing, one over the number of
classes; the <b>auroc</b> of guessing is 0.5. F1 scores have no fixed chance level.</li>
</ul>"""
COLUMNS = (
    *("accuracy", "majority_rate", "guessing_bound"),
    *("balanced_accuracy", "balanced_chance", "auroc"),
    *("macro_f1", "weighted_f1", "n_epochs"),
)


def report(clf, X, y=None, title="EEGMamba"):
    """Write up a fitted network: parameters, training, scores and figures.

    Parameters
    ----------
    clf : EEGMambaClassifier | MultiTaskEEGMamba
        Fitted.
    X : mne.Epochs | list of mne.Epochs | ndarray | dict | MultiTaskEpochs
        Epochs to score, best of subjects that were not in fit, as in ``clf.predict``:
        for several tasks a dict or `MultiTaskEpochs`, which may leave tasks out.
    y : array-like, shape (n_epochs,) | dict | None, default=None
        True labels: a dict for a dict, ``"task/label"`` for `MultiTaskEpochs`. None
        takes the event names of Epochs, and ``X.y``.
    title : str, default="EEGMamba"
        Title of the page.

    Returns
    -------
    report : mne.Report
        With the sections Training, Scores, Confusion and, for a network with experts,
        Experts. `mne.Report.save` writes it as HTML; more can be added to it, for
        example ``report.add_figure(plot_embedding(...), title="Embedding")``.

    Raises
    ------
    sklearn.exceptions.NotFittedError
        If ``clf`` is not fitted.
    TypeError
        If ``X`` and ``y`` are not of the same kind, or of none that ``clf`` takes.
    ValueError
        If labels are missing or unknown, or as in ``clf.predict``.

    Examples
    --------
    >>> import numpy as np
    >>> from mne_eegmamba import EEGMambaClassifier
    >>> from mne_eegmamba.evaluation import report
    >>> X, y = np.random.default_rng(0).standard_normal((12, 2, 300)), [0, 1] * 6
    >>> clf = EEGMambaClassifier(d_model=16, max_epochs=1, verbose=False)
    >>> page = report(clf.fit(X[:8], y[:8]), X[8:], y[8:])
    >>> page.save("report.html", open_browser=False)  # doctest: +SKIP
    """
    check_is_fitted(clf)
    data, labels = _by_task(clf, X, y)
    proba = _probabilities(clf, data)
    page = mne.Report(title=title, verbose="error")
    _add_training(page, clf)
    _add_scores(page, clf, labels, proba)
    for task, rows in proba.items():
        predicted = clf.tasks_[task].classes[rows.argmax(1)]
        fig = plot_confusion(labels[task], predicted, show=False)
        _add_figure(page, fig, _confusion_title(clf, task), "Confusion")
    if clf.net_.module_.config.n_experts:
        _add_experts(page, clf, data)
    return page


def _by_task(clf, X, y):
    """Return epochs and labels of each task."""
    several = hasattr(clf, "task_classes_")
    owner = type(clf).__name__
    if isinstance(X, dict | MultiTaskEpochs) and not several:
        raise TypeError(
            f"X must be the epochs of one task for {owner}, which knows no other. Got "
            f"{type(X).__name__}."
        )
    if isinstance(X, MultiTaskEpochs):
        y = _split(X, X.y if y is None else y)
        X = {task: X[task] for task in y}
    elif not isinstance(X, dict):
        if len(clf.tasks_) > 1:
            raise TypeError(
                f"X must be a dict from tasks to epochs, or MultiTaskEpochs: this "
                f"{owner} knows the tasks {list(clf.tasks_)}. Got {type(X).__name__}."
            )
        task = next(iter(clf.tasks_))
        X, y = {task: X}, {task: y}
    if y is not None and not isinstance(y, dict):
        raise TypeError(f"y must be a dict, as X is. Got {type(y).__name__}.")
    unknown = sorted({*X, *(y or {})} - set(clf.tasks_))
    if unknown or not X:
        raise ValueError(
            f"X and y must have tasks out of {list(clf.tasks_)}, at least one. Got "
            f"{unknown or 'none'}."
        )
    data = {task: loaded(part) if is_epochs(part) else part for task, part in X.items()}
    given = y or {}
    return data, {
        task: _labels(task, part, given.get(task), clf.tasks_[task].classes)
        for task, part in data.items()
    }


def _split(X, y):
    """Return the labels of each task out of flat ones."""
    y = np.asarray(y)
    if y.shape != X.shape:
        raise ValueError(
            f"y must have one label for each of the {len(X)} epochs of X. Got the "
            f"shape {y.shape}."
        )
    return {
        str(task): [str(label).removeprefix(f"{task}/") for label in y[X.task == task]]
        for task in np.unique(X.task)
    }


def _labels(task, epochs, y, classes):
    """Return labels as the network knows them; texts may stand for numbers."""
    if y is None and not is_epochs(epochs):
        raise ValueError(
            f"Task {task!r}: y must be given; only Epochs carry labels themselves."
        )
    y = event_names(epochs) if y is None else np.asarray(y)
    known = {str(label): label for label in classes.tolist()}
    return np.array([known.get(str(label), label) for label in y.tolist()])


def _probabilities(clf, data):
    """Return the probabilities of each task."""
    if hasattr(clf, "task_classes_"):
        return clf.predict_proba(data)
    return {task: clf.predict_proba(part) for task, part in data.items()}


def _add_training(page, clf):
    """Add parameters, tasks and learning curves."""
    _add_table(page, _parameters(clf), "Parameters", "Training")
    _add_table(page, _tasks(clf), "Tasks", "Training")
    size = sum(weights.numel() for weights in clf.net_.module_.parameters())
    passes = len(clf.history_)
    times = "1 pass" if passes == 1 else f"{passes} passes"
    text = f"<p>{size:,} weights, {times} over the training data.</p>"
    page.add_html(text, "Size", section="Training")
    if passes:
        fig = plot_training(clf.history_, show=False)
        _add_figure(page, fig, "Learning curves", "Training")


def _parameters(clf):
    """Return the parameters; first those that differ from their default, with it."""
    values, defaults = clf.get_params(deep=False), type(clf)().get_params(deep=False)
    rows = {
        name: {
            "value": repr(value),
            "default": ""
            if repr(value) == repr(defaults[name])
            else repr(defaults[name]),
        }
        for name, value in values.items()
    }
    table = pd.DataFrame.from_dict(rows, orient="index")
    return table.sort_values("default", key=lambda text: text == "", kind="stable")


def _tasks(clf):
    """Return a table of what the network was trained on."""
    rows = {
        task: {
            "channels": known.n_channels,
            "samples": known.n_times,
            "rate, Hz": known.sfreq,
            "length, s": None if known.sfreq is None else known.n_times / known.sfreq,
            "classes": ", ".join(map(str, known.classes)),
        }
        for task, known in clf.tasks_.items()
    }
    return pd.DataFrame.from_dict(rows, orient="index")


def _add_scores(page, clf, labels, proba):
    """Add the scores of each task beside what guessing reaches."""
    rows = {}
    for task, part in proba.items():
        scores = score_table(labels[task], part, clf.tasks_[task].classes)
        rows[task] = _with_chance(scores, len(np.unique(labels[task])))
    table = pd.DataFrame.from_dict(rows, orient="index", columns=list(COLUMNS))
    table = table.astype({"n_epochs": int})
    # Between words a browser may fold the headings, so that the page is wide enough.
    table.columns = table.columns.str.replace("_", " ")
    _add_table(page, table, "Scores", "Scores")
    page.add_html(CHANCE, "Chance level", section="Scores")


def _with_chance(scores, n_classes):
    """Add what guessing reaches: on average, and with a share of ``RARE`` at most."""
    n, rate = scores["n_epochs"], scores["majority_rate"]
    bound = float(binom.ppf(1 - RARE, n, rate) / n)
    found = {**scores, "guessing_bound": bound, "balanced_chance": 1 / n_classes}
    return [found[name] for name in COLUMNS]


def _confusion_title(clf, task):
    return f"Confusion of {task}" if len(clf.tasks_) > 1 else "Confusion"


def _add_experts(page, clf, data):
    """Add the share of each expert in each task."""
    usage = clf.expert_usage(data)
    fig = plot_expert_usage(usage, show=False)
    _add_figure(page, fig, "Weight of each expert in the last layer", "Experts")
    _add_table(page, usage, "Expert usage", "Experts")


def _add_figure(page, fig, title, section):
    # MNE reads the pixels back. 4.6 inches at 100 dpi are 459.99..., of which it takes
    # 459 and matplotlib 460; a quarter of a pixel more and both take the same.
    pixels = np.round(fig.get_size_inches() * fig.dpi)
    fig.set_size_inches((pixels + 0.25) / fig.dpi)
    page.add_figure(fig, title, section=section)
    close(fig)


def _add_table(page, table, title, section):
    html = table.to_html(
        classes="table table-sm table-hover w-auto",
        border=0,
        na_rep="–",
        float_format="{:.3f}".format,
        justify="left",
    )
    html = f'<div class="table-responsive">{html}</div>'  # scrolls on a narrow screen
    page.add_html(html, title, section=section)
