"""Faults that the explanations do not get right yet, each with the reason.

A test fails where one of them is right after all: then its line goes.
"""

MISSES: dict[str, str] = {
    "F049-login-name-of-its-own": "one run cannot tell it from a wrong password: named beside it",
    "F054-request-line-rewritten": "what was rewritten is seen behind the proxy alone: named last",
    "F115-encryption-wanted-without-a-word": "a bare 488: only another call, with SRTP, would tell",
}
"""By the name of the fault."""
