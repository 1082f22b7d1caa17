"""The steps behind the classifier's public methods, and how scikit-learn sees them."""

from contextlib import nullcontext

import numpy as np
from mne.utils import use_log_level
from sklearn.base import (
    BaseEstimator,
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
)
from sklearn.utils import check_random_state

from mne_eegmamba.batches.dataset import MultiTaskDataset
from mne_eegmamba.batches.in_order import InOrder
from mne_eegmamba.epochs.channels import at_rate, match_channels
from mne_eegmamba.epochs.check import Signals, is_epochs, loaded
from mne_eegmamba.estimators import _data, _fit
from mne_eegmamba.estimators._solve import solve_heads
from mne_eegmamba.estimators._split import split_tasks
from mne_eegmamba.tokens.tokenizer import MIN_TIMES
from mne_eegmamba.training.history import history_table
from mne_eegmamba.training.inference import run
from mne_eegmamba.training.net import is_finite, renew_net, train
from mne_eegmamba.training.precision import choose_device, device_of
from mne_eegmamba.training.seeding import local_seed
from mne_eegmamba.utils.notices import warn_padding, warn_user


class NetworkEstimator(
    ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator
):
    """Train a network, keep it as ``net_``, and run it on new epochs."""

    _split_seed = None  # of the first fit: who was validated on is never trained on

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

    def _start(self, data, settings, n_passes, seen, least_classes=2):
        """Train a new network; attributes change only when it is there.

        ``data`` has a `TrainingData` per task; ``seen`` are attributes to set.
        """
        device = choose_device(self.device)
        random_state = check_random_state(self.random_state)
        seed = self._draw_split_seed(settings, random_state)
        train_set, valid = self._datasets(data, settings, seed, least_classes)
        sizes = {}
        for name, part in data.items():
            task = name if len(data) > 1 else None
            warn_padding(part.signals.data.shape[2], MIN_TIMES, task)
            sizes[name] = (part.signals.data.shape[1], len(part.classes))
        n_batches = train_set.n_batches(self.batch_size)
        net = _fit.build(settings, sizes, device, random_state, n_batches)
        self._train(net, train_set, valid, n_passes, random_state)
        self._forget()
        self._split_seed = seed
        self.tasks_ = {
            task.task: _fit.remembered(data[task.task], task.scaling)
            for task in train_set.tasks
        }
        self.net_, self.history_ = net, history_table(net)
        self._expose(seen)
        return self

    def _continue(self, data, settings, n_passes, partial=False):
        """Train the present network further, with the scaling it knows.

        ``partial`` data may lack classes, and add to what was learned.
        """
        random_state = check_random_state(self.random_state)
        self._split_seed = self._kept_split_seed(settings, random_state)
        train_set, valid = self._datasets(
            data, settings, self._split_seed, 1 if partial else 2, self.tasks_
        )
        n_batches = train_set.n_batches(self.batch_size)
        net = renew_net(self.net_, settings, n_batches)
        n_before = len(self.history_)
        try:
            self._train(
                net, train_set, valid, n_passes, random_state, n_before, not partial
            )
        finally:  # the network has learned from all passes before an error too
            self.net_ = net
            self.history_ = history_table(net, self.history_)
        return self

    def _draw_split_seed(self, settings, random_state):
        """Return the seed of a split by share, None where there is no such split."""
        by_share = isinstance(settings["validation"], float)
        return int(random_state.randint(2**31 - 1)) if by_share else None

    def _kept_split_seed(self, settings, random_state):
        """Return the seed of the first split by share, or draw it."""
        if self._split_seed is None:
            return self._draw_split_seed(settings, random_state)
        return self._split_seed

    def _datasets(self, data, settings, seed, least_classes, known=None):
        """Return training and validation sets of all tasks."""
        splits = split_tasks(data, settings["validation"], seed, self._about)
        train_sets, valid_sets = [], []
        for name, part in data.items():
            scaling = known[name].scaling if known else None
            with self._about(name):
                weight = self._class_weight_of(name, part.classes)
                own = {**settings, "class_weight": weight}
                train_set, valid = _fit.make_datasets(
                    name, part, splits[name], own, scaling, least_classes
                )
            train_sets.append(train_set)
            valid_sets += [] if valid is None else [valid]
        valid = MultiTaskDataset(tuple(valid_sets)) if valid_sets else None
        return MultiTaskDataset(tuple(train_sets)), valid

    def _class_weight_of(self, task, classes):
        return self.class_weight

    def _about(self, task):
        """Return the context in which errors are about one task."""
        return nullcontext()

    def _train(
        self, net, train_set, valid, n_passes, random_state, n_before=0, anew=True
    ):
        """Train; ``n_before`` passes made already make the random numbers others."""
        seed = int(random_state.randint(2**31 - 1)) + n_before
        device = device_of(net.module_)
        with self._log_level(), local_seed(seed, device):
            solve_heads(net.module_, train_set, device, self.precision, anew)
            train(net, train_set, valid, n_passes)
        if not is_finite(net.module_):
            warn_user(
                "Training diverged: weights of the network are infinite or NaN, and "
                f"predictions say nothing. Try a smaller lr; it was {self.lr:g}."
            )

    def _log_level(self):
        """Return the context of ``verbose``; None leaves MNE's level."""
        # older MNE takes None for the level of a fresh session
        return nullcontext() if self.verbose is None else use_log_level(self.verbose)

    def _forget(self):
        for name in [n for n in vars(self) if n.endswith("_") and n[0] != "_"]:
            delattr(self, name)

    def _check_continues(self, data, settings):
        """Refuse to train further what the network is not, or does not know."""
        self._check_same_network(settings)
        for name, part in data.items():
            with self._about(name):
                self.tasks_[name].check_continues(
                    part, type(self).__name__, self.variable_length
                )

    def _check_same_network(self, settings):
        config = self.net_.module_.config
        now = {k: settings[k] for k in _fit.CONFIG if k in settings}
        now.pop("task_types", None)  # of tasks that were added since, too
        was = {name: getattr(config, name) for name in now}
        now["input_scale"] = settings["input_scale"]
        was["input_scale"] = next(iter(self.tasks_.values())).scaling.kind
        changed = [f"{k}={was[k]!r}, now {now[k]!r}" for k in now if was[k] != now[k]]
        if changed:
            raise ValueError(
                "Training goes on with the network of the first fit, which has "
                f"{'; '.join(changed)}. Set these back, or use warm_start=False to "
                "start anew."
            )

    def _read(self, X, task, rows=None):
        """Return new epochs of a task as the network was trained to see them."""
        known = self.tasks_[task]
        if isinstance(X, Signals):
            signals = X
        elif is_epochs(X):
            X = loaded(X)
            n_times = None if self.variable_length else known.n_times
            signals = at_rate(X, known.sfreq, n_times)
            signals = match_channels(signals, known.ch_names)
        else:
            one = known.n_channels, known.n_times
            if known.n_channels > 1 and getattr(X, "shape", None) == one:
                raise ValueError(
                    f"X has the shape of one epoch, {one}. Epochs have the "
                    "shape (n_epochs, n_channels, n_times); give X[np.newaxis]."
                )
            # scikit-learn would refuse another length of a two-dimensional X, and one
            # channel with or without its axis; it knows the size of one task only.
            named = hasattr(self, "feature_names_in_") or known.n_channels > 1
            fixed = len(self.tasks_) == 1 and not self.variable_length and named
            owner = self if fixed else type(self)()
            signals = _data.read_array(owner, X, reset=not fixed)
        known.check(signals, type(self).__name__, self.variable_length, rows)
        return signals

    def _run(self, signals, task, method, rows=None):
        """Run a function of batch and task, or a method, on epochs of a task."""
        rows = np.arange(len(signals.data)) if rows is None else rows
        dataset = _fit.unlabelled(task, signals, rows, self.tasks_[task].scaling)
        module = self.net_.module_
        shape = signals.data.shape
        size = _fit.inference_batch(shape, self.batch_size)
        return run(
            getattr(module, method) if isinstance(method, str) else method,
            module,
            InOrder(dataset, size),
            device_of(module),
            self.precision,
            least=_fit.inference_batch(shape, 1),
        )
