"""What happens around the batches and passes of a training, as skorch's callbacks."""

import time
from collections import defaultdict

from mne.utils import ProgressBar
from skorch.callbacks import Callback, EarlyStopping, LRScheduler
from skorch.callbacks.scoring import ScoringBase
from torch.optim.lr_scheduler import LambdaLR

from mne_eegmamba.training.history import fetch
from mne_eegmamba.training.optim import CosineFactor


class Recorder(Callback):
    """Record each pass: accuracy, auxiliary losses, learning rate, time for data."""

    def on_epoch_begin(self, net, **kwargs):
        """Start counting."""
        self.means_ = defaultdict(list)  # of batches: their sizes and means
        self.waited_, self.since_ = 0.0, time.perf_counter()
        self.began_ = self.since_

    def on_batch_begin(self, net, **kwargs):
        """Count the time since the network was ready for a batch."""
        self.waited_ += time.perf_counter() - self.since_

    def on_batch_end(self, net, batch, training, **kwargs):
        """Count right answers, as the network gave them, and losses."""
        x, (labels, _) = batch
        _, verdict, auxiliary = kwargs["y_pred"]
        right = (verdict.argmax(-1) == labels).double().mean()
        part = "train" if training else "valid"
        self._add(f"{part}_accuracy", right, len(x))
        if len(net.module_.config.n_channels) > 1:
            self._add(f"{part}_accuracy/{x.task}", right, len(x))
        if training and auxiliary is not None:
            self._add("balance_loss", auxiliary.balance, len(x))
            self._add("router_z_loss", auxiliary.router_z, len(x))
        self.since_ = time.perf_counter()

    def _add(self, name, mean, n):
        self.means_[name].append((n, mean))

    def on_epoch_end(self, net, **kwargs):
        """Record means over the pass."""
        for name, parts in self.means_.items():
            sizes, means = zip(*parts, strict=True)
            total = 0.0
            for n, mean in zip(sizes, fetch(means), strict=True):
                total += n * mean
            net.history.record(name, total / sum(sizes))
        net.history.record("lr", net.optimizer_.param_groups[0]["lr"])
        spent = time.perf_counter() - self.began_
        net.history.record("waiting", self.waited_ / spent)

    def on_train_end(self, net, **kwargs):
        """Forget the tensors, of which an interrupted pass leaves some."""
        self.means_ = {}


class Progress(Callback):
    """Show MNE's progress bar over the passes; its log level decides whether."""

    def on_train_begin(self, net, **kwargs):
        """Open the bar."""
        self.bar_ = ProgressBar(net.max_epochs, mesg="Training passes")

    def on_epoch_end(self, net, **kwargs):
        """Move it."""
        self.bar_.update_with_increment_value(1)

    def on_train_end(self, net, **kwargs):
        """Close it; an open bar could not be pickled with the net."""
        vars(self).pop("bar_", None)


class Schedule(LRScheduler):
    """Set the learning rate, and keep nothing of the optimizer afterwards."""

    def on_train_end(self, net, **kwargs):
        """Let go of the optimizer, which a pickled net would hold twice."""
        vars(self).pop("lr_scheduler_", None)


def all_callbacks(settings, n_batches):
    """Return our callbacks and those of the user.

    Parameters
    ----------
    settings : dict
        The estimator's parameters.
    n_batches : int
        Batches per pass, for the schedule.

    Returns
    -------
    callbacks : list
        As skorch takes them.
    """
    chain = [("recorder", Recorder())]
    if settings["schedule"] == "cosine":
        factor = CosineFactor(settings["max_epochs"] * n_batches, settings["warmup"])
        schedule = Schedule(LambdaLR, lr_lambda=factor, step_every="batch")
        chain.append(("schedule", schedule))
    chain += [("progress", Progress()), *(settings["callbacks"] or [])]
    if settings["early_stopping"] is not None:
        stop = EarlyStopping(
            patience=settings["early_stopping"],
            threshold=0.0,
            load_best=True,
            sink=_no_print,
        )
        # last, as others would not hear of the pass after which it stops
        chain.append(("early_stopping", stop))
    return chain


def _no_print(text):
    """Keep skorch from printing; ``history_`` tells when training stopped."""


def let_go(net):
    """Drop what a net that is kept after an error must not hold.

    Parameters
    ----------
    net : EEGMambaNet
        Interrupted.
    """
    for _, callback in net.callbacks_:
        if isinstance(callback, Recorder | Schedule | Progress):
            callback.on_train_end(net)


def check_callbacks(callbacks, owner):
    """Refuse what skorch would not take as callbacks.

    Parameters
    ----------
    callbacks : object
        What came.
    owner : str
        Whose parameter it is.

    Raises
    ------
    TypeError
        If it is not None or a list of callbacks and pairs of name and callback.
    """
    items = callbacks if isinstance(callbacks, list | tuple) else [callbacks]
    for item in [] if callbacks is None else items:
        pair = isinstance(item, tuple) and len(item) == 2 and isinstance(item[0], str)
        callback = item[1] if pair else item
        kind = callback if isinstance(callback, type) else type(callback)
        if not issubclass(kind, Callback) or items is not callbacks:
            raise TypeError(
                f"The `callbacks` parameter of {owner} must be None or a list of "
                "skorch callbacks or pairs of a name and a skorch callback. Got "
                f"{item!r}."
            )
        if issubclass(kind, ScoringBase):
            _check_scoring(callback, owner)


def _check_scoring(callback, owner):
    """Refuse scores that take the net, which has several heads, for a classifier."""
    scoring = getattr(callback, "scoring", None)
    if not callable(scoring) or callback.use_caching:
        raise TypeError(
            f"The `callbacks` parameter of {owner} may have scores that are functions "
            "of (net, X, y), with use_caching=False: the net has several heads and is "
            f"no classifier by itself. Got {callback!r}. With `validation` the history "
            "has valid_loss and valid_accuracy."
        )
