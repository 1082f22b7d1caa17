import numpy as np
import pytest
from sklearn.model_selection import LeaveOneGroupOut, PredefinedSplit

from mne_eegmamba.datasets.about import NAMES, data_set
from mne_eegmamba.evaluation import PaperFolds, paper_fold

SIZES = {  # subjects of each fold, counted in Table 7
    "siena": [3, 3, 3, 2, 2],
    "chbmit": [5, 5, 5, 4, 3],  # chb21 is chb01
    "sleep_edf": [4, 4, 4, 4, 4],
    "deap": [6, 6, 6, 7, 7],
    "seed": [3, 3, 3, 3, 3],
    "shu": [5, 5, 5, 5, 5],
    "bci_iv_2a": [2, 2, 2, 2, 1],
}


def subjects_of(name):
    return [subject for fold in data_set(name).ABOUT.folds for subject in fold]


@pytest.mark.parametrize("name", SIZES)
def test_each_subject_is_tested_once(name):
    folds = paper_fold(name, subjects_of(name))
    assert np.bincount(folds).tolist() == SIZES[name]
    assert len(set(subjects_of(name))) == sum(SIZES[name])


def test_ranges_of_shhs():
    subjects = ["200010", "201021", "201023", "202956", "204047", "204781", "205789"]
    assert paper_fold("shhs", subjects).tolist() == [0, 0, 1, 1, 2, 3, 4]


def test_subjects_that_the_paper_does_not_use():
    assert paper_fold("siena", ["PN10", "PN00"]).tolist() == [-1, 0]


def test_patient_recorded_twice_is_one_subject():
    assert "chb21" not in subjects_of("chbmit")


def test_as_groups_of_scikit_learn():
    subjects = np.repeat(subjects_of("shu"), 3)
    groups = paper_fold("shu", subjects)
    assert LeaveOneGroupOut().get_n_splits(groups=groups) == 5
    for train, test in PredefinedSplit(groups).split():
        assert not set(subjects[train]) & set(subjects[test])


def make_groups(names):
    return np.array([f"{name}/{s}" for name in names for s in subjects_of(name)])


def test_all_tasks_at_once():
    groups = make_groups(SIZES)
    splits = list(PaperFolds().split(groups, groups=groups))
    assert len(splits) == 5
    assert PaperFolds().get_n_splits(groups=groups) == 5
    tested = np.concatenate([test for _, test in splits])
    assert sorted(tested) == list(range(len(groups)))
    for k, (train, test) in enumerate(splits):
        assert len(train) + len(test) == len(groups)
        assert not set(train) & set(test)
        for name, sizes in SIZES.items():
            assert sum(g.startswith(f"{name}/") for g in groups[test]) == sizes[k]


def test_tasks_of_another_name():
    groups = np.array([g.replace("shu", "hands") for g in make_groups(["shu"])])
    splits = list(PaperFolds({"hands": "shu"}).split(groups, groups=groups))
    assert [len(test) for _, test in splits] == SIZES["shu"]
    with pytest.raises(ValueError, match="'hands' is none of the paper's data sets"):
        list(PaperFolds().split(groups, groups=groups))


def test_folds_without_subjects_are_left_out():
    groups = np.array(
        ["deap/s01", "deap/s13", "deap/s14", "shu/sub-001", "shu/sub-025"]
    )
    splits = list(PaperFolds().split(groups, groups=groups))
    assert [test.tolist() for _, test in splits] == [[0, 3], [1, 2], [4]]
    assert PaperFolds().get_n_splits(groups=groups) == 3


def test_task_with_one_fold_only():
    groups = np.array(["deap/s01", "deap/s02", "shu/sub-001", "shu/sub-025"])
    with pytest.raises(ValueError, match=r"Fold 1 would test on \['deap'\] without"):
        list(PaperFolds().split(groups, groups=groups))


def test_subject_in_no_fold():
    with pytest.raises(ValueError, match=r"does not use the subjects \['PN10'\]"):
        list(PaperFolds().split([0], groups=np.array(["siena/PN10"])))


@pytest.mark.parametrize("groups", [None, [1, 2], [["deap/s01"]], ["s01"]])
def test_other_groups_are_refused(groups):
    groups = None if groups is None else np.array(groups)
    with pytest.raises(ValueError, match="groups"):
        list(PaperFolds().split([0, 1], groups=groups))


def test_every_data_set_has_folds():
    assert set(SIZES) | {"shhs"} == set(NAMES)
