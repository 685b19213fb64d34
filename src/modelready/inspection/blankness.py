"""
Weights that are blank: zeros, one value, or no numbers, where a model has something to say.

docs/blank.md tells what is held against a file, what is only doubted, and what is passed over.
"""

from __future__ import annotations

import re
from math import prod
from typing import TYPE_CHECKING

from modelready import sizes
from modelready.formats import blankness, elements, safetensors, spans
from modelready.formats.safetensors_header import short
from modelready.inspection import words
from modelready.inspection.findings import Findings
from modelready.model import Fault

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from modelready.formats.blankness import Deadline, Looked, Run, Seen
    from modelready.model import PlacedFile

_REMEDY = f"{words.PROVISION}; if these are the bytes of its source, only its publisher can mend them"
_DOUBT = "compare with the source: some weights are zero, or one value, on purpose"
_DOUBT_OF_LENGTH = "name its sha256 in the catalog, so that files.have_the_right_bytes proves it"
_MORE = "give more time with --budget, or read everything with --reread"

#: Packed weights are whole numbers; other whole numbers are indexes and masks.
_PACKED = frozenset({"I8", "U8", "I32", "U32", "F4", "F6_E2M3", "F6_E3M2"})
_EXPONENTS = "F8_E8M0"
_FEWEST_ELEMENTS = 4096
#: Kernels that take a mean are one value all over, and small.
_FEWEST_CONSTANT, _SHORTEST_SIDE = 65_536, 32
#: A file of one weight, all zero, may be the empty prompt of a generator; those are not as large.
_SEVERAL, _LARGE_BYTES = 2, 8 * 2**20
_MOST = 0.75
#: So many elements that are no numbers have to be expected of random bytes, before their count says anything.
_LEAST_NOISE = 8

#: Zero in good models: what training starts at zero (ControlNet, PEFT, LyCORIS, DiT), and what is no weight.
_ZERO_BY_NAME = re.compile(
    r"zero_conv|controlnet_(down|mid)_block|cond_embedding\.conv_out|input_hint_block|middle_block_out"
    r"|lora_up|lora_B|lora\.up|lora_embedding_A|hada_w2_a|lokr_w2"
    r"|adaLN_modulation|final_layer|mask$|position_(ids|bias)|zero_?points?$|qzeros$|scales?$|attn\.bias$"
)
#: Weights that are added to others may be zero for every layer that was not trained.
_ADDED = re.compile(r"lora[._]|hada_|lokr_|adapter|\.diff$")
#: Limits that were never set are infinite, or no numbers: those of masks, clamps and observers of quantisation.
_LIMITS = re.compile(r"mask$|amax$|min_?val$|max_?val$|observer|clamp|[._](min|max)$")
_LEARNED = re.compile(r"(^|[._])(weight|bias)$")


def sampled(files: Sequence[PlacedFile], within_s: float) -> Findings:
    """Tell what samples of *files* show, read within *within_s* seconds in all."""
    return _each(files, blankness.sample, within_s)


def searched(files: Sequence[PlacedFile], within_s: float | None) -> Findings:
    """Tell what reading all of *files* shows; None is all the time it takes."""
    return _each(files, blankness.search, within_s)


def _each(files: Sequence[PlacedFile], look: Callable[[Path, Deadline], Looked], within_s: float | None) -> Findings:
    deadline = blankness.Deadline.within(within_s)
    faults: list[Fault] = []
    doubts: list[Fault] = []
    for number, one in enumerate(files):
        try:
            looked = look(one.place, deadline.share(len(files) - number))
        except safetensors.BrokenHeader as error:
            faults.append(Fault(one.path, str(error), words.PROVISION))
        except blankness.HeaderTooLong as error:
            doubts.append(Fault(one.path, f"was not looked into: {error}", _DOUBT_OF_LENGTH))
        except OSError as error:
            faults.append(Fault(one.path, words.why(error), words.PROVISION))
        else:
            faults += [Fault(one.path, why, _REMEDY) for why in _objections(looked)]
            doubts += [Fault(one.path, why, _DOUBT) for why in _doubts(looked)]
            doubts += [_untold(one, looked, within_s)] if looked.unfinished else []
    return Findings(tuple(faults), tuple(doubts))


def _untold(one: PlacedFile, looked: Looked, within_s: float | None) -> Fault:
    return Fault(one.path, f"its time ({within_s:g} s for the model) ran out: {looked.unfinished}", _MORE)


# ---- what is held against a file


def _objections(looked: Looked) -> Iterator[str]:
    tears = _tears(looked)
    yield from tears
    if not tears:
        yield from _mostly_blank(looked)
    if lost := [one for one in looked.seen if _is_broken(one)]:
        yield f"holds what is no number: {_listed(lost, _counts)}"


def _tears(looked: Looked) -> list[str]:
    every = [one.span for one in looked.seen]
    return [_tear(run, [one.name for one in spans.touched(run, every)]) for run in looked.tears]


