"""Write EDF files as the real data sets have them."""

from datetime import datetime

RANGE = 3276.8  # physical units from the middle to the end: steps of 0.1


def write_edf(path, start, signals=(), annotations=(), record=1.0):
    """Write one EDF file, EDF+ if it has annotations.

    Parameters
    ----------
    path : pathlib.Path
        The file.
    start : datetime.datetime
        Date and time for the header.
    signals : list of tuple
        Label, rate in Hz, values and their unit. Labels may occur twice.
    annotations : list of tuple
        Begin and duration in seconds, and text.
    record : float
        Seconds of a data record.

    Raises
    ------
    ImportError
        If edfio is not installed.
    """
    edfio = import_edfio()
    edfio.Edf(
        [
            edfio.EdfSignal(
                values,
                rate,
                label=label,
                physical_dimension=unit,
                physical_range=(-RANGE, RANGE - 0.1),
            )
            for label, rate, values, unit in signals
        ],
        patient=edfio.Patient(name="Simulated"),
        recording=edfio.Recording(
            startdate=start.date(),
            equipment_code="mne_eegmamba",
            additional=["simulated"],
        ),
        starttime=start.time(),
        data_record_duration=record if signals else None,
        annotations=[
            edfio.EdfAnnotation(begin, seconds, text)
            for begin, seconds, text in annotations
        ]
        or None,
    ).write(path)


def import_edfio():
    """Import edfio, or say what needs it and how to get it."""
    try:
        import edfio
    except ImportError as error:
        raise ImportError(
            "Simulated recordings in EDF need the package edfio. Install it with: pip "
            'install edfio, or pip install "mne-eegmamba[simulate]"'
        ) from error
    return edfio


def clock(text, day=1):
    """Return a start such as "19.39.33" on a day of January 2016."""
    return datetime.strptime(f"2016-01-{day:02d} {text}", "%Y-%m-%d %H.%M.%S")
