"""A writer of GDF 2.1 files, as small as readers allow."""

import struct

import numpy as np

MICROVOLT = 4275  # code of the unit
INT16 = 3  # code of the type
MISSING = -32768  # what GDF files hold where samples are missing


def write_gdf(path, counts, ch_names, sfreq, microvolts_per_count, events):
    """Write a recording in records of one second.

    Parameters
    ----------
    path : pathlib.Path
        The file.
    counts : ndarray of int16, shape (n_channels, n_times)
        Signal in steps of the converter; ``n_times`` is a multiple of ``sfreq``.
    ch_names : list of str
        Names, which may occur twice.
    sfreq : int
        Rate in Hz.
    microvolts_per_count : float
        Size of a step.
    events : list of (int, int, int)
        Sample (from 0), type and duration in samples.
    """
    n_channels, n_times = counts.shape
    records = counts.reshape(n_channels, n_times // sfreq, sfreq).swapaxes(0, 1)
    path.write_bytes(
        _fixed_header(n_channels, len(records))
        + _channel_header(ch_names, sfreq, microvolts_per_count)
        + records.astype("<i2").tobytes()
        + _event_table(events, sfreq)
    )


def _fixed_header(n_channels, n_records):
    """Return the first 256 bytes."""
    header = bytearray(256)
    header[0:8] = b"GDF 2.10"
    header[8:74] = b"X X".ljust(66)
    header[88:152] = b"simulated, no real data".ljust(64)
    struct.pack_into("<H", header, 184, 1 + n_channels)  # header in 256 bytes
    struct.pack_into("<q", header, 236, n_records)
    struct.pack_into("<II", header, 244, 1, 1)  # seconds of a record
    struct.pack_into("<H", header, 252, n_channels)
    return bytes(header)


def _channel_header(ch_names, sfreq, step):
    """Return 256 bytes for each channel, field by field."""
    n = len(ch_names)
    low, high = float(MISSING), 32767.0
    fields = [
        b"".join(name.encode().ljust(16) for name in ch_names),
        bytes(80 * n),  # transducer
        bytes(6 * n),  # unit as text
        struct.pack("<H", MICROVOLT) * n,
        struct.pack("<d", low * step) * n,
        struct.pack("<d", high * step) * n,
        struct.pack("<d", low) * n,
        struct.pack("<d", high) * n,
        bytes(68 * n),
        struct.pack("<f", 100.0) * n,  # filters, as in the real files
        struct.pack("<f", 0.5) * n,
        struct.pack("<f", 50.0) * n,
        struct.pack("<i", sfreq) * n,
        struct.pack("<i", INT16) * n,
        bytes(12 * n),  # positions
        bytes(20 * n),  # impedances
    ]
    return b"".join(fields)


def _event_table(events, sfreq):
    """Return the events; positions count from 1."""
    table = np.array(events, dtype=int).reshape(-1, 3)
    head = struct.pack("<B", 3) + struct.pack("<I", len(table))[:3]
    return b"".join(
        [
            head + struct.pack("<f", sfreq),
            (table[:, 0] + 1).astype("<u4").tobytes(),
            table[:, 1].astype("<u2").tobytes(),
            np.zeros(len(table), "<u2").tobytes(),
            table[:, 2].astype("<u4").tobytes(),
        ]
    )
