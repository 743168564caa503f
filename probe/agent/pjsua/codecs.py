"""The codecs of the engine, reached in C: payload to samples and back, outside any call.

pjsua2 shows a codec's settings and nothing that encodes. The functions below are those that its
streams call (pjmedia/codec.h, unchanged in its layout from 2.10 to 2.17). A coder belongs to one
thread, needs no call and takes no lock of the library; it is made and used on the worker's own
thread, before a call and after it, never on the one that keeps the clock of RTP.
"""

import ctypes
from collections.abc import Iterator

import pjsua2 as pj

from probe.playing.g711 import G711

_AUDIO, _NONE = 1, 0
_PARAMETERS = 8192
"""Bytes kept for pjmedia_codec_param, which has some 1,200; only the library looks inside."""

_MOST_FRAMES = 64
_ENOUGH = 8192
"""Bytes of the largest frame, coded or not: 60 ms at 48 kHz have 5,760."""


class CoderError(Exception):
    """The engine has no such codec, or would not open it."""


class _Text(ctypes.Structure):
    _fields_ = (("ptr", ctypes.c_char_p), ("slen", ctypes.c_ssize_t))


class _Info(ctypes.Structure):
    _fields_ = (
        ("type", ctypes.c_int),
        ("pt", ctypes.c_uint),
        ("encoding_name", _Text),
        ("clock_rate", ctypes.c_uint),
        ("channel_cnt", ctypes.c_uint),
    )


class _Frame(ctypes.Structure):
    _fields_ = (
        ("type", ctypes.c_int),
        ("buf", ctypes.c_void_p),
        ("size", ctypes.c_size_t),
        ("timestamp", ctypes.c_uint64),
        ("bit_info", ctypes.c_uint32),
    )


_Open = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)
_Close = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p)
_Parse = ctypes.CFUNCTYPE(
    ctypes.c_int,
    ctypes.c_void_p,
    ctypes.c_void_p,
    ctypes.c_size_t,
    ctypes.POINTER(ctypes.c_uint64),
    ctypes.POINTER(ctypes.c_uint),
    ctypes.POINTER(_Frame),
)
_Code = ctypes.CFUNCTYPE(
    ctypes.c_int,
    ctypes.c_void_p,
    ctypes.POINTER(_Frame),
    ctypes.c_uint,
    ctypes.POINTER(_Frame),
)


class _Operations(ctypes.Structure):
    _fields_ = (
        ("init", _Open),
        ("open", _Open),
        ("close", _Close),
        ("modify", _Open),
        ("parse", _Parse),
        ("encode", _Code),
        ("decode", _Code),
    )


class _Codec(ctypes.Structure):
    _fields_ = (
        ("prev", ctypes.c_void_p),
        ("next", ctypes.c_void_p),
        ("codec_data", ctypes.c_void_p),
        ("factory", ctypes.c_void_p),
        ("op", ctypes.POINTER(_Operations)),
    )


class Codecs:
    """Makes coders of the engine that is loaded and initialised."""

    def __init__(self, library: ctypes.CDLL, endpoint: pj.Endpoint) -> None:
        self._library = library
        self._endpoint = endpoint
        for name in ("pjsua_get_pjmedia_endpt", "pjmedia_endpt_get_codec_mgr"):
            getattr(library, name).restype = ctypes.c_void_p
        library.pjmedia_endpt_create_pool.restype = ctypes.c_void_p
        library.pjmedia_endpt_create_pool.argtypes = (
            ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t, ctypes.c_size_t,
        )  # fmt: skip
        self._media = ctypes.c_void_p(library.pjsua_get_pjmedia_endpt())
        self._manager = ctypes.c_void_p(library.pjmedia_endpt_get_codec_mgr(self._media))

    def coder(self, codec: str, clock_rate: int) -> "G711 | EngineCoder | None":
        """Return a coder for an encoding name and its timestamp units a second; None: no such."""
        if codec.upper() in {"PCMU", "PCMA"}:
            return G711(codec)
        try:
            return EngineCoder(
                self._library, self._media, self._manager, self._id(codec, clock_rate)
            )
        except CoderError:
            return None

    def _id(self, codec: str, clock_rate: int) -> tuple[str, float]:
        """Return the engine's name of a codec and its frame time, ready to be opened."""
        rate = 16000 if codec.upper() == "G722" else clock_rate  # RFC 3551 §4.5.2
        for one in self._endpoint.codecEnum2():
            name, own_rate, *_ = one.codecId.split("/")
            if name.lower() == codec.lower() and int(own_rate) == rate:
                parameters = self._endpoint.codecGetParam(one.codecId)
                if parameters.setting.vad:
                    # Silence must be coded as well: its frames have a place in time.
                    parameters.setting.vad = False
                    self._endpoint.codecSetParam(one.codecId, parameters)
                return one.codecId, parameters.info.frameLen / 1000
        raise CoderError(f"{codec}/{clock_rate} is not in this pjsua2")


