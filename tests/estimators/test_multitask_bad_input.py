"""Bad data and parameters for several tasks: an error that names the task."""

import numpy as np
import pytest
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import cross_val_predict
from skorch.callbacks import Callback

from mne_eegmamba import MultiTaskEEGMamba, MultiTaskEpochs, TaskGroupKFold
from tests.estimators.conftest import make_tasks

METHODS = ["predict", "predict_proba", "decision_function", "transform", "expert_usage"]
ERRORS = (ValueError, TypeError)


def refuses(clf, state, call, match):
    before = state(clf)
    with pytest.raises(ERRORS, match=f"(?s){match}"):
        call()
    assert state(clf) == before


def put(X, value):
    X = X.copy()
    X[4, 0, 17] = value
    return X


# What is wrong with task "b" of `arrays`, in fit and predict.
BAD_ARRAYS = {
    "nan": (lambda X: put(X, np.nan), "Task 'b': .*NaN: epoch 4, channel 0"),
    "inf": (lambda X: put(X, np.inf), "Task 'b': .*infinity: epoch 4, channel 0"),
    "no epochs": (lambda X: X[:0], "Task 'b': .*(0 sample|empty)"),
    "one dimension": (lambda X: X[0, 0], "Task 'b': .*1D array"),
    "four dimensions": (lambda X: X[None], "Task 'b': .*4 dimensions"),
    "nothing": (lambda X: None, "Task 'b': "),
    "text": (lambda X: X.astype(str), "Task 'b': .*numeric"),
    "complex": (lambda X: X + 1j, "Task 'b': .*[Cc]omplex"),
}


@pytest.fixture(scope="module", params=["unfitted", "fitted", "warm"])
def clf(request, fitted_tasks, arrays):
    """Estimators before a fit and after one, shared: no call may change them."""
    if request.param == "unfitted":
        return make_tasks()
    if request.param == "warm":
        return make_tasks(warm_start=True).fit(*arrays)
    return fitted_tasks


@pytest.mark.parametrize("name", BAD_ARRAYS)
def test_arrays_in_fit(clf, state, arrays, name):
    spoil, match = BAD_ARRAYS[name]
    X, y = arrays
    bad = {"a": X["a"], "b": spoil(X["b"])}
    labels = {"a": y["a"], "b": y["b"][:0] if name == "no epochs" else y["b"]}
    refuses(clf, state, lambda: clf.fit(bad, labels), match)
    refuses(clf, state, lambda: clf.partial_fit(bad, labels), match)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("name", BAD_ARRAYS)
def test_arrays_in_predict(fitted_tasks, state, arrays, name, method):
    spoil, match = BAD_ARRAYS[name]
    bad = {**arrays[0], "b": spoil(arrays[0]["b"])}
    call = getattr(fitted_tasks, method)
    refuses(fitted_tasks, state, lambda: call(bad), match)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    ("spoil", "match"),
    [
        (lambda X: X[:, :2], "Task 'b': X has 2 channels.*expecting 3"),
        (lambda X: X[..., :295], "Task 'b': X has 295 samples.*fit saw 300"),
        (lambda X: X * 1e6, "Task 'b': X has another scale.*units"),
        (lambda X: X[:, 0], "Task 'b': X has 1 channels.*expecting 3"),
    ],
)
def test_other_epochs_than_in_fit(fitted_tasks, state, arrays, method, spoil, match):
    bad = {**arrays[0], "b": spoil(arrays[0]["b"])}
    call = getattr(fitted_tasks, method)
    refuses(fitted_tasks, state, lambda: call(bad), match)


