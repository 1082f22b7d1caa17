"""From what users hold (Epochs, arrays) to one checked array with names and scale."""
