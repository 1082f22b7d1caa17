"""From files on disk to a store that training reads batch by batch."""

from inspect import signature
from pathlib import Path

from mne_eegmamba.datasets.about import SIMULATED, data_set
from mne_eegmamba.datasets.simulate import MARK
from mne_eegmamba.datasets.store import write_store


def prepare(
    name, path, out, subjects=None, n_jobs=None, on_error="raise", **parameters
):
    """Read, filter and cut a data set once, into a store that training reads.

    Work goes on where an earlier run ended, however it ended: recordings that are in
    the store, made with the same parameters from the same files, are not made again.
    Several runs may work on one store.

    Parameters
    ----------
    name : str
        Data set: ``"siena"``, ``"chbmit"``, ``"sleep_edf"``, ``"shhs"``, ``"deap"``,
        ``"seed"``, ``"shu"`` or ``"bci_iv_2a"``.
    path : path-like
        Its files.
    out : path-like
        Folder of the store, made if need be.
    subjects : list of str | None, default=None
        Which subjects; None takes all. Others may be added later.
    n_jobs : int | None, default=None
        Recordings at once, as in joblib.
    on_error : "raise" | "warn", default="raise"
        Whether a recording that cannot be read ends it all, or is left out with a
        warning; `store_report` lists those.
    **parameters : object
        Of the data set's ``read``: rate, band, label rules.

    Returns
    -------
    epochs : StoredEpochs
        All that the store holds.

    Raises
    ------
    ValueError
        If the store was made with other parameters, or a recording cannot be read.

    Examples
    --------
    >>> import tempfile
    >>> from mne_eegmamba.datasets import prepare
    >>> from mne_eegmamba.datasets.simulate import simulate
    >>> folder = tempfile.mkdtemp()
    >>> path = simulate("bci_iv_2a", f"{folder}/files")
    >>> epochs = prepare("bci_iv_2a", path, f"{folder}/store")
    >>> epochs.sfreq
    200.0
    """
    module = data_set(name)
    recordings = module.find(path, subjects)
    parameters = _all_parameters(module.read, parameters)
    if (Path(path) / MARK).is_file():
        name += SIMULATED
    return write_store(out, name, recordings, module.read, parameters, n_jobs, on_error)


def _all_parameters(read, given):
    """Return the parameters of a reader, defaults included."""
    known = {
        p.name: p.default
        for p in signature(read).parameters.values()
        if p.kind is p.KEYWORD_ONLY
    }
    unknown = [name for name in given if name not in known]
    if unknown:
        raise TypeError(f"Parameters must be out of {sorted(known)}. Got {unknown}.")
    return known | given
