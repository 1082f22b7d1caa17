"""Seizures of the Siena Scalp EEG Database, out of lists that people wrote."""

import re

# What the text alone cannot tell: (recording, published time) -> right time. The end
# in PN00-3 is after the recording's; an hour less makes a seizure of 60 s, and the
# patient's others last 54 to 74 s. Wrong registration times (PN14-3, PN05-3) need no
# entry: the EDF header's start is the reference.
CORRECTIONS = {("PN00-3", "19.29.29"): "18.29.29"}

FILE_LINE = re.compile(r"\s*file name\s*:\s*(\S+)", re.IGNORECASE)
# "Registration start time" is not matched; "Start time" alone is a seizure's.
TIME_LINE = re.compile(r"\s*(?:seizure\s+)?(start|end)\s+time\s*:(.*)", re.IGNORECASE)
CLOCK = re.compile(r"(\d ?\d|\d)[.:](\d\d)[.:](\d\d)")  # "1 6.49.25" is 16.49.25


def parse_seizure_list(text):
    """Read the clock times out of a ``Seizures-list-PNxx.txt``.

    Parameters
    ----------
    text : str
        The file, with the errors that it was published with.

    Returns
    -------
    seizures : dict of {str: list of tuple of int}
        Per recording, begin and end in seconds after midnight.

    Raises
    ------
    ValueError
        If a time cannot be read, or has no counterpart or no recording.

    Examples
    --------
    >>> from mne_eegmamba.datasets.siena_labels import parse_seizure_list
    >>> parse_seizure_list('''
    ... File name: PNO6-1.edf
    ... Seizure start time: 00.00.10
    ... Seizure end time: 00:01.00
    ... ''')
    {'PN06-1': [(10, 60)]}
    """
    seizures, name, begin = {}, None, None
    for line in text.splitlines():
        if file := FILE_LINE.match(line):
            name = recording_name(file[1])
            seizures.setdefault(name, [])
        elif time := TIME_LINE.match(line):
            is_begin = time[1].lower() == "start"
            if name is None or is_begin == (begin is not None):
                raise ValueError(f"the list of seizures is out of order at {line!r}")
            seconds = clock_seconds(time[2], name)
            if not is_begin:
                seizures[name].append((begin, seconds))
            begin = seconds if is_begin else None
    if begin is not None:
        raise ValueError(f"the list of seizures gives no end to the last one of {name}")
    return seizures


def recording_name(text):
    """Return the name of a recording out of what a list calls its file.

    Published are also PNO6-1.edf with a letter O, and PN11-.edf and PN01.edf without
    the number, both of the only recording of a patient.
    """
    subject, _, number = text.removesuffix(".edf").partition("-")
    return f"{subject.upper().replace('O', '0')}-{number or 1}"


def clock_seconds(text, name):
    """Return seconds after midnight of the last clock time in a text."""
    times = list(CLOCK.finditer(text))
    if not times:
        raise ValueError(f"no time in {text!r}, in the list of seizures of {name}")
    right = CORRECTIONS.get((name, times[-1][0]), times[-1][0])
    hours, minutes, seconds = CLOCK.search(right).groups()
    hours = int(hours.replace(" ", ""))
    if hours > 23 or int(minutes) > 59 or int(seconds) > 59:
        raise ValueError(f"{text!r} is no time, in the list of seizures of {name}")
    return 3600 * hours + 60 * int(minutes) + int(seconds)
