"""One recording's epochs on disk: samples as integers, and beside them what they mean.

``<recording>.npy`` holds int16, shape (n_epochs, n_channels, n_times), and maps into
memory. ``<recording>.npz`` holds, per epoch and channel, the volts of one step, and
labels; it is written last, so a recording is there when this file is. A scale of its
own for each epoch and channel has a smaller error than float16, and reads faster.
"""

import hashlib
import os
import secrets
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

STEPS = np.iinfo(np.int16).max
COLUMNS = ("subject", "session", "recording", "onset")
READ_BLOCK = 2**24


@dataclass(frozen=True)
class Shard:
    """What is known of one recording's epochs without reading the samples.

    ``step`` (n_epochs, n_channels) are volts, ``label`` (n_epochs,) names of classes;
    ``columns`` holds the metadata of each epoch. ``key`` names the parameters and the
    source file that the samples were made with.
    """

    samples: Path
    shape: tuple[int, int, int]
    step: np.ndarray
    label: np.ndarray
    columns: dict
    ch_names: tuple[str, ...]
    sfreq: float
    key: str
    digest: str
    offset: int  # of the first sample in the file, in bytes


def write_shard(folder, name, epochs, key):
    """Write one recording's epochs: aside first, then under their name.

    Parameters
    ----------
    folder : Path
        Where to.
    name : str
        Name of the recording.
    epochs : mne.BaseEpochs
        Finite samples in volts, with the metadata of `COLUMNS`.
    key : str
        Kept in the shard.
    """
    data = epochs.get_data(copy=False)
    step = (np.abs(data).max(-1) / STEPS).astype(np.float32)
    # float32 may round down, which would leave the peak one step too far away.
    step = np.where(step > 0, np.nextafter(step, np.float32(np.inf)), np.float32(1))
    codes = np.rint(data / step[..., None]).astype(np.int16)
    names = {code: name for name, code in epochs.event_id.items()}
    samples = folder / f"{name}.npy"
    with _aside(samples) as file:
        np.save(file, codes)
    with _aside(samples.with_name(f"{name}.npz")) as file:
        np.savez(
            file,
            step=step,
            label=np.array([names[code] for code in epochs.events[:, 2]]),
            **{c: np.asarray(epochs.metadata[c].tolist()) for c in COLUMNS},
            ch_names=np.array(epochs.ch_names),
            sfreq=epochs.info["sfreq"],
            shape=codes.shape,
            size=samples.stat().st_size,
            key=key,
            digest=_digest(samples),
        )


@contextmanager
def _aside(path):
    """Open a new file that gets its name when all of it is written."""
    part = path.with_name(f"{path.name}.{os.getpid()}-{secrets.token_hex(4)}.part")
    try:
        with part.open("xb") as file:
            yield file
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def write_text(path, text):
    """Write a text file, whole or not at all.

    Parameters
    ----------
    path : Path
        Where to.
    text : str
        What.
    """
    with _aside(path) as file:
        file.write(text.encode())


def read_shard(path):
    """Read what is known of one recording.

    Parameters
    ----------
    path : Path
        Its ``.npz``.

    Returns
    -------
    shard : Shard
        Everything but the samples.

    Raises
    ------
    ValueError
        If the samples are missing or have another size than they should.
    """
    with np.load(path, allow_pickle=False) as found:
        known = {name: found[name] for name in found.files}
    shape = tuple(int(n) for n in known["shape"])
    # Not with_suffix: names such as "PN10-4.5.6" have dots.
    samples = path.with_name(path.name.removesuffix(".npz") + ".npy")
    size = samples.stat().st_size if samples.is_file() else 0
    if size != known["size"]:
        raise ValueError(
            f"{samples} is damaged: it has {size} bytes, {known['size']} were written. "
            "Delete it and the .npz beside it and prepare again."
        )
    return Shard(
        samples,
        shape,
        known["step"],
        known["label"],
        {name: known[name] for name in COLUMNS},
        tuple(map(str, known["ch_names"])),
        float(known["sfreq"]),
        str(known["key"]),
        str(known["digest"]),
        size - 2 * shape[0] * shape[1] * shape[2],
    )


def verify_shard(shard):
    """Compare the samples with the checksum that was taken when they were written.

    Parameters
    ----------
    shard : Shard
        What to look at.

    Raises
    ------
    ValueError
        If they differ.
    """
    if _digest(shard.samples) != shard.digest:
        raise ValueError(
            f"{shard.samples} is damaged: its checksum is not the one it was written "
            "with. Delete it and the .npz beside it and prepare again."
        )


def read_rows(shard, rows, out):
    """Read epochs of one recording, in volts.

    Files are read, not mapped: mapped pages would count as memory of the process.

    Parameters
    ----------
    shard : Shard
        Which recording.
    rows : sequence of int
        Which epochs.
    out : ndarray of float32, shape (len(rows), n_channels, n_times)
        Filled.
    """
    codes = np.empty(shard.shape[1:], dtype=np.int16)
    with shard.samples.open("rb", buffering=0) as file:
        for to, row in zip(out, rows, strict=True):
            file.seek(shard.offset + int(row) * codes.nbytes)
            _fill(file, codes, shard)
            np.multiply(codes, shard.step[row][:, None], out=to)


def _fill(file, codes, shard):
    """Read all bytes of an array; one read may give fewer."""
    left = memoryview(codes).cast("B")
    while len(left):
        n = file.readinto(left)
        if not n:
            raise OSError(f"{shard.samples} ended too early; is it being rewritten?")
        left = left[n:]


def _digest(path):
    found = hashlib.blake2b(digest_size=16)
    with path.open("rb") as file:
        while block := file.read(READ_BLOCK):
            found.update(block)
    return found.hexdigest()
