"""Sphinx configuration."""

import mne_eegmamba

project = "mne_eegmamba"
copyright = "2026, mne_eegmamba developers"
release = mne_eegmamba.__version__
extensions = ["sphinx.ext.autodoc", "sphinx.ext.autosummary", "numpydoc"]
autosummary_generate = True
numpydoc_show_class_members = False
exclude_patterns = ["_build", "changes"]
html_theme = "pydata_sphinx_theme"
