"""Weight files whose header says another dtype than the catalog."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelready.formats import dtypes, gguf, onnx, safetensors
from modelready.inspection import words
from modelready.model import Fault

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from modelready.model import PlacedFile

_NEARLY_ALL = 0.9
#: A share that is worth a word.
_WORTH_TELLING = 0.005
#: What readers raise of a file that another check refuses.
_TOLD = (
    safetensors.BrokenHeader,
    gguf.BrokenHeader,
    gguf.UnknownHeader,
    onnx.BrokenModel,
    onnx.UnknownModel,
)


def differing(files: Iterable[PlacedFile]) -> tuple[Fault, ...]:
    """
    Tell the files that are not of the dtype that the catalog names: by their headers, whatever their names say.

    Most of a file's bytes decide: one of fp8 weights has scales and norms of other dtypes.
    """
    return tuple(fault for one in files if one.dtype and (fault := _fault(one, one.dtype)))


def is_readable(path: Path) -> bool:
    """Tell whether the dtype of such a file can be read."""
    return path.suffix.lower() in _SAYING


def _fault(placed: PlacedFile, wanted: str) -> Fault | None:
    if not dtypes.is_known(wanted):
        message = f"the catalog names its dtype {wanted!r}, which no header says; known are F32, BF16, fp8, Q4_K_M, …"
        return Fault(placed.path, message, "correct `dtype` in the catalog")
    try:
        told = _SAYING[placed.place.suffix.lower()](placed.place, wanted)
    except _TOLD:  # weights.are_whole told it
        return None
    except OSError as error:
        return Fault(placed.path, words.why(error), words.PROVISION)
    remedy = "get the file that the name promises, or correct `dtype` in the catalog"
    return Fault(placed.path, f"{told}; the catalog says {wanted}", remedy) if told else None


def _safetensors(place: Path, wanted: str) -> str:
    return _by_shares(safetensors.shares(place), wanted)


def _onnx(place: Path, wanted: str) -> str:
    return _by_shares(onnx.read(place).shares, wanted)


def _gguf(place: Path, wanted: str) -> str:
    header = gguf.read_header(place)
    if not header.file_type:
        return _by_shares(header.shares, wanted)
    # What wrote a file sometimes left its general.file_type as it was: nearly all bytes outweigh it.
    if dtypes.is_quantized_so(wanted, header.file_type) or dtypes.share(wanted, header.shares) > _NEARLY_ALL:
        return ""
    return ", ".join(filter(None, [f"its header says {header.file_type}", _told(header.shares)]))


def _by_shares(shares: Mapping[str, float], wanted: str) -> str:
    """Say what the header says, where that is not *wanted*."""
    if not shares:
        return "its header names no tensor, and so no dtype"
    return "" if dtypes.holds_most(wanted, shares) else f"its header says {_told(shares)}"


def _told(shares: Mapping[str, float]) -> str:
    parts = [f"{name} for {share:.0%} of its bytes" for name, share in shares.items() if share >= _WORTH_TELLING]
    return ", ".join(parts[:3])


_SAYING: dict[str, Callable[[Path, str], str]] = {
    ".safetensors": _safetensors,
    ".sft": _safetensors,
    ".gguf": _gguf,
    ".onnx": _onnx,
}
