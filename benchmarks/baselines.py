"""What EEGMamba is compared with, as scikit-learn classifiers.

The networks are those of the package ``braindecode``, trained from scratch, each with
the optimizer and the rate that its authors use. Passes and batch size are the same for
all, so that all take the same number of steps. Channels are standardised with the mean
and spread of the training part.
"""

import warnings

import numpy as np
import torch
from scipy.signal import resample, welch
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from benchmarks.others import import_models
from mne_eegmamba.epochs.check import (
    is_epochs,
    signals_from_array,
    signals_from_epochs,
)
from mne_eegmamba.evaluation import CannotTake
from mne_eegmamba.training.precision import choose_device
from mne_eegmamba.training.seeding import local_seed

USUAL = {  # optimizer and its settings, as the authors' code has them
    "EEGNet": (torch.optim.Adam, {"lr": 1e-3}),
    "ShallowFBCSPNet": (torch.optim.AdamW, {"lr": 6.25e-4, "weight_decay": 0}),
    "ATCNet": (torch.optim.Adam, {"lr": 1e-3}),
    "AttnSleep": (torch.optim.Adam, {"lr": 1e-3, "weight_decay": 1e-3}),
    "EEGConformer": (torch.optim.Adam, {"lr": 2e-4, "betas": (0.5, 0.999)}),
    "BIOT": (torch.optim.Adam, {"lr": 1e-3, "weight_decay": 1e-5}),
    "Labram": (torch.optim.AdamW, {"lr": 5e-4, "weight_decay": 0.05}),
}
RATES = {"AttnSleep": 100, "BIOT": 200, "Labram": 200}  # Hz that they are made for
ABSENT = {"HCANN": "has no public package"}

EDGES = (1, 4, 8, 13, 30, 45)  # Hz, of the usual bands


def band_power():
    """Return a logistic regression on the logarithm of band powers: no network."""
    return make_pipeline(
        FunctionTransformer(log_band_powers),
        StandardScaler(),
        LogisticRegression(max_iter=1000),
    )


def spectrum():
    """Return a logistic regression on log spectra, as fine as a second allows."""
    return make_pipeline(
        FunctionTransformer(log_spectra),
        StandardScaler(),
        LogisticRegression(C=0.01, max_iter=1000),
    )


def log_band_powers(X):
    """Return the powers of each channel, shape (n_epochs, n_channels * n_bands)."""
    at, density = _density(X, 2)
    bands = [
        density[..., (at >= low) & (at < high)].sum(-1)
        for low, high in zip(EDGES, EDGES[1:], strict=False)
    ]
    return _logarithm(np.stack(bands, -1))


def log_spectra(X):
    """Return the densities from 1 to 45 Hz, (n_epochs, n_channels * n_frequencies)."""
    at, density = _density(X, 1)
    return _logarithm(density[..., (at >= EDGES[0]) & (at < EDGES[-1])])


def _density(X, seconds):
    signals = _read(X)
    if signals.sfreq is None:
        raise CannotTake("needs a sampling rate, and arrays have none")
    n = min(signals.data.shape[2], round(seconds * signals.sfreq))
    return welch(signals.data, signals.sfreq, nperseg=n)


def _logarithm(powers):
    return np.log(powers + np.finfo(float).tiny).reshape(len(powers), -1)


def braindecode_candidates(max_epochs, batch_size=16, random_state=0):
    """Return the paper's baselines by name; a text says why one is missing."""
    try:
        import_models()
    except ImportError as error:
        reason = f"braindecode cannot be imported ({error}); see the extra `bench`"
        return dict.fromkeys(USUAL, reason) | ABSENT
    return {
        name: BraindecodeClassifier(name, max_epochs, batch_size, random_state)
        for name in USUAL
    } | ABSENT


