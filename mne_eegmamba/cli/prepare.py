"""``mne-eegmamba prepare``: from files to a store."""

from pathlib import Path

from mne_eegmamba.cli.arguments import read_parameters
from mne_eegmamba.datasets import prepare, store_report
from mne_eegmamba.datasets.about import NAMES

EXAMPLES = """  mne-eegmamba prepare sleep_edf ~/data/sleep stores/sleep_edf --jobs 4
  mne-eegmamba prepare siena ~/data/siena stores/siena --on-error warn
  mne-eegmamba prepare deap ~/data/deap stores/deap --set scale=arousal"""


def add_arguments(parser):
    """Add the arguments."""
    parser.add_argument("name", choices=NAMES, help="which data set")
    parser.add_argument("path", type=Path, help="its files")
    parser.add_argument("out", type=Path, help="folder of the store")
    parser.add_argument("--subjects", nargs="+", help="only these")
    parser.add_argument("--jobs", type=int, help="recordings at once")
    parser.add_argument(
        "--on-error",
        choices=["raise", "warn"],
        default="raise",
        help="stop at a recording that cannot be read, or go on without it",
    )
    parser.add_argument(
        "--set", nargs="+", default=[], metavar="NAME=VALUE", help="the reader's rules"
    )


def run(options):
    """Prepare, and say what was left out."""
    epochs = prepare(
        options.name,
        options.path.expanduser(),
        options.out,
        options.subjects,
        options.jobs,
        options.on_error,
        **read_parameters(options.set),
    )
    print(epochs)
    report = store_report(options.out)
    for name, row in report[report["n_epochs"] == 0].iterrows():
        print(f"left out: {name}: {row['reason']}")
