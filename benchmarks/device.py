"""Times and peak memory on a GPU (or, to try a benchmark out, on a CPU)."""

import gc
import platform
import statistics
import time
from datetime import UTC, datetime
from importlib import import_module

import torch

MOST_CALLS = 200  # in one timed block


def describe(device):
    """Return what the figures depend on: card, versions, date."""
    card = {"name": "CPU, to try it out"}
    if device.type == "cuda":
        found = torch.cuda.get_device_properties(device)
        card = {
            "name": found.name,
            "GiB": round(found.total_memory / 2**30, 1),
            "multiprocessors": found.multi_processor_count,
            "capability": f"{found.major}.{found.minor}",
        }
    packages = ("triton", "mamba_ssm", "causal_conv1d")
    versions = {name: version(name) for name in packages}
    versions |= {"torch": torch.__version__, "CUDA": torch.version.cuda}
    if device.type == "cuda":
        versions["cuDNN"] = torch.backends.cudnn.version()
    return {
        "card": card,
        "versions": {**versions, "python": platform.python_version()},
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def version(package):
    """Return the version of a package, or why it cannot be imported."""
    try:
        module = import_module(package)
    except Exception as error:  # a package built for another torch fails in many ways
        return f"cannot be imported ({type(error).__name__})"
    return getattr(module, "__version__", "unknown")


class Deadline:
    """The time by which a run shall be over; what it leaves out is noted."""

    def __init__(self, minutes):
        self.end = time.perf_counter() + 60 * minutes
        self.left_out = []

    def passed(self, what):
        """Return whether the time is up; then ``what`` is left out."""
        over = time.perf_counter() > self.end
        if over:
            self.left_out.append(what)
            print(f"Left out for lack of time: {what}", flush=True)
        return over


class Meter:
    """Measure functions on a device.

    ``repeats`` timed blocks per function, in turns with the others, each of as many
    calls as last ``block`` seconds; a function is given ``limit`` seconds in all.
    """

    def __init__(self, device, repeats=7, block=0.05, limit=3.0):
        self.device = device
        self.repeats = repeats
        self.block = block
        self.limit = limit

    def compare(self, functions):
        """Return a dict per function: ``ms`` of a call and ``peak_MiB``, or ``failed``.

        The peak is that of all tensors during a call: inputs, weights and moments
        count, also those that the other candidates keep.
        """
        found, times, calls = {}, {}, {}
        for name, function in functions.items():
            found[name] = self._try(lambda function=function: self._first(function))
            if "seconds" in found[name]:
                times[name] = []
                once = max(found[name].pop("seconds"), 1e-9)
                calls[name] = min(MOST_CALLS, 1 + int(self.block / once))
        for _ in range(self.repeats):
            for name in list(times):
                if calls[name] * sum(times[name]) < self.limit:
                    got = self._try(
                        lambda name=name: self._block(functions[name], calls[name])
                    )
                    if "failed" in got:
                        found[name] = got
                        del times[name]
                    else:
                        times[name].append(got["seconds"])
        for name, seconds in times.items():
            found[name]["ms"] = 1e3 * statistics.median(seconds)
        return found

    def _try(self, function):
        try:
            return function()
        except torch.OutOfMemoryError:
            failed = "out of memory"
        except RuntimeError as error:  # a candidate that cannot run this size
            failed = str(error).splitlines()[0][:120]
        gc.collect()
        if self.device.type == "cuda":
            torch.cuda.empty_cache()
        return {"failed": failed}

    def _first(self, function):
        """Compile and warm up, then note time and memory of one call."""
        for _ in range(2):
            function()
        self._wait()
        if self.device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(self.device)
        found = self._block(function, 1)
        if self.device.type == "cuda":
            peak = torch.cuda.max_memory_allocated(self.device)
            found["peak_MiB"] = peak / 2**20
        return found

    def _block(self, function, calls):
        self._wait()
        start = time.perf_counter()
        for _ in range(calls):
            function()
        self._wait()
        return {"seconds": (time.perf_counter() - start) / calls}

    def _wait(self):
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)
