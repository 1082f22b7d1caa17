"""A head for each task that is solved: it sees which frequencies stand out."""

import torch
import torch.nn.functional as F

from mne_eegmamba.heads.solved import SolvedHead
from mne_eegmamba.heads.spectrum import N_BINS, log_power, short_waves

NEIGHBOURS = 4  # bins on each side that a frequency is held against


class ContrastHead(SolvedHead):
    """Classify the contrast of the spectra of decorrelated channels, linearly.

    Frequencies that evoke an answer stand out of what is common to the channels and
    falls off smoothly, which is what people differ in. As long as the estimators have
    not solved how to mix the channels, nothing stands out.
    """

    def __init__(self, n_channels, n_classes):
        super().__init__(n_channels * N_BINS, n_classes)
        self.register_buffer("mixing", torch.zeros(n_channels, n_channels))

    def features(self, x):
        """Return the contrast of the spectra of mixtures of the channels.

        Parameters
        ----------
        x : Tensor, shape (batch, n_channels, n_times)
            Epochs.

        Returns
        -------
        features : Tensor, shape (batch, n_channels * N_BINS)
            In float32 or better.
        """
        waves = short_waves(x)
        dtype = waves.dtype if self.training else torch.float64  # as in `Head`
        with torch.autocast(x.device.type, enabled=False):
            mixed = self.mixing.to(dtype) @ waves.flatten(2).to(dtype)
        spectrum = log_power(mixed.reshape(waves.shape))
        return contrast(spectrum).to(waves.dtype).flatten(1)


def contrast(spectrum):
    """Hold each frequency against the mean of those around it.

    Parameters
    ----------
    spectrum : Tensor, shape (batch, n_channels, N_BINS)
        Log power.

    Returns
    -------
    difference : Tensor, shape (batch, n_channels, N_BINS)
        To the mean over nine bins, itself among them; over fewer at both ends.
    """
    around = F.avg_pool1d(
        spectrum, 2 * NEIGHBOURS + 1, 1, NEIGHBOURS, count_include_pad=False
    )
    return spectrum - around


def covariance(x):
    """Return the covariance of the channels within the band of the spectrum.

    Parameters
    ----------
    x : Tensor, shape (batch, n_channels, n_times)
        Epochs.

    Returns
    -------
    covariance : Tensor, shape (batch, n_channels, n_channels)
        Of each epoch, with a mean of 1 on the diagonal, in float64; zero for silence.
    """
    flat = short_waves(x).flatten(2).double()
    products = flat @ flat.mT
    power = products.diagonal(dim1=1, dim2=2).mean(-1)[:, None, None]
    return products / torch.where(power > 0, power, 1)
