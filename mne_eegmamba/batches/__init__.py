"""One-task batches for the network."""
