"""The paper's literal values."""


def paper_parameters(multitask=False):
    """Return the paper's literal values of an estimator's parameters.

    Parameters
    ----------
    multitask : bool, default=False
        Whether they are for `MultiTaskEEGMamba` or for `EEGMambaClassifier`.

    Returns
    -------
    parameters : dict
        For ``EEGMambaClassifier(**paper_parameters())`` or
        ``MultiTaskEEGMamba(**paper_parameters(multitask=True))``.

    References
    ----------
    Gui et al., arXiv 2407.20254, Fig. 3, Appendix B and Table 8.

    Examples
    --------
    >>> from mne_eegmamba import EEGMambaClassifier, paper_parameters
    >>> EEGMambaClassifier(**paper_parameters()).lr
    0.0002
    """
    single = {
        "d_model": 128,
        "n_layers": 2,
        "d_state": 16,
        "d_conv": 4,
        "expand": 2,
        "dropout": 0.5,
        "tokenizer_pool": "max",
        "tokenizer_norm": None,
        "class_token": "first",
        "pooling": "class_token",
        "spectrum": False,
        "waveform": False,
        "contrast": False,
        "final_norm": None,
        "input_scale": "channel",
        "max_epochs": 100,
        "batch_size": 128,
        "lr": 2e-4,
        "weight_decay": 1e-6,
        "decay_all": True,
        "schedule": "constant",
        "warmup": 0.0,
        "clip_norm": None,
        "label_smoothing": 0.0,
        "mixup": 0.0,
        "time_shift": 0.0,
        "class_weight": None,
    }
    mixture = {
        "n_layers": 8,
        "bidirectional": True,
        "n_experts": 8,
        "top_k": 2,
        "universal_expert": True,
        "task_gate": True,
        "task_types": None,
        "moe_residual": False,
        "balance_statistics": "batch",
        "balance_weight": 1.0,
        "router_z_weight": 1.0,
        "sampling": "dynamic",
    }
    return single | mixture if multitask else single
