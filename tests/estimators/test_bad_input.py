"""Bad data and parameters: one clear error, and the estimator as it was."""

import mne
import numpy as np
import pandas as pd
import pytest
import scipy.sparse
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GroupKFold

from mne_eegmamba import EEGMambaClassifier, MultiTaskEpochs

METHODS = ["predict", "predict_proba", "decision_function", "transform"]


def _put(X, value, at=(4, 2, 17)):
    X = X.copy()
    X[at] = value
    return X


def _objects(X):
    X = X.astype(object)
    X[3, 1, 5] = "high"
    return X


# What is wrong with X in fit and predict: the data, and what the error says.
BAD_ARRAYS = {
    "nan": (lambda X: _put(X, np.nan), "NaN: epoch 4, channel 2.* sample 17.*drop"),
    "inf": (lambda X: _put(X, np.inf), "infinity: epoch 4, channel 2"),
    "-inf": (lambda X: _put(X, -np.inf), "infinity: epoch 4, channel 2"),
    "nan in float32": (lambda X: _put(X.astype("f4"), np.nan), "epoch 4, channel 2"),
    "masked": (lambda X: np.ma.array(X, mask=X > 2), "masked samples.*drop"),
    "masked list": (lambda X: [np.ma.array(x, mask=x > 2) for x in X], "masked"),
    "no epochs": (lambda X: X[:0], r"0 sample|empty|0 epochs"),
    "no channels": (lambda X: X[:, :0], r"empty.*\(30, 0, 300\)|0 feature"),
    "no samples": (lambda X: X[:, :, :0], "empty|features|samples"),
    "one dimension": (lambda X: X[0, 0], "1D array"),
    "four dimensions": (
        lambda X: X[None],
        r"\(n_epochs, n_channels, n_times\).*4 dimensions",
    ),
    "a number": (lambda X: 3.0, "scalar"),
    "nothing": (lambda X: None, "scalar|None"),
    "text": (lambda X: X.astype(str), "numeric"),
    "objects": (_objects, "high|numeric|convert"),
    "complex": (lambda X: X + 1j, "Complex data not supported"),
    "sparse": (lambda X: scipy.sparse.csr_array(X[:, 0]), "[Ss]parse"),
    "ragged": (
        lambda X: [row[: 290 + i] for i, row in enumerate(X[:, 0])],
        r"equally long\. Got a list of 30 .* such as \(290,\) and \(291,\)",
    ),
    "ragged lists": (
        lambda X: [[row[: 290 + i].tolist()] for i, row in enumerate(X[:, 0])],
        r"equally long.* such as \(1, 290\) and \(1, 291\)",
    ),
    "with labels": (
        lambda X: (X, np.zeros(30)),
        r"Got a tuple of 2 arrays.*\(30, 3, 300\) and \(30,\); labels go into y",
    ),
    "dates": (lambda X: X.astype("M8[s]"), "numeric|real|datetime"),
    "empty list": (lambda X: [], "empty|1D|0 epochs"),
}


def _bads(epochs):
    epochs.info["bads"] = ["Cz"]
    return epochs


def _annotated(epochs):
    # The events stand at samples 0, 1, 2, ...: each epoch overlaps this.
    return epochs.set_annotations(
        mne.Annotations(onset=[0.0], duration=[1.0], description=["BAD_blink"])
    )


def _with(value):
    def put(epochs):
        epochs._data[5, 1, 20] = value
        return epochs

    return put


def _stim(epochs):
    return epochs.set_channel_types({"Pz": "stim"}, verbose="error")


def _mixed_rates(epochs):
    return [epochs, epochs.copy().resample(80.0, verbose="error")]


def _raw():
    info = mne.create_info(4, 100.0)
    return mne.io.RawArray(np.ones((4, 900)), info, verbose="error")


