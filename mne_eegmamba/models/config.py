"""Everything that decides the network's shape, in one frozen place."""

import dataclasses
import math

from mne_eegmamba.ops.backend import backend_names
from mne_eegmamba.utils.validation import check_number, check_option


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
        After the first pool of each tokenizer path.
    block_dropout : float, default=0.0
        After each block's output projection.
    head_dropout : float, default=0.0
        Before the heads.
    tokenizer_norm : None | "batch" | "group", default=None
        Norm after each tokenizer convolution.
    class_token : "first" | "middle", default="first"
        Where the class token stands.
    pooling : "class_token" | "mean", default="class_token"
        What the heads see.
    final_norm : "layer" | None, default="layer"
        Norm before the heads.
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
    block_dropout: float = 0.0
    head_dropout: float = 0.0
    tokenizer_norm: str | None = None
    class_token: str = "first"
    pooling: str = "class_token"
    final_norm: str | None = "layer"
    backend: str = "auto"

    def __post_init__(self):
        """Refuse what the network cannot be built from."""
        owner = type(self).__name__
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
        for name in ("dropout", "block_dropout", "head_dropout"):
            check_number(name, getattr(self, name), owner, 0, 1)
        options = {
            "tokenizer_norm": (None, "batch", "group"),
            "class_token": ("first", "middle"),
            "pooling": ("class_token", "mean"),
            "final_norm": ("layer", None),
            "backend": backend_names(),
        }
        for name, allowed in options.items():
            check_option(name, getattr(self, name), allowed, owner)

    @property
    def d_inner(self):
        """Width inside the blocks."""
        return self.expand * self.d_model

    @property
    def dt_rank(self):
        """Rank of the step's projection."""
        return math.ceil(self.d_model / 16)
