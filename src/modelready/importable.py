"""
Globals that a catalog never lets a file import: with one of them, a pickle runs whatever it says.

The first four modules are those that torch refuses even where its user allows them (``_blocklisted_modules`` in
torch/_weights_only_unpickler.py); the others run text, programs or another pickle, or look any name up.
"""

from __future__ import annotations

import re


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


_MODULES = _set(
    "sys os posix nt subprocess importlib imp runpy pty shutil socket ctypes _ctypes cffi code codeop commands pdb bdb "
    "profile cProfile trace timeit doctest webbrowser multiprocessing asyncio signal ssl ftplib smtplib http httplib "
    "urllib urllib2 requests aiohttp httpx pip ensurepip venv pydoc pkgutil distutils setuptools test idlelib lib2to3 "
    "pickle _pickle cPickle dill cloudpickle marshal shelve inspect gc _osx_support _aix_support _pyrepl "
    "numpy.f2py numpy.testing torch.hub torch._inductor torch.utils.cpp_extension torch.utils.collect_env "
    "torch.utils.bottleneck"
)
_BUILTINS = _set(
    "__import__ apply breakpoint compile delattr dir eval exec execfile file getattr globals input locals memoryview "
    "open setattr type vars"
)
_NAMES = _set(
    "io.open _io.open io.FileIO _io.FileIO codecs.open logging.FileHandler types.CodeType types.FunctionType "
    "torch.load torch.serialization.load torch.storage._load_from_bytes torch.jit.load numpy.load joblib.load "
    "pandas.read_pickle torch.jit.unsupported_tensor_ops.execWrapper copyreg.add_extension uuid._get_command_stdout "
    "operator.attrgetter operator.methodcaller _operator.attrgetter _operator.methodcaller"
) | {f"{module}.{name}" for module in ("builtins", "__builtin__", "__builtins__") for name in _BUILTINS}
_GLOBAL = re.compile(r"[^\W\d]\w*(?:\.[^\W\d]\w*)+")


def is_global(text: str) -> bool:
    """Tell whether *text* has the form of a global: a module, a dot, a name."""
    return _GLOBAL.fullmatch(text) is not None


def is_blocked(name: str) -> bool:
    """Tell whether no file may import *name*, a module and a name joined by dots."""
    parts = name.split(".")
    return name in _NAMES or any(".".join(parts[:count]) in _MODULES for count in range(1, len(parts) + 1))