BAD_EPOCHS = {
    "nan": (_with(np.nan), r"NaN: epoch 5, channel 1 \('Cz'\), sample 20"),
    "inf": (_with(np.inf), r"infinity: epoch 5, channel 1 \('Cz'\)"),
    "bad channel": (_bads, r"marked bad: \['Cz'\].*interpolate_bads"),
    "bad annotation": (_annotated, "Epoch 0 .*'BAD_blink'.*reject_by_annotation"),
    "triggers": (_stim, r"trigger channels: \['Pz'\].*pick"),
    "all dropped": (
        lambda epochs: epochs.drop(range(48), verbose="error"),
        "0 epochs.*drop_log",
    ),
    "rates differ": (_mixed_rates, "share channels, sampling rate and length.*80.0"),
    "channels differ": (
        lambda epochs: [epochs, epochs.copy().drop_channels(["Pz"])],
        "share channels.*3 channels.*equalize_channels",
    ),
    "order differs": (
        lambda epochs: [epochs, epochs.copy().reorder_channels(epochs.ch_names[::-1])],
        "share channels",
    ),
    "lengths differ": (
        lambda epochs: [epochs, epochs.copy().crop(tmax=1.9)],
        "share.*length.*305",
    ),
    "Epochs and an array": (
        lambda epochs: [epochs, epochs.get_data(copy=True)],
        "a list of Epochs and something else",
    ),
    "an average": (lambda epochs: epochs.average(), "an average.*Give the epochs"),
    "a spectrum": (
        lambda epochs: epochs.compute_psd(fmax=40.0, verbose="error"),
        "a spectrum.*Give the epochs",
    ),
    "unbroken": (lambda epochs: _raw(), r"Got a continuous.*mne\.Epochs.*annotate_raw"),
    "unbroken, several": (lambda epochs: [_raw(), _raw()], "in a list a continuous"),
    "a path": (lambda epochs: "sub-01-epo.fif", r"a path.*mne\.read_epochs"),
}

# Words of an error about y, sample_weight or groups of `numbers`, 30 epochs.
BAD_LABELS = {
    "one class": ({"y": np.zeros(30, int)}, r"at least 2 classes.*1 class: \[0\]"),
    "no labels": ({"y": None}, "requires y"),
    "short y": ({"y": np.arange(29) % 3}, "30 epochs and 29 entries of y"),
    "two-dimensional y": ({"y": np.ones((30, 2), int)}, r"1d array.*\(30, 2\)"),
    "continuous y": ({"y": np.linspace(0, 1, 30)}, "continuous"),
    "nan in y": ({"y": np.where(np.arange(30) < 15, np.nan, 1.0)}, "NaN|nan"),
    "inf in y": ({"y": np.where(np.arange(30) < 15, np.inf, 1.0)}, "inf"),
    "short groups": (
        {"groups": np.zeros(29, int)},
        "30 epochs and 29 entries of groups",
    ),
    "groups with None": (
        {"groups": np.array(["s1", None, "s2"] * 10, object)},
        "groups, given or carried.*Missing for 10, such as epoch 1; fill",
    ),
    "groups of two kinds": (
        {"groups": np.array(["s1", 2, 3] * 10, object)},
        "all texts or all numbers. Got both, such as 's1' and 2;",
    ),
    "groups with NaN": ({"groups": np.r_[np.nan, np.ones(29)]}, "groups, .*epoch 0;"),
    "groups are a number": ({"groups": 5}, "groups"),
    "two-dimensional groups": ({"groups": np.ones((30, 2))}, "groups|1d"),
    "short weights": ({"sample_weight": np.ones(29)}, r"sample_weight.*\(29,\)"),
    "negative weights": ({"sample_weight": np.r_[-1.0, np.ones(29)]}, "[Nn]egative"),
    "nan in weights": ({"sample_weight": np.r_[np.nan, np.ones(29)]}, "NaN"),
    "no weights": ({"sample_weight": np.zeros(30)}, "[Ss]ample weights"),
    "one class has weight": (
        {"sample_weight": (np.arange(30) % 3 == 1).astype(float)},
        r"2 classes must be left for training.*\[1\]",
    ),
}

