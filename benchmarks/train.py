"""One training step of the whole network; otherwise as the benchmark ``model``."""

import torch

from benchmarks.model import measure, parse, training_step


def main(arguments):
    options = parse(arguments, "train", repeats=5, others_up_to=10000)
    print(f"Training step, batch {options.batch}, {torch.get_num_threads()} threads")
    return measure(options, training_step)
