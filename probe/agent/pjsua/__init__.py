"""The user agent on pjsua2: the only room that imports it."""