# Values that a parameter must refuse, and a word of the message.
BAD_PARAMETERS = {
    "d_model": [0, -4, 16.0, "16", None, True],
    "n_layers": [0, 1.5, None],
    "d_state": [0, 2.0],
    "d_conv": [0, "4"],
    "expand": [0, 1.5],
    "dropout": [-0.1, 1.1, "0.5", None, np.nan],
    "tokenizer_pool": ["mean", None],
    "tokenizer_norm": ["layer", False, 1],
    "class_token": ["last", None, 0],
    "pooling": ["max", None],
    "spectrum": [1, None, "yes"],
    "waveform": [0, None, "yes"],
    "contrast": [0, None, "yes"],
    "final_norm": ["batch", False],
    "input_scale": ["epoch", False, 1.0],
    "max_epochs": [0, 2.0, None],
    "batch_size": [0, -1, 8.0],
    "lr": [0, -1e-3, "fast", np.nan, np.inf],
    "weight_decay": [-1, None, np.inf],
    "decay_all": [1, None, "yes"],
    "schedule": ["step", None],
    "warmup": [-0.1, 1.5, None],
    "clip_norm": [0, -1.0, "1"],
    "label_smoothing": [-0.1, 1.1, None],
    "mixup": [-0.1, None, np.inf, "0.4"],
    "time_shift": [-0.1, 1.1, None],
    "class_weight": [
        "balance",
        [1, 2, 3],
        2.0,
        {7: 1.0},
        {0: -1.0, 1: 1.0, 2: 1.0},
        {0: np.nan, 1: 1.0, 2: 1.0},
        {0: "a", 1: 1.0, 2: 1.0},
        {0: 0.0, 1: 0.0, 2: 0.0},
    ],
    "validation": [0.0, -0.2, 0.95, 1.0, 1, True, "fold", [], object()],
    "early_stopping": [0, 1.5, True, "yes"],
    "variable_length": [1, None],
    "warm_start": [0, "yes"],
    "activation_checkpointing": [1, None],
    "cuda_graphs": [1, None],
    "callbacks": [5, ["x"], "abc", [("name",)], [int]],
    "device": ["gpu0", 5, None, "cuda:99"],
    "precision": ["bf16", None, 16, "float16", "half"],
    "backend": ["fast", None],
    "random_state": ["seed", -1, 1.5],
    "verbose": ["loud", []],
}
BAD_VALUES = [(name, value) for name, vs in BAD_PARAMETERS.items() for value in vs]


def _refuses(clf, state, call, match, errors=(ValueError, TypeError)):
    before = state(clf)
    with pytest.raises(errors, match=f"(?s){match}"):
        call()
    assert state(clf) == before


@pytest.fixture(params=["unfitted", "fitted", "warm"])
def clf(request, make, fitted):
    """Estimators before a fit and after one; the fitted one is shared."""
    if request.param == "unfitted":
        return make()
    if request.param == "warm":
        return make(warm_start=True, max_epochs=1).fit(
            *request.getfixturevalue("numbers")
        )
    return fitted


@pytest.mark.parametrize("name", BAD_ARRAYS)
def test_arrays_in_fit(clf, state, numbers, name):
    (spoil, match), (X, y) = BAD_ARRAYS[name], numbers
    bad = spoil(X)
    length = len(bad) if isinstance(bad, np.ndarray) and bad.ndim == 3 else 30
    _refuses(clf, state, lambda: clf.fit(bad, y[:length]), match)
    _refuses(clf, state, lambda: clf.partial_fit(bad, y[:length]), match)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("name", BAD_ARRAYS)
