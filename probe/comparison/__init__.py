"""Two runs side by side: what one of them did and the other did not. Pure; no I/O."""
