"""What braindecode's windows look like, for machines without braindecode."""

import mne
import numpy as np
import pandas as pd


class Recording:
    """Windows of one recording: items ``(x, y, ind)``, and where they were cut from."""

    def __init__(self, raw, starts, size, targets, description=None):
        self.raw = raw
        self.size = size
        self.description = description or {}
        self.transform = None
        self.metadata = pd.DataFrame(
            {
                "i_window_in_trial": np.arange(len(starts)),
                "i_start_in_trial": starts,
                "i_stop_in_trial": np.asarray(starts) + size,
                "target": targets,
            }
        )

    def __len__(self):
        return len(self.metadata)

    def __getitem__(self, index):
        number, start, stop, target = self.metadata.iloc[index]
        x = self.raw.get_data(start=start, stop=stop).astype("float32")
        x = x if self.transform is None else self.transform(x)
        return x, target, [number, start, stop]


class Windows:
    """Windows of several recordings behind one index, and their metadata."""

    def __init__(self, datasets):
        self.datasets = datasets

    def __len__(self):
        return sum(map(len, self.datasets))

    def __getitem__(self, index):
        for part in self.datasets:
            if index < len(part):
                return part[index]
            index -= len(part)
        raise IndexError(index)

    def get_metadata(self):
        return pd.concat(
            [part.metadata.assign(**part.description) for part in self.datasets]
        )


def make_windows(n_recordings=3, n_windows=8, names=("C3", "Cz", "C4"), unit=1e-6):
    """Return windows of simulated recordings; target 3 has the larger samples."""
    rng = np.random.default_rng(0)
    size, parts = 300, []
    for number in range(n_recordings):
        targets = np.where(np.arange(n_windows) % 2, 3, 7)
        data = rng.standard_normal((len(names), n_windows * size))
        data *= np.repeat(np.where(targets == 3, 4.0, 1.0), size) * unit
        info = mne.create_info(list(names), 100.0, "eeg", verbose="error")
        raw = mne.io.RawArray(data, info, verbose="error")
        starts = np.arange(n_windows) * size
        parts.append(Recording(raw, starts, size, targets, {"subject": f"s{number}"}))
    return Windows(parts)