def test_channels_of_epochs_are_named(epochs, state):
    data = {"hand": epochs[:12], "half": epochs[:12].pick(["C3", "C4"])}
    clf = make_tasks().fit(data)
    renamed = data["half"].copy().rename_channels({"C3": "Fz"})
    for bad, match in [
        (renamed, r"Task 'half': .*Missing: \['C3'\].*Not seen in fit: \['Fz'\]"),
        (epochs[:12], r"Task 'half': .*Not seen in fit: \['Cz', 'Pz'\]"),
        (data["half"].get_data() * 1e6, "Task 'half': .*another scale"),
    ]:
        call = {**data, "half": bad}
        refuses(clf, state, lambda call=call: clf.predict(call), match)
        labels = {name: np.arange(12) % 2 for name in data}
        clf.set_params(warm_start=True)
        refuses(clf, state, lambda call=call, y=labels: clf.fit(call, y), "Task 'half'")
    other_rate = data["half"].copy().resample(80.0, verbose="error").crop(tmax=1.5)
    refuses(
        clf, state, lambda: clf.predict({"half": other_rate}), "Task 'half': .*80.0"
    )


def test_weights_of_unknown_tasks_when_training_goes_on(state, arrays):
    clf = make_tasks(warm_start=True).fit(*arrays)
    clf.set_params(class_weight={"typo": "balanced"})
    message = r"class_weight has entries for .* that X lacks: \['typo'\]"
    refuses(clf, state, lambda: clf.fit(*arrays), message)
    refuses(clf, state, lambda: clf.partial_fit(*arrays), message)


# Labels, weights and groups for `arrays`, which are dicts, and what is said of them.
BAD_VALUES = {
    "missing labels": ({"y": None}, "Task 'a': .*requires y"),
    "labels of one task": ({"y": {"a": np.arange(18) % 2}}, "Task 'b': .*requires y"),
    "labels of an unknown task": ({"y": {"c": [0, 1]}}, r"y has entries .*\['c'\]"),
    "vector of labels": ({"y": np.arange(36) % 2}, "y must be a dict.*Got ndarray"),
    "short labels": ({"y": {"b": ["x", "y"]}}, "Task 'b': .*18 epochs and 2 entries"),
    "one class": ({"y": {"b": ["x"] * 18}}, r"Task 'b': .*1 class: \['x'\]"),
    "continuous": ({"y": {"a": np.linspace(0, 1, 18)}}, "Task 'a': .*continuous"),
    "nan": ({"y": {"a": np.r_[np.nan, np.ones(17)]}}, "Task 'a': .*NaN"),
    "vector of weights": (
        {"sample_weight": np.ones(36)},
        "sample_weight must be a dict",
    ),
    "negative weight": (
        {"sample_weight": {"b": np.r_[-1.0, np.ones(17)]}},
        "Task 'b': .*[Nn]egative",
    ),
    "no weight": (
        {"sample_weight": {"b": np.zeros(18)}},
        "Task 'b': .*[Ss]ample weights",
    ),
    "one class with weight": (
        {"sample_weight": {"a": np.arange(18) % 2}},
        r"Task 'a': .*2 classes must be left.*\[1\]",
    ),
    "weights of an unknown task": (
        {"sample_weight": {"c": np.ones(18)}},
        r"sample_weight has entries .*\['c'\]",
    ),
    "vector of groups": ({"groups": np.ones(36)}, "groups must be a dict"),
    "short groups": ({"groups": {"b": np.ones(3)}}, "Task 'b': .*3 entries of groups"),
}


@pytest.mark.parametrize("name", BAD_VALUES)
def test_labels_weights_and_groups(clf, state, arrays, name):
    (change, match), (X, y) = BAD_VALUES[name], arrays
    if isinstance(change.get("y"), dict) and name != "labels of one task":
        change = {"y": {**y, **change["y"]}}
    arguments = {"y": y, **change}
    refuses(clf, state, lambda: clf.fit(X, **arguments), match)


@pytest.mark.parametrize("name", ["a/b", "", 3, None, ("a", "b")])
def test_names_of_tasks(clf, state, arrays, name):
    X, y = arrays[0]["a"], arrays[1]["a"]
    match = 'non-empty texts without "/"'
    refuses(clf, state, lambda: clf.fit({name: X}, {name: y}), match)
    with pytest.raises(ValueError, match=match):
        MultiTaskEpochs({name: X}, {name: y})


