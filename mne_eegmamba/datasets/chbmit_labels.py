"""Seizures of the CHB-MIT database, out of its summaries and binary files."""

import re

import numpy as np

FILE_LINE = re.compile(r"\s*file name\s*:\s*(\S+)", re.IGNORECASE)
COUNT_LINE = re.compile(r"\s*number of seizures in file\s*:\s*(\d+)", re.IGNORECASE)
TIME_LINE = re.compile(
    r"\s*seizure(?:\s+\d+)?\s+(start|end)\s+time\s*:\s*(\d+)", re.IGNORECASE
)

# Codes of the binary annotation format (WFDB, "MIT format").
SKIP, NUMBER, SUBTYPE, CHANNEL, TEXT = 59, 60, 61, 62, 63
SEIZURE_BEGINS, SEIZURE_ENDS = 32, 33


def parse_summary(text):
    """Read the times of seizures out of a ``chbNN-summary.txt``.

    Parameters
    ----------
    text : str
        The file. Blocks of channels and the clock times of files, which not all
        summaries have, are not looked at.

    Returns
    -------
    seizures : dict of {str: list of tuple of int}
        Per recording, begin and end in seconds from its start.

    Raises
    ------
    ValueError
        If a begin has no end, or their number is not the stated one.

    Examples
    --------
    >>> from mne_eegmamba.datasets.chbmit_labels import parse_summary
    >>> parse_summary('''
    ... File Name: chb02_16+.edf
    ... Number of Seizures in File: 1
    ... Seizure 1 Start Time: 2972 seconds
    ... Seizure 1 End Time: 3053 seconds
    ... ''')
    {'chb02_16+': [(2972, 3053)]}
    """
    blocks = re.split(r"(?im)^(?=\s*file name\s*:)", text)
    return dict(parse_block(block) for block in blocks if FILE_LINE.match(block))


def parse_block(block):
    """Return the recording and the seizures of what a summary says on one file."""
    name = FILE_LINE.match(block)[1].removesuffix(".edf")
    lines = block.splitlines()
    times = [time for line in lines if (time := TIME_LINE.match(line))]
    counts = [int(count[1]) for line in lines if (count := COUNT_LINE.match(line))]
    kinds = [time[1].lower() for time in times]
    if kinds != ["start", "end"] * (len(kinds) // 2) or counts != [len(kinds) // 2]:
        raise ValueError(
            f"the summary states {counts} seizures in {name}, and gives {kinds}"
        )
    seconds = [int(time[2]) for time in times]
    return name, list(zip(seconds[::2], seconds[1::2], strict=True))


def parse_seizure_file(data):
    """Read the times of seizures out of a binary ``chbNN_MM.edf.seizures``.

    Parameters
    ----------
    data : bytes
        The file, in the annotation format of WFDB: words of 16 bits, of which 6 are a
        code and 10 the time since the one before.

    Returns
    -------
    seizures : list of tuple of float
        Begin and end in seconds from the start of the recording.

    Raises
    ------
    ValueError
        If the file is truncated or of another kind.

    Examples
    --------
    >>> from mne_eegmamba.datasets.chbmit_labels import parse_seizure_file
    >>> text = b"## time resolution: 256"
    >>> note = bytes([0, 88, len(text), 252]) + text + bytes(1)
    >>> parse_seizure_file(note + bytes([0, 129, 0, 134, 0, 0]))
    [(1.0, 3.0)]
    """
    words = np.frombuffer(data[: len(data) // 2 * 2], dtype="<u2").tolist()
    rate, ticks, at = None, 0, 0
    begins, ends = [], []
    try:
        while words[at] != 0:
            code, value = words[at] >> 10, words[at] & 1023
            at += 1
            if code == SKIP:  # 32 bits, the high word first
                ticks += signed(words[at] << 16 | words[at + 1])
                at += 2
            elif code == TEXT:
                if found := re.search(rb"resolution: (\d+)", data[2 * at :][:value]):
                    rate = int(found[1])
                at += (value + 1) // 2
            elif code not in (NUMBER, SUBTYPE, CHANNEL):
                ticks += value
                if code in (SEIZURE_BEGINS, SEIZURE_ENDS):
                    (begins if code == SEIZURE_BEGINS else ends).append(ticks)
    except IndexError:
        raise ValueError("the file of seizures is truncated") from None
    if rate is None or len(begins) != len(ends):
        raise ValueError(
            f"the file of seizures has rate {rate}, {len(begins)} begins and "
            f"{len(ends)} ends"
        )
    return [(b / rate, e / rate) for b, e in zip(begins, ends, strict=True)]


def signed(word):
    """Return what 32 bits mean as a signed number."""
    return word - (1 << 32) if word >> 31 else word
