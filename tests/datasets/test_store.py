import json
import subprocess
import sys

import numpy as np
import pytest

from mne_eegmamba.datasets import open_store, store, store_report, write_store
from tests.datasets.noise import CH_NAMES, N_TIMES, noise, read_noise

NAMES = [f"rec.{number}" for number in range(4)]


def contents(folder):
    """Return the bytes of all samples and the arrays beside them."""
    found = {}
    for file in sorted(folder.iterdir()):
        if file.suffix == ".npz":
            with np.load(file) as arrays:
                found |= {(file.name, k): arrays[k].tolist() for k in arrays.files}
        else:
            found[file.name] = file.read_bytes()
    return found


def same_but_for_keys(first, second):
    """Compare stores made of different copies of the files."""
    drop = [{k: v for k, v in c.items() if k[1] != "key"} for c in (first, second)]
    return drop[0] == drop[1]


def test_samples_are_off_by_half_a_step_at_most(write):
    epochs = write()
    data = epochs.get_data()
    true = np.concatenate([noise(name)[0] for name in NAMES])
    step = np.abs(true).max(-1, keepdims=True) / np.iinfo(np.int16).max
    assert data.dtype == np.float32
    assert (np.abs(data - true) <= 0.5001 * step + 1e-12).all()
    assert not data[0, 1].any()


def test_everything_else_is_kept(write, recordings):
    epochs = write()
    assert epochs.shape == (24, 3, N_TIMES)
    assert epochs.ch_names == CH_NAMES
    assert epochs.sfreq == 200.0
    assert epochs.event_id == {"rest": 1, "task": 2}
    assert epochs.y.tolist() == ["rest", "task"] * 12
    assert epochs.groups.tolist() == ["s0"] * 12 + ["s1"] * 12
    for name, part in epochs.metadata.groupby("recording"):
        recording = recordings[NAMES.index(name)]
        assert set(part["session"]) == {recording.session}
        assert part["onset"].tolist() == [0.0, 2.0, 4.0, 6.0, 8.0, 10.0]


def test_samples_map_into_memory(write, tmp_path):
    epochs = write()
    mapped = np.load(tmp_path / "store" / "rec.1.npy", mmap_mode="r")
    steps = np.load(tmp_path / "store" / "rec.1.npz")["step"]
    np.testing.assert_array_equal(mapped * steps[..., None], epochs[6:12].get_data())


def test_a_second_run_makes_only_what_is_missing(write, recordings, tmp_path):
    first = write(recordings[:2])
    assert len(first) == 12
    seen = []

    def read(recording):
        seen.append(recording.name)
        return read_noise(recording)

    assert len(write(read=read)) == 24
    assert seen == NAMES[2:]
    recordings[1].signal.write_text("fine again")
    write(read=read)
    assert seen == [*NAMES[2:], "rec.1"]


def test_other_parameters_are_refused(write):
    write(parameters={"amplitude": 1e-5})
    with pytest.raises(ValueError, match=r"amplitude=1e-05, now 2e-05"):
        write(parameters={"amplitude": 2e-5})


def test_another_data_set_is_refused(write, recordings, tmp_path):
    write()
    with pytest.raises(ValueError, match="name='noise', now 'other'"):
        write_store(tmp_path / "store", "other", recordings, read_noise, {})


def test_unreadable_recording_ends_it_and_nothing_is_lost(write, recordings):
    recordings[2].signal.write_text("broken")
    with pytest.raises(ValueError, match=r"rec\.2 cannot be used: the file is broken"):
        write()
    recordings[2].signal.write_text("fine")
    seen = []
    write(read=lambda r: (seen.append(r.name), read_noise(r))[1])
    assert "rec.0" not in seen
    assert "rec.2" in seen


@pytest.mark.parametrize(
    ("text", "reason"),
    [("broken", "the file is broken"), ("nan", "epoch 1, channel 2 .'C4'., sample 3")],
)
def test_unreadable_recording_is_reported(write, recordings, tmp_path, text, reason):
    recordings[2].signal.write_text(text)
    with pytest.warns(RuntimeWarning, match=rf"rec\.2 cannot be used: .*{reason}"):
        epochs = write(on_error="warn")
    assert len(epochs) == 18
    report = store_report(tmp_path / "store")
    assert report.index.tolist() == NAMES
    assert report["n_epochs"].tolist() == [6, 6, 0, 6]
    assert report["subject"].tolist() == ["s0", "s0", "s1", "s1"]
    assert report["reason"].str.contains(reason).tolist() == [0, 0, 1, 0]
    recordings[2].signal.write_text("fine")
    assert len(write()) == 24
    assert not store_report(tmp_path / "store")["reason"].any()


