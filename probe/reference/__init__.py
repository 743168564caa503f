"""What SIP's codes, methods and headers mean: data files, their typed view and its plain text."""
