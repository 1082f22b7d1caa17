"""Batches on their way to another device: the same ones, in order, one ahead."""

import itertools

import pytest
import torch

from mne_eegmamba.batches import prefetch as prefetch_file
from mne_eegmamba.batches.dataset import Batch
from mne_eegmamba.batches.prefetch import one_ahead, prefetch, send

CPU, META = torch.device("cpu"), torch.device("meta")


def batches(n=4):
    for i in range(n):
        x = torch.full((i + 1, 2, 300), float(i))
        targets = (torch.arange(i + 1), torch.ones(i + 1, dtype=torch.float64))
        yield Batch(x, "ab"[i % 2], x.shape[2]), targets


@pytest.mark.parametrize("n", range(5))
def test_order_is_kept(n):
    got = one_ahead(range(n), lambda i: -i, lambda sent: -sent)
    assert list(got) == list(range(n))


@pytest.mark.parametrize("n", [1, 2, 5])
def test_next_is_sent_before_one_is_given(n):
    events = []

    def note(kind):
        return lambda i: events.append((kind, i)) or i

    for i in one_ahead(range(n), note("sent"), note("received")):
        events.append(("given", i))
    place = {event: k for k, event in enumerate(events)}
    assert len(events) == len(place) == 3 * n
    for i, j in itertools.pairwise(range(n)):
        assert place["sent", i] < place["sent", j] < place["received", i]
        assert place["given", i] < place["received", j]
    for i in range(n - 2):  # not further ahead than one
        assert place["given", i] < place["sent", i + 2]


def test_on_a_cpu_batches_come_as_they_are():
    given = batches()
    assert prefetch(given, CPU) is given
    x = torch.ones(2)
    assert send(x, CPU) is x


def test_another_device_gets_all_of_a_batch():
    for (want, targets), (got, sent) in zip(
        batches(), prefetch(batches(), META), strict=True
    ):
        assert got.task == want.task
        for one, other in zip((want.x, *targets), (got.x, *sent), strict=True):
            assert other.device == META
            assert (other.shape, other.dtype) == (one.shape, one.dtype)


def test_all_passes_share_the_lane_of_a_card(monkeypatch):
    class Lane:
        def __init__(self, device):
            self.device = device
            lanes.append(self)

        def send(self, batch):
            return self, batch

        def receive(self, sent):
            assert sent[0] is self
            return self.device, sent[1]

    lanes, devices = [], [torch.device("cuda", i) for i in range(2)]
    monkeypatch.setattr(prefetch_file, "_Lane", Lane)
    prefetch_file._lane.cache_clear()
    try:
        for device in 2 * devices:
            want = [(device, i) for i in range(3)]
            assert list(prefetch(range(3), device)) == want
    finally:
        prefetch_file._lane.cache_clear()
    assert [lane.device for lane in lanes] == devices


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no NVIDIA card here")
def test_a_card_gets_the_same_batches():
    device = torch.device("cuda", 0)
    kept = list(prefetch(batches(50), device))
    for (want, targets), (got, sent) in zip(batches(50), kept, strict=True):
        assert got.task == want.task
        for one, other in zip((want.x, *targets), (got.x, *sent), strict=True):
            assert other.device == device
            assert torch.equal(one, other.cpu())


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no NVIDIA card here")
def test_a_card_gets_them_while_it_computes():
    device = torch.device("cuda", 0)
    large = torch.ones(4096, 4096, device=device)
    sums = []
    for got, _ in prefetch(batches(50), device):
        large = (large @ large).clamp(max=1)  # keeps the card behind the host
        sums.append(got.x.sum())
        del got  # its memory must not be reused before the sum
    want = [inputs.x.sum().item() for inputs, _ in batches(50)]
    assert torch.stack(sums).tolist() == pytest.approx(want)
