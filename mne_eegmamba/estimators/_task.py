"""What a fit remembers of one task, and what it refuses later."""

from dataclasses import dataclass

import numpy as np

from mne_eegmamba.epochs.scaling import Scaling


@dataclass(frozen=True)
class Task:
    """One task of a fitted network.

    ``classes`` (n_classes,) are sorted labels; ``ch_names`` and ``sfreq`` (Hz) are None
    for tasks learned from arrays; ``n_channels`` and ``n_times`` are the size of an
    epoch; ``scaling`` makes numbers of about unit size.
    """

    classes: np.ndarray
    ch_names: tuple | None
    sfreq: float | None
    n_channels: int
    n_times: int
    scaling: Scaling

    def check(self, signals, owner, variable_length, rows=None):
        """Refuse epochs of another size or scale.

        Parameters
        ----------
        signals : Signals
            New epochs.
        owner : str
            Name of the estimator, for messages.
        variable_length : bool
            Whether another length is allowed.
        rows : ndarray of int | None, default=None
            Which epochs are meant; None means all.

        Raises
        ------
        ValueError
            If they do not fit.
        """
        n_channels, n_times = signals.data.shape[1:]
        if n_channels != self.n_channels:
            raise ValueError(
                f"X has {n_channels} channels, but {owner} is expecting "
                f"{self.n_channels} channels, as in fit."
            )
        if n_times != self.n_times and not variable_length:
            features = (
                f"X has {n_times} features, but {owner} is expecting {self.n_times} "
                "features as input. "
            )
            raise ValueError(
                f"{features if signals.two_d else ''}X has {n_times} samples per "
                f"epoch, fit saw {self.n_times}. Cut epochs as long as those of fit, "
                "or set variable_length=True."
            )
        self.scaling.check(signals.data, rows)

    def check_continues(self, data, owner, variable_length):
        """Refuse to train further on other classes or another kind of epoch.

        Parameters
        ----------
        data : TrainingData
            New training data.
        owner : str
            Name of the estimator, for messages.
        variable_length : bool
            Whether another length is allowed.

        Raises
        ------
        ValueError
            If they do not fit.
        """
        if not np.array_equal(data.classes, self.classes):
            raise ValueError(
                f"Training goes on only with the classes {self.classes.tolist()}. "
                f"Got {data.classes.tolist()}; use warm_start=False to start anew."
            )
        self.check(data.signals, owner, variable_length, data.rows)
        for what, seen, came in (
            ("channels and order", self.ch_names, data.signals.ch_names),
            ("sampling rate", self.sfreq, data.signals.sfreq),
        ):
            if seen != came:
                raise ValueError(
                    f"Training goes on only with the {what} of the first fit: {seen}. "
                    f"Got {came}; use warm_start=False to start anew."
                )