class BraindecodeClassifier(ClassifierMixin, BaseEstimator):
    """Train one of braindecode's networks on Epochs or an array."""

    def __init__(self, name, max_epochs=40, batch_size=16, random_state=0):
        self.name = name
        self.max_epochs = max_epochs
        self.batch_size = batch_size
        self.random_state = random_state

    def fit(self, X, y):
        """Train; raise `CannotTake` for epochs that the network is not made for."""
        self.classes_, labels = np.unique(y, return_inverse=True)
        self.device_ = choose_device("auto")
        signals = _read(X)
        x = self._at_rate(signals)
        self.mean_ = x.mean((0, 2), keepdims=True)  # (1, n_channels, 1)
        self.scale_ = x.std((0, 2), keepdims=True)
        self.scale_[self.scale_ == 0] = 1
        x = self._standardised(x)
        rng = np.random.default_rng(self.random_state)
        with local_seed(self.random_state, self.device_), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # sizes that they were not tuned for
            self.module_ = self._build(signals, x.shape).to(self.device_)
            self._train(x, torch.as_tensor(labels), rng)
        return self

    def predict_proba(self, X):
        """Return class probabilities."""
        x = self._standardised(self._at_rate(_read(X)))
        self.module_.eval()
        with torch.inference_mode():
            logits = [self._forward(part.to(self.device_)) for part in x.split(64)]
        return torch.cat(logits).double().softmax(1).cpu().numpy()

    def predict(self, X):
        """Return the most probable labels."""
        return self.classes_[self.predict_proba(X).argmax(1)]

    def _build(self, signals, shape):
        _, n_channels, n_times = shape
        rate = RATES.get(self.name, signals.sfreq)
        size = {"n_chans": n_channels, "n_times": n_times, "sfreq": rate}
        if self.name == "AttnSleep" and (n_channels > 1 or n_times != 3000):
            raise CannotTake(
                "takes 1 channel and 30 s; these epochs have "
                f"{n_channels} and {n_times / rate:g} s"
            )
        if self.name == "Labram":
            self._check_names(signals.ch_names)
        try:
            network = getattr(import_models(), self.name)
            return network(**size, n_outputs=len(self.classes_))
        except (ValueError, RuntimeError, AssertionError) as error:
            raise CannotTake(str(error).splitlines()[0]) from error

    def _check_names(self, names):
        import_models()
        from braindecode.models.labram import LABRAM_CHANNEL_ORDER

        known = {name.upper() for name in LABRAM_CHANNEL_ORDER}
        unknown = [name for name in names or () if name.upper() not in known]
        if names is None or unknown:
            raise CannotTake(
                "looks its 128 electrodes up by name; these epochs have "
                + (f"{unknown[0]!r}" if unknown else "no names")
            )
        self.forward_ = {"ch_names": list(names)}

    def _forward(self, x):
        return self.module_(x, **getattr(self, "forward_", {}))

    def _train(self, x, labels, rng):
        kind, settings = USUAL[self.name]
        optimizer = kind(self.module_.parameters(), **settings)
        n_batches = -(-len(x) // self.batch_size)
        self.module_.train()
        for _ in range(self.max_epochs):
            # Parts of about equal size: norms over a batch cannot take a single epoch.
            for rows in np.array_split(rng.permutation(len(x)), n_batches):
                target = labels[rows].to(self.device_)
                loss = torch.nn.functional.cross_entropy(
                    self._forward(x[rows].to(self.device_)), target
                )
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()

    def _at_rate(self, signals):
        """Return signals at the rate that the network is made for."""
        data, rate = np.asarray(signals.data[:], np.float64), RATES.get(self.name)
        if rate in (None, signals.sfreq):
            return data
        if signals.sfreq is None:
            raise CannotTake(f"needs {rate} Hz; the rate of these epochs is not known")
        return resample(data, round(data.shape[2] * rate / signals.sfreq), axis=2)

    def _standardised(self, x):
        return torch.as_tensor((x - self.mean_) / self.scale_, dtype=torch.float32)


def _read(X):
    return signals_from_epochs(X) if is_epochs(X) else signals_from_array(np.asarray(X))