@pytest.mark.parametrize(
    ("task", "match"),
    [
        (["p"] * 17, "18 epochs and 17 entries of task"),
        (["p/q"] * 18, "without \"/\". Got 'p/q'"),
        (np.arange(18) % 2, "non-empty texts"),
        ([["p"] * 2] * 9, "1d array|one dimension"),
        (5, "1d array|dimension"),
    ],
)
def test_vector_of_tasks(clf, state, arrays, task, match):
    X, y = arrays[0]["b"], arrays[1]["b"]
    refuses(clf, state, lambda: clf.fit(X, y, task=task), match)
    if hasattr(clf, "net_"):
        refuses(clf, state, lambda: clf.predict(X, task=task), match)


def test_labels_and_weights_of_the_flat_form(clf, state, arrays, flat):
    for arguments, match in [
        ({"y": np.roll(flat.y, 18)}, "y must be \"task/label\".*Got 'b/x'.*task 'a'"),
        ({"y": flat.y[:5]}, "36 epochs and 5 entries of y"),
        ({"y": arrays[1]}, "y must be a vector"),
        ({"sample_weight": {"a": np.ones(18)}}, "sample_weight must be a vector"),
        ({"groups": np.ones(3)}, "36 epochs and 3 entries of groups"),
    ]:
        call = arguments
        refuses(clf, state, lambda c=call: clf.fit(flat, **c), match)


def test_task_is_for_arrays_only(clf, state, arrays, flat):
    match = "task is for one array or Epochs"
    refuses(clf, state, lambda: clf.fit(*arrays, task=["a"] * 18), match)
    refuses(clf, state, lambda: clf.fit(flat, task=flat.task), match)


def test_no_tasks_and_no_epochs(clf, state, flat):
    refuses(clf, state, lambda: clf.fit({}, {}), "at least one task")
    refuses(clf, state, lambda: clf.fit(flat[:0]), "0 epochs")


def test_one_array_is_not_blamed_on_its_first_task(state, arrays):
    X, task = arrays[0]["b"], np.array(["p", "q"] * 9)
    bad = X.copy()
    bad[5, 1, 3] = np.nan
    clf = make_tasks()
    match = "^X contains NaN: epoch 5, channel 1"
    refuses(clf, state, lambda: clf.fit(bad, arrays[1]["b"], task=task), match)
    clf.fit(X, arrays[1]["b"], task=task)
    refuses(clf, state, lambda: clf.predict(bad, task=task), match)


def test_one_plain_array_names_no_task(state, arrays):
    X, y = arrays[0]["b"], arrays[1]["b"]
    clf = make_tasks()
    refuses(clf, state, lambda: clf.fit(X, y == "w"), "^MultiTaskEEGMamba needs at le")
    weight = (y == "x").astype(float)
    match = "^At least 2 classes must be left"
    refuses(clf, state, lambda: clf.fit(X, y, sample_weight=weight), match)
    clf.fit(X, y)
    refuses(clf, state, lambda: clf.predict(X[:, :2]), "^X has 2 features.*expecting 3")


@pytest.mark.parametrize("method", METHODS)
def test_unknown_and_unnamed_tasks(fitted_tasks, state, arrays, method):
    X = arrays[0]["a"]
    call = getattr(fitted_tasks, method)
    known = r"\['c'\]. Known are \['a', 'b'\]; see add_task"
    refuses(fitted_tasks, state, lambda: call({"a": X, "c": X}), known)
    refuses(fitted_tasks, state, lambda: call(X, task=["a", "c"] * 9), known)
    flat = MultiTaskEpochs({"c": X}, {"c": arrays[1]["a"]})
    refuses(fitted_tasks, state, lambda: call(flat), known)
    refuses(fitted_tasks, state, lambda: call(X), "names no task.*Give task=")