def test_arrays_in_predict(fitted, state, numbers, name, method):
    spoil, match = BAD_ARRAYS[name]
    bad = spoil(numbers[0])
    _refuses(fitted, state, lambda: getattr(fitted, method)(bad), f"{match}|features")


@pytest.mark.parametrize("missing", [None, np.nan])
def test_missing_labels_among_texts(clf, state, numbers, missing):
    y = np.array(["a", "b", missing] * 10, dtype=object)
    message = "y contains NaN, None or infinity; every epoch needs a label"
    _refuses(clf, state, lambda: clf.fit(numbers[0], y), message)


def test_several_tasks_in_fit(clf, state, numbers):
    X, y = numbers
    for several in ({"a": X}, MultiTaskEpochs({"a": X}, {"a": y})):
        message = "takes epochs of one task. Got a .* use MultiTaskEEGMamba, or X"
        _refuses(clf, state, lambda bad=several: clf.fit(bad, y), message)


@pytest.mark.parametrize("name", BAD_EPOCHS)
def test_epochs_in_fit(make, fitted_epochs, state, epochs, name):
    spoil, match = BAD_EPOCHS[name]
    bad = spoil(epochs.copy())
    y = np.arange(96 if isinstance(bad, list) else 48) % 2
    for clf in (make(), fitted_epochs):
        _refuses(clf, state, lambda clf=clf: clf.fit(bad, y), match)


@pytest.mark.parametrize("name", BAD_EPOCHS)
def test_epochs_in_predict(fitted_epochs, state, epochs, name):
    spoil, match = BAD_EPOCHS[name]
    bad = spoil(epochs.copy())
    _refuses(fitted_epochs, state, lambda: fitted_epochs.predict(bad), match)


@pytest.mark.parametrize("name", BAD_LABELS)
def test_labels_weights_and_groups(clf, state, numbers, name):
    (spoiled, match), (X, y) = BAD_LABELS[name], numbers
    arguments = {"y": y, **spoiled}
    _refuses(clf, state, lambda: clf.fit(X, **arguments), match)


def test_one_epoch_without_its_axis(fitted, numbers):
    with pytest.raises(ValueError, match=r"shape of one epoch, \(3, 300\)"):
        fitted.predict(numbers[0][0])


def test_names_for_numbers(make, epochs):
    clf = make(max_epochs=1).fit(epochs, epochs.events[:, 2])
    with pytest.raises(ValueError, match="labels such as 'left'; in fit .* such as 1"):
        clf.score(epochs)
    assert clf.score(epochs, epochs.events[:, 2]) >= 0


@pytest.mark.parametrize(("name", "value"), BAD_VALUES)
def test_parameters(make, state, numbers, name, value):
    more = {"validation": 0.3} if name == "early_stopping" else {}
    clf = make(**{**more, name: value})
    elsewhere = {  # messages of scikit-learn and of MNE
        "random_state": "[Ss]eed",
        "verbose": "verbose",
        "validation": "validation|cv",
        "class_weight": "class_weight|float",
    }
    _refuses(clf, state, lambda: clf.fit(*numbers), elsewhere.get(name, name))
    assert vars(clf).keys() == clf.get_params().keys()


def test_parameters_of_a_fitted_estimator(make, state, numbers):
    clf = make(max_epochs=1).fit(*numbers)
    for name, value in [("lr", -1), ("d_model", 0), ("pooling", "max")]:
        good = clf.get_params()[name]
        clf.set_params(**{name: value})
        _refuses(clf, state, lambda: clf.fit(*numbers), name)
        _refuses(clf, state, lambda: clf.partial_fit(*numbers), name)
        clf.set_params(**{name: good})


def test_every_parameter_has_bad_values():
    assert BAD_PARAMETERS.keys() == EEGMambaClassifier().get_params().keys()


