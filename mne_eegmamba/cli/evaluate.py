"""``mne-eegmamba evaluate``: cross-validate by subject, or the paper's experiment."""

from pathlib import Path

from mne_eegmamba.cli.arguments import (
    add_parameters,
    is_store,
    make_estimator,
    read_data,
    read_parameters,
    split_pairs,
)
from mne_eegmamba.datasets.about import NAMES
from mne_eegmamba.epochs.multitask import MultiTaskEpochs
from mne_eegmamba.estimators import EEGMambaClassifier, MultiTaskEEGMamba
from mne_eegmamba.evaluation import TaskGroupKFold, evaluate
from mne_eegmamba.experiments import paper_experiment, paper_tables

EXAMPLES = """  mne-eegmamba evaluate --data sleep=stores/sleep_edf imagery=s1-epo.fif
  mne-eegmamba evaluate --data sleep=stores/sleep_edf --alone --folds 10
  mne-eegmamba evaluate --protocol paper --data ~/data --out results
  mne-eegmamba evaluate --protocol paper --data siena=~/siena shu=stores/shu \\
      --out results --set max_epochs=20"""


def add_arguments(parser):
    """Add the arguments."""
    parser.add_argument(
        "--data",
        nargs="+",
        required=True,
        metavar="TASK=PATH",
        help="a store or an epochs file per task, whose metadata names the subjects; "
        "with --protocol paper also the files of a data set, or one folder whose "
        f"folders are called like the data sets: {', '.join(NAMES)}",
    )
    parser.add_argument("--protocol", choices=["subjects", "paper"], default="subjects")
    parser.add_argument("--folds", type=int, default=5, help="of subjects (default 5)")
    parser.add_argument(
        "--alone", action="store_true", help="train a network per task instead of one"
    )
    parser.add_argument(
        "--out", type=Path, help="CSV file; with --protocol paper a folder"
    )
    parser.add_argument("--jobs", type=int, help="folds, or recordings, at once")
    parser.add_argument(
        "--on-error",
        choices=["raise", "warn"],
        default="raise",
        help="--protocol paper: stop at a recording that cannot be read, or go on",
    )
    add_parameters(parser)


def run(options):
    """Print the scores, and write them where asked."""
    if options.protocol == "paper":
        _paper(options, read_parameters(options.set))
        return
    data = {task or "task": part for task, part in read_data(options.data).items()}
    kind = EEGMambaClassifier if options.alone else MultiTaskEEGMamba
    scores = evaluate(
        make_estimator(kind, options.set),
        MultiTaskEpochs(data),
        TaskGroupKFold(options.folds),
        options.alone,
        options.jobs,
    )
    print(scores.round(3).to_string())
    if options.out is not None:
        scores.to_csv(options.out)
        print(f"Written to {options.out}")


def _paper(options, settings):
    if options.out is None:
        raise ValueError("--protocol paper needs --out, a folder for its results.")
    scores = paper_experiment(
        _data_sets(options.data),
        options.out,
        n_jobs=options.jobs,
        on_error=options.on_error,
        **settings,
    )
    scores.to_csv(options.out / "scores.csv")
    text = paper_tables(scores)
    (options.out / "tables.txt").write_text(text)
    print(text)
    print(f"Written to {options.out}")


def _data_sets(items):
    """Return the folder of each data set."""
    if len(items) > 1 or "=" in items[0]:
        pairs = split_pairs(items, "--data")
        return {name: Path(path).expanduser() for name, path in pairs}
    folder = Path(items[0]).expanduser()
    found = {name: folder / name for name in NAMES if (folder / name).is_dir()}
    if is_store(folder) or not found:
        raise ValueError(
            f"{folder} has no folder called like a data set: {', '.join(NAMES)}."
        )
    return found
