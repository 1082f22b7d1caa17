"""The paper's literal values."""


def paper_parameters():
    """Return the paper's literal values of the single-task estimator's parameters.

    Returns
    -------
    parameters : dict
        For ``EEGMambaClassifier(**paper_parameters())``.

    References
    ----------
    Gui et al., arXiv 2407.20254, Fig. 3, Appendix B and Table 8.

    Examples
    --------
    >>> from mne_eegmamba import EEGMambaClassifier, paper_parameters
    >>> EEGMambaClassifier(**paper_parameters()).lr
    0.0002
    """
    return {
        "d_model": 128,
        "n_layers": 2,
        "d_state": 16,
        "d_conv": 4,
        "expand": 2,
        "dropout": 0.5,
        "tokenizer_norm": None,
        "class_token": "first",
        "pooling": "class_token",
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
        "class_weight": None,
    }
