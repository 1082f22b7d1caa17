"""Inference and training step of the whole network on a card, beside EEGNet."""

import functools

import torch
import torch.nn.functional as F

from benchmarks.eegnet import EEGNet
from benchmarks.replay import replayed
from mne_eegmamba.models import EEGMamba, EEGMambaConfig

TASK = "a"
OURS, THEIRS = "EEGMamba", "EEGNet"
REPLAYED = ", replayed"


def network(meter, deadline, options):
    """Print and return a row per part, size, network and precision."""
    rows = []
    for part, run in (("inference", inference), ("training step", training_step)):
        for n_channels in options.channels:
            for length in options.lengths:
                what = f"{part}, {n_channels} channels, {length} samples"
                if not deadline.passed(what):
                    found = measure(meter, run, n_channels, length, options)
                    size = {"channels": n_channels, "length": length}
                    rows += [{"part": part, **size, **row} for row in found]
                    show(what, found)
    return rows


def measure(meter, run, n_channels, length, options):
    """Return a row per network and precision."""
    device = meter.device
    modules = networks(n_channels, length, options.width, device)
    x = torch.randn(options.batch, n_channels, length, device=device)
    labels = torch.arange(options.batch, device=device) % 2
    functions = {}
    for precision in options.precision:
        for name, (module, function) in modules.items():
            half = under(precision, device, function)
            functions[name, "", precision] = run(module, half, x, labels)
            if options.replay:
                step = replayed(run(module, half, x, labels))
                functions[name, REPLAYED, precision] = step
    found = meter.compare(functions)
    rows = []
    for (name, how, precision), row in found.items():
        row |= {"network": name + how, "precision": precision, "batch": options.batch}
        if how:
            row.pop("peak_MiB", None)  # what a graph keeps for itself is not seen
        other = found[THEIRS, how, precision].get("ms")
        if name == OURS and "ms" in row and other:
            row["times_as_fast_as_EEGNet"] = other / row["ms"]
        rows.append(row)
    return rows


def networks(n_channels, length, width, device):
    """Return modules by name, each with the function from epochs to logits."""
    torch.manual_seed(0)
    config = EEGMambaConfig({TASK: n_channels}, {TASK: 2}, d_model=width)
    ours = EEGMamba(config).to(device)
    theirs = EEGNet(n_channels, length).to(device)
    return {OURS: (ours, functools.partial(ours, task=TASK)), THEIRS: (theirs, theirs)}


def under(precision, device, function):
    half = precision == "bfloat16"

    def run(x):
        with torch.autocast(device.type, torch.bfloat16, enabled=half):
            return function(x)

    return run


def inference(module, function, x, labels):
    def run():
        module.eval()
        with torch.inference_mode():
            function(x)

    return run


def training_step(module, function, x, labels):
    optimizer = torch.optim.AdamW(module.parameters(), lr=1e-4, fused=True)
    (group,) = optimizer.param_groups

    def run():
        module.train()
        loss = F.cross_entropy(function(x).float(), labels)
        optimizer.zero_grad()
        loss.backward()
        group["capturable"] = x.is_cuda and torch.cuda.is_current_stream_capturing()
        optimizer.step()

    return run


def show(what, rows):
    print(what)
    for row in rows:
        text = row.get("failed")
        if "ms" in row:
            text = f"{row['ms']:>10.2f} ms{1e3 / row['ms']:>9.1f}/s"
            text += f"{row['peak_MiB']:>9.0f} MiB" if "peak_MiB" in row else " " * 13
        if "times_as_fast_as_EEGNet" in row:
            text += f"{row['times_as_fast_as_EEGNet']:>8.2f} x as fast as {THEIRS}"
        print(f"  {row['network']:<20}{row['precision']:<10}{text}", flush=True)
