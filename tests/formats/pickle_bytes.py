"""Pickles and archives, put together byte by byte; nothing here is ever unpickled."""

import io
import json
import pickle
import struct
import tarfile
import zipfile

#: What every harmful pickle here would run: nothing that harms, were it run by accident.
WORDS = b"true"


def short(text):
    """Give a SHORT_BINUNICODE."""
    return b"\x8c" + bytes([len(text)]) + text.encode()


def called(module, name, *, protocol=0, argument=WORDS):
    """Give a pickle that calls MODULE.NAME with one text."""
    if protocol < 2:
        return f"c{module}\n{name}\n".encode() + b"(S'" + argument + b"'\ntR."
    if protocol < 4:
        start = b"\x80" + bytes([protocol])
        return start + f"c{module}\n{name}\n".encode() + b"X" + struct.pack("<I", len(argument)) + argument + b"\x85R."
    start = b"\x80" + bytes([protocol])
    return (
        start + short(module) + b"\x94" + short(name) + b"\x94\x93\x94" + short(argument.decode()) + b"\x94\x85\x94R."
    )


SYSTEM = called("os", "system", protocol=2)


def zipped(*members, method=zipfile.ZIP_STORED, comment=b""):
    """Give a zip archive of (name, content)."""
    place = io.BytesIO()
    with zipfile.ZipFile(place, "w", method) as archive:
        for name, content in members:
            archive.writestr(zipfile.ZipInfo(name), content, compress_type=method)
        archive.comment = comment
    return place.getvalue()


def torch_zip(data, *records, method=zipfile.ZIP_STORED, root="archive"):
    """Give what torch.save writes around the pickle *data*."""
    rest = [("byteorder", b"little"), *records, ("version", b"3\n"), (".data/serialization_id", b"0" * 40)]
    return zipped(*((f"{root}/{name}", content) for name, content in [("data.pkl", data), *rest]), method=method)


def tarred(*members):
    """Give a tar archive of (name, content)."""
    place = io.BytesIO()
    with tarfile.open(fileobj=place, mode="w") as archive:
        for name, content in members:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return place.getvalue()


def npy(data, descr="|O"):
    """Give what numpy.save writes of an array of objects."""
    header = f"{{'descr': '{descr}', 'fortran_order': False, 'shape': (1,), }}".encode().ljust(117) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + data


def keras(layers):
    """Give what Keras saves, but for its weights."""
    config = json.dumps({"class_name": "Sequential", "module": "keras", "config": {"layers": layers}})
    return zipped(("metadata.json", b"{}"), ("config.json", config.encode()), method=zipfile.ZIP_DEFLATED)


def edited(archive, before, after, *, last=False):
    """Give *archive* with the bytes *before* replaced once."""
    at = archive.rindex(before) if last else archive.index(before)
    return archive[:at] + after + archive[at + len(before) :]


STORAGE = struct.pack("<4f", 1, 2, 3, 4)


def tensor(key=b"0", count=4, kind="FloatStorage", name="weight"):
    """Give the pickle of {name: tensor}, as torch 2.13 writes it (protocol 2)."""
    return (
        b"\x80\x02}q\x00X" + struct.pack("<I", len(name)) + name.encode() + b"q\x01"
        b"ctorch._utils\n_rebuild_tensor_v2\nq\x02((X\x07\x00\x00\x00storageq\x03ctorch\n"
        + kind.encode()
        + b"\nq\x04X"
        + struct.pack("<I", len(key))
        + key
        + b"q\x05X\x03\x00\x00\x00cpuq\x06K"
        + bytes([count])
        + b"tq\x07QK\x00K"
        + bytes([count])
        + b"\x85q\x08K\x01\x85q\t\x89ccollections\nOrderedDict\nq\n)Rq\x0btq\x0cRq\rs."
    )


LEGACY_START = (
    pickle.dumps(0x1950A86A20F9469CFC6C, 2)
    + pickle.dumps(1001, 2)
    + pickle.dumps(
        {"protocol_version": 1001, "little_endian": True, "type_sizes": {"short": 2, "int": 4, "long": 4}}, 2
    )
)


COUNTED = struct.pack("<q", 4) + STORAGE


def torch_legacy(data=None, keys=("0",), storages=(COUNTED,)):
    """Give what torch.save wrote before 1.6: its pickles, then the storages."""
    data = tensor().replace(b"tq\x07Q", b"Ntq\x07Q") if data is None else data
    return LEGACY_START + data + pickle.dumps(list(keys), 2) + b"".join(storages)
