"""Why it was not what was wanted: small rules that name a cause and cite their evidence."""
