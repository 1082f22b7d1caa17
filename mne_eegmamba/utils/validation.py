"""One wording for every refused parameter."""

import math
from numbers import Integral, Real


def check_option(name, value, allowed, owner):
    """Refuse a value that is not one of a few allowed ones.

    Parameters
    ----------
    name : str
        The parameter.
    value : object
        What came.
    allowed : sequence
        What is allowed; ``None`` may be among it.
    owner : str
        Whose parameter it is.

    Returns
    -------
    value : object
        The value, unchanged.

    Raises
    ------
    ValueError
        If the value is not allowed.
    """
    if not any(value is option or _same(value, option) for option in allowed):
        listed = ", ".join(repr(option) for option in allowed)
        raise ValueError(
            f"The `{name}` parameter of {owner} must be one of {listed}. Got {value!r}."
        )
    return value


def _same(value, option):
    return type(value) is type(option) and value == option


def check_number(name, value, owner, low, high=math.inf, integer=False, low_open=False):
    """Refuse a value that is not a number in a range.

    Parameters
    ----------
    name : str
        The parameter.
    value : object
        What came.
    owner : str
        Whose parameter it is.
    low, high : float
        The allowed range, ends included.
    integer : bool, default=False
        Whether only whole numbers are allowed.
    low_open : bool, default=False
        Whether ``low`` itself is refused.

    Returns
    -------
    value : int or float
        The value, unchanged.

    Raises
    ------
    TypeError
        If the value is no number of the wanted kind.
    ValueError
        If it is outside the range.
    """
    kind, words = (Integral, "an int") if integer else (Real, "a number")
    left = "(" if low_open else "["
    right = ")" if math.isinf(high) else "]"
    sentence = (
        f"The `{name}` parameter of {owner} must be {words} in "
        f"{left}{low}, {high}{right}. Got {value!r}."
    )
    if not isinstance(value, kind) or isinstance(value, bool):
        raise TypeError(sentence)
    above = value > low if low_open else value >= low
    if not (above and value <= high and math.isfinite(value)):
        raise ValueError(sentence)
    return value


def check_flag(name, value, owner):
    """Refuse a value that is not True or False.

    Parameters
    ----------
    name : str
        The parameter.
    value : object
        What came.
    owner : str
        Whose parameter it is.

    Returns
    -------
    value : bool
        The value, unchanged.

    Raises
    ------
    TypeError
        If the value is not a bool.
    """
    if not isinstance(value, bool):
        raise TypeError(
            f"The `{name}` parameter of {owner} must be True or False. Got {value!r}."
        )
    return value
