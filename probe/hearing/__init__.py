"""What was heard: tones, signals of the network, speech, silence and digits in sound.

Pure functions on NumPy arrays. NumPy, SciPy and pystoi come with ``sipprobe[audio]``; nothing above
this room imports a module of it before there is something to listen to (docs/decisions/0028).
"""
