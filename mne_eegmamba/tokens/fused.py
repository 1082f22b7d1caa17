"""Spatial and first tokenizer convolution composed into one: exact, and cheaper.

Nothing stands between the two, so their composition is one convolution from the
channels to the width; the full-rate ``(batch, d_model, n_times)`` tensor never exists.
"""

import torch
import torch.nn.functional as F


def compose(spatial_weight, spatial_bias, weight, bias):
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

    Returns
    -------
    weight : Tensor, shape (d_out, n_channels, kernel + kernel_2 - 1)
        The one convolution that does both.
    bias : Tensor, shape (d_out,)
        Its bias.
    """
    last = spatial_weight.shape[-1] - 1
    taps = [
        F.pad(torch.einsum("odk,dc->ock", weight, spatial), (i, last - i))
        for i, spatial in enumerate(spatial_weight.unbind(-1))
    ]
    return sum(taps), bias + weight.sum(-1) @ spatial_bias
