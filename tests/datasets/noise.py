"""A data set that exists for tests only: each file says how to make its signal."""

import mne
import numpy as np

from mne_eegmamba.datasets.recordings import NoEpochs, Recording, epochs_from_array

CLASSES = {"rest": 1, "task": 2}
CH_NAMES = ["C3", "Cz", "C4"]
N_TIMES = 400


def make_recordings(folder):
    """Write the files of four recordings of two subjects."""
    found = []
    for number in range(4):
        file = folder / f"rec.{number}.txt"
        file.write_text("fine")
        name, subject = f"rec.{number}", f"s{number // 2}"
        found.append(Recording(name, subject, str(number % 2), file))
    return found


def read_noise(recording, *, amplitude=20e-6, n_epochs=6):
    """Return noise that the recording's name decides, louder at "task"."""
    text = recording.signal.read_text()
    if text == "broken":
        raise OSError("the file is broken")
    if text == "empty":
        raise NoEpochs("nothing was scored")
    if text == "interrupt":
        raise KeyboardInterrupt
    data, codes = noise(recording.name, amplitude, n_epochs)
    if text == "nan":
        data[1, 2, 3] = np.nan
    names = CH_NAMES[::-1] if text == "other channels" else CH_NAMES
    info = mne.create_info(names, 200.0, "eeg", verbose="error")
    samples = np.arange(n_epochs) * N_TIMES
    return epochs_from_array(data, info, samples, codes, CLASSES, recording)


def noise(name, amplitude=20e-6, n_epochs=6):
    """Return the signal in volts and the codes of a recording."""
    rng = np.random.default_rng(int(name.removeprefix("rec.")))
    codes = np.arange(n_epochs) % 2 + 1
    data = rng.standard_normal((n_epochs, 3, N_TIMES)) * amplitude
    data[0, 1] = 0
    data[2, 0, 7] = 0.03  # an electrode that came off
    return data * codes[:, None, None], codes
