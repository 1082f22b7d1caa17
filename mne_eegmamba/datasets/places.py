"""Where a data set lies on this machine, or a simulated twin in its place."""

import atexit
import shutil
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import NamedTuple

import mne

from mne_eegmamba.datasets.about import data_set
from mne_eegmamba.datasets.simulate import MARK, simulate


class Place(NamedTuple):
    """A folder of a data set, and whether its recordings are simulated."""

    path: Path
    simulated: bool

    @property
    def note(self):
        """What to write on figures and above scores."""
        if self.simulated:
            return "simulated data: scores mean nothing for EEG"
        return "real recordings"


def locate(name, n_subjects=4):
    """Return the folder of a data set, or of a simulated twin where there is none.

    Parameters
    ----------
    name : str
        Data set: ``"siena"``, ``"chbmit"``, ``"sleep_edf"``, ``"shhs"``, ``"deap"``,
        ``"seed"``, ``"shu"`` or ``"bci_iv_2a"``.
    n_subjects : int, default=4
        Subjects of the twin, if one is written.

    Returns
    -------
    place : tuple of (pathlib.Path, bool)
        ``place.path``, for the ``find`` and ``load`` of the data set, and
        ``place.simulated``. ``place.note`` says it in words, for figures.

    Raises
    ------
    ValueError
        If there is no such data set, or its twin has not so many subjects.
    FileNotFoundError
        If MNE's configuration names a folder that is not there.
    ImportError
        If a package for writing the twin's files is not installed.

    See Also
    --------
    mne_eegmamba.datasets.simulate.simulate : Writes the twin into a folder of yours.

    Notes
    -----
    The folder is the one that MNE's configuration has under
    ``MNE_DATASETS_<NAME>_PATH``, such as ``MNE_DATASETS_SIENA_PATH``: an environment
    variable, or for good with ``mne.set_config``, which warns that it does not know the
    key, and keeps it. The twin is written once, into a temporary folder that is removed
    when Python ends. Scores on it say nothing about EEG.

    Examples
    --------
    >>> from mne_eegmamba.datasets import deap, locate
    >>> place = locate("deap", n_subjects=1)
    >>> place.note  # doctest: +SKIP
    'simulated data: scores mean nothing for EEG'
    >>> deap.find(place.path)[0].name
    's01'
    """
    data_set(name)  # says which there are
    key = f"MNE_DATASETS_{name.upper()}_PATH"
    folder = mne.get_config(key)
    if not folder:
        return Place(_twin(name, n_subjects), simulated=True)
    path = Path(folder).expanduser()
    if not path.is_dir():
        raise FileNotFoundError(
            f"MNE's configuration says {key}={folder}, which is no folder. Correct it, "
            f"or take it away with mne.set_config({key!r}, None)."
        )
    return Place(path, simulated=(path / MARK).is_file())


@cache
def _twin(name, n_subjects):
    """Write a twin that lasts as long as Python runs."""
    folder = mkdtemp(prefix=f"simulated_{name}_")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return simulate(name, folder, n_subjects)
