"""Importing has no side effects and loads nothing that is not asked for."""

import subprocess
import sys

HEAVY = ["torch", "mne", "skorch", "sklearn", "numba", "pandas", "matplotlib", "scipy"]
NOT_NEEDED = {  # by the network: what a bare machine with a GPU does not have
    *("braindecode", "joblib", "lazy_loader", "matplotlib", "mne", "numba", "pandas"),
    *("safetensors", "scipy", "sklearn", "skorch"),
}


def run(code):
    """Run code in a fresh interpreter and return what it prints."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_import_loads_nothing_heavy():
    code = f"""
import sys, mne_eegmamba
print([name for name in {HEAVY} if name in sys.modules])
"""
    assert run(code) == "[]"


def test_the_estimator_loads_nothing_optional():
    code = """
import sys
from mne_eegmamba import EEGMambaClassifier
optional = ["numba", "triton", "mamba_ssm", "causal_conv1d", "matplotlib.pyplot"]
print([name for name in optional if name in sys.modules])
"""
    assert run(code) == "[]"


def test_import_has_no_side_effects():
    code = """
import os, random, warnings
import numpy as np, torch, mne
def state():
    return (
        random.getstate(), str(np.random.get_state()), torch.get_rng_state().tolist(),
        torch.get_num_threads(), torch.get_default_dtype(), list(warnings.filters),
        dict(os.environ), mne.get_config(), os.getcwd(),
    )
import sklearn.base, skorch, pandas, scipy.special
before = state()
from mne_eegmamba import EEGMambaClassifier, load_demo, paper_parameters
import mne_eegmamba.models, mne_eegmamba.ops, mne_eegmamba.viz
print(state() == before)
"""
    assert run(code) == "True"


ABSENT = f"""
import sys
class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {NOT_NEEDED}:
            raise ImportError(name + " is not here")
sys.meta_path.insert(0, Blocker())
"""


def test_network_needs_torch_and_numpy_only():
    code = f"""{ABSENT}
import torch
from mne_eegmamba.models import EEGMamba, EEGMambaConfig
from mne_eegmamba.ops import causal_conv1d, selective_scan, show_backends
config = EEGMambaConfig(dict(a=2), dict(a=3), d_model=16)
print(tuple(EEGMamba(config)(torch.zeros(2, 2, 300), "a").shape))
"""
    assert run(code) == "(2, 3)"


def test_public_names_are_there():
    import mne_eegmamba

    for name in mne_eegmamba.__all__:
        assert getattr(mne_eegmamba, name) is not None
    assert {"EEGMambaClassifier", "load_demo", "paper_parameters"} <= set(
        mne_eegmamba.__all__
    )
