"""EEGMambaClassifier: one task, one network."""

import numpy as np
from scipy.special import softmax
from sklearn.base import ClassifierMixin
from sklearn.utils.validation import check_is_fitted

from mne_eegmamba.epochs.check import is_epochs, loaded
from mne_eegmamba.estimators import _data, _fit, _store
from mne_eegmamba.estimators._base import NetworkEstimator
from mne_eegmamba.estimators._forms import carried_labels, check_label_kind
from mne_eegmamba.estimators._settings import check_settings


class EEGMambaClassifier(ClassifierMixin, NetworkEstimator):
    """Classify EEG epochs with a bidirectional Mamba network.

    Parameters
    ----------
    d_model : int, default=64
        Width of the tokens (the paper's D, there 128).
    n_layers : int, default=2
        Bidirectional Mamba blocks (Appendix B).
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
        Whether there is a second head that sees the log power spectrum of each
        channel (windows of 256 samples, up to 60 Hz at 200 Hz). Both heads are trained
        by losses of their own; predictions take the mean of their log probabilities.
        The paper draws none.
    waveform : bool, default=True
        Whether the network has one more head, which sees the means of each channel
        over 32 equal windows of an epoch: its slow waves. It is a logistic regression,
        solved before training starts, with the penalty of the least log loss on
        training epochs that are held out in turn: by groups, where there are groups.
        So it says next to nothing where slow waves tell nothing of others. The
        predictions' mean is over all heads; where no epochs can be held out so that
        all classes are left, this one does not count. A further `fit` with
        ``warm_start`` solves it anew; after `partial_fit` it is the mean of the
        solutions so far. The paper draws none.
    contrast : bool, default=True
        Whether the network has one more head of this kind, which sees how far each
        frequency of the log power spectrum stands out from those around it, in
        channels that the covariance of the training epochs has made uncorrelated:
        rhythms that a stimulus drives, say. `partial_fit` keeps the covariance of the
        first epochs. The paper draws none.
    final_norm : "layer" | None, default="layer"
        Norm before the head.
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
        Weights of the classes, as in scikit-learn.
    validation : None | float | int | splitter, default=None
        A share of the training epochs, or a scikit-learn splitter whose first fold is
        used. With groups, a share is one of groups, and a splitter that puts a group
        on both sides is refused.
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
        Whether a GPU replays training steps as CUDA graphs, one per size of batch, so
        that the host launches a step instead of each of its operations: for small
        batches. What callbacks change in the network, but for its parameters, is not
        seen then. Without effect on a CPU, and in threads beside the main one.
    backend : str, default="auto"
        Implementation of the operators, see `mne_eegmamba.ops.show_backends`.
    random_state : int | numpy.random.RandomState | None, default=None
        An int gives the same predictions, to the bit, on each fit on a CPU.
    verbose : bool | str | int | None, default=None
        MNE's log level; from "INFO" on a progress bar is shown.

    Attributes
    ----------
    classes_ : ndarray, shape (n_classes,)
        Labels, sorted.
    net_ : skorch.NeuralNet
        The trained net; ``net_.module_`` is a `mne_eegmamba.models.EEGMamba`.
    history_ : pandas.DataFrame
        A row per pass: ``train_loss``, ``valid_loss``, ``train_accuracy``,
        ``valid_accuracy`` (with validation), ``lr``, ``seconds``, and ``waiting``, the
        share of the time that the network waited for data (on a GPU, which computes
        meanwhile, the time to prepare them). Loss and accuracy in training are those
        of blended epochs, with dropout; `score` is higher on the same epochs.
    scaling_ : Scaling
        Centre and scale of each channel, in the unit of the training data.
    n_features_in_ : int
        Channels, or columns of a two-dimensional X.
    feature_names_in_ : ndarray of str
        Columns, where X was a DataFrame.
    ch_names_in_ : tuple of str | None
        Channels of the training Epochs; None for arrays.
    sfreq_ : float | None
        Sampling rate of the training Epochs in Hz; None for arrays.
    n_channels_, n_times_ : int
        Size of an epoch.

    Notes
    -----
    X may be `mne.Epochs` of any kind (in volts), a list of them, an array of shape
    (n_epochs, n_channels, n_times) in any unit, or one of shape (n_epochs, n_times),
    read as one channel. It may be windows of braindecode (``BaseConcatDataset``), in
    any unit; they carry labels, and subjects in their description. Epochs are best
    filtered to 0.1-50 Hz, while still continuous, and have 200 Hz. Shorter epochs than
    289 samples are padded with zeros at the end.

    A fit depends on the epochs as a weighted multiset: neither their order nor the
    choice between repeating an epoch and weighting it changes the result, but for
    what ``validation`` sets apart. So equal epochs with equal labels are merged and
    their weights added.

    References
    ----------
    Gui et al., "EEGMamba: Bidirectional State Space Model with Mixture of Experts for
    EEG Multi-task Classification", arXiv 2407.20254, Fig. 3 and Appendix B.

    Examples
    --------
    >>> import numpy as np
    >>> from mne_eegmamba import EEGMambaClassifier
    >>> rng = np.random.default_rng(0)
    >>> X = rng.standard_normal((12, 4, 300))  # 12 epochs, 4 channels
    >>> y = np.repeat(["left", "right"], 6)
    >>> clf = EEGMambaClassifier(d_model=16, max_epochs=1, verbose=False)
    >>> clf.fit(X, y).predict_proba(X).shape
    (12, 2)
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

    def fit(self, X, y=None, *, sample_weight=None, groups=None):
        """Train the network.

        Parameters
        ----------
        X : mne.Epochs | list of mne.Epochs | ndarray
            Epochs: Epochs in volts, or an array of shape (n_epochs, n_channels,
            n_times) or (n_epochs, n_times) in any unit.
        y : array-like, shape (n_epochs,) | None, default=None
            Labels of any kind; None takes the event names of Epochs.
        sample_weight : array-like, shape (n_epochs,) | None, default=None
            Weights, none negative.
        groups : array-like, shape (n_epochs,) | None, default=None
            Subjects, kept on one side of the validation split and held out as a whole
            for ``waveform`` and ``contrast``; None takes the column ``subject`` of the
            metadata of Epochs, where there is one.

        Returns
        -------
        self : EEGMambaClassifier
            The fitted estimator.

        Raises
        ------
        TypeError, ValueError
            If data or parameters are not allowed; the estimator stays as it was.
        """
        settings = check_settings(self)
        data = _data.read_training_data(self, X, y, sample_weight, groups)
        seen, data = data.seen, {_fit.TASK: data}
        if self.warm_start and hasattr(self, "net_"):
            self._check_continues(data, settings)
            return self._continue(data, settings, self.max_epochs)
        return self._start(data, settings, self.max_epochs, seen)

    def partial_fit(self, X, y=None, classes=None, *, sample_weight=None):
        """Train for one pass more, at a constant learning rate.

        Parameters
        ----------
        X : mne.Epochs | list of mne.Epochs | ndarray
            Epochs, as in `fit`.
        y : array-like, shape (n_epochs,) | None, default=None
            Labels, as in `fit`.
        classes : array-like | None, default=None
            All classes there will be; only the first call needs it, and only if its
            data lack some.
        sample_weight : array-like, shape (n_epochs,) | None, default=None
            Weights, as in `fit`.

        Returns
        -------
        self : EEGMambaClassifier
            The fitted estimator.

        Raises
        ------
        TypeError, ValueError
            If data or parameters are not allowed; the estimator stays as it was.
        """
        settings = check_settings(
            self, validation=None, early_stopping=None, schedule="constant"
        )
        if not hasattr(self, "net_"):
            data = _data.read_training_data(self, X, y, sample_weight, None, classes)
            seen, data = data.seen, {_fit.TASK: data}
            return self._start(data, settings, 1, seen, least_classes=1)
        if classes is not None and not np.array_equal(
            np.unique(classes), self.classes_
        ):
            raise ValueError(
                f"classes must be those of the first call, {self.classes_.tolist()}. "
                f"Got {np.unique(classes).tolist()}."
            )
        data = _data.read_training_data(self, X, y, sample_weight, None, self.classes_)
        data = {_fit.TASK: data}
        self._check_continues(data, settings)
        return self._continue(data, settings, 1, partial=True)

    def predict_proba(self, X):
        """Return class probabilities.

        Parameters
        ----------
        X : mne.Epochs | list of mne.Epochs | ndarray
            Epochs as in `fit`. Channels of Epochs are found by name.

        Returns
        -------
        proba : ndarray, shape (n_epochs, n_classes)
            Probabilities, in the order of ``classes_``.

        Raises
        ------
        ValueError
            If channels, length or scale are not those of `fit`, or samples are not
            finite.
        """
        return softmax(self._output(X, "forward"), axis=1)

    def predict(self, X):
        """Return the most probable label of each epoch.

        Parameters
        ----------
        X : mne.Epochs | list of mne.Epochs | ndarray
            Epochs, as in `predict_proba`.

        Returns
        -------
        labels : ndarray, shape (n_epochs,)
            Labels, as given to `fit`.

        Raises
        ------
        ValueError
            As in `predict_proba`.
        """
        logits = self._output(X, "forward")
        return self.classes_[logits.argmax(1)]

    def decision_function(self, X):
        """Return the scores before the softmax.

        Parameters
        ----------
        X : mne.Epochs | list of mne.Epochs | ndarray
            Epochs, as in `predict_proba`.

        Returns
        -------
        scores : ndarray, shape (n_epochs, n_classes) or (n_epochs,)
            Scores; for two classes the score of the second minus that of the first.

        Raises
        ------
        ValueError
            As in `predict_proba`.
        """
        logits = self._output(X, "forward")
        return logits[:, 1] - logits[:, 0] if len(self.classes_) == 2 else logits

    def transform(self, X):
        """Return the vector of each epoch that the head sees.

        Parameters
        ----------
        X : mne.Epochs | list of mne.Epochs | ndarray
            Epochs, as in `predict_proba`.

        Returns
        -------
        embedding : ndarray, shape (n_epochs, n_features)
            Class token or pooled tokens, ``d_model`` columns; not what other heads see.

        Raises
        ------
        ValueError
            As in `predict_proba`.
        """
        return self._output(X, "embed")

    def _output(self, X, method):
        check_is_fitted(self)
        with self._log_level():
            return self._run(self._read(X, _fit.TASK), _fit.TASK, method)

    def _expose(self, seen):
        """Set what scikit-learn and users look for, out of ``tasks_``."""
        vars(self).update(seen)
        task = self.tasks_[_fit.TASK]
        self.classes_, self.scaling_ = task.classes, task.scaling
        self.ch_names_in_, self.sfreq_ = task.ch_names, task.sfreq
        self.n_channels_, self.n_times_ = task.n_channels, task.n_times

    def score(self, X, y=None, sample_weight=None):
        """Return the accuracy.

        Parameters
        ----------
        X : mne.Epochs | list of mne.Epochs | ndarray
            Epochs, as in `predict_proba`.
        y : array-like, shape (n_epochs,) | None, default=None
            True labels; None takes the event names of Epochs.
        sample_weight : array-like, shape (n_epochs,) | None, default=None
            Weights.

        Returns
        -------
        accuracy : float
            Share of right labels.

        Raises
        ------
        ValueError
            As in `predict_proba`.
        """
        if y is None:
            X = loaded(X) if is_epochs(X) else X
            y, _ = carried_labels(X)
            if y is not None:
                check_label_kind(y, self.classes_)
        return super().score(X, y, sample_weight)

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
        estimator : EEGMambaClassifier
            Fitted; on a GPU where there is one and ``device="auto"``.

        Raises
        ------
        FileNotFoundError
            If there is no such file.
        ValueError
            If the file is damaged or holds something else.
        """
        return _store.load(cls, path)