def test_labels_turned_into_numbers(flat):
    clf = make_tasks()
    with pytest.raises(ValueError, match="leave y out: MultiTaskEpochs carries them"):
        cross_val_predict(clf, flat, flat.y, cv=2, method="predict_proba")
    proba = cross_val_predict(
        clf, flat, groups=flat.groups, cv=TaskGroupKFold(2), method="predict_proba"
    )
    np.testing.assert_allclose(proba.sum(1), 1, rtol=1e-5)


def test_score_needs_labels(fitted_tasks, state, arrays):
    X, y = arrays
    score = fitted_tasks.score
    refuses(fitted_tasks, state, lambda: score(X), "Task 'a': y must be given")
    refuses(fitted_tasks, state, lambda: score(X, {"a": y["a"]}), "Task 'b': y must be")
    refuses(fitted_tasks, state, lambda: score(X, np.zeros(36)), "y must be a dict")


@pytest.mark.parametrize(
    "method", [*METHODS, "score", "remove_task", "add_task", "save"]
)
def test_not_fitted(arrays, tmp_path, method):
    arguments = {
        "score": arrays,
        "remove_task": ("a",),
        "add_task": ("c", arrays[0]["a"], arrays[1]["a"]),
        "save": (tmp_path / "model",),
    }.get(method, arrays[:1])
    with pytest.raises(NotFittedError, match="MultiTaskEEGMamba.*not fitted"):
        getattr(make_tasks(), method)(*arguments)


@pytest.mark.parametrize(
    ("weights", "match"),
    [
        ({"c": "balanced"}, r"class_weight has entries for tasks.*\['c'\]"),
        ({"a/1": 5.0, "a/zero": 3.0}, r"X lacks: \['a/zero'\]. There are \['a/0', "),
        ({"A/0": 5.0, "A/1": 3.0}, r"X lacks: \['A/0', 'A/1'\]"),
        ({"a/1": 5.0, 3: 3.0}, r"Task 'a': class_weight has .* lacks \[0, 1\]"),
        ({"a": "even", "b": None}, "Task 'a': class_weight .*'balanced'.*'even'"),
        ({"a": {0: -1.0, 1: 1.0}}, "Task 'a': class_weight must be finite"),
        ({"a": {5: 1.0}}, r"Task 'a': class_weight has .* lacks \[0, 1\]"),
        ({"a/0": 0.0, "a/1": 0.0}, "Task 'a': class_weight must be finite"),
        ({"a": {0: "heavy"}}, "Task 'a': .*float"),
        ({5: 1.0}, r"Task 'a': class_weight has .* lacks \[0, 1\]"),
        ("heavy", "`class_weight` parameter"),
    ],
)
def test_class_weight(state, arrays, weights, match):
    clf = make_tasks(class_weight=weights)
    refuses(clf, state, lambda: clf.fit(*arrays), match)


def test_partial_fit_classes(state, arrays, flat):
    X, y = arrays
    clf = make_tasks()
    for classes, match in [
        ({"a": [0, 1], "b": ["x", "y"]}, r"Task 'b': .*not among.*\['z'\]"),
        ([0, 1], "classes must be a dict"),
        ({"c": [0, 1]}, r"classes has entries .*\['c'\]"),
        ({"a": [0]}, "Task 'a': "),
    ]:
        call = {"classes": classes}
        refuses(clf, state, lambda c=call: clf.partial_fit(X, y, **c), match)
    refuses(
        clf,
        state,
        lambda: clf.partial_fit(flat, classes=["a/0", "a/1", "b/x", "b/y"]),
        r"Task 'b': .*not among.*\['z'\]",
    )
    clf.partial_fit(X, y, classes={"a": [0, 1, 2]})
    for classes in ({"a": [0, 1]}, {"a": [0, 1, 3], "b": ["x", "y", "z"]}):
        call = {"classes": classes}
        match = r"Task 'a': classes must be those of the first call, \[0, 1, 2\]"
        refuses(clf, state, lambda c=call: clf.partial_fit(X, y, **c), match)
    before = len(clf.history_)
    clf.partial_fit(X, y, classes={"a": [2, 1, 0], "b": ["x", "y", "z"]})
    assert len(clf.history_) == before + 1


