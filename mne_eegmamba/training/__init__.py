"""From a network and batches to a trained network; the only folder with skorch."""
