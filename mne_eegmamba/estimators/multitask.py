"""MultiTaskEEGMamba: many tasks, one network."""

import numpy as np
import pandas as pd
from scipy.special import softmax
from sklearn.base import ClassifierMixin
from sklearn.metrics import recall_score
from sklearn.utils.validation import check_is_fitted

from mne_eegmamba.epochs.multitask import check_task_name, naming
from mne_eegmamba.estimators import _change, _data, _store
from mne_eegmamba.estimators._forms import check_label_kind
from mne_eegmamba.estimators._settings import check_settings
from mne_eegmamba.estimators._tasks import TasksEstimator, flat
from mne_eegmamba.utils.validation import check_option

LOWEST = float(np.finfo(np.float32).min)  # score of another task's class


class MultiTaskEEGMamba(ClassifierMixin, TasksEstimator):
    """Classify EEG epochs of several tasks with one bidirectional Mamba network.

    Tasks may differ in channels, length, sampling rate and classes. They share the
    tokenizer, the blocks and the experts; each has its own spatial convolution and
    head.

    Parameters
    ----------
    d_model : int, default=64
        Width of the tokens (the paper's D, there 128).
    n_layers : int, default=2
        Bidirectional Mamba blocks, each followed by a mixture of experts; the paper
        has 8.
    d_state : int, default=16
        States per channel of the selective scan.
    d_conv : int, default=4
        Kernel of the causal convolution in each block.
    expand : int, default=2
        Blocks work at ``expand * d_model``.
    dropout : float, default=0.5
        Dropout in the tokenizer (Fig. 7) and on the spectrum.
    tokenizer_pool : "average" | "max", default="average"
        What the tokenizer's two pooling steps take; the paper draws max.
    tokenizer_norm : None | "batch" | "group", default=None
        Norm after each tokenizer convolution; the paper draws none. Batch norm has
        statistics for each task.
    class_token : "first" | "middle", default="first"
        Place of the class token in the sequence.
    pooling : "class_token" | "mean", default="class_token"
        What the head sees of the tokens: the class token (Eq. 12) or the mean of the
        others.
    spectrum : bool, default=True
        Whether each task has a second head, which sees the log power spectrum of each
        channel (windows of 256 samples, up to 60 Hz at 200 Hz). Both heads are trained
        by losses of their own; predictions take the mean of their log probabilities.
        The paper draws none.
    waveform : bool, default=True
        Whether each task has one more head, which sees the means of each channel
        over 32 equal windows of an epoch: its slow waves. It is a logistic regression,
        solved before training starts, with the penalty of the least log loss on
        training epochs that are held out in turn: by groups, where there are groups.
        So it says next to nothing where slow waves tell nothing of others. The
        predictions' mean is over all heads; where no epochs can be held out so that
        all classes are left, this one does not count. A further `fit` with
        ``warm_start`` solves it anew; after `partial_fit` it is the mean of the
        solutions so far. The paper draws none.
    contrast : bool, default=True
        Whether each task has one more head of this kind, which sees how far each
        frequency of the log power spectrum stands out from those around it, in
        channels that the covariance of the training epochs has made uncorrelated:
        rhythms that a stimulus drives, say. `partial_fit` keeps the covariance of the
        first epochs. The paper draws none.
    final_norm : "layer" | None, default="layer"
        Norm before the head.
    bidirectional : bool, default=True
        Whether blocks read time in both directions, or forward only. Forward only needs
        ``pooling="mean"`` or ``class_token="middle"``, as a class token that comes
        first would see nothing of the signal.
    n_experts : int, default=8
        Experts after each block; 0 leaves the mixture out.
    top_k : int, default=2
        Experts for each token.
    universal_expert : bool, default=True
        Whether one more expert sees every token, with the weight that the strongest
        chosen expert leaves (Eq. 10).
    task_gate : bool, default=True
        Whether the gate knows the task (Eq. 8). Without it and the universal expert
        the mixture is the paper's "vanilla MoE".
    task_types : dict of {str: str} | None, default=None
        Tasks with the same value share what the gate knows of them.
    moe_residual : bool, default=True
        Norm before the mixture and residual around it, or Eq. 10 as printed.
    balance_statistics : "running" | "batch", default="running"
        Usage of the experts that the balance loss evens out: over all tasks, or in
        each batch, which has one task.
    balance_weight : float, default=1e-2
        Weight of the balance loss (Eq. 11).
    router_z_weight : float, default=1e-3
        Weight of the router z-loss (Eq. 11).
    sampling : "dynamic" | "uniform" | "sequential", default="dynamic"
        How the task of the next batch is drawn: with a probability proportional to its
        epochs not yet used in this pass (Appendix E.4), evenly, or one task after the
        other.
    input_scale : "channel" | "window" | None, default="channel"
        Samples are centred by the median and divided by the robust spread of each
        channel, learned in `fit`; or each epoch and channel is standardised by itself;
        or samples stay as they are, which needs numbers of about unit size.
    max_epochs : int, default=40
        Passes over the training data.
    batch_size : int, default=16
        Most epochs in a batch.
    lr : float, default=5e-4
        Highest learning rate of AdamW.
    weight_decay : float, default=1e-2
        Weight decay of AdamW.
    decay_all : bool, default=False
        Whether ``A_log``, ``D``, biases and norms are decayed too.
    schedule : "cosine" | "constant", default="cosine"
        Learning rate: a linear rise and a cosine fall, or the same throughout.
    warmup : float, default=0.1
        Share of the training in which the rate rises.
    clip_norm : float | None, default=1.0
        Largest norm of a gradient.
    label_smoothing : float, default=0.0
        Share of the target that is spread over all classes.
    mixup : float, default=1.0
        In training, each epoch is blended with another of its batch, and so are their
        labels; the share is drawn from Beta(mixup, mixup). 0 leaves epochs as they
        are.
    time_shift : float, default=0.02
        In training, each epoch is shifted by a random number of samples, at most this
        share of its length to either side; what comes in repeats the sample at the end.
    class_weight : None | "balanced" | dict, default=None
        Weights of the classes within their task, as in scikit-learn; or a dict with
        one of these per task, or one from ``"task/label"`` to weights.
    validation : None | float | int | splitter, default=None
        A share of each task's epochs, or a scikit-learn splitter whose first fold is
        used for each task. With groups, a share is one of groups, and a splitter that
        puts a group on both sides is refused. Groups of one name are the same people,
        on one side in all tasks, so that shares of tasks that share people may be off.
    early_stopping : int | None, default=None
        Passes without a better validation loss after which training stops and the best
        weights come back. Needs ``validation``.
    variable_length : bool, default=False
        Whether `predict` takes epochs of another length than `fit` saw.
    warm_start : bool, default=False
        Whether a further `fit` goes on from the present weights: with the same network,
        and for the same epochs with the same ``validation`` share.
    activation_checkpointing : bool, default=False
        Whether training computes the tokenizer and the blocks a second time instead of
        keeping what they computed, which saves memory and costs time; for long epochs.
    callbacks : list | None, default=None
        skorch callbacks, or pairs of a name and a callback. They can monitor
        ``"valid_loss"`` and ``"valid_accuracy"`` where there is ``validation``; an
        `LRScheduler` needs ``schedule="constant"``. While a pass runs, the losses of
        its batches are tensors in the net's history, and numbers afterwards.
    device : str, default="auto"
        ``"auto"`` for a GPU where there is one, or a torch device. Of several GPUs,
        joblib's worker processes (``n_jobs``) and the folds of
        `mne_eegmamba.evaluation.evaluate` take turns.
    precision : "auto" | "float32" | "bfloat16", default="auto"
        bfloat16 autocast on CUDA and float32 elsewhere, or one of them. The states of
        the scan, the gates of experts and the losses are float32 in any case.
    cuda_graphs : bool, default=False
        Whether a GPU replays training steps as CUDA graphs, one per task and size of
        batch, so that the host launches a step instead of each of its operations: for
        small batches. What callbacks change in the network, but for its parameters, is
        not seen then. Without effect on a CPU, and in threads beside the main one.
    backend : str, default="auto"
        Implementation of the operators, see `mne_eegmamba.ops.show_backends`.
    random_state : int | numpy.random.RandomState | None, default=None
        An int gives the same predictions, to the bit, on each fit on a CPU.
    verbose : bool | str | int | None, default=None
        MNE's log level; from "INFO" on a progress bar is shown.

    Attributes
    ----------
    tasks_ : dict
        What is known of each task: ``classes``, ``ch_names``, ``sfreq`` (Hz),
        ``n_channels``, ``n_times``, ``scaling``.
    task_classes_ : dict of {str: ndarray}
        Labels of each task, sorted.
    classes_ : ndarray, shape (n_classes,)
        All labels as `predict` gives them for one array, where `fit` saw one array and
        all labels are numbers or all are texts; else all ``"task/label"``, sorted.
    input_kind_ : "dict" | "flat" | "array"
        How the training data came.
    net_ : skorch.NeuralNet
        The trained net; ``net_.module_`` is a `mne_eegmamba.models.EEGMamba`.
    history_ : pandas.DataFrame
        A row per pass: ``train_loss``, ``valid_loss``, accuracies over all tasks and
        of each, ``balance_loss``, ``router_z_loss``, ``lr``, ``seconds``, and
        ``waiting``, the share of the time that the network waited for data (on a GPU,
        which computes meanwhile, the time to prepare them). Loss and accuracy in
        training are those of blended epochs, with dropout; `score` is higher on the
        same epochs.

    See Also
    --------
    MultiTaskEpochs : Holds several tasks for cross-validation.
    TaskGroupKFold : Folds by group within each task.
    EEGMambaClassifier : One task.

    Notes
    -----
    X may be a dict from task to epochs (`mne.Epochs` in volts or arrays), with ``y`` a
    dict or, for Epochs, the names of the events; `MultiTaskEpochs`, with the flat
    labels ``"task/label"``; or one array or Epochs with ``task=``, the task of each
    epoch. Without ``task`` it is a single task. What comes out has the form of what
    went in.

    References
    ----------
    Gui et al., "EEGMamba: Bidirectional State Space Model with Mixture of Experts for
    EEG Multi-task Classification", arXiv 2407.20254, Fig. 3, Eq. 5-12.

    Examples
    --------
    >>> import numpy as np
    >>> from mne_eegmamba import MultiTaskEEGMamba
    >>> rng = np.random.default_rng(0)
    >>> X = {
    ...     "sleep": rng.standard_normal((8, 1, 600)),  # 8 epochs, 1 channel
    ...     "imagery": rng.standard_normal((12, 5, 300)),  # 12 epochs, 5 channels
    ... }
    >>> y = {"sleep": ["W", "N2"] * 4, "imagery": ["left", "right", "feet"] * 4}
    >>> clf = MultiTaskEEGMamba(d_model=16, max_epochs=1, verbose=False).fit(X, y)
    >>> clf.predict_proba(X)["imagery"].shape
    (12, 3)
    """

    def __init__(
        self,
        *,
        d_model=64,
        n_layers=2,
        d_state=16,
        d_conv=4,
        expand=2,
        dropout=0.5,
        tokenizer_pool="average",
        tokenizer_norm=None,
        class_token="first",
        pooling="class_token",
        spectrum=True,
        waveform=True,
        contrast=True,
        final_norm="layer",
        bidirectional=True,
        n_experts=8,
        top_k=2,
        universal_expert=True,
        task_gate=True,
        task_types=None,
        moe_residual=True,
        balance_statistics="running",
        balance_weight=1e-2,
        router_z_weight=1e-3,
        sampling="dynamic",
        input_scale="channel",
        max_epochs=40,
        batch_size=16,
        lr=5e-4,
        weight_decay=1e-2,
        decay_all=False,
        schedule="cosine",
        warmup=0.1,
        clip_norm=1.0,
        label_smoothing=0.0,
        mixup=1.0,
        time_shift=0.02,
        class_weight=None,
        validation=None,
        early_stopping=None,
        variable_length=False,
        warm_start=False,
        activation_checkpointing=False,
        callbacks=None,
        device="auto",
        precision="auto",
        cuda_graphs=False,
        backend="auto",
        random_state=None,
        verbose=None,
    ):
        self.d_model = d_model
        self.n_layers = n_layers
        self.d_state = d_state
        self.d_conv = d_conv
        self.expand = expand
        self.dropout = dropout
        self.tokenizer_pool = tokenizer_pool
        self.tokenizer_norm = tokenizer_norm
        self.class_token = class_token
        self.pooling = pooling
        self.spectrum = spectrum
        self.waveform = waveform
        self.contrast = contrast
        self.final_norm = final_norm
        self.bidirectional = bidirectional
        self.n_experts = n_experts
        self.top_k = top_k
        self.universal_expert = universal_expert
        self.task_gate = task_gate
        self.task_types = task_types
        self.moe_residual = moe_residual
        self.balance_statistics = balance_statistics
        self.balance_weight = balance_weight
        self.router_z_weight = router_z_weight
        self.sampling = sampling
        self.input_scale = input_scale
        self.max_epochs = max_epochs
        self.batch_size = batch_size
        self.lr = lr
        self.weight_decay = weight_decay
        self.decay_all = decay_all
        self.schedule = schedule
        self.warmup = warmup
        self.clip_norm = clip_norm
        self.label_smoothing = label_smoothing
        self.mixup = mixup
        self.time_shift = time_shift
        self.class_weight = class_weight
        self.validation = validation
        self.early_stopping = early_stopping
        self.variable_length = variable_length
        self.warm_start = warm_start
        self.activation_checkpointing = activation_checkpointing
        self.callbacks = callbacks
        self.device = device
        self.precision = precision
        self.cuda_graphs = cuda_graphs
        self.backend = backend
        self.random_state = random_state
        self.verbose = verbose

    def fit(self, X, y=None, *, task=None, sample_weight=None, groups=None):
        """Train one network on all tasks.

        Parameters
        ----------
        X : dict | MultiTaskEpochs | mne.Epochs | list of mne.Epochs | ndarray
            Epochs, as in the Notes of the class.
        y : dict | array-like | None, default=None
            Labels: a dict for a dict, ``"task/label"`` for `MultiTaskEpochs`, else any
            labels. None takes the event names of Epochs, and ``X.y``.
        task : array-like of str, shape (n_epochs,) | str | None, default=None
            Task of each epoch, or of all, for one array or Epochs.
        sample_weight : dict | array-like | None, default=None
            Weights, none negative.
        groups : dict | array-like | None, default=None
            Subjects, kept on one side of the validation split and held out as a whole
            for ``waveform`` and ``contrast``; None takes ``X.groups`` or the column
            ``subject`` of the metadata.

        Returns
        -------
        self : MultiTaskEEGMamba
            The fitted estimator.

        Raises
        ------
        TypeError, ValueError
            If data or parameters are not allowed; the estimator stays as it was.
        """
        settings = check_settings(self)
        go_on = self.warm_start and hasattr(self, "net_")
        form, data = self._read_training(X, y, task, sample_weight, groups, known=go_on)
        if go_on:
            self._check_continues(data, settings)
            return self._continue(data, settings, self.max_epochs)
        return self._begin(form, data, settings, self.max_epochs)

    def partial_fit(self, X, y=None, classes=None, *, task=None, sample_weight=None):
        """Train for one pass more, at a constant learning rate, on some of the tasks.

        Parameters
        ----------
        X : dict | MultiTaskEpochs | mne.Epochs | list of mne.Epochs | ndarray
            Epochs, as in `fit`; later calls may leave tasks out, but not add any.
        y : dict | array-like | None, default=None
            Labels, as in `fit`.
        classes : dict | array-like | None, default=None
            All classes there will be, a dict for several tasks; only the first call
            needs it, and only if its data lack some.
        task : array-like of str, shape (n_epochs,) | None, default=None
            Task of each epoch, as in `fit`.
        sample_weight : dict | array-like | None, default=None
            Weights, as in `fit`.

        Returns
        -------
        self : MultiTaskEEGMamba
            The fitted estimator.

        Raises
        ------
        TypeError, ValueError
            If data or parameters are not allowed; the estimator stays as it was.
        """
        settings = check_settings(
            self, validation=None, early_stopping=None, schedule="constant"
        )
        first = not hasattr(self, "net_")
        form, data = self._read_training(
            X, y, task, sample_weight, None, known=not first, classes=classes
        )
        if first:
            return self._begin(form, data, settings, 1, least_classes=1)
        self._check_continues(data, settings)
        return self._continue(data, settings, 1, partial=True)

    def predict_proba(self, X, *, task=None):
        """Return class probabilities.

        Parameters
        ----------
        X : dict | MultiTaskEpochs | mne.Epochs | list of mne.Epochs | ndarray
            Epochs, as in `fit`. Channels of Epochs are found by name.
        task : array-like of str, shape (n_epochs,) | str | None, default=None
            Task of each epoch, or of all, for one array or Epochs.

        Returns
        -------
        proba : dict of ndarray | ndarray, shape (n_epochs, n_classes)
            For a dict, an array per task in the order of ``task_classes_``; else one
            array in the order of ``classes_``, zero outside an epoch's own task.

        Raises
        ------
        ValueError
            If tasks, channels, length or scale are not those of `fit`, or samples are
            not finite.
        """
        form, logits = self._outputs(X, task, "forward")
        proba = {name: softmax(part, axis=1) for name, part in logits.items()}
        return self._join_classes(form, proba, 0.0)

    def predict(self, X, *, task=None):
        """Return the most probable label of each epoch.

        Parameters
        ----------
        X : dict | MultiTaskEpochs | mne.Epochs | list of mne.Epochs | ndarray
            Epochs, as in `predict_proba`.
        task : array-like of str, shape (n_epochs,) | str | None, default=None
            Task of each epoch, or of all, for one array or Epochs.

        Returns
        -------
        labels : dict of ndarray | ndarray, shape (n_epochs,)
            For a dict, labels per task; ``"task/label"`` for `MultiTaskEpochs`; labels
            for one array.

        Raises
        ------
        ValueError
            As in `predict_proba`.
        """
        form, logits = self._outputs(X, task, "forward")
        labels = {
            name: self.tasks_[name].classes[part.argmax(1)]
            for name, part in logits.items()
        }
        if form.kind == "flat":
            labels = {name: flat(name, part) for name, part in labels.items()}
        return form.join(labels)

    def decision_function(self, X, *, task=None):
        """Return the scores before the softmax.

        Parameters
        ----------
        X : dict | MultiTaskEpochs | mne.Epochs | list of mne.Epochs | ndarray
            Epochs, as in `predict_proba`.
        task : array-like of str, shape (n_epochs,) | str | None, default=None
            Task of each epoch, or of all, for one array or Epochs.

        Returns
        -------
        scores : dict of ndarray | ndarray
            As `predict_proba`, with the lowest float32 outside an epoch's own task; for
            two classes in all, the score of the second minus that of the first.

        Raises
        ------
        ValueError
            As in `predict_proba`.
        """
        form, logits = self._outputs(X, task, "forward")
        if form.kind == "dict":
            return {name: _scores(part) for name, part in logits.items()}
        return _scores(self._join_classes(form, logits, LOWEST))

    def transform(self, X, *, task=None):
        """Return the vector of each epoch that the head sees.

        Parameters
        ----------
        X : dict | MultiTaskEpochs | mne.Epochs | list of mne.Epochs | ndarray
            Epochs, as in `predict_proba`.
        task : array-like of str, shape (n_epochs,) | str | None, default=None
            Task of each epoch, or of all, for one array or Epochs.

        Returns
        -------
        embedding : dict of ndarray | ndarray, shape (n_epochs, n_features)
            Class token or pooled tokens, ``d_model`` columns; not what other heads see.

        Raises
        ------
        ValueError
            As in `predict_proba`.
        """
        form, embedding = self._outputs(X, task, "embed")
        return form.join(embedding)

    def fit_transform(self, X, y=None, *, task=None, sample_weight=None, groups=None):
        """Train, and return the vectors that the heads see.

        Parameters
        ----------
        X, y, task, sample_weight, groups : object
            As in `fit`.

        Returns
        -------
        embedding : dict of ndarray | ndarray, shape (n_epochs, n_features)
            As from `transform`.

        Raises
        ------
        TypeError, ValueError
            As in `fit`.
        """
        self.fit(X, y, task=task, sample_weight=sample_weight, groups=groups)
        return self.transform(X, task=task)

    def score(self, X, y=None, *, task=None, sample_weight=None):
        """Return the mean over tasks of the balanced accuracy.

        Parameters
        ----------
        X : dict | MultiTaskEpochs | mne.Epochs | list of mne.Epochs | ndarray
            Epochs, as in `predict_proba`.
        y : dict | array-like | None, default=None
            True labels, as in `fit`.
        task : array-like of str, shape (n_epochs,) | str | None, default=None
            Task of each epoch, or of all, for one array or Epochs.
        sample_weight : dict | array-like | None, default=None
            Weights.

        Returns
        -------
        score : float
            Mean over tasks of the mean recall over the classes that occur in y with
            a weight.

        Raises
        ------
        ValueError
            As in `predict_proba`, or if there are no labels.
        """
        form, logits = self._outputs(X, task, "forward")
        labels = self._labels(form, X, y, self.task_classes_)
        weights = form.split(sample_weight, "sample_weight")
        scores = []
        for name, part in logits.items():
            if labels[name] is None:
                raise ValueError(f"Task {name!r}: y must be given, X carries none.")
            check_label_kind(labels[name], self.tasks_[name].classes)
            predicted = self.tasks_[name].classes[part.argmax(1)]
            truth, weight = np.asarray(labels[name]), weights[name]
            counted = slice(None) if weight is None else np.asarray(weight) > 0
            scores.append(
                recall_score(
                    truth,
                    predicted,
                    labels=np.unique(truth[counted]),
                    average="macro",
                    sample_weight=weight,
                    zero_division=0,
                )
            )
        return float(np.mean(scores))

    def add_task(
        self, name, X, y=None, *, freeze="backbone", sample_weight=None, groups=None
    ):
        """Teach the trained network a new task, with its own montage and classes.

        Parameters
        ----------
        name : str
            Name of the task, a new one.
        X : mne.Epochs | list of mne.Epochs | ndarray
            Its epochs.
        y : array-like, shape (n_epochs,) | None, default=None
            Labels; None takes the event names of Epochs.
        freeze : "backbone" | "none", default="backbone"
            Train only what belongs to the new task, which leaves the predictions for
            all others as they are, to the bit; or everything, on these epochs alone.
        sample_weight : array-like, shape (n_epochs,) | None, default=None
            Weights, none negative.
        groups : array-like, shape (n_epochs,) | None, default=None
            Subjects, as in `fit`.

        Returns
        -------
        self : MultiTaskEEGMamba
            Trained on the new task for ``max_epochs`` passes.

        Raises
        ------
        TypeError, ValueError
            If the task is known, or data are not allowed; the estimator stays as it
            was.
        """
        check_is_fitted(self)
        settings = check_settings(self)
        check_option("freeze", freeze, ("backbone", "none"), "add_task")
        check_task_name(name)
        if name in self.tasks_:
            raise ValueError(
                f"There is a task {name!r} already; train it further with partial_fit, "
                "or take it away with remove_task."
            )
        with naming(name):
            data = _data.read_training_data(self, X, y, sample_weight, groups)
        _change.add(self, name, data, settings, freeze == "backbone")
        self._expose({})
        return self

    def remove_task(self, name):
        """Forget a task: its spatial convolution, its head, its statistics.

        Parameters
        ----------
        name : str
            A task, not the only one.

        Returns
        -------
        self : MultiTaskEEGMamba
            Predictions for the other tasks are the same as before.

        Raises
        ------
        ValueError
            If the task is unknown or the only one.
        """
        check_is_fitted(self)
        check_option("name", name, tuple(self.tasks_), "remove_task")
        if len(self.tasks_) == 1:
            raise ValueError(f"{name!r} is the only task; at least one must stay.")
        _change.remove(self, name, self.get_params(deep=False))
        self._expose({})
        return self

    def expert_usage(self, X, *, task=None, layer=-1):
        """Return how much each task uses each expert (the paper's Figure 5).

        Parameters
        ----------
        X : dict | MultiTaskEpochs | mne.Epochs | list of mne.Epochs | ndarray
            Epochs, as in `predict_proba`.
        task : array-like of str, shape (n_epochs,) | str | None, default=None
            Task of each epoch, or of all, for one array or Epochs.
        layer : int, default=-1
            Which block's mixture; -1 is the last.

        Returns
        -------
        usage : pandas.DataFrame, shape (n_tasks, n_experts)
            Mean weight over the tokens; rows have the sum 1.

        Raises
        ------
        ValueError
            As in `predict_proba`, or if there is no such layer.
        """
        check_is_fitted(self)
        module = self.net_.module_

        def usage(x, name):
            return module.expert_weights(x, name, layer).mean(1)

        _, found = self._outputs(X, task, usage)
        table = pd.DataFrame({name: part.mean(0) for name, part in found.items()}).T
        return table.rename_axis(index="task", columns="expert")

    def expert_weights(self, X, *, task=None, layer=-1):
        """Return the weight of each expert for each token (Figures 11 and 12).

        Parameters
        ----------
        X : dict | MultiTaskEpochs | mne.Epochs | list of mne.Epochs | ndarray
            Epochs, as in `predict_proba`.
        task : array-like of str, shape (n_epochs,) | str | None, default=None
            Task of each epoch, or of all, for one array or Epochs.
        layer : int, default=-1
            Which block's mixture; -1 is the last.

        Returns
        -------
        weights : dict of {str: ndarray, shape (n_epochs, 1 + n_tokens, n_experts)}
            An array per task, without a unit, with sum 1 over the experts; zero for
            experts that were not chosen. First comes the class token, then the tokens
            of the tokenizer's small path, then those of its wide path, each in the
            order of time.

        Raises
        ------
        ValueError
            As in `predict_proba`, or if there is no such layer.
        """
        check_is_fitted(self)
        module = self.net_.module_

        def weights(x, name):
            return module.expert_weights(x, name, layer)

        _, found = self._outputs(X, task, weights)
        if module.config.class_token == "middle":
            for part in found.values():
                upto = (part.shape[1] - 1) // 2 + 1
                part[:, :upto] = np.roll(part[:, :upto], 1, axis=1)
        return found

    def save(self, path):
        """Write the fitted estimator to a file.

        Parameters
        ----------
        path : path-like
            A safetensors file, with everything else as JSON in its header. An
            existing file is replaced at once or not at all.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            If there is nothing to save.
        """
        check_is_fitted(self)
        _store.save(self, path)

    @classmethod
    def load(cls, path):
        """Read a file that `save` wrote.

        Parameters
        ----------
        path : path-like
            The file.

        Returns
        -------
        estimator : MultiTaskEEGMamba
            Fitted; on a GPU where there is one and ``device="auto"``.

        Raises
        ------
        FileNotFoundError
            If there is no such file.
        ValueError
            If the file is damaged or holds something else.
        """
        return _store.load(cls, path)


def _scores(logits):
    return logits[:, 1] - logits[:, 0] if logits.shape[1] == 2 else logits
