"""
Files that would run code when a program loads them, and files that look like it and would not.

Every harmful one is written opcode by opcode; nothing here is ever unpickled. The tests look at each, picklescan is
asked for a second opinion, and a restricted unpickler that refuses every name says which ones it was asked for.
"""

import bz2
import gzip
import io
import lzma
import pickle
import struct
import zipfile
import zlib
from collections import Counter, OrderedDict

from pickle_bytes import (
    LEGACY_START,
    STORAGE,
    SYSTEM,
    called,
    edited,
    keras,
    npy,
    short,
    tarred,
    tensor,
    torch_legacy,
    torch_zip,
    zipped,
)


def _hidden_member():
    """Give a member between two others that the directory does not name."""
    inner = zipped(("archive/hidden.pkl", SYSTEM))
    local = inner[: inner.index(b"PK\x01\x02")]
    whole = torch_zip(tensor(), ("data/0", STORAGE))
    at = whole.index(b"PK\x01\x02")
    moved = whole[:at] + local + whole[at:]
    end = moved.rindex(b"PK\x05\x06")
    return moved[: end + 16] + struct.pack("<L", at + len(local)) + moved[end + 20 :]


def _renamed_directory():
    """Give a directory that names other members than their own headers do."""
    whole = torch_zip(SYSTEM)
    return edited(whole, b"archive/data.pkl", b"archive/data.txt")


def _flagged(flag):
    """Give a member that its directory says is encrypted, or the like, and that torch reads all the same."""
    whole = bytearray(torch_zip(SYSTEM))
    at = whole.index(b"PK\x01\x02")
    whole[at + 8] |= flag
    return bytes(whole)


def _wrong_digest():
    """Give a member with a wrong CRC, which torch does not look at."""
    whole = bytearray(torch_zip(SYSTEM))
    whole[14] ^= 0xFF
    whole[whole.index(b"PK\x01\x02") + 16] ^= 0xFF
    return bytes(whole)


def _twice():
    """Give two members of one name."""
    name, place = "archive/data.pkl", io.BytesIO()
    with zipfile.ZipFile(place, "w") as archive:
        archive.writestr(zipfile.ZipInfo(name), pickle.dumps({}, 2))
        archive.writestr(zipfile.ZipInfo("archive/data.pkX"), pickle.dumps({}, 2))
        archive.writestr(zipfile.ZipInfo("archive/version"), b"3")
    return place.getvalue().replace(b"data.pkX", b"data.pkl")


def _joblib(behind=SYSTEM, kind="O8", count=1):
    """Give an array of objects as joblib writes it: a pickle in the middle of another one."""
    wrapper = short("joblib.numpy_pickle") + short("NumpyArrayWrapper") + b"\x93)\x81}("
    fields = short("subclass") + short("numpy") + short("ndarray") + b"\x93" + short("shape")
    shape = b"K" + bytes([count]) + b"\x85"
    dtype = short("numpy") + short("dtype") + b"\x93" + short(kind) + b"\x89\x88\x87R"
    return b"\x80\x04" + wrapper + fields + shape + short("dtype") + dtype + b"ub" + behind + b"."


LONG_MEMO = b"".join(short(f"word{one}") + b"\x940" for one in range(300))


def _hidden_in_array():
    """Give a pickle in the place where joblib looks for the bytes of an array of numbers."""
    return _joblib(behind=SYSTEM[2:], kind="S", count=len(SYSTEM) - 2)


def _short_members():
    """Give an archive without a directory whose member says that it has 5 bytes."""
    whole = bytearray(torch_zip(SYSTEM))
    whole[18:26] = struct.pack("<2L", 5, 5)
    return bytes(whole[: whole.index(b"PK\x01\x02")])


