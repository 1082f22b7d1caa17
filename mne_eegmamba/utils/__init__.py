"""Small helpers that know nothing of EEG or of networks."""
