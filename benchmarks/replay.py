"""What a function does on a card, recorded once and replayed as a CUDA graph."""

import torch

WARM_UP = 3  # calls that compile kernels and make plans, which cannot be recorded


def replayed(run):
    """Return a function that replays what another one launches.

    The host then starts one graph instead of one operation after the other. Tensors
    stay where they were when it was recorded, at the first call.
    """
    recorded = []

    def replay():
        if not recorded:
            recorded.append(_record(run))
        recorded[0].replay()

    return replay


def _record(run):
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for _ in range(WARM_UP):
            run()
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        run()
    return graph
