"""Batches on their way to a GPU while it still works on the batch before."""

import dataclasses
import functools

import torch


def send(tensor, device):
    """Copy a tensor to a device without waiting for what the device has to do.

    Parameters
    ----------
    tensor : Tensor
        Wherever it lies.
    device : torch.device
        Where it shall lie.

    Returns
    -------
    tensor : Tensor
        On the device; the same one if it lay there.
    """
    if device.type != "cuda" or tensor.is_cuda:
        return tensor.to(device)
    # From other memory than pinned one the copy would wait for the GPU.
    return tensor.pin_memory().to(device, non_blocking=True)


def send_batch(batch, device):
    """Copy a batch to a device.

    Parameters
    ----------
    batch : tuple
        ``(Batch, targets)``, as a dataset gives it.
    device : torch.device
        Where it shall lie.

    Returns
    -------
    batch : tuple
        The same on the device.
    """
    inputs, targets = batch
    inputs = dataclasses.replace(inputs, x=send(inputs.x, device))
    return inputs, tuple(send(tensor, device) for tensor in targets)


def prefetch(batches, device):
    """Give batches on a device; a GPU is sent the next one while it computes.

    Parameters
    ----------
    batches : iterable of tuple
        ``(Batch, targets)`` on the CPU; of a sampler, one batch more is drawn than was
        given, until the last.
    device : torch.device
        Where they are needed. On a CPU they are given as they come.

    Returns
    -------
    batches : iterable of tuple
        The same on the device.
    """
    if device.type == "cpu":
        return batches
    if device.type != "cuda":
        return (send_batch(batch, device) for batch in batches)
    lane = _lane(device)
    return one_ahead(batches, lane.send, lane.receive)


def one_ahead(batches, send, receive):
    """Send each batch before the one before it is given.

    Parameters
    ----------
    batches : iterable
        What to send.
    send : callable
        Starts to send a batch.
    receive : callable
        Turns what ``send`` returned into the batch.

    Yields
    ------
    batch : object
        From ``receive``, in order.
    """
    under_way = []
    for batch in batches:
        under_way.append(send(batch))
        if len(under_way) == 2:
            yield receive(under_way.pop(0))
    for sent in under_way:
        yield receive(sent)


@functools.cache
def _lane(device):
    """Return the one lane to a device: memory of a stream is for that stream only."""
    return _Lane(device)


class _Lane:
    """A stream of copies beside the stream in which the GPU computes."""

    def __init__(self, device):
        self.device = device
        self.stream = torch.cuda.Stream(device)

    def send(self, batch):
        with torch.cuda.stream(self.stream):
            return send_batch(batch, self.device), self.stream.record_event()

    def receive(self, sent):
        (inputs, targets), arrived = sent
        computing = torch.cuda.current_stream(self.device)
        computing.wait_event(arrived)  # the GPU waits, the host does not
        for tensor in (inputs.x, *targets):
            tensor.record_stream(computing)  # no new batch takes its memory too early
        return inputs, targets
