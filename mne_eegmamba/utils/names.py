"""Names of users as names inside torch modules."""

from urllib.parse import quote


def module_key(name):
    """Turn any name into a key for a `torch.nn.ModuleDict`.

    torch refuses dots and the names of a module's own attributes, such as "train".

    Parameters
    ----------
    name : str
        Name of a task, any text.

    Returns
    -------
    key : str
        Different for different names.

    Examples
    --------
    >>> from mne_eegmamba.utils.names import module_key
    >>> module_key("sleep v1.5")
    'task_sleep%20v1%2E5'
    """
    return "task_" + quote(name, safe="").replace(".", "%2E")


# What torch.compiler.assume_constant_result does, which would import all of dynamo.
module_key._dynamo_marked_constant = True
