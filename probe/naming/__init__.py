"""From a host name to the servers behind it (RFC 3263): what DNS is asked, and in which order."""
