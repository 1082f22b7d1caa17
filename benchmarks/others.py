"""Networks of the package ``braindecode``, for comparison."""

import importlib.machinery
import sys
import warnings
from unittest.mock import MagicMock

NAMES = ("EEGNet", "EEGConformer", "AttnSleep")


class _StandIn:
    """Importer of an empty torchaudio, which none of these networks uses."""

    @classmethod
    def find_spec(cls, name, path=None, target=None):
        if name.partition(".")[0] == "torchaudio":
            return importlib.machinery.ModuleSpec(name, cls)
        return None

    @staticmethod
    def create_module(spec):
        return MagicMock(name=spec.name, __spec__=spec, __path__=[])

    @staticmethod
    def exec_module(module):
        pass


def networks(n_channels, n_times):
    """Return braindecode's networks by name, and what kept others from being built."""
    try:
        models = import_models()
    except ImportError as error:
        return {}, {"braindecode": f"cannot be imported ({error})"}
    found, reasons = {}, {}
    for name in NAMES:
        extra = {"sfreq": 100} if name == "AttnSleep" else {}
        size = {"n_chans": n_channels, "n_outputs": 2, "n_times": n_times}
        if name == "AttnSleep" and n_channels > 1:
            reasons[name] = "takes one channel"
            continue
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                found[name] = getattr(models, name)(**size, **extra)
        except (ValueError, RuntimeError) as error:
            reasons[name] = str(error).splitlines()[0]
    return found, reasons


def import_models():
    """Import braindecode's networks."""
    lend_torchaudio()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of deprecations in braindecode itself
        import braindecode.models

    return braindecode.models


def lend_torchaudio():
    """Let braindecode be imported where its torchaudio does not load.

    The one on PyPI is made for a torch with CUDA.
    """
    try:
        import torchaudio  # noqa: F401
    except (ImportError, OSError):
        print("torchaudio does not load here; an empty one stands in for it")
        for name in [n for n in sys.modules if n.partition(".")[0] == "torchaudio"]:
            del sys.modules[name]
        sys.meta_path.insert(0, _StandIn)
