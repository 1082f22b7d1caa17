"""MAT files, with errors that a user can act on."""

from scipy.io import loadmat, whosmat


def read_mat(path):
    """Read a MAT file; arrays keep their shape, structs become objects.

    Parameters
    ----------
    path : pathlib.Path
        The file.

    Returns
    -------
    variables : dict
        Arrays by name.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is no MAT file that scipy can read, or a part of one.
    """
    try:
        return loadmat(path, appendmat=False, struct_as_record=False)
    except FileNotFoundError:
        raise
    except Exception as error:  # scipy raises what its parser stumbles over
        raise ValueError(
            f"{path.name} is not a whole MAT file of version 5 ({error}); get it again"
        ) from error


def mat_variables(path):
    """Name the variables of a MAT file; none if it cannot be read.

    Parameters
    ----------
    path : pathlib.Path
        The file.

    Returns
    -------
    names : set of str
        Names of variables.
    """
    try:
        return {name for name, _, _ in whosmat(path, appendmat=False)}
    except Exception:  # reading it later says what is wrong
        return set()
