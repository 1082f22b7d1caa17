"""Training steps recorded as CUDA graphs: the host starts each as a whole."""

import threading
from collections import Counter

import torch

BEFORE = 3  # runs before a recording: they compile kernels and make plans


class Recording:
    """What a function launches on a card, recorded without running it.

    Parameters
    ----------
    function : callable
        Takes tensors and returns a tuple of tensors; ran on such tensors before.
    inputs : sequence of Tensor
        Of the shapes and dtypes that will come.
    stream : torch.cuda.Stream
        In which to record.
    pool : tuple | None, default=None
        Memory, as ``torch.cuda.graph_pool_handle`` gives it, shared with recordings
        that are never replayed at once.
    """

    def __init__(self, function, inputs, stream, pool=None):
        self._inputs = [tensor.clone() for tensor in inputs]
        self._graph = torch.cuda.CUDAGraph()
        # other threads may go on using the card meanwhile
        with torch.cuda.graph(self._graph, pool, stream, "thread_local"):
            self._outputs = function(*self._inputs)

    def __call__(self, *inputs):
        """Run it on other inputs; the results are the caller's to keep."""
        for place, tensor in zip(self._inputs, inputs, strict=True):
            place.copy_(tensor)
        self._graph.replay()
        return tuple(output.clone() for output in self._outputs)


class Replays:
    """Loss and gradients of batches; of batches that come often, by recordings.

    Parameters
    ----------
    learn : callable
        Takes task, epochs and targets, returns a tuple of tensors, and leaves gradients
        in parameters that have none. What it returns has no history of autograd: one
        that is alive would tie the recording to another stream.
    parameters : sequence of torch.nn.Parameter
        Those of the network.
    device : torch.device
        The card.
    """

    def __init__(self, learn, parameters, device):
        self._learn = learn
        self._parameters = list(parameters)
        self._stream = torch.cuda.Stream(device)
        self._pool = torch.cuda.graph_pool_handle()
        self._met = Counter()
        self._recorded = {}

    def __call__(self, task, x, targets):
        """Learn from a batch.

        Parameters
        ----------
        task : str
            Its task.
        x : Tensor, shape (batch, n_channels, n_times)
            Epochs.
        targets : Tensor, shape (batch, n_classes)
            Their targets.

        Returns
        -------
        outputs : tuple of Tensor
            What ``learn`` returns.

        Raises
        ------
        RuntimeError
            If the step cannot be recorded.
        """
        # a recording is of these places in memory, and of what was trained then
        places = [p.data_ptr() if p.requires_grad else None for p in self._parameters]
        kind = task, x.shape, tuple(places)
        if kind not in self._recorded:
            if self._met[kind] < BEFORE:
                self._met[kind] += 1
                return self._learn(task, x, targets)
            self._recorded[kind] = self._record(task, x, targets)
        recording, gradients = self._recorded[kind]
        outputs = recording(x, targets)
        for parameter, gradient in zip(self._parameters, gradients, strict=True):
            parameter.grad = gradient  # None for the other tasks' parameters
        return outputs

    def _record(self, task, x, targets):
        def learn(x, targets):
            return self._learn(task, x, targets)

        try:
            recording = Recording(learn, (x, targets), self._stream, self._pool)
        except torch.OutOfMemoryError:
            raise
        except RuntimeError as error:
            raise RuntimeError(
                f"A training step of {len(x)} epochs cannot be recorded as a CUDA "
                f"graph: {str(error).splitlines()[0]} Set cuda_graphs=False."
            ) from error
        return recording, [parameter.grad for parameter in self._parameters]


def can_record(device):
    """Return whether training steps can be recorded on a device, from this thread.

    Parameters
    ----------
    device : torch.device
        Where to train.

    Returns
    -------
    can : bool
        On cards, and in the main thread: fits in several threads share the generator
        of random numbers, and a recording has it to itself.
    """
    main = threading.current_thread() is threading.main_thread()
    return device.type == "cuda" and main
