"""The head of the waveform: means over windows, and solutions taken over."""

import numpy as np
import pytest
import torch

from mne_eegmamba.heads.waveform import N_WINDOWS, WaveformHead


def signals(n=3, n_channels=2, n_times=500):
    generator = torch.Generator().manual_seed(0)
    return torch.randn(n, n_channels, n_times, generator=generator).double()


def solution(seed):
    rng = np.random.default_rng(seed)
    return rng.standard_normal((3, 64)), rng.standard_normal(3)


def means(x):
    return WaveformHead(x.shape[1], 2).features(x)


def test_means_are_those_of_equal_windows():
    x = signals(n_times=320)
    expected = x.numpy().reshape(3, 2 * N_WINDOWS, 10).mean(-1)
    np.testing.assert_allclose(means(x), expected, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("n_times", [289, 500, 1001])
def test_windows_cover_any_length(n_times):
    x = signals(n_times=n_times)
    edges = np.arange(N_WINDOWS + 1) * n_times / N_WINDOWS
    first, last = np.floor(edges[:-1]), np.ceil(edges[1:])
    expected = [
        x[..., int(a) : int(b)].mean(-1) for a, b in zip(first, last, strict=True)
    ]
    expected = torch.stack(expected, -1).flatten(1)
    torch.testing.assert_close(means(x), expected)


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        (torch.float64, torch.float64),
        (torch.float32, torch.float32),
        (torch.bfloat16, torch.float32),
    ],
)
def test_means_are_float32_or_better(given, wanted):
    assert means(signals().to(given)).dtype == wanted


def test_head_says_nothing_at_first():
    assert not WaveformHead(2, 3)(signals()).any()


def test_head_is_the_solution():
    head, (weight, bias) = WaveformHead(2, 3).double(), solution(0)
    head.learn(weight, bias, 10.0)
    x = signals()
    expected = means(x).numpy() @ weight.T + bias
    np.testing.assert_allclose(head(x), expected, rtol=1e-12)


def test_a_further_solution_is_averaged_by_its_epochs():
    head = WaveformHead(2, 3).double()
    for seed, mass in enumerate((10.0, 30.0, 60.0)):
        head.learn(*solution(seed), mass)
    solutions = zip(*map(solution, range(3)), strict=True)
    expected = (np.average(part, axis=0, weights=[1, 3, 6]) for part in solutions)
    for got, mean in zip((head.weight, head.bias), expected, strict=True):
        np.testing.assert_allclose(got, mean, rtol=1e-12)
    assert head.mass == 100


def test_the_same_solution_again_changes_no_bit():
    head = WaveformHead(2, 3)
    head.learn(*solution(0), 10.0)
    before = head.weight.clone()
    head.learn(*solution(0), 7.0)
    assert torch.equal(head.weight, before)
