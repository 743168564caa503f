"""Runs that several sites carry out: what travels, who does what, what comes back.

The only room that knows dask.distributed, which is optional (``sipprobe[fleet]``).
"""
