"""The HTML report: one file that needs nothing else (docs/decisions/0021)."""
