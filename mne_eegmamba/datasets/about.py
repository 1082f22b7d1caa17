"""What is known of a data set without reading it."""

from dataclasses import dataclass
from importlib import import_module

NAMES = (
    *("siena", "chbmit", "sleep_edf", "shhs"),
    *("deap", "seed", "shu", "bci_iv_2a"),
)

SIMULATED = " (simulated)"  # behind the name of what `simulate` wrote


@dataclass(frozen=True)
class About:
    """A data set of the paper: where it is from, and the facts of Table 1 and 7.

    ``folds`` are the paper's five groups of subjects, named as in ``metadata``.
    """

    name: str
    title: str
    task: str  # "seizure", "sleep", "emotion" or "motor imagery"
    classes: tuple[str, ...]
    n_channels: int
    duration: float  # seconds of an epoch
    folds: tuple[tuple[str, ...], ...]
    url: str
    licence: str
    how_to_get: str  # one sentence: free download, or whom to ask
    citation: str
    layout: str  # the folders and files that `find` expects


def data_set(name):
    """Return the module of a data set.

    Parameters
    ----------
    name : str
        One of ``NAMES``.

    Returns
    -------
    module : module
        With ``ABOUT``, ``find``, ``read`` and ``load``.

    Raises
    ------
    ValueError
        If there is no such data set.
    """
    if name not in NAMES:
        raise ValueError(f"The data set must be one of {list(NAMES)}. Got {name!r}.")
    return import_module(f"mne_eegmamba.datasets.{name}")


def name_folds(pattern, *groups):
    """Return folds of subjects that are numbered without gaps.

    Parameters
    ----------
    pattern : str
        What a number becomes a subject with, such as ``"s{:02d}"``.
    *groups : tuple of (int, int)
        First and last number of each fold.

    Returns
    -------
    folds : tuple of tuple of str
        The names of the subjects of each fold.
    """
    return tuple(
        tuple(pattern.format(number) for number in range(first, last + 1))
        for first, last in groups
    )


def split_names(text):
    """Return the channel names of a blank-separated list.

    Parameters
    ----------
    text : str
        Names between blanks.

    Returns
    -------
    names : tuple of str
        The names.
    """
    return tuple(text.split())


def base_name(name):
    """Return a data set's name without the note that it is simulated.

    Parameters
    ----------
    name : str
        Such as ``"siena (simulated)"``.

    Returns
    -------
    name : str
        Such as ``"siena"``.
    """
    return name.removesuffix(SIMULATED)