def test_going_on_needs_the_same_data(state, arrays):
    X, y = arrays
    clf = make_tasks(warm_start=True, variable_length=True).fit(X, y)
    for bad, labels, match in [
        ({"b": X["b"][:, :2]}, y["b"], "Task 'b': X has 2 channels"),
        ({"b": X["b"] * 1e6}, y["b"], "Task 'b': X has another scale"),
        ({"b": X["b"]}, y["a"], r"Task 'b': y has classes .*not among \['x'"),
        ({"c": X["b"]}, y["b"], r"not in fit: \['c'\].*add_task"),
    ]:
        labels = {name: labels for name in bad}
        for go_on in (clf.fit, clf.partial_fit):
            refuses(clf, state, lambda g=go_on, X=bad, y=labels: g(X, y), match)


def test_validation_must_respect_groups(state, arrays):
    clf = make_tasks(validation=2)
    groups = {"b": np.arange(18) // 6}
    with pytest.warns(UserWarning, match="groups parameter is ignored"):
        refuses(
            clf,
            state,
            lambda: clf.fit(*arrays, groups=groups),
            "Task 'b': .*each group on one side.*GroupKFold",
        )


# For each parameter of the mixture, values to refuse.
BAD_PARAMETERS = {
    "bidirectional": [1, None, "both"],
    "n_experts": [-1, 2.0, None, "8"],
    "top_k": [0, 1, 4, 2.0, None],  # with 1 the gate could not learn; of 3
    "universal_expert": [1, None],
    "task_gate": [0, "yes"],
    "task_types": ["a", ["a"], {"c": "x"}],
    "moe_residual": [1, None],
    "balance_statistics": ["all", None],
    "balance_weight": [-1, None, np.nan, "1"],
    "router_z_weight": [-1e-3, None, np.inf],
    "sampling": ["random", None],
}


@pytest.mark.parametrize(
    ("name", "value"),
    [(name, value) for name in BAD_PARAMETERS for value in BAD_PARAMETERS[name]],
)
def test_parameters(state, fitted_tasks, arrays, name, value):
    clf = make_tasks(**{name: value})
    refuses(clf, state, lambda: clf.fit(*arrays), f"`{name}` parameter of ")
    assert vars(clf).keys() == clf.get_params().keys()
    good = fitted_tasks.get_params()[name]
    fitted_tasks.set_params(**{name: value})
    try:
        refuses(fitted_tasks, state, lambda: fitted_tasks.fit(*arrays), f"`{name}`")
    finally:
        fitted_tasks.set_params(**{name: good})


def test_every_parameter_of_the_mixture_has_bad_values(make):
    shared = make().get_params().keys()
    assert BAD_PARAMETERS.keys() == MultiTaskEEGMamba().get_params().keys() - shared


def test_parameters_are_not_checked_before_fit():
    assert MultiTaskEEGMamba(n_experts="many").n_experts == "many"


@pytest.mark.parametrize("call", ["fit", "add_task"])
def test_a_failing_callback_leaves_the_estimator(state, arrays, new, call):
    class Broken(Callback):
        def on_epoch_end(self, net, **kwargs):
            raise RuntimeError("broken")

    clf = make_tasks().fit(*arrays)
    before_proba = clf.predict_proba(arrays[0])
    clf.set_params(callbacks=[Broken()])
    before = state(clf)
    arguments = arrays if call == "fit" else ("c", *new)
    with pytest.raises(RuntimeError, match="broken"):
        getattr(clf, call)(*arguments)
    assert state(clf) == before
    for name, proba in clf.predict_proba(arrays[0]).items():
        np.testing.assert_array_equal(proba, before_proba[name])
