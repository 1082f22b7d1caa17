"""What the trials of parameters look at, and that the command runs."""

import json

import numpy as np
import pytest
from sklearn.model_selection import GroupKFold

from benchmarks import choices
from mne_eegmamba import EEGMambaClassifier, MultiTaskEEGMamba, load_demo


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Ten subjects with noise."""
    folder = tmp_path_factory.mktemp("sets") / "noise"
    folder.mkdir()
    for number in range(10):
        X = np.random.default_rng(number).standard_normal((4, 2, 300))
        names = ["C3", "C4"]
        file = folder / f"s{number}.npz"
        np.savez(file, X=X, y=[0, 1, 0, 1], sfreq=200.0, ch_names=names)
    return folder


@pytest.fixture(scope="module")
def joined(folder):
    parts = [choices.folder_part(folder, "space"), choices.demo_part("scp")]
    return choices.joined(parts)


def test_the_test_parts_of_the_accuracy_benchmark_are_not_looked_at(joined):
    data, cv = joined
    own = data[data.task == "noise"]
    outer = list(GroupKFold(5).split(own.y, own.y, own.groups))[::2]
    for (train, test), (_, kept_out) in zip(cv, outer, strict=True):
        seen = np.concatenate([data.groups[train], data.groups[test]])
        assert not set(seen) & set(own.groups[kept_out])
    n_training = len(load_demo("scp")["scp"]["split == 'train'"])
    assert np.sum(data.task == "scp") == n_training


def test_folds_hold_out_subjects_and_each_training_epoch_of_a_demo_set_once(joined):
    data, cv = joined
    folder = data.task == "noise"
    for train, test in cv:
        assert not set(data.groups[train][folder[train]]) & set(
            data.groups[test][folder[test]]
        )
        assert {"noise", "scp"} == set(data.task[train]) == set(data.task[test])
    tested = np.concatenate([test[~folder[test]] for _, test in cv])
    assert np.array_equal(np.sort(tested), np.flatnonzero(~folder))


def test_the_first_row_is_the_defaults_and_each_other_one_changes_them():
    for changes, kind in (
        (choices.CHANGES, EEGMambaClassifier),
        (choices.JOINT_CHANGES, MultiTaskEEGMamba),
    ):
        defaults = kind().get_params()
        first, *others = changes.values()
        assert first == {}
        for change in others:
            assert len(change) == 1
            assert all(defaults[name] != value for name, value in change.items())


def test_the_command_prints_and_keeps_a_row_per_choice(folder, tmp_path, capsys):
    command = ["--data", str(folder), "--max-epochs", "1", "--jobs", "1"]
    wanted = ["--candidates", "one network each", "jointly"]
    kept = ["--joint", "--keep", str(tmp_path)]
    found = choices.main([*command, *wanted, *kept])
    printed = capsys.readouterr().out
    assert "3 folds inside training parts, 1 passes, seeds [0]" in printed
    assert [row["candidate"] for row in found["table"]] == wanted[1:]
    for row in found["table"]:
        assert f"{row['mean']:.3f}" in printed
    json.dumps(found)
    assert len(list(tmp_path.iterdir())) == 2


def test_unknown_choices_and_missing_data_are_refused(capsys):
    with pytest.raises(SystemExit, match="takes some of"):
        choices.main(["--demo", "eyes", "--candidates", "more magic"])
    with pytest.raises(SystemExit):
        choices.main([])
    assert "--data or --demo must name sets" in capsys.readouterr().err
