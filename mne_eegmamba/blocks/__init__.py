"""The network's trunk: a stack of bidirectional Mamba blocks."""
