"""The steps behind the classifier's public methods, and how scikit-learn sees them."""

import numpy as np
from mne.utils import use_log_level
from sklearn.base import (
    BaseEstimator,
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
)
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from mne_eegmamba.batches.iterator import TaskIterator
from mne_eegmamba.epochs.channels import at_rate, match_channels
from mne_eegmamba.epochs.check import is_epochs, loaded
from mne_eegmamba.estimators import _fit
from mne_eegmamba.tokens.tokenizer import MIN_TIMES
from mne_eegmamba.training.inference import run
from mne_eegmamba.training.net import history_table, renew_net, train
from mne_eegmamba.training.precision import choose_device, device_of
from mne_eegmamba.training.seeding import local_seed
from mne_eegmamba.utils.notices import warn_padding


class NetworkEstimator(
    ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator
):
    """Train a network, keep it as ``net_``, and run it on new epochs."""

    @property
    def _n_features_out(self):
        """Width of `transform`, for scikit-learn's names of its columns."""
        return self.net_.module_.config.d_model

    def __sklearn_is_fitted__(self):
        return hasattr(self, "net_")

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags

    def _start(self, data, settings, n_passes, least_classes=2):
        """Train a new network; attributes change only when it is there."""
        device = choose_device(self.device)
        random_state = check_random_state(self.random_state)
        train_set, valid = _fit.make_datasets(
            data, settings, random_state, least_classes=least_classes
        )
        warn_padding(data.signals.data.shape[2], MIN_TIMES)
        net = _fit.build(
            settings,
            data.signals.data.shape[1],
            len(data.classes),
            device,
            random_state,
            n_batches=len(TaskIterator(train_set, self.batch_size)),
        )
        self._train(net, train_set, valid, n_passes, random_state)
        self._forget()
        self._remember(data, train_set.scaling, net)
        return self

    def _continue(self, data, settings, n_passes, least_classes=2):
        """Train the present network further, with the scaling it knows."""
        random_state = check_random_state(self.random_state)
        train_set, valid = _fit.make_datasets(
            data, settings, random_state, self.scaling_, least_classes
        )
        n_batches = len(TaskIterator(train_set, self.batch_size))
        net = renew_net(self.net_, settings, n_batches)
        n_before = len(self.history_)
        self._train(net, train_set, valid, n_passes, random_state, n_before)
        self.net_ = net
        self.history_ = history_table(net, self.history_)
        return self

    def _train(self, net, train_set, valid, n_passes, random_state, n_before=0):
        """Train; ``n_before`` passes made already make the random numbers others."""
        seed = int(random_state.randint(2**31 - 1)) + n_before
        device = device_of(net.module_)
        with use_log_level(self.verbose), local_seed(seed, device):
            train(net, train_set, valid, n_passes)

    def _forget(self):
        for name in [n for n in vars(self) if n.endswith("_") and n[0] != "_"]:
            delattr(self, name)

    def _remember(self, data, scaling, net):
        signals = data.signals
        vars(self).update(data.seen)
        self.classes_ = data.classes
        self.ch_names_in_, self.sfreq_ = signals.ch_names, signals.sfreq
        self.n_channels_, self.n_times_ = signals.data.shape[1:]
        self.scaling_, self.net_ = scaling, net
        self.history_ = history_table(net)

    def _check_continues(self, data):
        """Refuse to train further on other classes or another kind of epoch."""
        if not np.array_equal(data.classes, self.classes_):
            raise ValueError(
                f"Training goes on only with the classes {self.classes_.tolist()}. "
                f"Got {data.classes.tolist()}; use warm_start=False to start anew."
            )
        self._check_signals(data.signals)
        for what, seen, came in (
            ("channels and order", self.ch_names_in_, data.signals.ch_names),
            ("sampling rate", self.sfreq_, data.signals.sfreq),
        ):
            if seen != came:
                raise ValueError(
                    f"Training goes on only with the {what} of the first fit: {seen}. "
                    f"Got {came}; use warm_start=False to start anew."
                )

    def _check_signals(self, signals):
        n_channels, n_times = signals.data.shape[1:]
        if n_channels != self.n_channels_:
            raise ValueError(
                f"X has {n_channels} channels, but {type(self).__name__} is expecting "
                f"{self.n_channels_} channels, as in fit."
            )
        if n_times != self.n_times_ and not self.variable_length:
            one_channel = (
                ""
                if not signals.two_d
                else (
                    f"X has {n_times} features, but {type(self).__name__} is expecting "
                    f"{self.n_times_} features as input. "
                )
            )
            raise ValueError(
                f"{one_channel}X has {n_times} samples per epoch, fit saw "
                f"{self.n_times_}. Cut epochs as long as those of fit, or set "
                "variable_length=True."
            )
        self.scaling_.check(signals.data)

    def _read(self, X):
        """Return new epochs as the network was trained to see them."""
        if is_epochs(X):
            X = loaded(X)
            n_times = None if self.variable_length else self.n_times_
            signals = at_rate(X, self.sfreq_, n_times)
            signals = match_channels(signals, self.ch_names_in_)
        else:
            # scikit-learn would hold another length against a two-dimensional X.
            owner = type(self)() if self.variable_length else self
            signals = _fit.read_array(owner, X, reset=self.variable_length)
        self._check_signals(signals)
        return signals

    def _run(self, X, method):
        """Run ``forward`` or ``embed`` of the network on X."""
        check_is_fitted(self)
        with use_log_level(self.verbose):
            signals = self._read(X)
        n = len(signals.data)
        rows = np.arange(n)
        dataset = _fit.one_task(
            signals.data, rows, np.zeros(n, dtype=int), np.ones(n), self.scaling_
        )
        module = self.net_.module_
        size = _fit.inference_batch(signals.data.shape, self.batch_size)
        return run(
            getattr(module, method),
            module,
            TaskIterator(dataset, size),
            device_of(module),
            self.precision,
        )
