"""Scale of the signals: learned on training data, applied batch by batch."""

from dataclasses import dataclass

import numpy as np

IQR_OF_NORMAL = 1.3489795003921634
SAMPLE_BUDGET = 2**26  # samples of all channels that the statistics look at
ENOUGH = 32  # samples below which no scale can be judged
ROUNDING = np.finfo(np.float32).eps  # relative spread of a constant in some file
FLAT = 1e-10  # relative size of a channel that was off, and then filtered
FACTOR = 1000  # volts and microvolts differ by 1e6, volts and millivolts by 1e3


@dataclass(frozen=True)
class Scaling:
    """How samples become numbers of about unit size.

    ``kind`` is "channel" (a centre and a scale per channel, learned), "window" (each
    epoch and channel standardised by itself) or None. ``center``, ``scale`` and
    ``magnitude`` have one entry per channel, in the unit of the training data.
    """

    kind: str | None
    center: np.ndarray
    scale: np.ndarray
    magnitude: np.ndarray

    def apply(self, x):
        """Scale a batch.

        Parameters
        ----------
        x : ndarray, shape (batch, n_channels, n_times)
            Samples in the unit of the training data.

        Returns
        -------
        x : ndarray of float32, shape (batch, n_channels, n_times)
            A new array.
        """
        if self.kind is None:
            return x.astype(np.float32)
        x = x.astype(np.float64)
        if self.kind == "channel":
            x -= self.center[:, None]
            x /= self.scale[:, None]
        else:
            x -= x.mean(-1, keepdims=True)
            spread = x.std(-1, keepdims=True)
            x /= np.where(spread > 0, spread, 1)
        return x.astype(np.float32)

    def check(self, data, rows=None):
        """Refuse data in what must be another unit.

        Parameters
        ----------
        data : ndarray, shape (n_epochs, n_channels, n_times)
            New epochs.
        rows : ndarray of int | None, default=None
            Which of them to look at; None means all.

        Raises
        ------
        ValueError
            If the typical size differs from the training data's by 1000 or more, or
            that of one channel is larger by 100 times as much. Channels that are flat
            are not judged.
        """
        part = _thinned(data, rows)
        size = _magnitude(part)
        known = (self.magnitude > 0) & (size > FLAT * self.magnitude)
        if not known.any() or part.size < ENOUGH:
            return
        ratios = size[known] / self.magnitude[known]
        typical, worst = float(np.median(ratios)), int(ratios.argmax())
        fits = 1 / FACTOR < typical < FACTOR
        if fits and ratios[worst] < 100 * FACTOR:
            return
        which = worst if fits else slice(None)
        raise ValueError(
            f"{'A channel of X' if fits else 'X'} has another scale than in fit: its "
            f"typical absolute sample is {np.median(size[known][which]):.3g}, in fit "
            f"it was {np.median(self.magnitude[known][which]):.3g}. They may differ by "
            f"less than a factor of {FACTOR}; check the units (volts, microvolts)."
        )


def learn_scaling(data, kind, rows=None):
    """Learn centre and scale of each channel: median and interquartile range.

    Parameters
    ----------
    data : ndarray, shape (n_epochs, n_channels, n_times)
        Training data.
    kind : "channel" | "window" | None
        How the data will be scaled.
    rows : ndarray of int | None, default=None
        Which epochs to look at; None means all.

    Returns
    -------
    scaling : Scaling
        What was learned. The scale of a normal signal is its standard deviation; a
        channel whose quartiles coincide is scaled by its standard deviation, a
        constant one, but for rounding to single precision, by 1.
    """
    n_channels = data.shape[1]
    center, scale = np.zeros(n_channels), np.ones(n_channels)
    part = _thinned(data, rows)
    for c in range(n_channels):
        values = part[:, c].astype(np.float64).ravel()
        low, center[c], high = np.percentile(values, [25, 50, 75])
        spread = (high - low) / IQR_OF_NORMAL or values.std()
        scale[c] = spread if spread > ROUNDING * abs(center[c]) else 1.0
    return Scaling(kind, center, scale, _magnitude(part))


def _magnitude(part):
    return np.array(
        [np.median(np.abs(part[:, c].astype(np.float64))) for c in range(part.shape[1])]
    )


def _thinned(data, rows):
    """Take every k-th epoch where there are more than the statistics need."""
    most = max(1, SAMPLE_BUDGET // (data.shape[1] * data.shape[2]))
    if rows is None:
        return data[:: -(-len(data) // most)]
    return data[rows[:: -(-len(rows) // most)]]
