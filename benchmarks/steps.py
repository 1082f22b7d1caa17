"""Where the time of a training pass goes: our kernels, the optimiser, data, the rest.

One pass over the training part of the demo data, by the estimator with its defaults;
the rest is torch's elementwise operators, autograd and Python.
"""

import argparse
import time
from collections import defaultdict
from contextlib import contextmanager

import torch

from mne_eegmamba import EEGMambaClassifier, MultiTaskEEGMamba, load_demo
from mne_eegmamba.ops.conv import numba_conv
from mne_eegmamba.ops.dense import numba_dense
from mne_eegmamba.ops.scan import numba_scan

PARTS = {
    ("product_loops", "multiply"): "products: results and gradients of inputs",
    ("product_loops", "correlate"): "products: gradients of weights",
    ("scan_forward", "forward"): "scan, forward",
    ("scan_backward", "backward"): "scan, backward",
    ("conv_loops", "forward"): "depthwise convolution, forward",
    ("conv_loops", "backward"): "depthwise convolution, backward",
}


@contextmanager
def watched(seconds):
    """Add the seconds of kernels and of the optimiser to a dict."""
    modules = (numba_conv, numba_dense, numba_scan)
    before = [module.run for module in modules]
    step = torch.optim.AdamW.step

    def timed(name, function, *arguments):
        start = time.perf_counter()
        result = function(*arguments)
        seconds[name] += time.perf_counter() - start
        return result

    def run(kernel, *structures):
        where = kernel.__module__.rpartition(".")[2], kernel.__name__
        timed(PARTS[where], before[0], kernel, *structures)

    def step_without_closure(optimizer, closure):
        # skorch hands over forward and backward as a closure
        loss = closure()
        timed("optimiser", step, optimizer)
        return loss

    for module in modules:
        module.run = run
    torch.optim.AdamW.step = step_without_closure
    try:
        yield
    finally:
        torch.optim.AdamW.step = step
        for module, function in zip(modules, before, strict=True):
            module.run = function


def main(arguments):
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks steps", description=__doc__
    )
    parser.add_argument("--joint", action="store_true", help="all five tasks, one net")
    options = parser.parse_args(arguments)
    epochs = load_demo() if options.joint else load_demo("scp")
    train = {task: part["split == 'train'"] for task, part in epochs.items()}
    kind = MultiTaskEEGMamba if options.joint else EEGMambaClassifier
    data = train if options.joint else train["scp"]
    settings = {"max_epochs": 3, "random_state": 0, "verbose": "error"}
    kind(**settings).fit(data)  # compiles, and warms up
    seconds = defaultdict(float)
    with watched(seconds):
        clf = kind(**settings).fit(data)
    history = clf.history_
    total = history["seconds"].sum()
    seconds["waiting for data"] = (history["waiting"] * history["seconds"]).sum()
    seconds["elementwise operators, autograd, Python"] = total - sum(seconds.values())
    rows = []
    print(f"{kind.__name__}, {torch.get_num_threads()} threads, mean of 3 passes")
    for name, value in sorted(seconds.items(), key=lambda item: -item[1]):
        rows.append({"part": name, "ms": 1e3 * value / 3, "share": value / total})
        print(f"{name:<44}{rows[-1]['ms']:>9.0f} ms{rows[-1]['share']:>8.1%}")
    print(f"{'one pass':<44}{1e3 * total / 3:>9.0f} ms")
    return rows
