"""Run one benchmark, print its table and write it as JSON."""

import argparse
import json
import platform
from importlib import import_module
from pathlib import Path

import torch

BENCHMARKS = {
    "choices": "how the defaults were chosen, by cross-validation",
    "kernels": "speed of the operators against other implementations",
    "model": "inference of the whole network against others, over length",
    "train": "one training step of the whole network against others, over length",
    "subjects": "accuracy on new subjects, folds grouped by subject",
}


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
            "processor": platform.processor() or platform.machine(),
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
