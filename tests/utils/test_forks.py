"""A forked child works, though the parent's threads are not there."""

import multiprocessing
import subprocess
import sys

import numpy as np
import pytest
import torch

from mne_eegmamba import EEGMambaClassifier


@pytest.mark.filterwarnings("ignore:This process.*multi-threaded:DeprecationWarning")
def test_forked_child_predicts_and_trains(threads):
    threads(2)
    X = np.random.default_rng(0).standard_normal((32, 4, 600))
    y = np.arange(32) % 2
    clf = EEGMambaClassifier(d_model=32, max_epochs=1, random_state=0, verbose=False)
    want = clf.fit(X, y).predict_proba(X)  # torch's threads have run before the fork
    context = multiprocessing.get_context("fork")
    queue = context.Queue()

    def work():
        queue.put((clf.predict_proba(X), clf.fit(X, y).predict_proba(X)))

    child = context.Process(target=work)
    child.start()
    try:
        for got in queue.get(timeout=60):
            np.testing.assert_array_equal(got, want)
    finally:
        child.join(timeout=10)
        child.kill()
    assert torch.get_num_threads() == 2


def test_process_is_that_of_the_first_import():
    code = """
import os, mne_eegmamba
child = os.fork()
if child == 0:
    from mne_eegmamba.utils.forks import forked
    os._exit(0 if forked() else 1)
from mne_eegmamba.utils.forks import forked
assert not forked()
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
"""
    subprocess.run([sys.executable, "-c", code], check=True)
