"""Build and train the skorch net: the only file that knows skorch."""

import pandas as pd
import torch
from mne.utils import ProgressBar
from skorch import NeuralNet
from skorch.callbacks import Callback, EarlyStopping, LRScheduler, PassthroughScoring
from skorch.helper import predefined_split
from torch.optim.lr_scheduler import LambdaLR

from mne_eegmamba.batches.iterator import TaskIterator
from mne_eegmamba.training.losses import weighted_cross_entropy
from mne_eegmamba.training.optim import (
    CosineFactor,
    clip_gradients,
    decay_exemptions,
)
from mne_eegmamba.training.precision import autocast, device_of

HISTORY = {  # column of history_: key of skorch's history
    "train_loss": "train_loss",
    "valid_loss": "valid_loss",
    "train_accuracy": "train_accuracy",
    "valid_accuracy": "valid_accuracy",
    "lr": "lr",
    "seconds": "dur",
}


class EEGMambaNet(NeuralNet):
    """skorch net over `TaskDataset`: targets are (labels, weights), batches a task."""

    def __init__(
        self, *args, label_smoothing=0.0, clip_norm=None, precision="auto", **kwargs
    ):
        self.label_smoothing = label_smoothing
        self.clip_norm = clip_norm
        self.precision = precision
        super().__init__(*args, **kwargs)

    def infer(self, x, **fit_params):
        """Run the network on a `Batch`."""
        device = device_of(self.module_)
        with autocast(device, self.precision):
            return self.module_(x.x.to(device), x.task)

    def get_loss(self, y_pred, y_true, X=None, training=False):
        """Return the weighted cross-entropy of a batch."""
        labels, weights = (part.to(y_pred.device) for part in y_true)
        smoothing = self.label_smoothing if training else 0.0
        return self.criterion_(y_pred, labels, weights, smoothing)

    def on_grad_computed(self, net, named_parameters, **kwargs):
        """Clip gradients."""
        super().on_grad_computed(net, named_parameters, **kwargs)
        if self.clip_norm is not None:
            clip_gradients((p for _, p in named_parameters), self.clip_norm)


class Criterion(torch.nn.Module):
    """The weighted cross-entropy as the module that skorch asks for."""

    forward = staticmethod(weighted_cross_entropy)


class Recorder(Callback):
    """Record the accuracy of each batch and the learning rate of each pass."""

    def on_batch_end(self, net, batch, training, **kwargs):
        """Record the share of right answers, as the network gave them."""
        labels, _ = batch[1]
        right = kwargs["y_pred"].argmax(-1).cpu() == labels
        name = "train_accuracy" if training else "valid_accuracy"
        net.history.record_batch(name, right.double().mean().item())

    def on_epoch_end(self, net, **kwargs):
        """Record the learning rate at the end of the pass."""
        net.history.record("lr", net.optimizer_.param_groups[0]["lr"])


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
        del self.bar_


def build_net(module, settings, device, rng, n_batches):
    """Build the net around a network.

    Parameters
    ----------
    module : EEGMamba
        The network, initialised.
    settings : dict
        The estimator's parameters.
    device : torch.device
        Where to train.
    rng : numpy.random.Generator
        Shuffles the epochs.
    n_batches : int
        Batches per pass, for the schedule.

    Returns
    -------
    net : EEGMambaNet
        Initialised, not trained.
    """
    exempt = [] if settings["decay_all"] else decay_exemptions(module)
    net = EEGMambaNet(
        module=module,
        criterion=Criterion,
        optimizer=torch.optim.AdamW,
        lr=settings["lr"],
        optimizer__weight_decay=settings["weight_decay"],
        optimizer__param_groups=[(name, {"weight_decay": 0.0}) for name in exempt],
        iterator_train=TaskIterator,
        iterator_train__batch_size=settings["batch_size"],
        iterator_train__generator=rng,
        iterator_valid=TaskIterator,
        iterator_valid__batch_size=settings["batch_size"],
        train_split=None,
        callbacks=_callbacks(settings, n_batches),
        callbacks__print_log=None,
        device=str(device),
        label_smoothing=settings["label_smoothing"],
        clip_norm=settings["clip_norm"],
        precision=settings["precision"],
        verbose=0,
    )
    return net.initialize()


def _callbacks(settings, n_batches):
    chain = [("recorder", Recorder())]
    chain.append(
        ("train_accuracy", PassthroughScoring("train_accuracy", on_train=True))
    )
    if settings["validation"] is not None:
        chain.append(("valid_accuracy", PassthroughScoring("valid_accuracy")))
    if settings["schedule"] == "cosine":
        factor = CosineFactor(settings["max_epochs"] * n_batches, settings["warmup"])
        schedule = LRScheduler(LambdaLR, lr_lambda=factor, step_every="batch")
        chain.append(("schedule", schedule))
    if settings["early_stopping"] is not None:
        stop = EarlyStopping(
            patience=settings["early_stopping"],
            load_best=True,
            sink=_no_print,
        )
        chain.append(("early_stopping", stop))
    return [*chain, ("progress", Progress()), *(settings["callbacks"] or [])]


def _no_print(text):
    """Keep skorch from printing; ``history_`` tells when training stopped."""


def train(net, dataset, valid, n_passes):
    """Run passes over the data; an interrupt ends them and keeps what was learned.

    Parameters
    ----------
    net : EEGMambaNet
        Trained further in place.
    dataset : TaskDataset
        Training data.
    valid : TaskDataset | None
        Validation data.
    n_passes : int
        Passes.
    """
    net.max_epochs = n_passes
    net.train_split = None if valid is None else predefined_split(valid)
    net.partial_fit(dataset)
    net.train_split = None  # the net is kept, the user's data are not
    net.module_.eval()


def history_table(net, earlier=None):
    """Return the history of a net as a table.

    Parameters
    ----------
    net : EEGMambaNet
        A trained net.
    earlier : pandas.DataFrame | None, default=None
        Passes before those of this net.

    Returns
    -------
    history : pandas.DataFrame
        A row per pass, counted from 1.
    """
    rows = [
        {name: row[key] for name, key in HISTORY.items() if key in row}
        for row in net.history
        if "train_loss" in row
    ]
    earlier = [] if earlier is None else earlier.to_dict("records")
    rows = [*earlier, *rows]
    table = pd.DataFrame(rows, index=pd.RangeIndex(1, len(rows) + 1, name="pass"))
    return table.reindex(columns=[name for name in HISTORY if name in table])


def renew_net(net, settings, n_batches):
    """Build a net around a trained network, to train it further.

    Parameters
    ----------
    net : EEGMambaNet
        Trained; left as it is, but for the network that both share.
    settings : dict
        The estimator's present parameters.
    n_batches : int
        Batches per pass, for the schedule.

    Returns
    -------
    net : EEGMambaNet
        With the same network and moments of the optimiser, and an empty history.
    """
    rng = net.iterator_train__generator
    device = device_of(net.module_)
    new = build_net(net.module_, settings, device, rng, n_batches)
    new.optimizer_.state = net.optimizer_.state
    return new


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
