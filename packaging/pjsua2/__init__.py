"""The pjsua2 bindings as sipprobe builds them; made by SWIG from pjproject's pjsua2.i."""

from .pjsua2 import *  # noqa: F403 - the bindings are the package
