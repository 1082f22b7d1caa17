"""EDF files, refused where their size contradicts their header."""

import mne

HEADER = 256  # bytes of the fixed part, and of the part for each signal
SAMPLES_FIELD = 216  # bytes of the fields before "samples per record", per signal


def open_edf(path):
    """Open an EDF file without reading its signals.

    Parameters
    ----------
    path : pathlib.Path
        The file.

    Returns
    -------
    raw : mne.io.BaseRaw
        Signals in volts, not loaded.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is no EDF file, or is shorter than its header says.
    """
    if not path.is_file():
        raise FileNotFoundError(f"the file {path.name} is missing")
    check_complete(path)
    return mne.io.read_raw_edf(path, preload=False, verbose="error")


def check_complete(path):
    """Refuse a truncated EDF file, of which MNE would read the rest with a warning.

    Parameters
    ----------
    path : pathlib.Path
        The file. A header with -1 records, as of a recording in progress, states no
        size and passes.

    Raises
    ------
    ValueError
        If it is no EDF file, or is shorter than its header says.
    """
    try:
        header, n_records, record = sizes(path)
    except ValueError as error:
        raise ValueError(f"{path.name} has no readable EDF header ({error})") from None
    there = path.stat().st_size
    if there < header + n_records * record:
        raise ValueError(
            f"{path.name} is truncated: its header states {n_records} records, the "
            f"file holds {max(there - header, 0) // record}; get the file again"
        )


def sizes(path):
    """Return bytes of the header, number of records and bytes of a record."""
    with path.open("rb") as file:
        fixed = file.read(HEADER)
        n_signals = int(fixed[252:256])
        each = file.read(HEADER * n_signals)
    samples = each[SAMPLES_FIELD * n_signals :][: 8 * n_signals]
    fields = [samples[8 * k : 8 * k + 8] for k in range(n_signals)]
    return int(fixed[184:192]), int(fixed[236:244]), 2 * sum(int(f) for f in fields)
