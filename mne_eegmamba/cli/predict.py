"""``mne-eegmamba predict``: predict with a saved network."""

from pathlib import Path

import pandas as pd

from mne_eegmamba.cli.arguments import add_data, read_data, read_model

EXAMPLES = """  mne-eegmamba predict model.eegmamba --data night-epo.fif --out night.csv
  mne-eegmamba predict model.eegmamba --data sleep=night-epo.fif"""


def add_arguments(parser):
    """Add the arguments."""
    parser.add_argument("model", type=Path, help="what `fit` wrote")
    add_data(parser)
    parser.add_argument("--out", type=Path, help="CSV file; else the table is printed")


def run(options):
    """Write one row per epoch: the label and the probability of each class."""
    model = read_model(options.model)
    tables = []
    for task, epochs in read_data(options.data).items():
        single = not hasattr(model, "task_classes_")
        name = _task_of(model, task, single)
        proba = model.predict_proba(epochs if single else {name: epochs})
        proba = proba if single else proba[name]
        classes = model.tasks_[name].classes
        table = pd.DataFrame(proba, columns=[f"p({label})" for label in classes])
        table.insert(0, "predicted", classes[proba.argmax(1)])
        table.insert(0, "epoch", range(len(table)))
        if task is not None:
            table.insert(0, "task", task)
        tables.append(table)
    found = pd.concat(tables, ignore_index=True)
    if options.out is None:
        print(found.to_string(index=False, float_format="%.4f"))
    else:
        found.to_csv(options.out, index=False)
        print(f"{len(found)} epochs written to {options.out}")


def _task_of(model, task, single):
    """Return the name that the model has for a task of the command line."""
    names = list(model.tasks_)
    if task is None and len(names) == 1:
        return names[0]
    if single and task is not None:
        raise ValueError(
            f"The model knows one task without a name. Got {task}=PATH; give the path "
            "alone."
        )
    if task not in names:
        raise ValueError(
            f"The model knows the tasks {names}; give TASK=PATH with one of them. Got "
            + ("a path alone." if task is None else f"{task}=PATH.")
        )
    return task