#: name of the file, its bytes, and what is told of it
HARMFUL = {
    "os.system, protocol 0": ("model.pkl", called("os", "system"), "os.system"),
    "posix.system, protocol 2": ("model.pt", called("posix", "system", protocol=2), "posix.system"),
    "nt.system, protocol 4": ("model.bin", called("nt", "system", protocol=4), "nt.system"),
    "builtins.eval": ("model.pth", called("builtins", "eval", protocol=3), "builtins.eval"),
    "__builtin__.exec of Python 2": ("model.ckpt", called("__builtin__", "exec", protocol=2), "__builtin__.exec"),
    "builtins.__import__": ("model.pkl", called("builtins", "__import__", protocol=4), "builtins.__import__"),
    "builtins.getattr, a chain": (
        "model.pkl",
        b"\x80\x04cbuiltins\ngetattr\n(cbuiltins\n__import__\n\x8c\x02os\x85R\x8c\x06systemtR\x8c\x04true\x85R.",
        "builtins.getattr",
    ),
    "subprocess.Popen": ("model.pkl", called("subprocess", "Popen", protocol=4), "subprocess.Popen"),
    "runpy._run_code": ("model.pkl", called("runpy", "_run_code", protocol=4), "runpy._run_code"),
    "pty.spawn": ("model.pkl", called("pty", "spawn", protocol=2), "pty.spawn"),
    "webbrowser.open": ("model.pkl", called("webbrowser", "open", protocol=2), "webbrowser.open"),
    "importlib.import_module": ("model.pkl", called("importlib", "import_module"), "importlib.import_module"),
    "operator.attrgetter": ("model.pkl", called("operator", "attrgetter", protocol=4), "operator.attrgetter"),
    "functools.partial": ("model.pkl", called("functools", "partial", protocol=4), "functools.partial"),
    "numpy.testing runstring": (
        "model.pkl",
        called("numpy.testing._private.utils", "runstring", protocol=4),
        "numpy.testing._private.utils.runstring",
    ),
    "numpy.f2py": ("model.pkl", called("numpy.f2py.crackfortran", "getlincoef"), "numpy.f2py.crackfortran.getlincoef"),
    "torch.hub.load": ("model.pt", called("torch.hub", "load", protocol=2), "torch.hub.load"),
    "torch.load inside": ("model.pt", torch_zip(called("torch", "load", protocol=2)), "torch.load"),
    "a pickle for torch.load inside": (
        "model.pkl",
        called("torch.storage", "_load_from_bytes", protocol=2),
        "torch.storage._load_from_bytes",
    ),
    "pip.main": ("model.pkl", called("pip", "main", protocol=4), "pip.main"),
    "a module of the source's own": ("model.pkl", called("modeling_x", "Net", protocol=4), "modeling_x.Net"),
    "in nested lists": ("model.pkl", b"\x80\x02](](]cos\nsystem\nX\x04\x00\x00\x00true\x85Raee.", "os.system"),
    "INST": ("model.pkl", b"(S'true'\nios\nsystem\n.", "os.system"),
    "OBJ": ("model.pkl", b"(cos\nsystem\nX\x04\x00\x00\x00trueo.", "os.system"),
    "NEWOBJ": ("model.pkl", b"\x80\x02csubprocess\nPopen\nX\x04\x00\x00\x00true\x85\x81.", "subprocess.Popen"),
    "NEWOBJ_EX": ("model.pkl", b"\x80\x04csubprocess\nPopen\n\x8c\x04true\x85}\x92.", "subprocess.Popen"),
    "named by way of the memo": (
        "model.pkl",
        b"\x80\x04" + short("system") + b"\x940" + short("os") + b"\x940h\x01h\x00\x93\x8c\x04true\x85R.",
        "os.system",
    ),
    "named by way of PUT and LONG_BINGET": (
        "model.pkl",
        b"\x80\x04" + short("system") + b"p70000\n0" + short("os") + b"r\x01\x00\x01\x000"
        b"j\x01\x00\x01\x00g70000\n\x93\x8c\x04true\x85R.",
        "os.system",
    ),
    "named after 300 memos, one of them taken twice": (
        "model.pkl",
        b"\x80\x04" + LONG_MEMO + short("os") + b"r\x05\x00\x00\x00\x940" + short("system") + b"\x940"
        b"j\x2c\x01\x00\x00j\x2d\x01\x00\x00\x93\x8c\x04true\x85R.",
        "os.system",
    ),
    "named by texts that were copied and dropped": (
        "model.pkl",
        b"\x80\x04"
        + short("os")
        + b"2"
        + short("x")
        + b"00"
        + short("system")
        + b"(N10\x8c\x06system\x93\x8c\x04true\x85R.",
        "os.system",
    ),
    "named by a text that is made": (
        "model.pkl",
        b"\x80\x04" + short("os") + b"cbuiltins\nstr\n\x8c\x06system\x85R\x93\x8c\x04true\x85R.",
        "cannot be told",
    ),
    "named by a text of Python 2": ("model.pkl", b"\x80\x02U\x02osU\x06system\x93U\x04true\x85R.", "os.system"),
    "unicode escapes": ("model.pkl", b"V\\u006fs\nV\\u0073ystem\n\x93(S'true'\ntR.", "os.system"),
    "escapes in a string": ("model.pkl", b"S'\\x6fs'\nS'sy\\163tem'\n\x93(S'true'\ntR.", "os.system"),
    "dotted into an allowed class": (
        "model.pkl",
        called("collections", "OrderedDict.__init__.__globals__", protocol=4),
        "collections.OrderedDict.__init__.__globals__",
    ),
    "BUILD that gives an object a __setstate__": (
        "model.pkl",
        b"\x80\x02ccollections\nOrderedDict\n)R}X\x0c\x00\x00\x00__setstate__cos\nsystem\nsbX\x04\x00\x00\x00trueb.",
        "os.system",
    ),
    "BUILD that changes a function of torch": (
        "model.pt",
        b"\x80\x02ctorch._utils\n_rebuild_tensor_v2\nN}X\x08\x00\x00\x00__code__Ns\x86b.",
        "changes torch._utils._rebuild_tensor_v2 itself",
    ),
    "an extension code": ("model.pkl", b"\x80\x02\x82\x07X\x04\x00\x00\x00true\x85R.", "extension code 7"),
    "an extension code of four bytes": ("model.pkl", b"\x80\x02\x84\x07\x00\x00\x01)R.", "extension code 16777223"),
    "a second pickle after the first": ("model.pkl", pickle.dumps({"a": 1}, 2) + SYSTEM, "os.system"),
    "a second one that is text": ("model.pkl", pickle.dumps({"a": 1}, 2) + called("os", "system"), "os.system"),
    "a broken end": ("model.pkl", SYSTEM[:-1] + b"\xff\xff", "os.system"),
    "a broken end, in text": ("model.bin", called("os", "system")[:-1] + b"\xff\xff", "os.system"),
    "in frames": (
        "model.pkl",
        b"\x80\x04\x95\xff\x00\x00\x00\x00\x00\x00\x00" + called("os", "system", protocol=4)[2:],
        "os.system",
    ),
    "behind a long payload": (
        "model.pkl",
        b"\x80\x04B\x00\x00\x04\x00" + bytes(262_144) + b"0" + SYSTEM[2:],
        "os.system",
    ),
    "the magic number of torch, made by eval": (
        "model.pt",
        called("builtins", "eval", protocol=2) + torch_legacy()[len(pickle.dumps(0x1950A86A20F9469CFC6C, 2)) :],
        "builtins.eval",
    ),
    "the object of a legacy file": ("model.pt", torch_legacy(SYSTEM), "os.system"),
    "the keys of a legacy file": ("model.pt", LEGACY_START + tensor() + SYSTEM, "os.system"),
    "torch's zip": ("model.pt", torch_zip(SYSTEM), "os.system"),
    "torch's zip, compressed": ("model.pt", torch_zip(SYSTEM, method=zipfile.ZIP_DEFLATED), "os.system"),
    "under a wrong name in a zip": (
        "model.pt",
        torch_zip(tensor(), ("data/0", STORAGE), ("readme.txt", SYSTEM)),
        "os.system",
    ),
    "in the place of a tensor": ("model.pt", torch_zip(tensor(), ("data/0", SYSTEM)), "os.system"),
    "in a zip in a zip": ("model.zip", zipped(("a/b.zip", zipped(("c.bin", torch_zip(SYSTEM))))), "os.system"),
    "in a zip in a tar in a gzip": ("model.nemo", gzip.compress(tarred(("a.ckpt", torch_zip(SYSTEM)))), "os.system"),
    "in a tar": ("model.tar", tarred(("pickle", SYSTEM), ("storages", b""), ("tensors", b"")), "os.system"),
    "a zip without its directory": (
        "model.pt",
        torch_zip(SYSTEM)[: torch_zip(SYSTEM).index(b"PK\x01\x02")],
        "os.system",
    ),
    "a zip whose directory is broken": (
        "model.pt",
        edited(torch_zip(SYSTEM), b"PK\x01\x02", b"PK\x01\x03"),
        "os.system",
    ),
    "a zip with a pickle before it": (
        "model.pt",
        called("os", "system", protocol=2) + torch_zip(tensor(), ("data/0", STORAGE)),
        "os.system",
    ),
    "a zip with bytes before it": ("model.bin", b"\xff" * 100 + torch_zip(SYSTEM), "os.system"),
    "a member that the directory does not name": ("model.pt", _hidden_member(), "os.system"),
    "a member behind the end": (
        "model.pt",
        torch_zip(tensor(), ("data/0", STORAGE)) + zipped(("x", SYSTEM))[:-40],
        "os.system",
    ),
    "a member with two names": ("model.pt", _renamed_directory(), "'archive/data.txt'"),
    "two members with one name": ("model.pt", _twice(), "several members named 'archive/data.pkl'"),
    "a member that says it is encrypted": ("model.pt", _flagged(1), "os.system"),
    "a member with a wrong CRC": ("model.pt", _wrong_digest(), "os.system"),
    "a zip packed in a way of its own": (
        "model.zip",
        edited(zipped(("a", SYSTEM)), b"\x00\x00", struct.pack("<H", 97)).replace(
            b"PK\x01\x02\x14\x03\x14\x00\x00\x00\x00\x00", b"PK\x01\x02\x14\x03\x14\x00\x00\x00\x61\x00"
        ),
        "method 97",
    ),
    "npy, an array of objects": ("data.npy", npy(SYSTEM), "os.system"),
    "npz, an array of objects": ("data.npz", zipped(("a.npy", npy(SYSTEM)), method=zipfile.ZIP_DEFLATED), "os.system"),
    "npy, objects in a field": ("data.npy", npy(SYSTEM, "i4,O"), "os.system"),
    "joblib": ("model.joblib", called("os", "system", protocol=4), "os.system"),
    "joblib, an array of objects": ("model.joblib", _joblib(), "os.system"),
    "gzip": ("model.pkl.gz", gzip.compress(SYSTEM), "os.system"),
    "gzip, two members": ("model.pkl.gz", gzip.compress(SYSTEM[:5]) + gzip.compress(SYSTEM[5:]), "os.system"),
    "gzip, cut short": ("model.pkl.gz", gzip.compress(SYSTEM)[:-6], "os.system"),
    "zlib": ("model.pkl.z", zlib.compress(SYSTEM), "os.system"),
    "bzip2": ("model.pkl.bz2", bz2.compress(SYSTEM), "os.system"),
    "xz": ("model.pkl.xz", lzma.compress(SYSTEM), "os.system"),
    "lzma": ("model.pkl.lzma", lzma.compress(SYSTEM, lzma.FORMAT_ALONE), "os.system"),
    "begins like GGUF": ("model.bin", b"GGUF\x03\x00\x00\x00\x00" + called("os", "system"), "os.system"),
    "begins like safetensors": (
        "model.pt",
        b"U\x07" + bytes(6) + b"{" + called("os", "system") + bytes(2048),
        "os.system",
    ),
    "the name of a member of a tar": ("model.tar", tarred(("cos\nsystem\n(S'true'\ntR.", b"")), "os.system"),
    "in the bytes of an array, which only joblib passes over": ("model.joblib", _hidden_in_array(), "os.system"),
    "there as well, compressed": ("model.joblib", zlib.compress(_hidden_in_array()), "os.system"),
    "npy, objects by an escape": ("data.npy", npy(SYSTEM, "\\x4f"), "os.system"),
    "npy, objects in two texts": ("data.npy", npy(SYSTEM, "ob' 'ject"), "os.system"),
    "a zip whose members lie about their sizes": ("model.pt", _short_members(), "os.system"),
    "a zip behind a pickle": ("model.bin", pickle.dumps(1, 2) + torch_zip(SYSTEM), "os.system"),
    "keras, a Lambda layer": (
        "model.keras",
        keras({"class_name": "Lambda", "module": "keras.layers"}),
        "code of Python",
    ),
    "keras, code in a layer": ("model.keras", keras({"activation": {"class_name": "__lambda__"}}), "code of Python"),
    "keras, another module": (
        "model.keras",
        keras({"class_name": "Popen", "module": "subprocess"}),
        "subprocess.Popen",
    ),
    "keras, a function of another module": (
        "model.keras",
        keras([{"class_name": "function", "config": "system", "module": "os"}]),
        "os.system",
    ),
    "keras, no JSON": ("model.keras", zipped(("config.json", b"{"), ("metadata.json", b"{}")), "is no valid JSON"),
    "lz4": ("model.pkl.lz4", b"\x04\x22\x4d\x18" + SYSTEM, "compressed with lz4"),
    "zstd": ("model.pkl.zst", b"\x28\xb5\x2f\xfd" + SYSTEM, "compressed with zstd"),
    "7z under another name": ("model.pt", b"7z\xbc\xaf\x27\x1c" + bytes(40), "a 7z archive"),
    "rar": ("model.bin", b"Rar!\x1a\x07\x01\x00" + bytes(40), "a RAR archive"),
    "a safetensors that is a pickle": ("model.safetensors", SYSTEM, "os.system"),
    "a JSON that is a zip": ("config.json", torch_zip(SYSTEM), "os.system"),
    "a text that is a pickle": ("readme.txt", called("os", "system", protocol=4), "os.system"),
}