def test_messages_say_what_is_allowed_and_what_came(make, numbers):
    with pytest.raises(
        ValueError,
        match=r"`pooling` parameter of EEGMambaClassifier must be one of "
        r"'class_token', 'mean'. Got 'max'",
    ):
        make(pooling="max").fit(*numbers)
    with pytest.raises(
        TypeError, match=r"`d_model` .* must be an int in \[1.* Got 2.5"
    ):
        make(d_model=2.5).fit(*numbers)


def test_early_stopping_needs_validation(make, state, numbers):
    clf = make(early_stopping=2)
    _refuses(clf, state, lambda: clf.fit(*numbers), "needs validation.*validation=0.2")


def test_parameters_are_not_checked_before_fit():
    assert EEGMambaClassifier(d_model="many").d_model == "many"


@pytest.mark.parametrize("method", [*METHODS, "score"])
def test_not_fitted(make, numbers, method):
    clf = make()
    arguments = numbers if method == "score" else numbers[:1]
    with pytest.raises(NotFittedError, match="EEGMambaClassifier.*not fitted"):
        getattr(clf, method)(*arguments)


def test_channels_missing_renamed_or_added(fitted_epochs, state, epochs):
    fewer = epochs.copy().drop_channels(["Cz"])
    renamed = epochs.copy().rename_channels({"Cz": "Fz"})
    more = epochs.copy()
    extra = epochs.copy().pick(["Pz"]).rename_channels({"Pz": "Oz"})
    more.add_channels([extra])
    for bad, match in [
        (fewer, r"Missing: \['Cz'\]"),
        (renamed, r"Missing: \['Cz'\].*Not seen in fit: \['Fz'\].*rename_channels"),
        (more, r"Missing: \[\].*Not seen in fit: \['Oz'\]"),
    ]:
        for method in METHODS:
            call = getattr(fitted_epochs, method)
            _refuses(fitted_epochs, state, lambda c=call, b=bad: c(b), match)


@pytest.mark.parametrize("n_channels", [1, 2, 4])
def test_another_number_of_channels(fitted, state, numbers, n_channels):
    bad = np.concatenate([numbers[0], numbers[0]], axis=1)[:, :n_channels]
    _refuses(
        fitted,
        state,
        lambda: fitted.predict(bad),
        f"{n_channels} (features|channels).*expecting 3",
    )


def test_another_number_of_channels_of_epochs(make, state, numbers, epochs):
    X, y = numbers
    clf = make(max_epochs=1, variable_length=True).fit(X * 1e-6, y)
    _refuses(clf, state, lambda: clf.predict(epochs), "4 channels.*expecting 3")


def test_another_rate_with_another_length(fitted_epochs, state, epochs):
    slow = epochs.copy().resample(80.0, verbose="error").crop(tmax=1.5)
    _refuses(
        fitted_epochs,
        state,
        lambda: fitted_epochs.predict(slow),
        "sampling rate 80.0 Hz, fit saw 160.0 Hz.*242.*resample",
    )


@pytest.mark.parametrize("factor", [1e6, 1e3, 1e-3, 1e-6])
def test_another_scale(fitted_epochs, fitted, state, epochs, numbers, factor):
    match = "another scale than in fit.*units"
    wrong = epochs.get_data(copy=True) * factor
    _refuses(fitted_epochs, state, lambda: fitted_epochs.predict(wrong), match)
    loud = epochs.copy().apply_function(lambda x: x * factor, verbose="error")
    _refuses(fitted_epochs, state, lambda: fitted_epochs.predict(loud), match)
    X = numbers[0]
    _refuses(fitted, state, lambda: fitted.predict(X * factor), match)


@pytest.mark.parametrize("factor", [100, 1, 0.01])
def test_scales_near_enough(fitted, numbers, factor):
    assert fitted.predict(numbers[0] * factor).shape == (30,)


def test_flat_epochs_have_no_scale(fitted):
    assert fitted.predict(np.zeros((2, 3, 300))).shape == (2,)


