"""Kernels and the whole network on an NVIDIA card, beside other implementations.

First every implementation that runs on the card is compared with the float64 reference,
gradients included; a wrong one ends the run. Then

- kernels: selective scan and causal convolution in both directions, GELU with average
  pooling, ours on each backend and, where ``mamba_ssm`` and ``causal_conv1d`` can be
  imported, two calls of theirs with flipped copies. GB/s counts each input, output and
  gradient once; beside it the share of what a copy on the same card reaches.
- network: inference and training step of the single-task network and of EEGNet-8,2, at
  the sizes of the paper's Tables 9 and 10, with peak memory; with ``--replay`` also as
  CUDA graphs, which shows what is lost to the host.

Needs torch, numpy and this package only; candidates that run out of memory are listed
as such. What does not fit into ``--minutes`` is left out and named.
"""

import argparse

import torch

from benchmarks.device import Deadline, Meter, describe
from benchmarks.gpu_check import SIZES, check
from benchmarks.gpu_kernels import bandwidth, kernels
from benchmarks.gpu_network import network

LENGTHS = [2000, 3000, 5000, 10000, 20000, 40000]
SMOKE = {
    "channels": [2],
    "lengths": [320],
    "batch": 2,
    "repeats": 1,
    "width": 16,
    "block": 0.0,
    "check_sizes": [(2, 5, 16)],
}


def parse(arguments):
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks gpu",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--channels", type=int, nargs="+", default=[1, 20])
    parser.add_argument("--lengths", type=int, nargs="+", default=LENGTHS)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument(
        "--precision",
        nargs="+",
        choices=("bfloat16", "float32"),
        default=["bfloat16", "float32"],
    )
    parser.add_argument(
        "--only", nargs="+", choices=("kernels", "network"), help="one part"
    )
    parser.add_argument("--minutes", type=float, default=9.0, help="no new size after")
    parser.add_argument(
        "--replay", action="store_true", help="the networks as CUDA graphs too"
    )
    parser.add_argument(
        "--smoke", action="store_true", help="tiny sizes on the CPU: does it run?"
    )
    parser.set_defaults(width=128, block=0.05, check_sizes=SIZES)
    options = parser.parse_args(arguments)
    if options.smoke and options.replay:
        parser.error("--replay needs a card, and --smoke runs without one.")
    if options.smoke:
        vars(options).update(SMOKE)
    options.only = options.only or ("kernels", "network")
    return options


def choose_device(smoke):
    if smoke:
        return torch.device("cpu")
    if not torch.cuda.is_available():
        raise SystemExit(
            "python -m benchmarks gpu needs an NVIDIA card and a torch built for CUDA; "
            f"torch {torch.__version__} finds no card here. With --smoke it runs tiny "
            "sizes on the CPU, to see that it works."
        )
    return torch.device("cuda", torch.cuda.current_device())


def main(arguments):
    options = parse(arguments)
    device = choose_device(options.smoke)
    results = {
        **describe(device),
        "command": " ".join(["python -m benchmarks gpu", *arguments]),
        "precision": options.precision,
    }
    versions = ", ".join(f"{name} {v}" for name, v in results["versions"].items())
    print(f"{results['card']['name']}; {versions}; {results['date']}")
    deadline = Deadline(options.minutes)
    results["check"] = check(device, options.precision, options.check_sizes)
    meter = Meter(device, options.repeats, options.block)
    if "kernels" in options.only:
        results["copy_GBps"] = bandwidth(meter, 2**12 if options.smoke else 2**30)
        results["kernels"] = kernels(meter, deadline, options, results["copy_GBps"])
    if "network" in options.only:
        results["network"] = network(meter, deadline, options)
    results["left_out"] = deadline.left_out
    return results
