"""Who says what a pickle really asks for: Python's own unpicklers, which are given nothing of what they ask for."""

import io

from modelready.formats import pickles
from modelready.formats.byte_views import Cursor, View
from modelready.formats.pickle_opcodes import Reader


class Stand:
    """Stands for whatever a pickle names: it can be called, built and filled, and does nothing."""

    def __new__(cls, *_, **__):
        return object.__new__(cls)

    def __init__(self, *_, **__):
        pass

    def __call__(self, *_, **__):
        return Stand()

    def __setstate__(self, _):
        pass

    def __setitem__(self, *_):
        pass

    append = extend = add = update = __setstate__


def asked_of(unpickler, content):
    """Give the globals that *unpickler* (Python's own, or C's) is asked for until it ends or breaks."""
    asked = []

    class Asked(unpickler):
        def find_class(self, module, name):
            asked.append((module, name))
            return Stand

        def persistent_load(self, _):
            return Stand()

    stream = io.BytesIO(content)
    try:
        while stream.tell() < len(content):
            Asked(stream).load()
    except Exception:  # noqa: BLE001 - whatever breaks it, it got so far
        pass
    return asked


def named_in(content):
    """Give the globals that are named in the pickles of *content*, and whether something cannot be told."""
    reader = Reader(Cursor(View(io.BytesIO(content), 0, len(content))))
    names, untold = set(), False
    while reader.peek(1):
        seen = pickles.scan_next(reader, arrays=False)  # Python's own know nothing of joblib
        names |= {tuple(name) for name in seen.names}
        untold |= bool(seen.untold)
        if seen.fault:
            break
    return names, untold
