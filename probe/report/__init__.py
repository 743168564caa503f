"""The report: one model, then one file a format."""
