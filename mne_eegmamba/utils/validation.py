"""One wording for every refused parameter."""

import math
from numbers import Integral, Real

import numpy as np


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
    if isinstance(value, np.str_ | np.bool_):  # from a grid of arrays
        value = value.item()
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
    if not isinstance(value, bool | np.bool_):
        raise TypeError(
            f"The `{name}` parameter of {owner} must be True or False. Got {value!r}."
        )
    return value


def check_rows(index, owner, others=""):
    """Refuse what does not pick rows.

    Parameters
    ----------
    index : object
        What stands in the brackets.
    owner : str
        What is indexed, for messages.
    others : str, default=""
        What else it takes, for messages.

    Returns
    -------
    index : slice | ndarray
        Ints or bools, one dimension.

    Raises
    ------
    IndexError
        If it is anything else.
    """
    if isinstance(index, tuple) and len(index) == 2 and index[1] is Ellipsis:
        index = index[0]  # how scikit-learn indexes rows
    if isinstance(index, slice):
        return index
    found = None if isinstance(index, tuple) else np.asarray(index)
    if found is None or found.ndim != 1 or found.dtype.kind not in "biu":
        raise IndexError(
            f"{owner} take {others}a slice or a vector of ints or bools. Got {index!r}."
        )
    return found
