"""Everything that decides the network's shape, in one frozen place."""

import dataclasses
import math

from mne_eegmamba.ops.backend import backend_names
from mne_eegmamba.utils.validation import check_flag, check_number, check_option

FLAGS = (
    "bidirectional",
    "universal_expert",
    "task_gate",
    "moe_residual",
    "activation_checkpointing",
    *("spectrum", "waveform", "contrast"),
)

BLIND = ("class_token", "first")  # pooling and class token, read forward only


@dataclasses.dataclass(frozen=True)
class EEGMambaConfig:
    """Shape of the network.

    Parameters
    ----------
    n_channels : dict of {str: int}
        Channels of each task.
    n_classes : dict of {str: int}
        Classes of each task; the same keys.
    d_model : int, default=128
        Width of the tokens.
    n_layers : int, default=2
        BiMamba blocks.
    d_state : int, default=16
        States per channel of the scan.
    d_conv : int, default=4
        Kernel of the causal convolution.
    expand : int, default=2
        The blocks work at ``expand * d_model``.
    dropout : float, default=0.5
        After the first pool of each tokenizer path, and on the spectrum.
    tokenizer_pool : "average" | "max", default="average"
        What the tokenizer's pooling takes.
    tokenizer_norm : None | "batch" | "group", default=None
        Norm after each tokenizer convolution; batch norm has statistics per task.
    class_token : "first" | "middle", default="first"
        Where the class token stands.
    pooling : "class_token" | "mean", default="class_token"
        What the heads see of the tokens.
    spectrum : bool, default=False
        Whether each task has a second head, which sees the log power spectrum of each
        channel up to 0.3 cycles per sample. The network's logits are then the mean of
        the log probabilities of both.
    waveform : bool, default=False
        Whether each task has one more head, which sees the means of each channel over
        32 equal windows. It counts in the mean, but is not trained by gradients.
    contrast : bool, default=False
        Whether each task has one more head of this kind, which sees how far each
        frequency stands out in mixtures of the channels.
    final_norm : "layer" | None, default="layer"
        Norm before the heads.
    bidirectional : bool, default=True
        Whether blocks read time in both directions, or forward only.
    n_experts : int, default=0
        Experts after each block; 0 leaves the mixture out.
    top_k : int, default=2
        Experts for each token.
    universal_expert : bool, default=True
        Whether one more expert sees every token, with the weight that the strongest
        chosen expert leaves (Eq. 10).
    task_gate : bool, default=True
        Whether the gate knows the task.
    task_types : dict of {str: str} | None, default=None
        Tasks with the same value share what the gate knows of them.
    moe_residual : bool, default=True
        Norm before the mixture and residual around it, or Eq. 10 as printed.
    balance_statistics : "running" | "batch", default="running"
        Usage of the experts that the balance loss sees: over all tasks, or only that
        of the batch.
    activation_checkpointing : bool, default=False
        Whether training computes the tokenizer and the blocks a second time in
        backward, which saves memory and costs time.
    backend : str, default="auto"
        Implementation of the operators, see `mne_eegmamba.ops.show_backends`.

    Raises
    ------
    TypeError, ValueError
        If a value is not allowed.

    Examples
    --------
    >>> from mne_eegmamba.models import EEGMambaConfig
    >>> EEGMambaConfig(n_channels={"scp": 6}, n_classes={"scp": 2}).d_inner
    256
    """

    n_channels: dict[str, int]
    n_classes: dict[str, int]
    d_model: int = 128
    n_layers: int = 2
    d_state: int = 16
    d_conv: int = 4
    expand: int = 2
    dropout: float = 0.5
    tokenizer_pool: str = "average"
    tokenizer_norm: str | None = None
    class_token: str = "first"
    pooling: str = "class_token"
    spectrum: bool = False
    waveform: bool = False
    contrast: bool = False
    final_norm: str | None = "layer"
    bidirectional: bool = True
    n_experts: int = 0
    top_k: int = 2
    universal_expert: bool = True
    task_gate: bool = True
    task_types: dict[str, str] | None = None
    moe_residual: bool = True
    balance_statistics: str = "running"
    activation_checkpointing: bool = False
    backend: str = "auto"

    def __post_init__(self):
        """Refuse what the network cannot be built from."""
        owner = "the network"  # most users meet this class only through errors
        if self.n_channels.keys() != self.n_classes.keys() or not self.n_channels:
            raise ValueError(
                "n_channels and n_classes of EEGMambaConfig must name the same tasks, "
                f"at least one. Got {sorted(self.n_channels)} and "
                f"{sorted(self.n_classes)}."
            )
        for sizes in ("n_channels", "n_classes"):
            for size in getattr(self, sizes).values():
                check_number(sizes, size, owner, 1, integer=True)
        for name in ("d_model", "n_layers", "d_state", "d_conv", "expand"):
            check_number(name, getattr(self, name), owner, 1, integer=True)
        check_number("dropout", self.dropout, owner, 0, 1)
        options = {
            "tokenizer_pool": ("average", "max"),
            "tokenizer_norm": (None, "batch", "group"),
            "class_token": ("first", "middle"),
            "pooling": ("class_token", "mean"),
            "final_norm": ("layer", None),
            "balance_statistics": ("running", "batch"),
            "backend": backend_names(),
        }
        for name, allowed in options.items():
            check_option(name, getattr(self, name), allowed, owner)
        for name in FLAGS:
            check_flag(name, getattr(self, name), owner)
        if not self.bidirectional and (self.pooling, self.class_token) == BLIND:
            raise ValueError(
                f"The `bidirectional` parameter of {owner} must be True where the head "
                "sees a class token that comes first: read forward only, that token "
                'sees nothing of the signal. Use pooling="mean", or '
                'class_token="middle".'
            )
        check_number("n_experts", self.n_experts, owner, 0, integer=True)
        if self.n_experts:
            self._check_experts(owner)

    def _check_experts(self, owner):
        check_number("top_k", self.top_k, owner, 1, self.n_experts, integer=True)
        if self.top_k < 2:
            raise ValueError(
                f"The `top_k` parameter of {owner} must be at least 2. Got 1: a single "
                "chosen expert would have the weight 1 whatever the gate says, which "
                "could not learn. Use top_k=2, or n_experts=0."
            )
        unknown = set(self.task_types or {}) - set(self.n_channels)
        if unknown:
            raise ValueError(
                f"The `task_types` parameter of {owner} must name tasks out of "
                f"{sorted(self.n_channels)}. Got {sorted(unknown)} as well."
            )

    def task_type(self, task):
        """Return the type of a task.

        Parameters
        ----------
        task : str
            A task.

        Returns
        -------
        kind : str
            Its entry in ``task_types``, or the task itself.
        """
        return (self.task_types or {}).get(task, task)

    @property
    def d_inner(self):
        """Width inside the blocks."""
        return self.expand * self.d_model

    @property
    def dt_rank(self):
        """Rank of the step's projection."""
        return math.ceil(self.d_model / 16)
