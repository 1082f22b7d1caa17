"""A folder of prepared recordings: written recording by recording, opened as one.

``store.json`` says what was asked for, each recording has its two files (see
``epochs/shards.py``), and one that was left out a file that says why.
"""

import hashlib
import json
from pathlib import Path

import pandas as pd
from joblib import Parallel, delayed
from mne.utils import ProgressBar

from mne_eegmamba.datasets.recordings import attempt, check_on_error, settle
from mne_eegmamba.epochs.check import check_finite
from mne_eegmamba.epochs.shards import (
    read_shard,
    verify_shard,
    write_shard,
    write_text,
)
from mne_eegmamba.epochs.stored import StoredEpochs

FORMAT = 1
STORE = "store.json"
LEFT_OUT = ".left_out"


def write_store(out, name, recordings, read, parameters, n_jobs=None, on_error="raise"):
    """Write epochs of recordings, of whatever origin, into a store.

    Parameters
    ----------
    out : path-like
        Folder of the store.
    name : str
        What the data are called.
    recordings : list of Recording
        What to read.
    read : callable
        ``read(recording, **parameters)`` returns `mne.Epochs` in volts whose
        ``metadata`` has the columns subject, session, recording and onset.
    parameters : dict
        What JSON can hold.
    n_jobs, on_error : object
        As in `prepare`.

    Returns
    -------
    epochs : StoredEpochs
        All that the store holds.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from mne_eegmamba.datasets import deap, write_store
    >>> from mne_eegmamba.datasets.simulate import simulate
    >>> folder = Path(tempfile.mkdtemp())
    >>> recordings = deap.find(simulate("deap", folder / "files"))
    >>> rules = {"scale": "arousal"}
    >>> write_store(folder / "store", "mine", recordings, deap.read, rules).sfreq
    200.0
    """
    check_on_error(on_error)
    out = Path(out)
    out.mkdir(parents=True, exist_ok=True)
    _describe(out, name, parameters)
    jobs = [(r, _key(parameters, r)) for r in recordings]
    jobs = [(r, key) for r, key in jobs if not _is_there(out, r, key)]
    found = Parallel(n_jobs, return_as="generator_unordered")(
        delayed(_write)(out, r, read, parameters, key) for r, key in jobs
    )
    by_name = {recording.name: recording for recording, _ in jobs}
    progress = ProgressBar(len(jobs), mesg=f"Preparing {name}") if jobs else None
    for which, error in found:
        progress.update_with_increment_value(1)
        if error is not None:
            _note(out, by_name[which], settle(by_name[which], error, on_error))
    return open_store(out)


def _describe(out, name, parameters):
    """Write what the store is made with, or compare with what it was made with."""
    wanted = {"format": FORMAT, "name": name, "parameters": parameters}
    wanted = json.loads(json.dumps(wanted))
    if not (out / STORE).is_file():
        write_text(out / STORE, json.dumps(wanted, indent=2) + "\n")
    there = read_description(out)
    old, new = ({"name": d["name"], **d["parameters"]} for d in (there, wanted))
    differ = [k for k in {**old, **new} if old.get(k) != new.get(k)]
    if differ:
        raise ValueError(
            f"{out} was made with other parameters: "
            + ", ".join(f"{k}={old.get(k)!r}, now {new.get(k)!r}" for k in differ)
            + ". Use these, or another folder."
        )


def _key(parameters, recording):
    """Name what a recording's epochs depend on; a changed file changes it."""
    files = [f for f in (recording.signal, recording.labels) if f is not None]
    stats = [f.stat() if f.is_file() else None for f in files]  # None is for `read`
    states = [stat and (stat.st_size, stat.st_mtime_ns) for stat in stats]
    names = [f.name for f in files]
    text = json.dumps([FORMAT, parameters, names, states], sort_keys=True)
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def _is_there(out, recording, key):
    file = out / f"{recording.name}.npz"
    return file.is_file() and read_shard(file).key == key


def _write(out, recording, read, parameters, key):
    """Write one recording; return its name and why it was not written."""
    epochs, error = attempt(recording, lambda r: _checked(read(r, **parameters)))
    if error is None:
        write_shard(out, recording.name, epochs, key)
        (out / f"{recording.name}{LEFT_OUT}").unlink(missing_ok=True)
    return recording.name, error


