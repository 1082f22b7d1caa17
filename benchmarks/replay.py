"""What a function does on a card, recorded once and replayed as a CUDA graph."""

import torch

from mne_eegmamba.training.graphs import BEFORE, Recording


def replayed(run):
    """Return a function that replays what another one launches.

    The host then starts one graph instead of one operation after the other. Tensors
    stay where they were when it was recorded, at the first call.
    """
    recorded = []

    def nothing_returned():
        run()
        return ()

    def replay():
        if not recorded:
            for _ in range(BEFORE):
                run()
            stream = torch.cuda.Stream()
            recorded.append(Recording(nothing_returned, (), stream))
        recorded[0]()

    return replay
