"""``mne-eegmamba fit``: train a network and save it."""

from pathlib import Path

from mne_eegmamba.cli.arguments import (
    add_data,
    add_parameters,
    make_estimator,
    read_data,
)
from mne_eegmamba.estimators import EEGMambaClassifier, MultiTaskEEGMamba

EXAMPLES = """  mne-eegmamba fit model.eegmamba --data stores/sleep_edf
  mne-eegmamba fit model.eegmamba --data sleep=stores/sleep_edf imagery=s1-epo.fif \\
      --set max_epochs=20 validation=0.2"""


def add_arguments(parser):
    """Add the arguments."""
    parser.add_argument("model", type=Path, help="file to write")
    add_data(parser)
    add_parameters(parser)


def run(options):
    """Train and save."""
    if not options.model.absolute().parent.is_dir():  # before hours of training
        raise FileNotFoundError(f"{options.model.parent} is no folder.")
    data = read_data(options.data)
    if None in data:
        clf = make_estimator(EEGMambaClassifier, options.set).fit(data[None])
    else:
        clf = make_estimator(MultiTaskEEGMamba, options.set).fit(data)
    clf.save(options.model)
    print(clf.history_.tail(1).to_string())
    print(f"Written to {options.model}")
