"""Parse the command line and run a subcommand."""

import argparse
import logging
import sys
from importlib import import_module
from importlib.metadata import version

from mne_eegmamba.utils.interrupts import ending_everything

COMMANDS = {
    "datasets": "what is known of the paper's data sets, and where to get them",
    "prepare": "read, filter and cut a data set once, into a store",
    "info": "say what a store, a model or an epochs file holds",
    "demo": "train on small real data sets and print scores",
    "fit": "train a network and save it",
    "evaluate": "cross-validate by subject, or run the paper's experiment",
    "predict": "predict with a saved network",
    "sys-info": "versions, devices, and which backend runs",
}
EXAMPLES = """examples:
  mne-eegmamba demo
  mne-eegmamba prepare sleep_edf ~/data/sleep-cassette stores/sleep_edf --jobs 4
  mne-eegmamba fit model.eegmamba --data sleep=stores/sleep_edf imagery=s1-epo.fif
  mne-eegmamba predict model.eegmamba --data sleep=night-epo.fif --out night.csv
  mne-eegmamba evaluate --protocol paper --data ~/data --out results

exit codes: 0 done, 1 an error in data or parameters, 2 a wrong command line, 130
interrupted"""


def make_parser(chosen):
    """Return the parser; importing what a subcommand needs takes a second.

    Parameters
    ----------
    chosen : str | None
        The subcommand that has its arguments; the others have their names only.

    Returns
    -------
    parser : argparse.ArgumentParser
        The parser.
    """
    parser = argparse.ArgumentParser(
        prog="mne-eegmamba",
        description="One network for all labelled EEG: bidirectional Mamba for MNE "
        "and scikit-learn.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=version("mne-eegmamba"))
    commands = parser.add_subparsers(dest="command", metavar="command", required=True)
    for name, what in COMMANDS.items():
        command = commands.add_parser(
            name,
            help=what,
            description=f"{what[0].upper()}{what[1:]}.",
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        if name == chosen:
            module = _module(name)
            command.epilog = f"examples:\n{module.EXAMPLES}"
            module.add_arguments(command)
            command.add_argument(
                "--traceback", action="store_true", help="show where an error is from"
            )
    return parser


def main(arguments=None):
    """Run the command line.

    Parameters
    ----------
    arguments : list of str | None, default=None
        Instead of those of the process.

    Returns
    -------
    code : int
        Exit code.
    """
    arguments = sys.argv[1:] if arguments is None else arguments
    options = make_parser(arguments[0] if arguments else None).parse_args(arguments)
    logging.basicConfig(format="%(message)s", stream=sys.stderr)
    logging.getLogger("mne_eegmamba").setLevel(logging.INFO)
    try:
        with ending_everything():
            _module(options.command).run(options)
    except KeyboardInterrupt:
        print("Interrupted; what was written stays.", file=sys.stderr)
        return 130
    except (OSError, ValueError, TypeError, RuntimeError, MemoryError) as error:
        if options.traceback:
            raise
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def _module(name):
    return import_module(f"mne_eegmamba.cli.{name.replace('-', '_')}")
