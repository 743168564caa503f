"""What happened: events, failures, media statistics, and their file form."""