def _tear(run: Run, names: list[str]) -> str:
    more = f" and {len(names) - 1:,} more" if names[1:] else ""
    size = sizes.told(run.end - run.begin)
    where = f"{short(names[0])}{more}" if names else "its tensors"
    return f"nothing but zeros from byte {run.begin:,} to {run.end:,} ({size}), cut through {where}: never written"


def _mostly_blank(looked: Looked) -> Iterator[str]:
    """Tell of a file with nothing in it, or hardly anything."""
    weights = [one for one in looked.seen if _is_matrix(one)]
    blank = [one for one in weights if _is_blank(one)]
    if blank and len(blank) == len(weights):
        if len(blank) >= _SEVERAL or _bytes(blank) >= _LARGE_BYTES:
            yield f"every weight in it is blank: {_listed(blank, _flatness)}"
        return
    judged = [one for one in weights if not _is_zero_by_name(one)]
    blank = [one for one in judged if _is_blank(one)]
    if len(blank) >= _SEVERAL and len(blank) >= _MOST * len(judged) and _bytes(blank) >= _MOST * _bytes(judged):
        yield f"{len(blank):,} of {len(judged):,} weights are blank: {_listed(blank, _flatness)}"


def _is_broken(one: Seen) -> bool:
    """Tell whether *one* was learned, and holds NaN, or an infinity that no table of probabilities has."""
    if _LIMITS.search(one.span.name) or not (one.tally.nan or (one.tally.plus and not one.is_mask)):
        return False
    if _is_noise(one):
        return False
    return len(_sides(one)) > 1 or bool(_LEARNED.search(one.span.name))


# ---- what is doubted


def _doubts(looked: Looked) -> Iterator[str]:
    if any(True for _ in _mostly_blank(looked)):
        return
    blank = [one for one in looked.seen if _is_matrix(one) and _is_blank(one) and not _is_zero_by_name(one)]
    if blank:
        yield f"blank: {_listed(blank, _flatness)}"
    noise = [one for one in looked.seen if _is_noise(one)]
    if noise:
        yield f"bytes as random as those of no weights (encrypted, or made up for a test): {_listed(noise, _counts)}"
    odd = [one for one in looked.seen if _is_odd(one)]
    if odd:
        yield f"holds what is no number, where that may be meant: {_listed(odd, _counts)}"


def _is_odd(one: Seen) -> bool:
    is_finite = one.tally.is_finite or one.is_mask
    return not is_finite and not (_is_broken(one) or _is_noise(one)) and not _LIMITS.search(one.span.name)


def _is_noise(one: Seen) -> bool:
    """Tell whether as many elements are no numbers as among random bytes: nobody trained them, nothing broke them."""
    expected = one.tally.looked / elements.size_of(one.span.dtype) * elements.share_without_numbers(one.span.dtype)
    found = one.tally.nan + one.tally.plus + one.tally.minus
    return expected >= _LEAST_NOISE and expected / 2 <= found <= expected * 2


# ---- what a tensor is


def _is_matrix(one: Seen) -> bool:
    """Tell whether *one* looks like weights: of numbers or packed ones, in two directions, and not just a few."""
    span = one.span
    is_weight = span.dtype in _PACKED or (elements.is_float(span.dtype) and span.dtype != _EXPONENTS)
    return is_weight and len(_sides(one)) > 1 and prod(span.shape) >= _FEWEST_ELEMENTS


def _sides(one: Seen) -> list[int]:
    return [length for length in one.span.shape if length > 1]


def _is_blank(one: Seen) -> bool:
    if one.tally.is_zero:
        return True
    sides = sorted(_sides(one))
    is_large = prod(sides) >= _FEWEST_CONSTANT and sides[-2] >= _SHORTEST_SIDE
    return one.tally.is_constant and is_large and one.tally.is_finite and one.span.dtype not in _PACKED


def _is_zero_by_name(one: Seen) -> bool:
    return bool(_ZERO_BY_NAME.search(one.span.name) or _ADDED.search(one.span.name))


def _bytes(seen: Sequence[Seen]) -> int:
    return sum(one.span.size for one in seen)


# ---- in words


def _listed(seen: Sequence[Seen], told: Callable[[Seen], str]) -> str:
    named = [f"{short(one.span.name)} ({told(one)})" for one in seen[:3]]
    more = [f"and {len(seen) - 3:,} more tensors"] if seen[3:] else []
    return ", ".join((*named, *more))


def _flatness(one: Seen) -> str:
    how = "zeros" if one.tally.is_zero else "one value"
    return f"{_shape(one)}, {how}{'' if one.is_whole else ' wherever looked at'}"


def _counts(one: Seen) -> str:
    counted = {"NaN": one.tally.nan, "inf": one.tally.plus, "-inf": one.tally.minus}
    found = " and ".join(f"{count:,} {name}" for name, count in counted.items() if count)
    return f"{_shape(one)}: {'' if one.is_whole else 'at least '}{found}"


def _shape(one: Seen) -> str:
    return f"{one.span.dtype} {'x'.join(map(str, one.span.shape)) or 'number'}"
