"""The command ``mne-eegmamba``: one file per subcommand, each a thin layer."""
