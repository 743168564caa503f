"""Writes sipprobe.yaml and scenario files for those who begin: from answers, or from a call."""
