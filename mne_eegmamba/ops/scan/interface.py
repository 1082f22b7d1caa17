"""The public scan functions: check the arguments, pick a backend, apply the gate."""

from mne_eegmamba.ops.backend import check_devices, choose


def selective_scan(
    u,
    delta,
    A,
    B,
    C,
    D=None,
    z=None,
    delta_bias=None,
    delta_softplus=False,
    reverse=False,
    backend="auto",
):
    r"""Run the selective state space model along time.

    With the step :math:`\Delta_t`, per channel d and state n:

    .. math::
        h_t &= e^{\Delta_t A} h_{t-1} + \Delta_t B_t u_t \\
        y_t &= C_t^\top h_t + D u_t

    and, where ``z`` is given, the result is :math:`y_t \cdot \mathrm{SiLU}(z_t)`.

    Parameters
    ----------
    u : Tensor, shape (batch, length, channels)
        Input.
    delta : Tensor, shape (batch, length, channels)
        Step size, before bias and softplus.
    A : Tensor, shape (channels, states)
        Continuous state matrix, diagonal; negative for a stable system.
    B, C : Tensor, shape (batch, length, states)
        Input and output maps, one per time.
    D : Tensor, shape (channels,) | None, default=None
        Skip connection.
    z : Tensor, shape (batch, length, channels) | None, default=None
        Gate.
    delta_bias : Tensor, shape (channels,) | None, default=None
        Added to ``delta`` before the softplus.
    delta_softplus : bool, default=False
        Whether the step is ``softplus(delta + delta_bias)``.
    reverse : bool, default=False
        Whether time runs from the last sample to the first; the output stays in the
        order of the input.
    backend : str, default="auto"
        ``"auto"``, or one that `show_backends` lists. The reference works in float64.

    Returns
    -------
    y : Tensor, shape (batch, length, channels)
        Output, in the dtype of ``u``.

    Raises
    ------
    ValueError
        If shapes do not fit together, or the backend does not exist.
    RuntimeError
        If the named backend cannot run here.

    References
    ----------
    Gu and Dao, "Mamba: Linear-Time Sequence Modeling with Selective State Spaces",
    2023, Algorithm 2. Gui et al., arXiv 2407.20254, Eq. 1-4.

    Examples
    --------
    >>> import torch
    >>> from mne_eegmamba.ops import selective_scan
    >>> u = torch.ones(1, 3, 1)
    >>> one = torch.ones(1, 3, 1)
    >>> selective_scan(u, one, torch.zeros(1, 1), one, one).flatten()
    tensor([1., 2., 3.])
    """
    _check_shapes(u, delta, A, B, C, D, z, delta_bias)
    check_devices(u, delta, A, B, C, D, z, delta_bias)
    scan = choose("selective_scan", backend, u)
    way = (u, delta, A, B, C, D, delta_bias, reverse)
    return scan([way], z, delta_softplus)


def bidirectional_scan(forward, backward, z=None, delta_softplus=True, backend="auto"):
    """Sum a scan forward in time and one backward in time, under one gate.

    Parameters
    ----------
    forward, backward : tuple of Tensor
        ``(u, delta, A, B, C, D, delta_bias)`` of each direction, as in
        `selective_scan`, both in the order of time; nothing is flipped.
    z : Tensor, shape (batch, length, channels) | None, default=None
        Gate, shared by the directions.
    delta_softplus : bool, default=True
        As in `selective_scan`.
    backend : str, default="auto"
        As in `selective_scan`.

    Returns
    -------
    y : Tensor, shape (batch, length, channels)
        ``(scan(forward) + scan(backward, reverse=True)) * silu(z)``.

    Raises
    ------
    ValueError
        If shapes do not fit together, or the backend does not exist.
    RuntimeError
        If the named backend cannot run here.

    References
    ----------
    Gui et al., arXiv 2407.20254, Algorithm 1.

    Examples
    --------
    >>> import torch
    >>> from mne_eegmamba.ops import bidirectional_scan
    >>> one = torch.ones(1, 3, 1)
    >>> way = (one, one, torch.zeros(1, 1), one, one, None, None)
    >>> bidirectional_scan(way, way, delta_softplus=False).flatten()
    tensor([4., 4., 4.])
    """
    ways = []
    for arguments, reverse in ((forward, False), (backward, True)):
        u, delta, A, B, C, D, delta_bias = arguments
        _check_shapes(u, delta, A, B, C, D, z, delta_bias)
        ways.append((*arguments, reverse))
    check_devices(*forward, *backward, z)
    scan = choose("selective_scan", backend, forward[0])
    return scan(ways, z, delta_softplus)


def _check_shapes(u, delta, A, B, C, D, z, delta_bias):
    if u.ndim != 3:
        raise ValueError(
            f"u must have the shape (batch, length, channels). Got {tuple(u.shape)}."
        )
    batch, length, channels = u.shape
    if A.ndim != 2:
        raise ValueError(
            f"A must have the shape (channels, states). Got {tuple(A.shape)}."
        )
    states = A.shape[1]
    wanted = {
        "delta": (delta, (batch, length, channels)),
        "A": (A, (channels, states)),
        "B": (B, (batch, length, states)),
        "C": (C, (batch, length, states)),
        "D": (D, (channels,)),
        "z": (z, (batch, length, channels)),
        "delta_bias": (delta_bias, (channels,)),
    }
    for name, (tensor, shape) in wanted.items():
        if tensor is not None and tuple(tensor.shape) != shape:
            raise ValueError(
                f"{name} must have the shape {shape} to go with u of shape "
                f"{(batch, length, channels)} and {states} states. "
                f"Got {tuple(tensor.shape)}."
            )
