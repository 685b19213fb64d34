"""
The globals that weight files need and that can do no harm: whatever a pickle calls, it must be one of these.

Sources: what ``torch.load(weights_only=True)`` accepts (``_get_allowed_globals`` in torch/_weights_only_unpickler.py,
torch 2.13); what numpy writes for its own arrays, scalars and dtypes (``ndarray.__reduce_ex__``, ``dtype.__reduce__``);
joblib's wrapper around an array, which only reads it; and types of the standard library that are nothing but data.
None of them looks a name up, opens a file, loads another pickle or calls what it is given by name.
"""

from __future__ import annotations

from modelready.formats.pickle_values import JOBLIB_ARRAY, Name


def _names(module: str, words: str) -> frozenset[Name]:
    return frozenset(Name(module, word) for word in words.split())


_KINDS = "BFloat16 Bool Byte Char Double Float Half Int Long Short"
_STORAGES = " ".join(f"{kind}Storage" for kind in f"{_KINDS} ComplexDouble ComplexFloat".split())
_TENSORS = " ".join(f"{kind}Tensor" for kind in _KINDS.split())
_SPARSE = " ".join(f"{kind}Tensor" for kind in _KINDS.split() if kind != "Bool")
_QUANTIZED = "QInt32Storage QInt8Storage QUInt2x4Storage QUInt4x2Storage QUInt8Storage"
_DTYPES = (
    "bfloat16 bits16 bits1x8 bits2x4 bits4x2 bits8 bool complex128 complex32 complex64 float16 float32 "
    "float4_e2m1fn_x2 float64 float8_e4m3fn float8_e4m3fnuz float8_e5m2 float8_e5m2fnuz float8_e8m0fnu "
    "int1 int16 int2 int3 int32 int4 int5 int6 int64 int7 int8 qint32 qint8 quint2x4 quint4x2 quint8 "
    "uint1 uint16 uint2 uint3 uint32 uint4 uint5 uint6 uint64 uint7 uint8"
)
_SCHEMES = (
    "per_channel_affine per_channel_affine_float_qparams per_channel_symmetric per_tensor_affine per_tensor_symmetric"
)
_REBUILD = (
    "_rebuild_device_tensor_from_cpu_tensor _rebuild_device_tensor_from_numpy _rebuild_meta_tensor_no_storage "
    "_rebuild_nested_tensor _rebuild_parameter _rebuild_parameter_with_state _rebuild_qtensor _rebuild_sparse_tensor "
    "_rebuild_tensor _rebuild_tensor_v2 _rebuild_tensor_v3 _rebuild_wrapper_subclass"
)
_TORCH = (
    _names("torch", f"{_STORAGES} {_QUANTIZED} {_TENSORS} {_DTYPES} {_SCHEMES} Size Tensor device")
    | _names("torch.cuda", f"{_STORAGES} {_TENSORS}")
    | _names("torch.sparse", _SPARSE)
    | _names("torch.cuda.sparse", _SPARSE)
    | _names("torch._utils", _REBUILD)
    | _names("torch._tensor", "_rebuild_from_type_v2")
    | _names("torch.tensor", "_rebuild_from_type_v2")  # the same, before torch 1.9
    | _names("torch.nn.parameter", "Parameter")
    | _names("torch.serialization", "_get_layout")
    | _names("torch.storage", "TypedStorage UntypedStorage")
)

_NUMPY_TYPES = (
    "bool bool_ complex128 complex64 dtype float16 float32 float64 int16 int32 int64 int8 ndarray "
    "uint16 uint32 uint64 uint8"
)
_NUMPY = _names("numpy", _NUMPY_TYPES).union(
    *(
        _names(f"{core}.multiarray", "_reconstruct scalar") | _names(f"{core}.numeric", "_frombuffer")
        for core in ("numpy.core", "numpy._core")
    )
)

_BUILTINS = "bool bytearray bytes complex dict float frozenset int list object set slice str tuple"
_PLAIN = (
    _names("builtins", f"{_BUILTINS} range")
    | _names("__builtin__", f"{_BUILTINS} long unicode xrange")  # as Python 2 named them
    | _names("_codecs", "encode")
    | _names("argparse", "Namespace")
    | _names("collections", "Counter OrderedDict defaultdict deque")
    | _names("copy_reg", "_reconstructor")
    | _names("copyreg", "_reconstructor")
    | _names("datetime", "date datetime time timedelta timezone")
    | _names("pathlib", "PosixPath PurePosixPath PureWindowsPath WindowsPath")
    | _names("pathlib._local", "PosixPath PurePosixPath PureWindowsPath WindowsPath")  # Python 3.13
    | _names("typing", "Any")
)

#: What every pickle may name.
HARMLESS = _TORCH | _NUMPY | _PLAIN | {JOBLIB_ARRAY}

#: What a TorchScript archive names beside: its own classes, which are TorchScript and no Python, and lists of theirs.
_SCRIPT = "build_intlist build_tensorlist build_doublelist build_boollist build_tensor_from_id restore_type_tag"
_TORCHSCRIPT = _names("torch.jit._pickle", _SCRIPT)


def is_torchscript(name: Name) -> bool:
    """Tell whether *name* is what a TorchScript archive names of its own."""
    return name in _TORCHSCRIPT or name.module == "__torch__" or name.module.startswith("__torch__.")