def test_missing_file_is_reported_by_name(write, recordings, tmp_path):
    recordings[1].signal.unlink()
    with pytest.raises(ValueError, match=r"rec\.1 cannot be used: .*No such file"):
        write()
    with pytest.warns(RuntimeWarning, match=r"rec\.1 cannot be used"):
        assert len(write(on_error="warn")) == 18


def test_recording_without_epochs_is_no_error_but_reported(write, recordings, tmp_path):
    recordings[0].signal.write_text("empty")
    assert len(write()) == 18
    report = store_report(tmp_path / "store")
    assert report.loc["rec.0", "reason"] == "nothing was scored"


def test_nothing_readable_says_so(write, recordings):
    for recording in recordings:
        recording.signal.write_text("empty")
    with pytest.raises(FileNotFoundError, match="holds no recordings"):
        write()


def test_interrupted_run_leaves_nothing_half_done(write, recordings, tmp_path):
    recordings[2].signal.write_text("interrupt")
    with pytest.raises(KeyboardInterrupt):
        write()
    assert len(open_store(tmp_path / "store")) == 12
    recordings[2].signal.write_text("fine")
    assert len(write()) == 24


def test_interrupt_while_writing_leaves_no_part(write, tmp_path, monkeypatch):
    def stop(file, *args, **kwargs):
        file.write(b"half")
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(np, "savez", stop)
        with pytest.raises(KeyboardInterrupt):
            write()
    left = sorted(file.name for file in (tmp_path / "store").iterdir())
    assert left == ["rec.0.npy", "store.json"]
    assert len(write()) == 24


def test_error_of_the_disk_is_not_taken_for_a_bad_recording(write, monkeypatch):
    def full(*args):
        raise OSError("no space left")

    monkeypatch.setattr(store, "write_shard", full)
    with pytest.raises(OSError, match="no space left"):
        write(on_error="warn")


def test_several_workers_write_the_same(write, recordings, tmp_path):
    write(n_jobs=2)
    other = tmp_path / "other"
    write_store(other, "noise", recordings, read_noise, {})
    assert contents(tmp_path / "store") == contents(other)


def test_two_runs_at_once_write_the_same(tmp_path, recordings):
    script = (
        "import sys; from pathlib import Path\n"
        "from mne_eegmamba.datasets import write_store\n"
        "from tests.datasets.noise import make_recordings, read_noise\n"
        "out = Path(sys.argv[1])\n"
        "files = make_recordings(out.parent)\n"
        "for _ in range(3): write_store(out, 'noise', files, read_noise, {})\n"
    )
    out = tmp_path / "store"
    runs = [
        subprocess.Popen([sys.executable, "-W", "error", "-c", script, str(out)])
        for _ in range(2)
    ]
    assert [run.wait() for run in runs] == [0, 0]
    write_store(tmp_path / "other", "noise", recordings, read_noise, {})
    assert same_but_for_keys(contents(out), contents(tmp_path / "other"))


def test_shortened_samples_are_noticed(write, tmp_path):
    write()
    file = tmp_path / "store" / "rec.3.npy"
    file.write_bytes(file.read_bytes()[:-2])
    with pytest.raises(ValueError, match=r"rec\.3\.npy is damaged: it has \d+ bytes"):
        open_store(tmp_path / "store")


def test_changed_samples_are_noticed_where_asked(write, tmp_path):
    write()
    file = tmp_path / "store" / "rec.3.npy"
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)
    open_store(tmp_path / "store")
    with pytest.raises(ValueError, match=r"rec\.3\.npy is damaged: its checksum"):
        open_store(tmp_path / "store", verify=True)


def test_undamaged_store_passes(write, tmp_path):
    write()
    assert len(open_store(tmp_path / "store", verify=True)) == 24


def test_recordings_must_share_channels(write, recordings):
    recordings[1].signal.write_text("other channels")
    with pytest.raises(ValueError, match=r"share their channels.*rec\.0.*rec\.1"):
        write()


def test_no_store(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"is no store: store\.json is missing"):
        open_store(tmp_path)


def test_later_format(write, tmp_path):
    write()
    file = tmp_path / "store" / "store.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "format": 99}))
    with pytest.raises(ValueError, match="format 99.*Install a newer one"):
        open_store(tmp_path / "store")


def test_on_error_takes_two_words(write):
    with pytest.raises(ValueError, match='must be "raise" or "warn". Got \'skip\''):
        write(on_error="skip")