#: name of the file, and its bytes
HARMLESS = {
    "a state dict": ("model.pt", torch_zip(tensor(), ("data/0", STORAGE))),
    "a state dict, compressed": ("model.pt", torch_zip(tensor(), ("data/0", STORAGE), method=zipfile.ZIP_DEFLATED)),
    "a state dict of a legacy file": ("model.pth", torch_legacy()),
    "plain values, protocol 0": ("values.pkl", pickle.dumps({"a": [1, 2.5, "x", None, True], "b": (1, 2)}, 0)),
    "plain values, protocol 2": ("values.pkl", pickle.dumps({"a": {1, 2}, "b": b"bytes", "c": 1j}, 2)),
    "plain values, protocol 5": ("values.pkl", pickle.dumps({"a": {1, 2}, "b": bytearray(b"x"), "c": "é" * 300}, 5)),
    "counters and ordered dictionaries": ("values.pkl", pickle.dumps([Counter("aab"), OrderedDict(a=1)], 4)),
    "an optimiser's state": (
        "checkpoint.ckpt",
        torch_zip(pickle.dumps({"step": 3, "lr": 0.1, "betas": (0.9, 0.999)}, 2)),
    ),
    "bytes that look like a name": ("values.pkl", pickle.dumps([b"cos\nsystem\n", "cos\nsystem\n", "os.system"], 4)),
    "keras": (
        "model.keras",
        keras(
            [
                {
                    "class_name": "Dense",
                    "module": "keras.layers",
                    "config": {"class_name": "GlorotUniform", "module": None},
                }
            ]
        ),
    ),
    "an array of numbers": ("data.npy", npy(SYSTEM, "<f4")),
    "arrays of numbers": ("data.npz", zipped(("a.npy", npy(bytes(400), "<f8")), method=zipfile.ZIP_DEFLATED)),
    "floats that begin like a pickle": ("model.bin", b"\x80\x02" + struct.pack("<100f", *range(100))),
    "floats that begin like zlib": ("model.bin", b"x\x9c" + struct.pack("<100f", *range(100))),
    "a tensor that begins like a pickle": ("model.pt", torch_zip(tensor(), ("data/0", b"\x80\x02c" + bytes(13)))),
    "noise that begins like compress": ("000381.dat", b"\x1f\x9d\x1b" + bytes(range(7, 251))),
    "a tensor that begins like gzip": ("model.pt", torch_zip(tensor(), ("data/0", b"\x1f\x8b\x08" + bytes(13)))),
    "words that begin with opcodes": ("labels.bin", b"cat\nsat\nhorse\nmouse\nRat\n"),
    "words in a text": ("labels.txt", b"cos\nsystem\n(S'true'\ntR."),
    "a safetensors file whose header has 640 bytes": ("model.safetensors", struct.pack("<Q", 640) + b"{}".ljust(640)),
    "a compressed text": ("words.txt.gz", gzip.compress(b"cos\nsystem\n")),
    "a tar of texts": ("words.tar", tarred(("a.txt", b"one"), ("b/c.json", b"{}"))),
    "an empty file": ("empty.bin", b""),
    "an empty zip": ("empty.zip", zipped()),
    "a zip with a comment": ("model.zip", zipped(("a.txt", b"one"), comment=b"PK\x05 is no end")),
    "a quantised file": ("model.gguf", b"GGUF\x03\x00\x00\x00" + bytes(100)),
    "ten thousand small pickles less one": ("values.pkl", b"\x80\x02N." * 9_999),
}
