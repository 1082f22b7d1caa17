"""Small simulated recordings in the layouts of the public data sets."""

from importlib import import_module
from pathlib import Path

import numpy as np

__all__ = ["simulate"]

NAMES = ("bci_iv_2a", "deap", "seed", "shu")


def simulate(name, path, n_subjects=2, seed=0):
    """Write simulated recordings in a data set's layout on disk.

    Names, formats, keys, annotations and known mistakes are those of the data set; the
    signals are noise with a known difference between the classes.

    Parameters
    ----------
    name : str
        The data set, such as ``"seed"``.
    path : str | pathlib.Path
        Folder to write in; made if it is not there.
    n_subjects : int, default=2
        How many subjects.
    seed : int, default=0
        The same seed gives the same files.

    Returns
    -------
    path : pathlib.Path
        The folder, for `find` and `load` of the data set.

    Raises
    ------
    ValueError
        If there is no such data set.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from mne_eegmamba.datasets.simulate import simulate
    >>> with TemporaryDirectory() as folder:
    ...     path = simulate("deap", folder, n_subjects=1)
    ...     [file.name for file in sorted(path.rglob("*.dat"))]
    ['s01.dat']
    """
    if name not in NAMES:
        raise ValueError(f"The `name` must be one of {NAMES}. Got {name!r}.")
    path = Path(path)
    path.mkdir(parents=True, exist_ok=True)
    writer = import_module(f"mne_eegmamba.datasets.simulate.{name}")
    writer.write(path, n_subjects, np.random.default_rng(seed))
    return path
