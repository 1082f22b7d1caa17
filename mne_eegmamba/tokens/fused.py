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
    rows = weight.transpose(1, 2).flatten(0, 1)
    taps = linear(rows, spatial, backend=backend)
    taps = taps.view(len(weight), -1, kernel, n_channels).transpose(1, 2)
    composed = _shift(taps).sum(1).transpose(1, 2)
    return composed, bias + weight.sum(-1) @ spatial_bias


def _shift(x):
    """Move row i of the second dimension by i along the third, among zeros."""
    rows, length = x.shape[1:3]
    # rows one longer than they will be, laid end to end
    longer = F.pad(x, (0, 0, 0, rows)).flatten(1, 2)
    shape = rows, length + rows - 1
    return longer[:, : shape[0] * shape[1]].unflatten(1, shape)
