"""From samples to tokens: spatial convolution and the two-path tokenizer."""
