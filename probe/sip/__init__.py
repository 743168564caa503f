"""SIP's own words: messages, challenges, session descriptions, redaction. Standard library only."""
