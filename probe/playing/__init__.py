"""What a call plays: tones, keys, silence and recordings, as payload ready for a session."""
