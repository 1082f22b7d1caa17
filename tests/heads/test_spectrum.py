"""The head of the spectrum against scipy's Welch estimate."""

import numpy as np
import pytest
import scipy.signal
import torch

from mne_eegmamba.heads.spectrum import (
    N_BINS,
    SpectrumHead,
    contrast,
    covariance,
    log_power,
    short_waves,
)


def signals(n=3, n_channels=2, n_times=500):
    generator = torch.Generator().manual_seed(0)
    return torch.randn(n, n_channels, n_times, generator=generator).double()


def log_spectrum(x):
    return log_power(short_waves(x)).flatten(1)


def mixing_head(n_channels, n_classes=3):
    """A head that was given mixtures and has an opinion."""
    generator = torch.Generator().manual_seed(1)
    head = SpectrumHead(n_channels, n_classes, dropout=0.5)
    for values in (head.mixing, head.head.weight.data):
        values.copy_(torch.randn(values.shape, generator=generator))
    return head


@pytest.mark.parametrize("n_times", [256, 289, 383, 384, 1001])
def test_spectrum_is_welchs(n_times):
    x = signals(n_times=n_times) + 5
    _, density = scipy.signal.welch(x.numpy(), fs=1.0, nperseg=256)
    power = density[..., 1:77] / 2  # scipy adds that of negative frequencies
    expected = np.log(power + 1e-6).reshape(3, -1)
    got = log_spectrum(x)
    assert got.shape == (3, 2 * N_BINS)
    np.testing.assert_allclose(got, expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        (torch.float64, torch.float64),
        (torch.float32, torch.float32),
        (torch.bfloat16, torch.float32),
    ],
)
def test_spectrum_is_float32_or_better(given, wanted):
    x = signals().to(given)
    got = log_spectrum(x)
    assert got.dtype == wanted
    torch.testing.assert_close(
        got.double(), log_spectrum(x.double()), atol=1e-4, rtol=0
    )


def test_a_flat_channel_has_a_spectrum():
    x = torch.full((2, 1, 300), 7.0, requires_grad=True)
    got = log_spectrum(x)
    torch.testing.assert_close(got, torch.full((2, N_BINS), np.log(1e-6)))
    (grad,) = torch.autograd.grad(got.sum(), x)
    assert torch.isfinite(grad).all()


def test_gradient():
    x = signals(1, 1, 256).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: log_spectrum(x)[:, ::25], x)


def test_contrast_is_the_difference_to_the_bins_around():
    spectrum = signals(2, 3, N_BINS)
    expected = np.empty(spectrum.shape)
    for at in range(N_BINS):
        around = spectrum[..., max(at - 4, 0) : at + 5]
        expected[..., at] = spectrum[..., at] - around.mean(-1)
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
    np.testing.assert_allclose(covariance(short_waves(mixed)), expected, rtol=1e-10)


def test_silence_has_no_covariance():
    assert not covariance(short_waves(torch.zeros(2, 3, 300))).any()


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("n_channels", [1, 5])
def test_it_sees_channels_and_mixtures_of_them(n_channels, training):
    head = mixing_head(n_channels).double().train(training)
    x = signals(3, n_channels, 389)
    plain, mixed = head.spectra(x).reshape(3, 2, n_channels, N_BINS).unbind(1)
    torch.testing.assert_close(plain, log_power(short_waves(x)))
    torch.testing.assert_close(mixed, contrast(log_power(short_waves(head.mixing @ x))))


def test_without_mixtures_nothing_stands_out():
    seen = SpectrumHead(2, 3, dropout=0.5).spectra(signals())
    assert seen[:, : 2 * N_BINS].all()
    torch.testing.assert_close(
        seen[:, 2 * N_BINS :], torch.zeros(3, 2 * N_BINS).double()
    )


def test_in_any_batch_the_same_bits():
    head = mixing_head(19).eval()
    x = signals(9, 19, 1001).float()
    together = head(x)
    alone = torch.cat([head(part) for part in x.split([1, 2, 6])])
    assert torch.equal(together, alone)


def test_mixtures_are_no_coarser_under_autocast():
    head = mixing_head(3).train()
    x = signals(4, 3).float()
    with torch.autocast("cpu", torch.bfloat16):
        coarse = head.spectra(x)
    assert torch.equal(coarse, head.spectra(x))


def test_gradient_through_mixtures():
    head = mixing_head(2).double()
    x = signals(1, 2, 256).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: head.spectra(x)[:, ::25], x)


def test_head_has_no_opinion_at_first():
    head = SpectrumHead(2, 3, dropout=0.5).double()
    assert not head(signals()).any()


def test_head_learns_a_rhythm():
    head = SpectrumHead(2, 2, dropout=0.5).double()
    x, labels = signals(300), torch.arange(300) % 2
    times = torch.arange(500)
    x[labels == 1, 1] += torch.sin(2 * torch.pi * 26 / 256 * times)
    optimizer = torch.optim.AdamW(head.parameters(), lr=5e-4)
    for _ in range(100):
        loss = torch.nn.functional.cross_entropy(head(x[:200]), labels[:200])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert (head.eval()(x[200:]).argmax(1) == labels[200:]).double().mean() > 0.7
    strongest = head.head.weight[1].reshape(4, N_BINS).argmax()
    assert abs(strongest - (N_BINS + 26 - 1)) <= 1  # a Hann window spreads it so far


def test_mixtures_show_a_rhythm_that_noise_of_all_channels_hides():
    x, labels = signals(300, 4), torch.arange(300) % 2
    x += 10 * signals(300, 1)  # a reference
    x[:, 1] += 1.5 * torch.sin(
        2 * torch.pi * (20 + 6 * labels[:, None]) / 256 * torch.arange(500)
    )
    common = torch.eye(4).double() + 100
    found = []
    for mixing in (torch.zeros(4, 4), torch.linalg.inv(torch.linalg.cholesky(common))):
        head = SpectrumHead(4, 2, dropout=0.5).double()
        head.mixing.copy_(mixing)
        optimizer = torch.optim.AdamW(head.parameters(), lr=5e-4)
        for _ in range(100):
            loss = torch.nn.functional.cross_entropy(head(x[:200]), labels[:200])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        right = head.eval()(x[200:]).argmax(1) == labels[200:]
        found.append(right.double().mean())
    assert found[0] < 0.8 < 0.95 < found[1]


def test_a_batch_of_one_is_normalised_by_what_was_seen():
    head = SpectrumHead(2, 3, dropout=0.0).double()
    with torch.no_grad():
        head.head.weight.normal_()
    x = signals(1)
    in_training = head.train()(x)
    assert head.norm.num_batches_tracked == 0
    torch.testing.assert_close(head.eval()(x), in_training)
