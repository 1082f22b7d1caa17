"""The networks of the paper that are compared: single-task, multi-task, ablations."""

from mne_eegmamba.estimators import EEGMambaClassifier, MultiTaskEEGMamba
from mne_eegmamba.evaluation.comparison import Jointly

MIXTURE = "EEGMamba, multi-task"
ABLATIONS = {
    # The class token comes first: read forward only, it would see nothing else.
    "forward only, mean of tokens": {"bidirectional": False, "pooling": "mean"},
    "no mixture of experts": {"n_experts": 0},
    "vanilla mixture": {"task_gate": False, "universal_expert": False},
    "no task gate": {"task_gate": False},
    "no universal expert": {"universal_expert": False},
    "mean of tokens": {"pooling": "mean"},
    "no spectrum": {"spectrum": False},
    "no waveform": {"waveform": False},
    "no contrast": {"contrast": False},
}


def eegmamba_candidates(parameters=None, ablations=None):
    """Return the networks of the paper for `mne_eegmamba.evaluation.compare`.

    Parameters
    ----------
    parameters : dict | None, default=None
        Parameters that all of them share, such as ``max_epochs``.
    ablations : list of str | None, default=None
        Which of the networks that lack a part of the multi-task one; None takes all:
        ``"forward only, mean of tokens"``, ``"no mixture of experts"``,
        ``"vanilla mixture"`` (neither task gate nor universal expert),
        ``"no task gate"``, ``"no universal expert"``, ``"mean of tokens"``, where the
        head sees these instead of the class token, and ``"no spectrum"``, ``"no
        waveform"`` and ``"no contrast"``, without the heads that see it.

    Returns
    -------
    candidates : dict of {str: estimator | Jointly}
        The single-task network first, which is trained on each task alone; all others
        are trained on all tasks at once.

    Raises
    ------
    ValueError
        If there is no such ablation.

    Notes
    -----
    Without the backward direction a class token that comes first sees no signal, so
    that the network that reads forward only is to be held against ``"mean of tokens"``.

    References
    ----------
    Gui et al., arXiv 2407.20254, Section 3.4: single-directional Mamba, vanilla MoE,
    and no MoE. The others take one part away each.

    Examples
    --------
    >>> from mne_eegmamba.experiments import eegmamba_candidates
    >>> list(eegmamba_candidates({"max_epochs": 5}, ablations=["no task gate"]))
    ['EEGMamba, single-task', 'EEGMamba, multi-task', 'no task gate']
    """
    parameters = dict(parameters or {})
    names = list(ABLATIONS) if ablations is None else list(ablations)
    unknown = [name for name in names if name not in ABLATIONS]
    if unknown:
        raise ValueError(f"ablations must be out of {list(ABLATIONS)}. Got {unknown}.")
    changes = {MIXTURE: {}} | {name: ABLATIONS[name] for name in names}
    return {"EEGMamba, single-task": EEGMambaClassifier(**parameters)} | {
        name: Jointly(MultiTaskEEGMamba(**{**parameters, **change}))
        for name, change in changes.items()
    }
