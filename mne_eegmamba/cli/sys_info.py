"""``mne-eegmamba sys-info``: what to put into a bug report."""

import platform
from importlib.metadata import PackageNotFoundError, version

import torch

from mne_eegmamba.ops import show_backends

EXAMPLES = "  mne-eegmamba sys-info"
PACKAGES = (
    *(
        "mne-eegmamba",
        "torch",
        "numba",
        "triton",
        "mamba-ssm",
        "causal-conv1d",
        "mne",
        "scikit-learn",
    ),
    *("skorch", "numpy", "scipy", "pandas", "joblib", "safetensors"),
)


def add_arguments(parser):
    """Add no arguments."""


def run(options):
    """Print versions, devices and backends."""
    print(f"{'Python':<16}{platform.python_version()} on {platform.platform()}")
    for name in PACKAGES:
        print(f"{name:<16}{_version(name)}")
    cards = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
    print(f"{'CUDA cards':<16}{', '.join(cards) or 'none'}")
    print(f"{'threads':<16}{torch.get_num_threads()}")
    print(show_backends())


def _version(name):
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"
