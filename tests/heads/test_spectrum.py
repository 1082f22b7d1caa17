"""The head of the spectrum against scipy's Welch estimate."""

import numpy as np
import pytest
import scipy.signal
import torch

from mne_eegmamba.heads.spectrum import N_BINS, SpectrumHead, log_power, short_waves


def signals(n=3, n_channels=2, n_times=500):
    generator = torch.Generator().manual_seed(0)
    return torch.randn(n, n_channels, n_times, generator=generator).double()


def log_spectrum(x):
    return log_power(short_waves(x)).flatten(1)


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
    strongest = head.head.weight[1].reshape(2, N_BINS).argmax()
    assert abs(strongest - (N_BINS + 26 - 1)) <= 1  # a Hann window spreads it so far


def test_a_batch_of_one_is_normalised_by_what_was_seen():
    head = SpectrumHead(2, 3, dropout=0.0).double()
    with torch.no_grad():
        head.head.weight.normal_()
    x = signals(1)
    in_training = head.train()(x)
    assert head.norm.num_batches_tracked == 0
    torch.testing.assert_close(head.eval()(x), in_training)
