"""Add a task to a trained network, or take one away; weights of the others stay."""

import dataclasses

import torch
from sklearn.utils import check_random_state

from mne_eegmamba.estimators import _fit
from mne_eegmamba.models import EEGMamba
from mne_eegmamba.tokens.tokenizer import MIN_TIMES
from mne_eegmamba.training.history import history_table
from mne_eegmamba.training.net import build_net
from mne_eegmamba.training.precision import device_of
from mne_eegmamba.training.seeding import local_seed
from mne_eegmamba.utils.notices import warn_padding


def add(estimator, name, data, settings, frozen):
    """Grow the network by a task and train it; the estimator changes at the end."""
    random_state = check_random_state(estimator.random_state)
    seed = estimator._kept_split_seed(settings, random_state)
    train_set, valid = estimator._datasets({name: data}, settings, seed, 2)
    old = estimator.net_.module_
    warn_padding(data.signals.data.shape[2], MIN_TIMES, name)
    config = dataclasses.replace(
        old.config,
        n_channels=old.config.n_channels | {name: data.signals.data.shape[1]},
        n_classes=old.config.n_classes | {name: len(data.classes)},
        task_types=_types(settings, old.config, name),
    )
    with local_seed(int(random_state.randint(2**31 - 1)), torch.device("cpu")):
        module = EEGMamba(config)
    module = _with_weights(module, old)
    known = set(old.state_dict())
    for key, parameter in module.named_parameters():
        parameter.requires_grad_(not (frozen and key in known))
    n_batches = train_set.n_batches(settings["batch_size"])
    rng = estimator.net_.iterator_train__generator
    net = build_net(module, settings, device_of(old), rng, n_batches)
    n_before = len(estimator.history_)
    estimator._train(
        net, train_set, valid, settings["max_epochs"], random_state, n_before
    )
    module.requires_grad_(True)
    scaling = train_set.tasks[0].scaling
    estimator.tasks_ = {
        **estimator.tasks_,
        name: _fit.remembered(data, scaling),
    }
    estimator.net_ = net
    estimator._split_seed = seed
    estimator.history_ = history_table(net, estimator.history_)
    for size in ("n_features_in_", "feature_names_in_"):  # not of every task now
        vars(estimator).pop(size, None)


def remove(estimator, name, settings):
    """Shrink the network by a task."""
    old = estimator.net_.module_
    left = {task: size for task, size in old.config.n_channels.items() if task != name}
    types = old.config.task_types
    config = dataclasses.replace(
        old.config,
        n_channels=left,
        n_classes={task: old.config.n_classes[task] for task in left},
        task_types=types and {k: v for k, v in types.items() if k != name},
    )
    with local_seed(0, torch.device("cpu")):
        module = EEGMamba(config)
    module = _with_weights(module, old)
    rng = estimator.net_.iterator_train__generator
    settings = {**settings, "schedule": "constant"}
    net = build_net(module, settings, device_of(old), rng, n_batches=1)
    net.module_.eval()
    estimator.tasks_ = {k: v for k, v in estimator.tasks_.items() if k != name}
    estimator.net_ = net


def _types(settings, config, name):
    given = (settings.get("task_types") or {}).get(name)
    types = dict(config.task_types or {})
    if given is not None:
        types[name] = given
    return types or None


def _with_weights(module, old):
    """Copy what both networks have; usage of the experts task by task."""
    state = module.state_dict()
    tasks, before = list(module.config.n_channels), list(old.config.n_channels)
    shared = [task for task in tasks if task in before]
    for key, value in old.state_dict().items():
        if key.endswith(".usage"):
            for task in shared:
                state[key][tasks.index(task)] = value[before.index(task)]
        elif key in state:
            state[key] = value.clone()
    module.load_state_dict(state)
    return module.eval()
