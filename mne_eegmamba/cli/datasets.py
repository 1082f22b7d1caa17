"""``mne-eegmamba datasets``: what is known of the paper's data sets."""

import textwrap
from dataclasses import asdict

import pandas as pd

from mne_eegmamba.datasets.about import NAMES, data_set

EXAMPLES = """  mne-eegmamba datasets
  mne-eegmamba datasets siena"""
HIDDEN = ("name", "folds")


def add_arguments(parser):
    """Add the arguments."""
    parser.add_argument("name", nargs="?", choices=NAMES, help="one in detail")


def run(options):
    """Print a table of all, or all that is known of one."""
    if options.name is None:
        print(_overview())
        return
    about = data_set(options.name).ABOUT
    for field, value in asdict(about).items():
        if field not in HIDDEN:
            text = ", ".join(value) if isinstance(value, tuple) else str(value)
            label = f"{field.replace('_', ' ')}: "
            print(textwrap.fill(text, 88, initial_indent=label, subsequent_indent="  "))


def _overview():
    rows = {}
    for name in NAMES:
        about = data_set(name).ABOUT
        rows[name] = {
            "task": about.task,
            "classes": len(about.classes),
            "channels": about.n_channels,
            "epoch": f"{about.duration:g} s",
            "licence": about.licence,
            "from": about.url,
        }
    return pd.DataFrame.from_dict(rows, orient="index").to_string()
