"""Simulated recordings in the layouts of the real data sets.

What is written here is noise with a known difference between the classes, under the
names, formats and published errors of the real files. It is for tests and examples of
the readers; scores on it say nothing about EEG.
"""

import importlib
from pathlib import Path

import numpy as np

from mne_eegmamba.datasets.about import NAMES

__all__ = ["simulate"]

MARK = "SIMULATED.txt"
NOTE = "All recordings in this folder are simulated: noise, in the layout of {name}.\n"


def simulate(name, path, n_subjects=2, seed=0):
    """Write small simulated recordings in the on-disk layout of a data set.

    Parameters
    ----------
    name : str
        The data set, as its module in `mne_eegmamba.datasets` is called.
    path : str | pathlib.Path
        Folder to write into; made if it is not there.
    n_subjects : int, default=2
        How many subjects; each has one recording or a few.
    seed : int, default=0
        Equal seeds give equal signals.

    Returns
    -------
    path : pathlib.Path
        The folder, for the ``find`` and ``load`` of the data set.

    Raises
    ------
    ValueError
        If there is no such data set, or it has not so many subjects.
    ImportError
        If a package for writing its files is not installed.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from mne_eegmamba.datasets.simulate import simulate
    >>> with TemporaryDirectory() as folder:
    ...     path = simulate("siena", folder, n_subjects=1)
    ...     sorted(file.name for file in path.iterdir())
    ['PN00', 'SIMULATED.txt', 'subject_info.csv']
    """
    if name not in NAMES:
        raise ValueError(f"The `name` parameter must be out of {NAMES}. Got {name!r}.")
    module = importlib.import_module(f"{__name__}.{name}")
    path = Path(path)
    path.mkdir(parents=True, exist_ok=True)
    module.write(path, n_subjects, np.random.default_rng(seed))
    (path / MARK).write_text(NOTE.format(name=name))
    return path


def check_subjects(n_subjects, most):
    """Refuse numbers of subjects that a simulated data set has not."""
    if not 1 <= n_subjects <= most:
        raise ValueError(
            f"The `n_subjects` parameter must be in [1, {most}]. Got {n_subjects!r}."
        )
