"""The paper's experiment: eight data sets, five folds, single-task and multi-task."""

import hashlib
import json
import logging
from pathlib import Path

import numpy as np
import pandas as pd

from mne_eegmamba.datasets.about import NAMES, base_name, data_set
from mne_eegmamba.datasets.preparation import prepare
from mne_eegmamba.datasets.store import STORE, open_store, read_description
from mne_eegmamba.epochs.multitask import MultiTaskEpochs
from mne_eegmamba.epochs.shards import write_text
from mne_eegmamba.estimators import (
    EEGMambaClassifier,
    MultiTaskEEGMamba,
    paper_parameters,
)
from mne_eegmamba.estimators._settings import check_settings
from mne_eegmamba.evaluation.cross_validation import score_alone, score_together
from mne_eegmamba.evaluation.paper_folds import PaperFolds, paper_fold

logger = logging.getLogger("mne_eegmamba")

TITLES = {  # kind of task: which table of the paper
    "seizure": "Table 2: seizure detection",
    "sleep": "Table 3: sleep stage classification",
    "emotion": "Table 4: emotion recognition",
    "motor imagery": "Table 5: motor imagery",
}
MEASURES = ["accuracy", "balanced_accuracy", "auroc", "macro_f1", "weighted_f1"]
SINGLE, JOINT = "single-task", "multi-task"
KINDS = {SINGLE: EEGMambaClassifier, JOINT: MultiTaskEEGMamba}


def paper_experiment(
    data, out, networks=(SINGLE, JOINT), n_jobs=None, on_error="raise", **parameters
):
    """Run the paper's experiment on those of its data sets that are there.

    Data sets are prepared into stores first, with the subjects that the paper uses.
    Then the networks are trained with the paper's parameters on four fifths of the
    subjects and scored on the others, five times. Each fold is written when it is
    done, and not trained again.

    Parameters
    ----------
    data : dict of {str: path-like}
        Name of a data set: its files, or a store of it.
    out : path-like
        Folder of the stores and the scores.
    networks : sequence of str, default=("single-task", "multi-task")
        Which networks to train.
    n_jobs : int | None, default=None
        Recordings prepared at once.
    on_error : "raise" | "warn", default="raise"
        As in `prepare`.
    **parameters : object
        Parameters of the estimators that shall differ from the paper's.

    Returns
    -------
    scores : pandas.DataFrame
        A row per network, data set and fold, the columns of `score_table`.

    Raises
    ------
    ValueError
        If a name is no data set of the paper, a parameter none of the estimators', or
        ``out`` has scores of other data or parameters.

    References
    ----------
    Gui et al., arXiv 2407.20254, Tables 2 to 5, 7 and 8.

    Examples
    --------
    >>> import tempfile
    >>> from mne_eegmamba.datasets.simulate import simulate
    >>> from mne_eegmamba.experiments import paper_experiment
    >>> folder = tempfile.mkdtemp()
    >>> path = simulate("bci_iv_2a", f"{folder}/files", n_subjects=3)
    >>> tiny = {"d_model": 16, "n_layers": 1, "max_epochs": 1, "verbose": False}
    >>> scores = paper_experiment(
    ...     {"bci_iv_2a": path}, f"{folder}/out", ["single-task"], **tiny
    ... )
    >>> scores.index.tolist()
    [('single-task', 'bci_iv_2a (simulated)', 0),
     ('single-task', 'bci_iv_2a (simulated)', 1)]
    """
    unknown = [name for name in data if name not in NAMES]
    if unknown or not data:
        raise ValueError(f"data must name some of {list(NAMES)}. Got {list(data)}.")
    wrong = [name for name in networks if name not in (SINGLE, JOINT)]
    if wrong:
        raise ValueError(f"networks must be out of {[SINGLE, JOINT]}. Got {wrong}.")
    settings = {name: _settings(name, parameters) for name in networks}
    out = Path(out)
    stores = dict(
        _open_or_prepare(name, Path(path), out / "stores", n_jobs, on_error)
        for name, path in data.items()
    )
    rows = {}
    for network in networks:
        together = [list(stores)] if network == JOINT else [[name] for name in stores]
        for names in together:
            part = MultiTaskEpochs({name: stores[name] for name in names})
            folds = _run_folds(network, settings[network], part, out / "scores")
            for fold, scores in enumerate(folds):
                rows |= {(network, name, fold): scores[name] for name in scores}
    order = [(k, name) for k in networks for name in stores]
    rows = dict(sorted(rows.items(), key=lambda row: order.index(row[0][:2])))
    names = ["network", "data_set", "fold"]
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis(names)


def _open_or_prepare(name, path, folder, n_jobs, on_error):
    """Return the name of a data set and its epochs of the paper's subjects."""
    if (path / STORE).is_file():
        folder, store = path, open_store(path)
    else:
        recordings = data_set(name).find(path)
        subjects = sorted({recording.subject for recording in recordings})
        folds = paper_fold(name, subjects)
        used = [s for s, k in zip(subjects, folds, strict=True) if k >= 0]
        if not used:
            raise ValueError(
                f"{path} has no subject that the paper uses of {name}, only {subjects}."
            )
        logger.info("%s: %d of %d subjects", name, len(used), len(subjects))
        folder = folder / name
        store = prepare(name, path, folder, used, n_jobs, on_error)
    known = read_description(folder)["name"]
    if base_name(known) != name:
        raise ValueError(f"{path} is a store of {known}, not of {name}.")
    return known, store[np.flatnonzero(paper_fold(name, store.groups) >= 0)]


