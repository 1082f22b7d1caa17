"""EuclideanAlignment: people made alike, without labels."""

import numpy as np
from scipy.signal import welch
from sklearn.base import BaseEstimator, TransformerMixin

from mne_eegmamba.epochs.check import check_lengths, is_epochs, loaded, refuse_unknown
from mne_eegmamba.epochs.joined import joined
from mne_eegmamba.epochs.labels import metadata_column
from mne_eegmamba.epochs.multitask import MultiTaskEpochs
from mne_eegmamba.epochs.stored import StoredEpochs
from mne_eegmamba.estimators import _data
from mne_eegmamba.utils.validation import check_number

RANK_TOLERANCE = 1e-10  # of the largest eigenvalue; smaller ones are no signal
SMALLEST = 10 * RANK_TOLERANCE  # power of a channel, of that of the largest
FLOOR = 0.01  # of the largest power; what lies far below it is not raised to the rest
MIN_FFT = 8


class EuclideanAlignment(TransformerMixin, BaseEstimator):
    r"""Whiten the epochs of each subject by the mean of their covariances.

    With epochs :math:`X_i` of one subject, :math:`n` of them,

    .. math::
        R = \frac{1}{n} \sum_i X_i X_i^\top / T, \qquad \tilde X_i = R^{-1/2} X_i

    so that the mean covariance of every subject is the identity. Labels are not used,
    so the epochs of a new subject are aligned in the same way: by themselves.

    Parameters
    ----------
    n_fft : int | None, default=None
        Samples in the windows in which spectra are aligned first: each channel is
        filtered so that its mean spectrum over the subject's epochs is flat, but for
        frequencies with less than about 1 % of the highest power, which stay low. About
        a second, such as 256, is good for rhythms; None leaves spectra as they are.
    online : bool, default=False
        Whether each epoch is aligned by the epochs of its subject up to it, in the
        order in which they are given, as a running experiment must; or by all that
        are given together.

    Attributes
    ----------
    n_features_in_ : int
        Channels (for two-dimensional arrays the samples, as scikit-learn counts them).

    Notes
    -----
    Nothing is remembered of the training subjects. ``transform`` needs all epochs of a
    subject at once, and a few of them: with ``groups``, one label per epoch, or a
    column ``subject`` in the metadata of Epochs; without either, all epochs are of one
    subject. One new recording is aligned with ``transform(epochs)``. With
    scikit-learn's metadata routing, ``set_fit_request(groups=True)`` and
    ``set_transform_request(groups=True)`` let a pipeline hand groups on.

    Directions without signal, as an average reference of unrounded samples leaves one,
    stay empty. Channels must be of one kind and unit, as for any spatial filter. The
    filter of ``n_fft`` takes the end of an epoch and its beginning as neighbours;
    epochs shorter than ``n_fft`` are one window.

    References
    ----------
    He, H., Wu, D. (2020). Transfer learning for brain-computer interfaces: a Euclidean
    space data alignment approach. IEEE Trans. Biomed. Eng. 67(2), 399-410.

    Spectra of subjects are mapped by filters, to their mean instead of to a flat one,
    in Gnassounou, T., Flamary, R., Gramfort, A. (2023). Convolution Monge mapping
    normalization for learning on sleep data. NeurIPS.

    Examples
    --------
    >>> import numpy as np
    >>> from mne_eegmamba import EuclideanAlignment
    >>> X = np.random.default_rng(0).standard_normal((6, 2, 100))
    >>> X[3:] *= 50  # the second subject has another gain
    >>> aligned = EuclideanAlignment().fit_transform(X, groups=[1, 1, 1, 2, 2, 2])
    >>> np.round(np.mean([x @ x.T / 100 for x in aligned[3:]], axis=0), 6)
    array([[1., 0.],
           [0., 1.]])
    """

    def __init__(self, n_fft=None, online=False):
        self.n_fft = n_fft
        self.online = online

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        tags.requires_fit = False
        return tags

    def fit(self, X, y=None, groups=None):
        """Check the data; nothing is learned.

        Parameters
        ----------
        X : mne.Epochs | list of mne.Epochs | MultiTaskEpochs | dict | array-like
            Epochs.
        y : object
            Not used.
        groups : array-like, shape (n_epochs,) | dict | None, default=None
            Not used.

        Returns
        -------
        self : EuclideanAlignment
            The same.
        """
        if isinstance(X, MultiTaskEpochs | dict):
            for size in ("n_features_in_", "feature_names_in_"):  # of an earlier array
                vars(self).pop(size, None)
        else:
            _data.read(self, X)
        return self

    def fit_transform(self, X, y=None, groups=None):
        """Align, as `transform` does.

        Parameters
        ----------
        X, groups : object
            As in `transform`.
        y : object
            Not used.

        Returns
        -------
        X : object
            As from `transform`.
        """
        return self.fit(X, y, groups).transform(X, groups)

    def transform(self, X, groups=None):
        """Align each subject by the epochs of theirs that are given.

        Parameters
        ----------
        X : mne.Epochs | list of mne.Epochs | MultiTaskEpochs | dict | array-like
            Epochs; arrays of shape (n_epochs, n_channels, n_times) or (n_epochs,
            n_times). Samples must be finite.
        groups : array-like, shape (n_epochs,) | dict | None, default=None
            Subject of each epoch; None takes the column ``subject`` of the metadata of
            Epochs, the groups of `MultiTaskEpochs`, else one subject for all.

        Returns
        -------
        X : mne.EpochsArray | MultiTaskEpochs | dict | ndarray
            New epochs, in the form that came, in units of their subject's spread.

        Raises
        ------
        TypeError
            If epochs stay on disk, or groups of a dict are no dict.
        ValueError
            If a subject's epochs are all zero, a channel is tiny beside another (EEG in
            volts beside a temperature), groups are missing, lengths do not fit, or
            ``n_fft`` is below 8.
        """
        if isinstance(X, MultiTaskEpochs):
            return self._transform_tasks(X, groups)
        if isinstance(X, dict):
            if not isinstance(groups, dict | None):
                raise TypeError(
                    "groups of a dict must be a dict from tasks to the groups of their "
                    f"epochs. Got {type(groups).__name__}."
                )
            groups = groups or {}
            unknown = sorted(set(groups) - set(X))
            if unknown:
                raise ValueError(
                    f"groups has entries for tasks that X lacks: {unknown}."
                )
            return {k: self.transform(part, groups.get(k)) for k, part in X.items()}
        if is_epochs(X):
            return self._transform_epochs(loaded(X), groups)
        signals = _data.read(self, X, reset=False)
        aligned = self._align(signals.data, groups)
        return aligned[:, 0] if signals.two_d else aligned

    def _transform_epochs(self, parts, groups):
        """Align Epochs; a list becomes one."""
        if any(isinstance(part, StoredEpochs) for part in parts):
            raise TypeError(
                "EuclideanAlignment needs epochs in memory. Got StoredEpochs; use "
                "epochs.to_epochs(), or align before write_store."
            )
        signals = _data.read(self, parts, reset=False)
        groups = metadata_column(parts, "subject") if groups is None else groups
        return joined(parts, self._align(signals.data, groups))

    def _transform_tasks(self, data, groups):
        known = data.tasks if groups is not None else data.grouped
        groups = data.groups if groups is None else np.asarray(groups)
        check_lengths(len(data), groups=groups)
        rows = {name: np.flatnonzero(data.task == name) for name in data.tasks}
        rows = {name: at for name, at in rows.items() if len(at)}
        aligned = {
            name: self.transform(data[name], groups[at] if name in known else None)
            for name, at in rows.items()
        }
        y, own = (
            {k: [text[len(k) + 1 :] for text in flat[at]] for k, at in rows.items()}
            for flat in (data.y, data.groups)
        )
        order = np.concatenate(list(rows.values()))
        found = MultiTaskEpochs(aligned, y, own)[np.argsort(order)]
        found.grouped = data.grouped
        return found

    def _align(self, data, groups):
        n = len(data)
        groups = np.zeros(n, dtype=int) if groups is None else np.asarray(groups)
        check_lengths(n, groups=groups)
        refuse_unknown(groups=groups)
        groups = _data.of_one_kind(groups)
        if self.n_fft is not None:
            owner = type(self).__name__
            check_number("n_fft", self.n_fft, owner, MIN_FFT, integer=True)
        aligned = np.empty(data.shape)
        for name in np.unique(groups):
            rows = np.flatnonzero(groups == name)
            epochs = np.asarray(data[rows], dtype=np.float64)
            if not epochs.any():
                raise ValueError(
                    f"All epochs of the group {str(name)!r} are zero; there is nothing "
                    "to align. Leave them out."
                )
            if self.n_fft is not None:
                epochs = self._flatten(epochs)
            covariance = self._reference(epochs @ epochs.mT / epochs.shape[-1])
            _refuse_lost(covariance, name)
            aligned[rows] = inverse_root(covariance) @ epochs
        return aligned

    def _flatten(self, epochs):
        """Filter each channel by the inverse of its mean spectrum."""
        n_times = epochs.shape[-1]
        n_fft = min(self.n_fft, n_times)
        _, power = welch(epochs, nperseg=n_fft)  # (n_epochs, n_channels, n_freqs)
        power[..., 0] = power[..., 1]  # welch takes means away
        power = self._reference(power)
        floor = FLOOR * power.max(-1, keepdims=True)
        gains = 1 / np.sqrt(power + np.where(floor > 0, floor, np.inf))
        at = np.fft.rfftfreq(n_times) * n_fft
        below = np.minimum(at.astype(int), gains.shape[-1] - 2)
        share = np.minimum(at - below, 1)
        gains = (1 - share) * gains[..., below] + share * gains[..., below + 1]
        return np.fft.irfft(np.fft.rfft(epochs) * gains, n_times)

    def _reference(self, statistics):
        """Return their mean, or for each epoch the mean up to it; same dimensions."""
        if not self.online:
            return statistics.mean(0, keepdims=True)
        counts = np.arange(1, len(statistics) + 1).reshape(-1, 1, 1)
        return np.cumsum(statistics, axis=0) / counts


def _refuse_lost(covariance, group):
    """Refuse channels that would be taken for empty beside others."""
    power = np.diagonal(covariance, axis1=-2, axis2=-1)
    lost = (power > 0) & (power < SMALLEST * power.max(-1, keepdims=True))
    if lost.any():
        channels = np.flatnonzero(lost.any(0)).tolist()
        raise ValueError(
            f"The channels {channels} (counted from 0) of the group {str(group)!r} are "
            "so small beside others that alignment would erase them. Pick channels of "
            "one kind and unit first, for example with epochs.pick('eeg'), or drop "
            "them."
        )


def inverse_root(matrix):
    """Return the inverse square root of symmetric matrices, zero where they are.

    Parameters
    ----------
    matrix : ndarray, shape (..., n, n)
        Symmetric, with no negative eigenvalue.

    Returns
    -------
    root : ndarray, shape (..., n, n)
        Symmetric.
    """
    values, vectors = np.linalg.eigh(matrix)
    there = values > RANK_TOLERANCE * values.max(-1, keepdims=True)
    scale = np.where(there, 1 / np.sqrt(np.where(there, values, 1)), 0)
    return (vectors * scale[..., None, :]) @ vectors.mT
