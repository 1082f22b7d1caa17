"""The head of the contrast against scipy's spectra."""

import numpy as np
import pytest
import scipy.signal
import torch
from sklearn.linear_model import LogisticRegression

from mne_eegmamba.heads.contrast import ContrastHead, contrast, covariance
from mne_eegmamba.heads.spectrum import N_BINS, log_power, short_waves


def signals(n=3, n_channels=2, n_times=500, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(n, n_channels, n_times, generator=generator).double()


def mixing_head(n_channels, n_classes=3):
    """A head that was given mixtures and has an opinion."""
    generator = torch.Generator().manual_seed(1)
    head = ContrastHead(n_channels, n_classes)
    for values in (head.mixing, head.weight):
        values.copy_(torch.randn(values.shape, generator=generator))
    return head


def test_contrast_is_the_difference_to_the_bins_around():
    spectrum = signals(2, 3, N_BINS)
    expected = np.empty(spectrum.shape)
    for at in range(N_BINS):
        around = spectrum[..., max(at - 4, 0) : at + 5]
        expected[..., at] = (spectrum[..., at] - around.mean(-1)).numpy()
    np.testing.assert_allclose(contrast(spectrum), expected, atol=1e-12)


def test_no_slope_has_a_contrast():
    slope = torch.arange(float(N_BINS)).expand(1, 2, -1) * 0.5 + 3
    torch.testing.assert_close(contrast(slope)[..., 4:-4], torch.zeros(1, 2, 68))


def test_covariance_is_the_sum_of_cross_spectra():
    x = signals(3, 4, 700) + 5
    mixed = x.cumsum(1)
    _, density = scipy.signal.csd(
        mixed.numpy()[:, :, None], mixed.numpy()[:, None], fs=1.0, nperseg=256
    )
    expected = density[..., 1:77].real.sum(-1)
    expected /= np.trace(expected, axis1=1, axis2=2)[:, None, None] / 4
    np.testing.assert_allclose(covariance(mixed), expected, rtol=1e-10)


def test_silence_has_no_covariance():
    assert not covariance(torch.zeros(2, 3, 300)).any()


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("n_channels", [1, 5])
def test_it_sees_mixtures_of_the_channels(n_channels, training):
    head = mixing_head(n_channels).double().train(training)
    x = signals(3, n_channels, 389)
    expected = contrast(log_power(short_waves(head.mixing @ x)))
    torch.testing.assert_close(head.features(x), expected.flatten(1))


def test_without_mixtures_nothing_stands_out():
    seen = ContrastHead(2, 3).features(signals())
    torch.testing.assert_close(seen, torch.zeros(3, 2 * N_BINS).double())


def test_in_any_batch_the_same_bits():
    head = mixing_head(19).eval()
    x = signals(9, 19, 1001).float()
    together = head(x)
    alone = torch.cat([head(part) for part in x.split([1, 2, 6])])
    assert torch.equal(together, alone)


def test_predictions_mix_in_float64():
    head = mixing_head(2).eval()
    head.mixing.copy_(torch.tensor([[1e4, 1 - 1e4], [1.0, 0.0]]))
    x = signals(2, 1).float().expand(-1, 2, -1)  # the first mixture is the same again
    seen = head.features(x).unflatten(1, (2, -1))
    torch.testing.assert_close(seen[:, 0], seen[:, 1], rtol=1e-5, atol=1e-5)


def test_mixtures_are_no_coarser_under_autocast():
    head = mixing_head(3).train()
    x = signals(4, 3).float()
    with torch.autocast("cpu", torch.bfloat16):
        coarse = head.features(x)
    assert torch.equal(coarse, head.features(x))


def test_gradient_through_mixtures():
    head = mixing_head(2).double()
    x = signals(1, 2, 256).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: head.features(x)[:, ::25], x)


def test_mixtures_show_a_rhythm_that_noise_of_all_channels_hides():
    x, labels = signals(300, 4), np.arange(300) % 2
    x += 10 * signals(300, 1, seed=1)  # of the reference, say
    rates = torch.from_numpy(20 + 6 * labels[:, None]) / 256
    x[:, 1] += torch.sin(2 * torch.pi * rates * torch.arange(500))
    right = []
    for common in (0, 100):
        head = ContrastHead(4, 2).double()
        cov = np.eye(4) + common
        head.mixing.copy_(torch.from_numpy(np.linalg.inv(np.linalg.cholesky(cov))))
        model = LogisticRegression(C=1e-3).fit(head.features(x[:200]), labels[:200])
        right.append(model.score(head.features(x[200:]), labels[200:]))
    assert right[0] < 0.7 < 0.95 < right[1]
