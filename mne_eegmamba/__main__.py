"""``python -m mne_eegmamba``: the same as the command ``mne-eegmamba``."""

import sys

from mne_eegmamba.cli.main import main

sys.exit(main())
