"""Sphinx configuration."""

import warnings

from sphinx_gallery.sorting import ExplicitOrder

import mne_eegmamba
from benchmarks.others import lend_torchaudio

lend_torchaudio()  # for the example with braindecode
for message in ("Montage name", "Creating a dataset without"):
    warnings.filterwarnings("ignore", message)  # braindecode's and MOABB's

project = "mne_eegmamba"
copyright = "2026, mne_eegmamba developers"
release = mne_eegmamba.__version__
extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "numpydoc",
    "sphinx_gallery.gen_gallery",
]
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

EXAMPLES = {
    "first steps": ("getting_started", "slow_cortical_potentials"),
    "seizures": ("siena", "chbmit"),
    "sleep": ("sleep_edf", "shhs"),
    "emotion": ("deap", "seed"),
    "motor imagery": ("shu", "bci_iv_2a"),
    "many tasks": ("five_tasks", "add_task"),
    "scikit-learn": ("group_cross_validation", "grid_search", "out_of_core"),
    "other libraries": ("braindecode", "moabb"),
}
sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "generated/gallery",
    "filename_pattern": "plot_",
    "within_subsection_order": ExplicitOrder(
        [f"plot_{name}.py" for names in EXAMPLES.values() for name in names]
    ),
    "remove_config_comments": True,
    "min_reported_time": 1,  # seconds
    "show_memory": False,
    "show_signature": False,
    "doc_module": ("mne_eegmamba",),
    "reference_url": {"mne_eegmamba": None},
    "backreferences_dir": "generated/backreferences",
    "inspect_global_variables": False,
}
