"""Scores and folds for fitted estimators."""

from mne_eegmamba.utils import lazy as _lazy

__getattr__, __dir__, __all__ = _lazy.attach(
    __name__,
    submod_attrs={
        "comparison": ["CannotTake", "Jointly", "compare"],
        "cross_validation": ["evaluate"],
        "folds": ["TaskGroupKFold"],
        "metrics": ["score_table"],
        "paper_folds": ["PaperFolds", "paper_fold"],
        "report": ["report"],
        "summary": ["comparison_table"],
    },
)
