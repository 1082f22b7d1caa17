"""Spatial and first tokenizer convolution composed into one: exact, and cheaper.

Nothing stands between the two, so their composition is one convolution from the
channels to the width; the full-rate ``(batch, d_model, n_times)`` tensor never exists.
"""

import torch.nn.functional as F

from mne_eegmamba.ops import linear


def compose(spatial_weight, spatial_bias, weight, bias, backend="auto"):
    """Compose a spatial convolution with the convolution that follows it.

    Parameters
    ----------
    spatial_weight : Tensor, shape (d_model, n_channels, kernel)
        First convolution, stride 1.
    spatial_bias : Tensor, shape (d_model,)
        Its bias.
    weight : Tensor, shape (d_out, d_model, kernel_2)
        Second convolution, any stride.
    bias : Tensor, shape (d_out,)
        Its bias.
    backend : str, default="auto"
        As in `mne_eegmamba.ops.linear`.

    Returns
    -------
    weight : Tensor, shape (d_out, n_channels, kernel + kernel_2 - 1)
        The one convolution that does both.
    bias : Tensor, shape (d_out,)
        Its bias.
    """
    _, n_channels, kernel = spatial_weight.shape
    spatial = spatial_weight.permute(2, 1, 0).flatten(0, 1)  # all taps in one product
    taps = linear(weight.transpose(1, 2), spatial, backend=backend)
    shifted = [
        F.pad(tap, (0, 0, i, kernel - 1 - i))
        for i, tap in enumerate(taps.split(n_channels, dim=-1))
    ]
    return sum(shifted).transpose(1, 2), bias + weight.sum(-1) @ spatial_bias