class EngineCoder:
    """Encodes and decodes one direction of one stream; each keeps what it heard before."""

    remembers = True

    def __init__(
        self,
        library: ctypes.CDLL,
        media: ctypes.c_void_p,
        manager: ctypes.c_void_p,
        wanted: tuple[str, float],
    ) -> None:
        """``wanted``: the engine's name of the codec, and its frame time in seconds."""
        codec_id, self.frame_s = wanted
        self._library, self._manager = library, manager
        self._handle = ctypes.c_void_p()
        name = codec_id.encode()
        text, count = _Text(name, len(name)), ctypes.c_uint(1)
        infos = (ctypes.POINTER(_Info) * 1)()
        priorities = (ctypes.c_uint * 1)()
        self._checked(
            library.pjmedia_codec_mgr_find_codecs_by_id(
                manager, ctypes.byref(text), ctypes.byref(count), infos, priorities
            ),
            codec_id,
        )
        self._parameters = ctypes.create_string_buffer(_PARAMETERS)
        self._checked(
            library.pjmedia_codec_mgr_get_default_param(manager, infos[0], self._parameters),
            codec_id,
        )
        self._checked(
            library.pjmedia_codec_mgr_alloc_codec(manager, infos[0], ctypes.byref(self._handle)),
            codec_id,
        )
        codec = ctypes.cast(self._handle, ctypes.POINTER(_Codec)).contents
        self._do = codec.op.contents
        self.rate = int(infos[0].contents.clock_rate)
        "Samples per second of the sound: 16000 for G722, whose timestamps count 8000."
        self._pool = ctypes.c_void_p(library.pjmedia_endpt_create_pool(media, b"coder", 4000, 4000))
        self._checked(self._do.init(self._handle, self._pool), codec_id)
        self._checked(self._do.open(self._handle, ctypes.addressof(self._parameters)), codec_id)
        self._coded = ctypes.create_string_buffer(_ENOUGH)

    def close(self) -> None:
        """Give the codec back; nothing may be asked of it afterwards."""
        if self._handle.value is not None:
            self._do.close(self._handle)
            self._library.pjmedia_codec_mgr_dealloc_codec(self._manager, self._handle)
            self._library.pj_pool_release(self._pool)
            self._handle = ctypes.c_void_p()

    def encode(self, pcm: bytes) -> bytes:
        """Return the payload of one frame of the codec; ``pcm`` are its 16-bit samples."""
        held = ctypes.create_string_buffer(pcm, len(pcm))
        given = _Frame(_AUDIO, ctypes.addressof(held), len(pcm), 0, 0)
        made = _Frame(_NONE, ctypes.addressof(self._coded), _ENOUGH, 0, 0)
        status = self._do.encode(self._handle, ctypes.byref(given), _ENOUGH, ctypes.byref(made))
        self._checked(status, "encode")
        return self._coded.raw[: made.size]

    def decode(self, payload: bytes) -> bytes:
        """Return the 16-bit samples of a packet; empty where the codec cannot read it."""
        held = ctypes.create_string_buffer(payload, len(payload))
        return b"".join(self._frames(held, len(payload)))

    def _frames(self, held: "ctypes.Array[ctypes.c_char]", size: int) -> Iterator[bytes]:
        """Decode the frames of a packet one after the other."""
        count = ctypes.c_uint(_MOST_FRAMES)
        found = (_Frame * _MOST_FRAMES)()
        began = ctypes.c_uint64(0)
        status = self._do.parse(
            self._handle,
            ctypes.addressof(held),
            size,
            ctypes.byref(began),
            ctypes.byref(count),
            found,
        )
        if status != 0:
            return
        for place in range(count.value):
            made = _Frame(_NONE, ctypes.addressof(self._coded), _ENOUGH, 0, 0)
            status = self._do.decode(
                self._handle, ctypes.byref(found[place]), _ENOUGH, ctypes.byref(made)
            )
            if status == 0 and made.type == _AUDIO:
                yield self._coded.raw[: made.size]

    def _checked(self, status: int, what: str) -> None:
        if status != 0:
            raise CoderError(f"{what}: pjmedia {status}")
