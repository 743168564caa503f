"""Recordings that are played: what a WAV file must be, and its samples at another rate."""

import struct
from pathlib import Path
from typing import Any

from msgspec import Struct

_RATES = (8000, 192_000)
_LONGEST_S = 600.0
_FORMATS = {1: "PCM", 3: "float", 0xFFFE: "extensible"}


class WavError(ValueError):
    """A file that cannot be played; the words say why."""


class Header(Struct, frozen=True):
    """What the first chunks of a WAV file say."""

    channels: int
    rate: int
    "Samples per second."
    seconds: float


def header_of(path: Path) -> Header:
    """Read the header of a WAV file; raise WavError where it cannot be played."""
    try:
        with path.open("rb") as file:
            return _header(file)
    except FileNotFoundError:
        raise WavError("there is no such file") from None
    except IsADirectoryError:
        raise WavError("this is a folder") from None
    except OSError as error:
        raise WavError(f"it cannot be read: {error.strerror}") from None


def _header(file: Any) -> Header:  # noqa: ANN401 - any binary file
    start = file.read(12)
    if len(start) < 12 or start[:4] != b"RIFF" or start[8:] != b"WAVE":
        raise WavError("this is no WAV file")
    kind = None
    while len(chunk := file.read(8)) == 8:
        name, size = chunk[:4], int.from_bytes(chunk[4:], "little")
        if name == b"fmt ":
            held = file.read(size + size % 2)
            if len(held) < 16:
                break
            kind = struct.unpack_from("<HHIIHH", held)
        elif name == b"data" and kind is not None:
            return _checked(kind, size)
        else:
            file.seek(size + size % 2, 1)
    raise WavError("this WAV file has no samples")


def _checked(kind: tuple[int, ...], size: int) -> Header:
    form, channels, rate, _, block, bits = kind
    if form not in _FORMATS:
        raise WavError(
            f"this WAV file is compressed (format {form}): only PCM and float are played"
        )
    if not channels or not block or not bits:
        raise WavError("the header of this WAV file makes no sense")
    if not _RATES[0] <= rate <= _RATES[1]:
        raise WavError(f"{rate} samples a second: 8000 to 192000 are played")
    seconds = size / block / rate
    if seconds > _LONGEST_S:
        raise WavError(f"it is {seconds:.0f} s long: at most {_LONGEST_S:.0f} s are played")
    return Header(channels, rate, seconds)


def samples_of(path: str, rate: int) -> bytes:
    """Return the first channel as 16-bit samples at a rate; raise WavError or ValueError."""
    import warnings  # noqa: PLC0415
    from math import gcd  # noqa: PLC0415

    import numpy as np  # noqa: PLC0415
    from scipy.io import wavfile  # noqa: PLC0415
    from scipy.signal import resample_poly  # noqa: PLC0415

    header_of(Path(path))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", wavfile.WavFileWarning)  # chunks of other programs
        own, held = wavfile.read(path)
    first = held[:, 0] if held.ndim > 1 else held
    if first.dtype.kind == "u":
        sound = (first.astype(np.float64) - 128) / 128
    elif first.dtype.kind == "i":
        sound = first.astype(np.float64) / float(-int(np.iinfo(first.dtype).min))
    else:
        sound = first.astype(np.float64)
    if own != rate:
        common = gcd(own, rate)
        sound = resample_poly(sound, rate // common, own // common)
    made: bytes = np.clip(np.round(sound * 32768), -32768, 32767).astype(np.int16).tobytes()
    return made
