"""Model files: safetensors with JSON in its header; nothing is ever unpickled."""

import hashlib
import json
import os
from pathlib import Path

import numpy as np
import safetensors
import torch
from safetensors.numpy import load_file, save

FORMAT = "mne_eegmamba"
VERSION = 1


def write(path, arrays, content):
    """Write a model file, aside first, so that a broken write leaves the old file.

    Parameters
    ----------
    path : path-like
        The file.
    arrays : dict of {str: ndarray}
        Weights and other arrays.
    content : dict
        Anything that JSON can hold.

    Raises
    ------
    FileNotFoundError
        If there is no such folder.
    """
    path = Path(path)
    if not path.parent.is_dir():
        raise FileNotFoundError(
            f"There is no folder {str(path.parent)!r} to write {path.name!r} to."
        )
    content = json.loads(json.dumps(content))  # as a reader will see it
    arrays = {name: _plain(array) for name, array in arrays.items()}
    header = {
        "format": FORMAT,
        "version": str(VERSION),
        "content": json.dumps(content),
        "sha256": _digest(arrays, content),
    }
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        aside.write_bytes(save(arrays, metadata=header))
        os.replace(aside, path)
    except BaseException:
        aside.unlink(missing_ok=True)
        raise


def read(path):
    """Read a model file.

    Parameters
    ----------
    path : path-like
        The file.

    Returns
    -------
    arrays : dict of {str: ndarray}
        As written.
    content : dict
        As written.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file is damaged, foreign, or of a newer version.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"There is no model file {str(path)!r}.")
    wanted = "a file that `save` of an mne_eegmamba estimator wrote is needed"
    try:
        with safetensors.safe_open(path, framework="numpy") as file:
            header = file.metadata() or {}
        arrays = load_file(path)
    except Exception as error:
        raise ValueError(
            f"{str(path)!r} is damaged or no safetensors file ({error}); {wanted}."
        ) from None
    if header.get("format") != FORMAT:
        raise ValueError(f"{str(path)!r} holds no mne_eegmamba model; {wanted}.")
    if header.get("version") != str(VERSION):
        raise ValueError(
            f"{str(path)!r} has version {header.get('version')} of the file format, "
            f"this library reads version {VERSION}; install a matching mne_eegmamba."
        )
    content = _json(header.get("content"))
    if content is None or header.get("sha256") != _digest(arrays, content):
        raise ValueError(f"{str(path)!r} is damaged (checksum differs); {wanted}.")
    return arrays, content


def _plain(array):
    """Return the array contiguous and in this machine's byte order."""
    return np.asarray(array, dtype=array.dtype.newbyteorder("="), order="C")


def _json(text):
    try:
        return json.loads(text)
    except (TypeError, ValueError):
        return None


def _digest(arrays, content):
    digest = hashlib.sha256(json.dumps(content, sort_keys=True).encode())
    for name in sorted(arrays):
        digest.update(f"{name}{arrays[name].dtype}{arrays[name].shape}".encode())
        digest.update(arrays[name].tobytes())
    return digest.hexdigest()


def pack_net(net):
    """Return all tensors of the network as arrays.

    Parameters
    ----------
    net : EEGMambaNet
        A trained net.

    Returns
    -------
    arrays : dict of {str: ndarray}
        By the names of the state dict.
    """
    state = net.module_.state_dict()
    return {name: tensor.cpu().numpy() for name, tensor in state.items()}


def unpack_net(net, arrays):
    """Put arrays into the network.

    Parameters
    ----------
    net : EEGMambaNet
        Initialised with the same settings.
    arrays : dict of {str: ndarray}
        From `pack_net`.

    Returns
    -------
    net : EEGMambaNet
        The same.
    """
    state = {name: torch.from_numpy(array) for name, array in arrays.items()}
    net.module_.load_state_dict(state)
    net.module_.eval()
    return net
