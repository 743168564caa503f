"""A pjsip module of ours: the structure that the stack calls back through."""

import ctypes

Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p)


class Name(ctypes.Structure):
    """pj_str_t (pj/types.h)."""

    _fields_ = (("ptr", ctypes.c_char_p), ("slen", ctypes.c_ssize_t))


class PjsipModule(ctypes.Structure):
    """struct pjsip_module (pjsip/sip_module.h)."""

    _fields_ = (
        ("prev", ctypes.c_void_p),
        ("next", ctypes.c_void_p),
        ("name", Name),
        ("id", ctypes.c_int),
        ("priority", ctypes.c_int),
        ("load", ctypes.c_void_p),
        ("start", ctypes.c_void_p),
        ("stop", ctypes.c_void_p),
        ("unload", ctypes.c_void_p),
        ("on_rx_request", Callback),
        ("on_rx_response", Callback),
        ("on_tx_request", Callback),
        ("on_tx_response", Callback),
        ("on_tsx_state", ctypes.c_void_p),
    )
