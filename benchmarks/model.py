"""The whole network: seconds and peak memory over the length of an epoch.

Candidates: EEGMamba of this package; the same network as it is drawn ("literal": scan
of mambapy, convolutions not composed, all experts computed), which must give the same
logits; EEGNet, EEGConformer and AttnSleep of braindecode. All run in one process, in
turns, with random numbers as epochs. The paper's Tables 9 and 10 have the same lengths.
"""

import argparse
import os

import torch
import torch.nn.functional as F

from benchmarks.literal import Literal
from benchmarks.others import networks
from benchmarks.timing import ALLOCATOR, growth, interleaved, peak_memory
from mne_eegmamba.models import EEGMamba, EEGMambaConfig

LENGTHS = [2000, 3000, 5000, 6000, 10000, 20000, 40000]
OURS = "EEGMamba (ours)"
TASK = "a"


def parse(arguments, name, repeats, others_up_to):
    parser = argparse.ArgumentParser(
        prog=f"python -m benchmarks {name}", description=__doc__
    )
    parser.add_argument("--channels", type=int, nargs="+", default=[1, 20])
    parser.add_argument("--lengths", type=int, nargs="+", default=LENGTHS)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--repeats", type=int, default=repeats)
    parser.add_argument(
        "--literal-up-to", type=int, default=6000, help="its memory limits its length"
    )
    parser.add_argument(
        "--others-up-to",
        type=int,
        default=others_up_to,
        help="for those with attention",
    )
    parser.add_argument(
        "--experts", type=int, default=0, help="more than 0: the multi-task network"
    )
    parser.add_argument(
        "--checkpointing", action="store_true", help="ours: activation_checkpointing"
    )
    return parser.parse_args(arguments)


def candidates(n_channels, length, options):
    """Return networks by name, and say which are left out and why."""
    config = EEGMambaConfig(
        {TASK: n_channels},
        {TASK: 2},
        n_experts=options.experts,
        top_k=2,
        activation_checkpointing=options.checkpointing,
    )
    torch.manual_seed(0)
    ours = EEGMamba(config)
    found = {OURS: lambda x: ours(x, TASK)}
    modules = {OURS: ours}
    if length <= options.literal_up_to:
        literal = Literal(ours)
        modules["literal"], found["literal"] = literal, lambda x: literal(x, TASK)
    if not options.experts:
        others, reasons = networks(n_channels, length)
        for name, network in others.items():
            if name == "EEGNet" or length <= options.others_up_to:
                modules[name], found[name] = network, network
        for name, reason in reasons.items():
            print(f"  without {name}: {reason}")
    return found, modules


def check(found, modules, x):
    """Let ours and the literal network agree before any is timed."""
    if "literal" in found:
        for module in modules.values():
            module.eval()
        with torch.no_grad():
            torch.testing.assert_close(
                found[OURS](x[:2]), found["literal"](x[:2]), rtol=1e-3, atol=1e-4
            )


def inference(function, module, x):
    def run():
        module.eval()
        with torch.inference_mode():
            function(x)

    return run


def training_step(function, module, x):
    optimizer = torch.optim.AdamW(module.parameters(), lr=1e-4, fused=True)
    labels = torch.arange(len(x)) % 2

    def run():
        module.train()
        loss = F.cross_entropy(function(x), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    return run


def measure(options, make):
    if "MALLOC_TRIM_THRESHOLD_" not in os.environ:
        print(f"Allocator not tuned; start with: env {ALLOCATOR} python -m benchmarks")
    rows = []
    for n_channels in options.channels:
        for length in options.lengths:
            x = torch.randn(options.batch, n_channels, length)
            found, modules = candidates(n_channels, length, options)
            check(found, modules, x)
            functions = {name: make(found[name], modules[name], x) for name in found}
            seconds = interleaved(functions, options.repeats)
            for name, function in functions.items():
                rows.append(
                    {
                        "channels": n_channels,
                        "length": length,
                        "candidate": name,
                        "ms": 1e3 * seconds[name],
                        "ours_is": seconds[name] / seconds[OURS],
                        "peak_MB": peak_memory(function),
                    }
                )
                show(rows[-1])
    exponents(rows)
    return rows


def show(row):
    print(
        f"{row['channels']:>3} channels {row['length']:>6} samples  "
        f"{row['candidate']:<17}{row['ms']:>10.1f} ms  ours is {row['ours_is']:>6.2f} x"
        f"{row['peak_MB']:>9.0f} MB",
        flush=True,
    )


def exponents(rows):
    """Print how time grows with length, over the lengths that each was given."""
    for n_channels, name in sorted({(r["channels"], r["candidate"]) for r in rows}):
        own = [r for r in rows if (r["channels"], r["candidate"]) == (n_channels, name)]
        power = growth([r["length"] for r in own], [r["ms"] for r in own])
        lengths = [r["length"] for r in own]
        print(
            f"{n_channels:>3} channels  {name:<17} time ~ length ** {power:.2f} "
            f"({min(lengths)} to {max(lengths)})"
        )


def main(arguments):
    options = parse(arguments, "model", repeats=7, others_up_to=20000)
    print(f"Inference, batch {options.batch}, {torch.get_num_threads()} threads")
    return measure(options, inference)
