"""From the tokens of the last block to logits."""