@pytest.mark.parametrize("warm", [False, True])
def test_training_on_must_fit_the_first_data(make, state, epochs, warm):
    clf = make(warm_start=True, max_epochs=1, variable_length=True).fit(epochs)
    go_on = clf.fit if warm else clf.partial_fit
    names = np.array(["left", "right"])[epochs.events[:, 2] - 1]
    other_rate = epochs.copy()
    with other_rate.info._unlock():
        other_rate.info["sfreq"] = 200.0
    for X, y, match in [
        (epochs.copy().drop_channels(["Cz"]), names, "channels"),
        (epochs.copy().rename_channels({"Cz": "Fz"}), names, "channels.*Fz"),
        (epochs.copy().reorder_channels(["Cz", "C3", "C4", "Pz"]), names, "order"),
        (epochs.get_data(copy=True) * 1e6, names, "scale"),
        (other_rate, names, "200"),
        (epochs, np.char.upper(names), "classes"),
    ]:
        _refuses(clf, state, lambda X=X, y=y: go_on(X, y), match)


def test_partial_fit_classes(make, state, numbers):
    X, y = numbers
    clf = make()
    _refuses(clf, state, lambda: clf.partial_fit(X, y, classes=[0, 1]), r"\[2\]")
    _refuses(clf, state, lambda: clf.partial_fit(X[y == 0], y[y == 0]), "2 classes")
    clf.partial_fit(X, y)
    _refuses(
        clf,
        state,
        lambda: clf.partial_fit(X, y, classes=[0, 1, 2, 3]),
        r"first call, \[0, 1, 2\].*Got \[0, 1, 2, 3\]",
    )
    _refuses(clf, state, lambda: clf.partial_fit(X, y + 1), r"not among.*\[3\]")


# scikit-learn says itself that its splitter does not look at groups.
@pytest.mark.filterwarnings("ignore:The groups parameter is ignored:UserWarning")
def test_validation_must_respect_groups(make, state, numbers):
    X, y = numbers
    clf = make(validation=3)
    groups = np.arange(30) // 4
    _refuses(
        clf,
        state,
        lambda: clf.fit(X, y, groups=groups),
        "each group on one side.*GroupKFold",
    )
    clf = make(validation=GroupKFold(3))
    _refuses(clf, state, lambda: clf.fit(X, y), "groups")


def test_validation_must_be_apart(make, state, numbers):
    rows = np.arange(30)
    clf = make(validation=[(rows, rows[:6])])
    _refuses(clf, state, lambda: clf.fit(*numbers), "validation")


def test_validation_must_not_be_empty(make, state, numbers):
    rows = np.arange(30)
    clf = make(validation=[(rows, rows[:0])], early_stopping=2)
    _refuses(clf, state, lambda: clf.fit(*numbers), "validation")


def test_validation_must_leave_two_classes(make, state, numbers):
    X, y = numbers
    clf = make(validation=[(np.flatnonzero(y == 1), np.flatnonzero(y != 1))])
    _refuses(clf, state, lambda: clf.fit(X, y), r"2 classes must be left.*\[1\]")


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("baseline", [None, (None, 0)])
def test_epochs_need_neither_baseline_nor_annotations(make, epochs, baseline):
    mine = mne.EpochsArray(
        epochs.get_data(copy=True),
        epochs.info,
        events=epochs.events,
        event_id=epochs.event_id,
        tmin=-0.5,
        baseline=baseline,
        metadata=pd.DataFrame({"run": np.arange(48)}),
        verbose="error",
    )
    mine.set_annotations(mne.Annotations([0.0], [1.0], ["eyes closed"]))
    assert make(max_epochs=1).fit(mine).predict(mine).shape == (48,)


def test_float16_is_refused_with_the_reason(make, numbers):
    message = "cannot be 'float16': float16 ends at 65504.*Use \"bfloat16\""
    with pytest.raises(ValueError, match=message):
        make(precision="float16").fit(*numbers)
