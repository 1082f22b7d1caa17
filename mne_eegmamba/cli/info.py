"""``mne-eegmamba info``: what a file or folder holds."""

from pathlib import Path

from mne_eegmamba.cli.arguments import is_store, read_epochs, read_model
from mne_eegmamba.datasets import store_report

EXAMPLES = """  mne-eegmamba info stores/sleep_edf
  mne-eegmamba info model.eegmamba
  mne-eegmamba info s1-epo.fif"""


def add_arguments(parser):
    """Add the arguments."""
    parser.add_argument(
        "path", type=Path, help="a store, a saved network or an epochs file"
    )


def run(options):
    """Print what is there."""
    path = options.path.expanduser()
    if is_store(path):
        print(read_epochs(path))
        print(store_report(path).to_string())
    elif path.name.endswith((".fif", ".fif.gz")) or path.is_dir():
        print(read_epochs(path))
    else:
        _show_model(read_model(path))


def _show_model(model):
    print(model)
    for name, task in model.tasks_.items():
        rate = "" if task.sfreq is None else f" at {task.sfreq:g} Hz"
        print(
            f"{name}: {task.n_channels} channels, {task.n_times} samples{rate}, "
            f"classes {', '.join(map(str, task.classes))}"
        )
    print(model.history_.tail(1).to_string())