def _checked(epochs):
    check_finite(epochs.get_data(copy=False), tuple(epochs.ch_names))
    return epochs


def _note(out, recording, reason):
    write_text(out / f"{recording.name}{LEFT_OUT}", f"{recording.subject}\n{reason}")


def open_store(path, verify=False):
    """Open what `mne_eegmamba.datasets.prepare` wrote.

    Parameters
    ----------
    path : path-like
        Folder of the store.
    verify : bool, default=False
        Whether all samples are read and compared with their checksums; sizes are
        always compared.

    Returns
    -------
    epochs : StoredEpochs
        Epochs that stay on disk, recordings in the order of their names.

    Raises
    ------
    FileNotFoundError
        If there is no store, or no recording in it.
    ValueError
        If the store is of a later format, damaged, or its recordings differ in
        channels, rate or length.

    Examples
    --------
    >>> import tempfile
    >>> from mne_eegmamba.datasets import open_store, prepare
    >>> from mne_eegmamba.datasets.simulate import simulate
    >>> folder = tempfile.mkdtemp()
    >>> path = simulate("bci_iv_2a", f"{folder}/files")
    >>> _ = prepare("bci_iv_2a", path, f"{folder}/store")
    >>> open_store(f"{folder}/store").ch_names[:3]
    ['Fz', 'FC3', 'FC1']
    """
    path = Path(path)
    read_description(path)
    shards = [read_shard(file) for file in sorted(path.glob("*.npz"))]
    if not shards:
        raise FileNotFoundError(f"{path} holds no recordings; see its report.")
    for shard in shards[1:]:
        _check_same(shards[0], shard)
    if verify:
        for shard in shards:
            verify_shard(shard)
    return StoredEpochs(shards)


def read_description(path):
    """Read what was asked for when a store was made.

    Parameters
    ----------
    path : Path
        Folder of the store.

    Returns
    -------
    description : dict
        Name of the data set and parameters.

    Raises
    ------
    FileNotFoundError, ValueError
        If it is no store, or one of a later format.
    """
    file = path / STORE
    if not file.is_file():
        raise FileNotFoundError(
            f"{path} is no store: {STORE} is missing. Make one with "
            "mne_eegmamba.datasets.prepare."
        )
    description = json.loads(file.read_text())
    if description["format"] > FORMAT:
        raise ValueError(
            f"{path} has the format {description['format']}, this version of "
            f"mne_eegmamba reads up to {FORMAT}. Install a newer one."
        )
    return description


def _check_same(first, other):
    for what, mine, its in (
        ("channels", first.ch_names, other.ch_names),
        ("sampling rate", first.sfreq, other.sfreq),
        ("samples per epoch", first.shape[2], other.shape[2]),
    ):
        if mine != its:
            raise ValueError(
                f"The recordings of a store must share their {what}. Got {mine} in "
                f"{first.samples.name} and {its} in {other.samples.name}."
            )


def store_report(path):
    """Say which recordings a store holds and which were left out, and why.

    Parameters
    ----------
    path : path-like
        Folder of the store.

    Returns
    -------
    report : pandas.DataFrame
        A row per recording: subject, epochs (0 where it was left out) and reason.

    Examples
    --------
    >>> import tempfile
    >>> from mne_eegmamba.datasets import prepare, store_report
    >>> from mne_eegmamba.datasets.simulate import simulate
    >>> folder = tempfile.mkdtemp()
    >>> _ = prepare("deap", simulate("deap", f"{folder}/files"), f"{folder}/store")
    >>> store_report(f"{folder}/store").index.tolist()
    ['s01', 's02']
    """
    path = Path(path)
    read_description(path)
    rows = []
    for file in sorted(path.glob("*.npz")):
        shard = read_shard(file)
        name = file.name.removesuffix(".npz")
        rows.append((name, str(shard.columns["subject"][0]), shard.shape[0], ""))
    for file in sorted(path.glob(f"*{LEFT_OUT}")):
        subject, reason = file.read_text().split("\n", 1)
        rows.append((file.name.removesuffix(LEFT_OUT), subject, 0, reason))
    columns = ["recording", "subject", "n_epochs", "reason"]
    return pd.DataFrame(sorted(rows), columns=columns).set_index("recording")
