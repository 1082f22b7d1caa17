"""Means, differences and tests out of the scores of `compare`."""

import numpy as np
import pandas as pd

from mne_eegmamba.evaluation.paired import corrected_t_test, holm, signed_rank_test
from mne_eegmamba.utils.validation import check_option

MEASURES = ("accuracy", "balanced_accuracy", "auroc", "macro_f1", "weighted_f1")


def comparison_table(scores, measure="balanced_accuracy", reference=None):
    """Summarise the scores of `compare`, each candidate beside a reference.

    Parameters
    ----------
    scores : pandas.DataFrame
        From `compare`.
    measure : str, default="balanced_accuracy"
        Out of the measures of `score_table`.
    reference : str | None, default=None
        Candidate that the others are held against; None takes the first.

    Returns
    -------
    table : pandas.DataFrame
        A row per task and candidate:

        ``mean``, ``std``, ``folds``
            Over folds, with n - 1.
        ``chance``
            Expected of guessing: 1 / classes, 0.5 for AUROC, for accuracy the share of
            the most frequent class in the test parts, and NaN for F1 scores, as theirs
            depends on the guess.
        ``difference``, ``low``, ``high``, ``p_folds``
            Mean over folds of candidate minus reference, its 95 % interval and p-value
            by the t test of Nadeau and Bengio, which allows for the overlap of training
            parts.
        ``subjects``, ``better``, ``p_subjects``
            Subjects, on how many of them the candidate is better than the reference,
            and the p-value of Wilcoxon's signed-rank test over subjects.
        ``p_holm``
            ``p_subjects``, or ``p_folds`` without subjects, corrected for the number of
            candidates of a task by Holm's method.
        ``seconds``
            Mean of a fit with its predictions.
        ``reason``
            Why there are no scores.

    Raises
    ------
    ValueError
        If there is no such measure or candidate.

    Notes
    -----
    Subjects of one fold share the network that was trained for it; the test over
    subjects takes them as independent, the one over folds does not.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.dummy import DummyClassifier
    >>> from mne_eegmamba import MultiTaskEpochs, TaskGroupKFold
    >>> from mne_eegmamba.evaluation import compare, comparison_table
    >>> X = {"a": np.zeros((8, 2, 300))}
    >>> data = MultiTaskEpochs(
    ...     X, {"a": ["x", "y"] * 4}, {"a": [1, 1, 2, 2, 3, 3, 4, 4]}
    ... )
    >>> candidates = {
    ...     "majority": DummyClassifier(),
    ...     "dice": DummyClassifier(strategy="uniform", random_state=0),
    ... }
    >>> table = comparison_table(compare(candidates, data, cv=TaskGroupKFold(4)))
    >>> table.loc[("a", "majority"), ["mean", "chance", "subjects"]].tolist()
    [0.5, 0.5, 4.0]
    """
    check_option("measure", measure, MEASURES, "comparison_table")
    names = scores["candidate"].unique().tolist()
    reference = names[0] if reference is None else reference
    check_option("reference", reference, names, "comparison_table")
    parts = [
        _of_task(part, measure, reference)
        for _, part in scores.groupby("task", sort=False)
    ]
    return pd.concat(parts)


def _of_task(scores, measure, reference):
    """Return the rows of one task."""
    against = _Scores(scores[scores["candidate"] == reference], measure)
    rows = {}
    for name, part in scores.groupby("candidate", sort=False):
        task = part["task"].iloc[0]
        own = _Scores(part, measure)
        rows[task, name] = own.summary()
        if name != reference:
            rows[task, name] |= own.minus(against)
    table = pd.DataFrame.from_dict(rows, orient="index", columns=COLUMNS)
    table = table.astype({"folds": int, "subjects": int, "better": "Int64"})
    tests = table["p_subjects"].where(table["subjects"] > 0, table["p_folds"])
    table["p_holm"] = holm(tests.to_numpy(dtype=float))
    return table.rename_axis(["task", "candidate"])


COLUMNS = [
    *("mean", "std", "folds", "chance", "difference", "low", "high", "p_folds"),
    *("subjects", "better", "p_subjects", "p_holm", "seconds", "reason"),
]


class _Scores:
    """One candidate's scores on one task."""

    def __init__(self, rows, measure):
        scored = rows[rows["reason"].isna()]
        whole = scored["subject"].isna()
        self.rows, self.measure = rows, measure
        self.of_folds = scored[whole].set_index("fold")
        self.folds = self.of_folds[measure].dropna()
        # Repeated folds test a subject several times.
        self.subjects = scored[~whole].groupby("subject")[measure].mean().dropna()

    def summary(self):
        """Return what needs no reference."""
        reasons = self.rows["reason"].dropna().unique()
        return {
            "mean": self.folds.mean(),
            "std": self.folds.std(),
            "folds": len(self.folds),
            "chance": self._chance(),
            "subjects": len(self.subjects),
            "seconds": self.of_folds["seconds"].mean(),
            "reason": "; ".join(reasons) or None,
        }

    def _chance(self):
        if self.measure == "auroc":
            return 0.5 if len(self.folds) else np.nan
        if self.measure == "accuracy":
            return self.of_folds["majority_rate"].mean()
        if self.measure.endswith("_f1"):
            return np.nan  # it depends on the classes' shares and on the guess
        return (1 / self.of_folds["n_classes"]).mean()

    def minus(self, other):
        """Return how this candidate differs from another."""
        over_folds = (self.folds - other.folds).dropna()
        over_subjects = (self.subjects - other.subjects).dropna()
        ratio = (self.of_folds["n_epochs"] / self.of_folds["n_train"]).mean()
        mean, low, high, p = corrected_t_test(over_folds, ratio)
        return {
            "difference": mean,
            "low": low,
            "high": high,
            "p_folds": p,
            "better": (over_subjects.round(12) > 0).sum()
            if len(over_subjects)
            else np.nan,
            "p_subjects": signed_rank_test(over_subjects),
        }
