"""Build and train the skorch net: only this file and `callbacks` know skorch."""

import torch
from skorch import NeuralNet
from skorch.helper import predefined_split

from mne_eegmamba.batches.dataset import Batch
from mne_eegmamba.batches.dynamic_sampling import DynamicSampling
from mne_eegmamba.batches.in_order import InOrder
from mne_eegmamba.batches.prefetch import prefetch
from mne_eegmamba.blocks.moe import Auxiliary
from mne_eegmamba.training.augmentation import blend, shift_in_time
from mne_eegmamba.training.callbacks import all_callbacks, let_go
from mne_eegmamba.training.graphs import Replays, can_record
from mne_eegmamba.training.history import fetch
from mne_eegmamba.training.losses import cross_entropy, soft_targets
from mne_eegmamba.training.memory import memory_error
from mne_eegmamba.training.optim import (
    clip_gradients,
    decay_exemptions,
    merge_groups,
)
from mne_eegmamba.training.precision import autocast, device_of, on_card
from mne_eegmamba.utils.forks import leave_threads
from mne_eegmamba.utils.interrupts import ends_everything
from mne_eegmamba.utils.notices import warn_user


class EEGMambaNet(NeuralNet):
    """skorch net over `MultiTaskDataset`: a batch has one task; labels have weights."""

    _replays = None  # while `train` has the card replay steps
    _interrupted = False

    def __init__(
        self,
        *args,
        label_smoothing=0.0,
        mixup=0.0,
        time_shift=0.0,
        clip_norm=None,
        precision="auto",
        cuda_graphs=False,
        balance_weight=0.0,
        router_z_weight=0.0,
        **kwargs,
    ):
        self.label_smoothing = label_smoothing
        self.mixup = mixup
        self.time_shift = time_shift
        self.clip_norm = clip_norm
        self.precision = precision
        self.cuda_graphs = cuda_graphs
        self.balance_weight = balance_weight
        self.router_z_weight = router_z_weight
        super().__init__(*args, **kwargs)

    def run_single_epoch(self, iterator, training, prefix, step_fn, **fit_params):
        """Run a pass as skorch does; losses stay on the device until it is over."""
        if iterator is None:
            return
        loss, size = f"{prefix}_loss", f"{prefix}_batch_size"
        n_batches = 0
        try:
            for batch in prefetch(iterator, device_of(self.module_)):
                self.notify("on_batch_begin", batch=batch, training=training)
                step = step_fn(batch, **fit_params)
                self.history.record_batch(loss, step["loss"])
                self.history.record_batch(size, len(batch[0]))
                self.notify("on_batch_end", batch=batch, training=training, **step)
                n_batches += 1
        except KeyboardInterrupt:  # after this skorch ends without a word
            self._interrupted = True
            raise
        finally:
            rows = [row for row in self.history[-1]["batches"] if loss in row]
            for row, value in zip(rows, fetch([r[loss] for r in rows]), strict=True):
                row[loss] = value
        self.history.record(f"{prefix}_batch_count", n_batches)

    def infer(self, x, **fit_params):
        """Run the network on a `Batch`: logits by head, their verdict, other losses."""
        with autocast(x.x.device, self.precision):
            return self.module_.forward_with_losses(x.x, x.task)

    def train_step_single(self, batch, **fit_params):
        """Take one step on a batch, whose epochs are shifted and blended first."""
        inputs, (labels, weights) = batch
        n_classes = self.module_.config.n_classes[inputs.task]
        targets = soft_targets(labels, weights, n_classes, self.label_smoothing)
        x = shift_in_time(inputs.x, self.time_shift, inputs.n_times)
        x, targets = blend(x, targets, self.mixup)
        learn = self._replays or self._learn
        loss, logits, verdict, *others = learn(inputs.task, x, targets)
        auxiliary = Auxiliary(*others) if others else None
        return {"loss": loss, "y_pred": (logits, verdict, auxiliary)}

    def _learn(self, task, x, targets):
        """Leave gradients in the parameters; return the loss and what it is made of."""
        batch = Batch(x, task, x.shape[-1]), targets
        step = super().train_step_single(batch)
        logits, verdict, auxiliary = step["y_pred"]
        outputs = step["loss"], logits, verdict, *(auxiliary or ())
        return tuple(output.detach() for output in outputs)

    def validation_step(self, batch, **fit_params):
        """Score a batch."""
        inputs, (labels, weights) = batch
        n_classes = self.module_.config.n_classes[inputs.task]
        targets = soft_targets(labels, weights, n_classes)
        return super().validation_step((inputs, targets), **fit_params)

    def get_loss(self, y_pred, y_true, X=None, training=False):
        """Return the weighted cross-entropy, in training with the auxiliary losses.

        In training each head has a loss of its own, and it is their mean.
        """
        logits, verdict, auxiliary = y_pred
        loss = self.criterion_(logits if training else verdict, y_true)
        if training and auxiliary is not None:
            loss = loss + self.balance_weight * auxiliary.balance
            loss = loss + self.router_z_weight * auxiliary.router_z
        return loss

    def get_params_for_optimizer(self, prefix, named_parameters):
        """Return two groups of parameters; skorch makes one per name, which is slow."""
        (groups,), options = super().get_params_for_optimizer(prefix, named_parameters)
        return (merge_groups(groups),), options

    def on_grad_computed(self, net, named_parameters, **kwargs):
        """Clip gradients."""
        super().on_grad_computed(net, named_parameters, **kwargs)
        if self.clip_norm is not None:
            clip_gradients((p for _, p in named_parameters), self.clip_norm)


