"""Run one benchmark, print its table and write it as JSON."""

import argparse
import json
import platform
import re
from importlib import import_module
from pathlib import Path

import torch

BENCHMARKS = {
    "accuracy": "scores of our networks and others' on the same folds, with tests",
    "annotate": "speed of annotate_raw on a night of sleep",
    "choices": "how the defaults were chosen, by cross-validation",
    "compiled": "what the GPU kernels become for a card, without one",
    "gpu": "operators and the whole network on an NVIDIA card, beside others",
    "kernels": "speed of the operators against other implementations",
    "model": "inference of the whole network against others, over length",
    "precision": "losses in training with float32 and with bfloat16, over seeds",
    "train": "one training step of the whole network against others, over length",
    "steps": "where the time of a training pass goes",
    "store": "training from a store on disk: speed and memory",
}


def processor():
    """Return the processor's name and whether it has wide vectors."""
    text = Path("/proc/cpuinfo")
    text = text.read_text() if text.exists() else platform.processor()
    name = re.search(r"model name\s*: (.*)", text)
    name = name[1] if name else platform.machine()
    return f"{name}, {'AVX-512' if 'avx512f' in text else 'no AVX-512'}"


def main():
    """Parse the command line and run."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description=__doc__,
        epilog="; ".join(f"{name}: {what}" for name, what in BENCHMARKS.items()),
    )
    parser.add_argument("name", choices=BENCHMARKS)
    parser.add_argument("--out", type=Path, help="write the results as JSON here")
    options, rest = parser.parse_known_args()
    results = import_module(f"benchmarks.{options.name}").main(rest)
    if options.out:
        machine = {
            "processor": processor(),
            "threads": torch.get_num_threads(),
            "torch": torch.__version__,
            "python": platform.python_version(),
        }
        content = {"benchmark": options.name, "machine": machine, "results": results}
        options.out.parent.mkdir(parents=True, exist_ok=True)
        options.out.write_text(json.dumps(content, indent=2) + "\n")
        print(f"Written to {options.out}")


if __name__ == "__main__":
    main()
