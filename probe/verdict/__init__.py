"""Is it what was wanted? Pure functions over an expectation and a trace."""
