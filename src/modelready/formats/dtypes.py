"""What people call dtypes, and which words of a file's header each of their names fits."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

#: By the header's word (safetensors, ggml, ONNX), the names that people give it; without case, hyphens and underscores.
_NAMES = {
    "F64": "f64 float64 fp64 double",
    "F32": "f32 float32 fp32 float single",
    "F16": "f16 float16 fp16 half",
    "BF16": "bf16 bfloat16",
    "F8_E4M3": "f8e4m3 float8e4m3 fp8e4m3 e4m3 f8e4m3fn float8e4m3fn fp8e4m3fn e4m3fn",
    "F8_E5M2": "f8e5m2 float8e5m2 fp8e5m2 e5m2",
    "F8_E4M3FNUZ": "f8e4m3fnuz float8e4m3fnuz fp8e4m3fnuz",
    "F8_E5M2FNUZ": "f8e5m2fnuz float8e5m2fnuz fp8e5m2fnuz",
    "F8_E8M0": "f8e8m0 float8e8m0 float8e8m0fnu fp8e8m0",
    "F6_E2M3": "f6e2m3 float6e2m3 fp6e2m3",
    "F6_E3M2": "f6e3m2 float6e3m2 fp6e3m2",
    "F4": "f4 float4 fp4 f4e2m1 float4e2m1 float4e2m1fn fp4e2m1 nvfp4 mxfp4",
    "C64": "c64 complex64",
    "C128": "c128 complex128",
    "BOOL": "bool boolean",
}
_WHOLE = {"I": "int", "U": "uint"}
_BY_NAME = {name: word for word, names in _NAMES.items() for name in names.split()} | {
    f"{text}{bits}": f"{letter}{bits}"
    for letter, word in _WHOLE.items()
    for text in (letter.lower(), word)
    for bits in (2, 4, 8, 16, 32, 64)
}
#: Names that leave open which: all that begin so.
_FAMILIES = {"f8": "F8_", "fp8": "F8_", "float8": "F8_", "f6": "F6_", "fp6": "F6_", "float6": "F6_"}
#: Four bits lie two in a byte, and safetensors knew no word for that for long.
_PACKED = {"F4": ("F4", "U8")}
_SIZED = re.compile(r"(?P<base>q(?P<bits>\d)k)(?P<size>xs|s|m|l|xl)?")
#: Sizes that llama.cpp itself writes down; others (``Q4_K_XL``) are their makers' own mixtures.
_OFFICIAL = frozenset({"q2ks", "q3ks", "q3km", "q3kl", "q4ks", "q4km", "q5ks", "q5km"})
_QUANTIZED = re.compile(r"i?q\d\w*|tq\d\w*|mxfp4moe|nvfp4|mxfp4")


def plain(name: str) -> str:
    """Give *name* without case, hyphens, underscores and the words around it that say nothing."""
    return re.sub(r"[-_ .]", "", name.lower().removeprefix("torch.").removeprefix("ud-"))


def is_known(name: str) -> bool:
    """Tell whether any header could say what *name* says."""
    text = plain(name)
    return text in _BY_NAME or text in _FAMILIES or _QUANTIZED.fullmatch(text) is not None


def share(name: str, shares: Mapping[str, float]) -> float:
    """Give the share of the bytes that have the dtype *name*; *shares* are by the header's own words."""
    text = plain(name)
    if family := _FAMILIES.get(text):
        return sum(part for word, part in shares.items() if canonical(word).startswith(family))
    wanted = _BY_NAME.get(text)
    fitting = _PACKED.get(wanted or "", (wanted,))
    return sum(part for word, part in shares.items() if canonical(word) in fitting or plain(word) == text)


def holds_most(name: str, shares: Mapping[str, float]) -> bool:
    """Tell whether no other dtype has more bytes than *name*: files of one dtype hold scales and norms of others."""
    mine = share(name, shares)
    others = [part for word, part in shares.items() if not share(name, {word: part})]
    return mine > 0 and mine >= max(others, default=0)


def canonical(word: str) -> str:
    """Give *word* of a header as safetensors writes it; a word that it does not have stays."""
    return _BY_NAME.get(plain(word), word)


def is_quantized_so(name: str, file_type: str) -> bool:
    """Tell whether a GGUF file of *file_type* (``Q4_K_M``) is what *name* says, as strictly as the name is."""
    wanted, told = plain(name), plain(file_type)
    if wanted == told or (wanted in _BY_NAME and _BY_NAME[wanted] == _BY_NAME.get(told)):
        return True
    asked, found = _SIZED.fullmatch(wanted), _SIZED.fullmatch(told)
    if not asked or wanted in _OFFICIAL:
        return False
    if found:  # "Q4_K" leaves its size open; "Q4_K_XL" has Q4_K_M in its header
        return asked["base"] == found["base"]
    return bool(asked["size"]) and told.startswith(f"q{asked['bits']}")