class Criterion(torch.nn.Module):
    """The weighted cross-entropy as the module that skorch asks for."""

    forward = staticmethod(cross_entropy)


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
        optimizer__fused=True,
        optimizer__weight_decay=settings["weight_decay"],
        optimizer__param_groups=[(name, {"weight_decay": 0.0}) for name in exempt],
        iterator_train=DynamicSampling,
        iterator_train__batch_size=settings["batch_size"],
        iterator_train__generator=rng,
        iterator_train__sampling=settings.get("sampling", "dynamic"),
        iterator_valid=InOrder,
        iterator_valid__batch_size=settings["batch_size"],
        train_split=None,
        callbacks=all_callbacks(settings, n_batches),
        callbacks__print_log=None,
        device=str(device),
        label_smoothing=settings["label_smoothing"],
        mixup=settings["mixup"],
        time_shift=settings["time_shift"],
        clip_norm=settings["clip_norm"],
        precision=settings["precision"],
        cuda_graphs=settings["cuda_graphs"],
        balance_weight=settings.get("balance_weight", 0.0),
        router_z_weight=settings.get("router_z_weight", 0.0),
        verbose=0,
    )
    return net.initialize()


def train(net, dataset, valid, n_passes):
    """Run passes over the data; an interrupt ends them and keeps what was learned.

    Parameters
    ----------
    net : EEGMambaNet
        Trained further in place.
    dataset : MultiTaskDataset
        Training data.
    valid : MultiTaskDataset | None
        Validation data.
    n_passes : int
        Passes.

    Raises
    ------
    KeyboardInterrupt
        If an interrupt shall end more than the fit.
    MemoryError
        If a GPU's memory does not suffice for a batch; the net keeps what it learned
        from the batches before.
    """
    leave_threads()
    net._interrupted = False
    net.max_epochs = n_passes
    net.train_split = None if valid is None else predefined_split(valid)
    fits = True
    device = device_of(net.module_)
    with on_card(device):
        try:
            if net.cuda_graphs and can_record(device):
                net._replays = Replays(net._learn, net.module_.parameters(), device)
            net.partial_fit(dataset)
        except torch.OutOfMemoryError:
            fits = False
        except BaseException:
            let_go(net)
            raise
        finally:
            net.train_split = None  # the net is kept, the user's data are not
            net._replays = None
            net.module_.eval()
    if not fits:
        net.notify("on_train_end", X=None, y=None)
        net.optimizer_.zero_grad()
        raise _too_large(net)
    if net._interrupted:
        _tell_interrupted(net)


def _tell_interrupted(net):
    if ends_everything():
        raise KeyboardInterrupt
    n_done = sum("train_loss" in row for row in net.history)
    warn_user(
        f"Training was interrupted after {n_done} of {net.max_epochs} passes; the "
        "network keeps what it has learned."
    )


def _too_large(net):
    size = net.iterator_train__batch_size
    ways_out = [f"batch_size={size // 2}"] if size > 1 else ["shorter epochs"]
    if not net.module_.config.activation_checkpointing:
        ways_out.append("activation_checkpointing=True, which keeps less")
    doing = f"training with batch_size={size}"
    return memory_error(doing, device_of(net.module_), ways_out)


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


def is_finite(module):
    """Return whether all weights of a network are numbers.

    Parameters
    ----------
    module : torch.nn.Module
        The network.

    Returns
    -------
    finite : bool
        Asked of a GPU once for all of them.
    """
    return bool(torch.stack([p.isfinite().all() for p in module.parameters()]).all())