def _settings(network, parameters):
    """Return the parameters of a network, checked before data are prepared."""
    paper = paper_parameters(multitask=network == JOINT)
    settings = {"random_state": 0, **paper, **parameters}
    check_settings(KINDS[network]().set_params(**settings))
    return settings


def _run_folds(network, settings, data, folder):
    """Give the scores of each fold, from disk where they are there."""
    score = score_together if network == JOINT else score_alone
    folder.mkdir(parents=True, exist_ok=True)
    splitter = PaperFolds({task: base_name(task) for task in data.tasks})
    folds = list(splitter.split(data, groups=data.groups))
    for fold, (train, test) in enumerate(folds):
        name = f"{network}-{'+'.join(map(base_name, data.tasks))}-{fold}"
        key = _key(settings, data, train, test)
        file = folder / f"{name}.json"
        if not file.is_file():
            tasks = ", ".join(data.tasks)
            logger.info("%s, %s: fold %d of %d", network, tasks, fold + 1, len(folds))
            scores = score(KINDS[network](**settings), data[train], data[test])
            write_text(file, json.dumps({"key": key, "scores": scores}, indent=2))
        yield _read(file, key)


def _key(settings, data, train, test):
    """Name what a fold's scores depend on."""
    text = [json.dumps(settings, sort_keys=True)]
    text += [",".join(data.y[rows]) for rows in (train, test)]
    text += [",".join(data.groups[rows]) for rows in (train, test)]
    return hashlib.blake2b("\n".join(text).encode(), digest_size=16).hexdigest()


def _read(file, key):
    content = json.loads(file.read_text())
    if content["key"] != key:
        raise ValueError(
            f"{file} has scores of other parameters or data. Use another folder, or "
            "delete it to train this fold again."
        )
    return content["scores"]


def published_scores():
    """Return the figures of the paper's Tables 2 to 5.

    Returns
    -------
    table : pandas.DataFrame
        A row per data set and network, "single-task" and "multi-task" for EEGMamba:
        means over five folds and standard deviations. The paper's F1 is the macro F1;
        LaBraM ran out of memory on SEED.

    References
    ----------
    Gui et al., arXiv 2407.20254, Tables 2 to 5.

    Examples
    --------
    >>> from mne_eegmamba.experiments import published_scores
    >>> float(published_scores().loc[("siena", "single-task"), "auroc"])
    0.9137
    """
    file = Path(__file__).with_name("published.csv")
    return pd.read_csv(file, index_col=["data_set", "network"])


def paper_tables(scores):
    """Set scores and the paper's side by side, in its Tables 2 to 5.

    Parameters
    ----------
    scores : pandas.DataFrame
        From `paper_experiment`.

    Returns
    -------
    text : str
        Means and standard deviations over folds; data sets that are absent are named.

    Examples
    --------
    >>> import pandas as pd
    >>> from mne_eegmamba.experiments import paper_tables
    >>> names = ["network", "data_set", "fold"]
    >>> index = pd.MultiIndex.from_tuples([], names=names)
    >>> print(paper_tables(pd.DataFrame(index=index)).splitlines()[2])
    Not there: siena, chbmit.
    """
    there = scores.index.get_level_values("data_set").unique()
    lines = []
    for kind, title in TITLES.items():
        names = [name for name in NAMES if data_set(name).ABOUT.task == kind]
        lines += [title, ""]
        here = [name for name in there if base_name(name) in names]
        if here:
            rows = [row for name in here for row in _rows(scores, name)]
            table = pd.DataFrame(rows).set_index(["data set", "network"]).fillna("-")
            lines += [table.to_string(), ""]
        absent = [name for name in names if name not in map(base_name, here)]
        if absent:
            lines += [f"Not there: {', '.join(absent)}.", ""]
    return "\n".join(lines)


def _rows(scores, name):
    """Give the rows of one data set: ours beside the paper's, then the baselines."""
    published = published_scores().loc[base_name(name)]
    own = scores.xs(name, level="data_set")
    for network in own.index.get_level_values("network").unique():
        part = own.loc[network]
        cells = {m: _cell(part[m].mean(), part[m].std()) for m in MEASURES}
        yield {"data set": name, "network": network, **cells, "folds": str(len(part))}
        yield _published_row(name, f"{network}, paper", published.loc[network])
    for network, row in published.drop([SINGLE, JOINT]).iterrows():
        yield _published_row(name, f"{network}, paper", row)


def _published_row(name, network, row):
    cells = {m: _cell(row[m], row[f"{m}_std"]) for m in MEASURES if m in row}
    return {"data set": name, "network": network, **cells, "folds": "5"}


def _cell(mean, std):
    return f"{mean:.3f} ± {std:.3f}" if np.isfinite(mean) else "-"
