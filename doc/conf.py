"""Sphinx configuration."""

import mne_eegmamba

project = "mne_eegmamba"
copyright = "2026, mne_eegmamba developers"
release = mne_eegmamba.__version__
extensions = ["sphinx.ext.autodoc", "sphinx.ext.autosummary", "numpydoc"]
templates_path = ["_templates"]
autosummary_generate = True
numpydoc_show_class_members = False
exclude_patterns = ["_build", "_templates", "changes"]
html_theme = "pydata_sphinx_theme"
toc_object_entries_show_parents = "hide"
html_title = "mne_eegmamba"
html_show_sourcelink = False
html_sidebars = {name: [] for name in ("performance", "deviations", "comparisons")}
html_theme_options = {
    "show_prev_next": False,
    "navbar_align": "left",
    "secondary_sidebar_items": ["page-toc"],
}
