"""The questions that are put to the network, or to our own settings, after an attempt failed."""
