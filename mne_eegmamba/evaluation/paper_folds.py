"""The paper's five folds of subjects, the same for every data set (Table 7)."""

import numpy as np
from sklearn.model_selection import BaseCrossValidator
from sklearn.utils.validation import check_consistent_length

from mne_eegmamba.datasets.about import NAMES, data_set
from mne_eegmamba.evaluation.folds import split_groups

N_FOLDS = 5


def paper_fold(name, subjects):
    """Return which of the paper's folds tests each subject.

    With `LeaveOneGroupOut` or `PredefinedSplit` of scikit-learn these are the folds of
    one data set.

    Parameters
    ----------
    name : str
        Data set, as in `mne_eegmamba.datasets`.
    subjects : array-like of str, shape (n_epochs,)
        Subject of each epoch, as in ``metadata``.

    Returns
    -------
    folds : ndarray of int, shape (n_epochs,)
        0 to 4, and -1 for subjects that the paper does not use.

    References
    ----------
    Gui et al., arXiv 2407.20254, Table 7.

    Examples
    --------
    >>> from mne_eegmamba.evaluation import paper_fold
    >>> paper_fold("siena", ["PN00", "PN17", "PN10"]).tolist()
    [0, 4, -1]
    """
    module = data_set(name)
    subjects = np.asarray(subjects, dtype=str)
    folds = module.ABOUT.folds or module.paper_folds(np.unique(subjects).tolist())
    known = {subject: k for k, part in enumerate(folds) for subject in part}
    return np.array([known.get(str(subject), -1) for subject in subjects], dtype=int)


class PaperFolds(BaseCrossValidator):
    """Cut the data sets of the paper into its five folds of subjects.

    Every fold tests on the paper's subjects of all data sets at once. A fold none of
    whose subjects is there is left out.

    Parameters
    ----------
    data_sets : dict of {str: str} | None, default=None
        Which data set each task is; None means that tasks are called like theirs.

    Raises
    ------
    ValueError
        In ``split``, if groups are not ``"task/subject"``, a task is no data set of the
        paper, a subject is in none of its folds, or a fold would test a task that it
        does not train on.

    References
    ----------
    Gui et al., arXiv 2407.20254, Table 7.

    Examples
    --------
    >>> import numpy as np
    >>> from mne_eegmamba.evaluation import PaperFolds
    >>> subjects = ["shu/sub-001", "shu/sub-006", "bci_iv_2a/A01", "bci_iv_2a/A04"]
    >>> groups = np.array(subjects)
    >>> for train, test in PaperFolds().split(groups, groups=groups):
    ...     print(groups[test])
    ['shu/sub-001' 'bci_iv_2a/A01']
    ['shu/sub-006' 'bci_iv_2a/A04']
    """

    __metadata_request__split = {"groups": True}

    def __init__(self, data_sets=None):
        self.data_sets = data_sets

    def get_n_splits(self, X=None, y=None, groups=None):
        """Return the number of folds.

        Parameters
        ----------
        X, y : object
            Not used.
        groups : array-like of str, shape (n_epochs,) | None, default=None
            As in ``split``; None means that all subjects are there.

        Returns
        -------
        n_splits : int
            Folds.
        """
        return N_FOLDS if groups is None else len(np.unique(self._folds(groups)))

    def split(self, X, y=None, groups=None):
        """Give training and test indices of each fold.

        Parameters
        ----------
        X : MultiTaskEpochs | array-like
            Anything with a length.
        y : object
            Not used.
        groups : array-like of str, shape (n_epochs,)
            ``"task/subject"`` of each epoch.

        Yields
        ------
        train, test : ndarray of int
            Indices.

        Raises
        ------
        ValueError
            As the class says.
        """
        folds, tasks = self._folds(groups), split_groups(groups)[0]
        check_consistent_length(X, groups)
        for fold in np.unique(folds):
            train, test = np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)
            missing = np.setdiff1d(tasks[test], tasks[train]).tolist()
            if missing:
                raise ValueError(
                    f"Fold {fold + 1} would test on {missing} without training "
                    "on it: all of its subjects are in this fold. Add subjects of "
                    "other folds, or leave the task out."
                )
            yield train, test

    def _folds(self, groups):
        """Return the fold of each epoch."""
        tasks, subjects = split_groups(groups)
        folds = np.empty(len(tasks), dtype=int)
        for task in np.unique(tasks):
            at = tasks == task
            name = (self.data_sets or {}).get(str(task), str(task))
            if name not in NAMES:
                raise ValueError(
                    f"Task {str(task)!r} is none of the paper's data sets {list(NAMES)}"
                    "; say which it is with data_sets={'task': 'name'}."
                )
            folds[at] = paper_fold(name, subjects[at])
            unused = np.unique(subjects[at][folds[at] < 0]).tolist()
            if unused:
                raise ValueError(
                    f"The paper does not use the subjects {unused} of {name}; leave "
                    "them out, for example with load(..., subjects=[...])."
                )
        return folds

    def _iter_test_indices(self, X=None, y=None, groups=None):
        for _, test in self.split(X, y, groups):
            yield test
