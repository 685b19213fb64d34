"""The shape of a catalog's rows: which keys there are, and what each may hold. Import it late: it imports pydantic."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, ValidationError

from modelready import addresses, expansion, importable, sizes, switches
from modelready.model import HEX_LENGTHS, Algorithm
from modelready.patterns import meant, nearest, safe_pattern, safe_relative

if TYPE_CHECKING:
    from collections.abc import Callable

    from modelready.catalog_lines import Location

CONSUMERS = (
    "mflux",
    "comfyui",
    "comfyui-gguf",
    "comfyui-custom-nodes",
    "diffusers",
    "transformers",
    "sentence-transformers",
    "whisper.cpp",
    "llama.cpp",
    "faster-whisper",
    "vllm",
    "onnxruntime",
    "stable-diffusion.cpp",
    "invokeai",
    "sglang",
    "tgi",
    "ollama",
    "mlx-lm",
    "timm",
    "qwen-tts",
    "vibevoice",
)
LAYOUTS = ("hub-cache", "folder")
NAME = re.compile(r"(?=.*[a-z0-9])[a-z0-9.-]+", re.ASCII)


def shown(value: object) -> str:
    """Give *value* as one short line."""
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}…"  # noqa: PLR2004 - a line on a screen


# ---- what a value may be; each raises ValueError with what was expected


def _text(value: str) -> str:
    if not value.strip():
        raise ValueError("is empty; expected text: fill it in, or leave the key out")
    return value


def _name(value: str) -> str:
    if not NAME.fullmatch(value):
        usable = re.sub(r"[^a-z0-9.-]+", "-", value.lower()).strip("-.")
        hint = f": write {shown(usable)}" if usable else ""
        raise ValueError(f"{shown(value)} is no name; expected small letters, digits, dots, hyphens: [a-z0-9.-]+{hint}")
    return value


def _one_of(what: str, known: tuple[str, ...]) -> Callable[[str], str]:
    """Accept the words of *known* only."""

    def check(value: str) -> str:
        if value not in known:
            expected = ", ".join(known)
            raise ValueError(f"{shown(value)} is no known {what}; expected one of {expected}{meant(value, known)}")
        return value

    return check


def _size(value: object) -> int:
    """Take a number of bytes, or text as "3 GB"."""
    if isinstance(value, str):
        return sizes.parse(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError(f"{shown(value)} is no size; expected bytes as a whole number, or text such as '3 GB'")  # noqa: TRY004 - pydantic wants ValueError
    return sizes.checked(value)


def _hex(algorithm: Algorithm) -> Callable[[str], str]:
    """Accept the hexadecimal digits of *algorithm* only; give them in small letters."""
    length = HEX_LENGTHS[algorithm]

    def check(value: str) -> str:
        if re.fullmatch(rf"[0-9A-Fa-f]{{{length}}}", value):
            return value.lower()
        same = [name for name, other in HEX_LENGTHS.items() if other == len(value) and other != length]
        hint = f"; {len(value)} digits would be a {' or '.join(same)}" if same else f", this has {len(value)}"
        raise ValueError(f"{shown(value)} is no {algorithm}; expected {length} hexadecimal digits{hint}")

    return check


def _source(value: str) -> str:
    addresses.parse(value, Path())
    return value


def _folder(value: str) -> str:
    expansion.parse(_text(value))
    if re.search(r"[\x00-\x1f\x7f]", value):
        raise ValueError(f"{shown(value)} holds a control character; expected a path")
    return value


def _below(value: str) -> str:
    safe_relative(value)
    if "*" in value or "?" in value:
        raise ValueError(f"{shown(value)} is a pattern; expected the one path under folder that the file gets")
    return value


def _switch(value: str) -> str:
    switches.parse(value)
    return value


def _global(value: str) -> str:
    """Take MODULE.NAME; not what would let a pickle run anything."""
    if not importable.is_global(value):
        raise ValueError(f"{shown(value)} is no global; expected a module, a dot and a name: 'package.module.Class'")
    if importable.is_blocked(value):
        raise ValueError(f"{shown(value)} would let a file run anything; expected the classes that it needs, only")
    return value


def _tokenizer(value: str) -> str:
    """Take FOLDER or MODEL:FOLDER; whether MODEL exists is seen later."""
    model, colon, folder = value.rpartition(":")
    if colon:
        _name(model)
    if folder != ".":
        safe_relative(folder)
    return value


def _one_or_list(value: object) -> object:
    return [value] if isinstance(value, str) else value


Text = Annotated[str, AfterValidator(_text)]
Size = Annotated[int, BeforeValidator(_size)]
Pattern = Annotated[str, AfterValidator(safe_pattern)]


class Row(BaseModel):
    """A table of a catalog; every key may be absent here, so that one fault does not hide another."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class FileRow(Row):
    """``[[model.file]]``."""

    path: Pattern | None = None
    min_size: Size | None = None
    size: Size | None = None
    sha256: Annotated[str, AfterValidator(_hex("sha256"))] | None = None
    git_sha1: Annotated[str, AfterValidator(_hex("git_sha1"))] | None = None
    sha1: Annotated[str, AfterValidator(_hex("sha1"))] | None = None
    md5: Annotated[str, AfterValidator(_hex("md5"))] | None = None
    save_as: Annotated[str, AfterValidator(_below)] | None = None
    dtype: Text | None = None
    optional: bool = False
    name_from: Annotated[str, AfterValidator(_one_of("way to name a file", ("content-disposition",)))] | None = None
    allow_globals: list[Annotated[str, AfterValidator(_global)]] = []


class ModelRow(Row):
    """``[[model]]``."""

    name: Annotated[str, AfterValidator(_name)] | None = None
    title: Text | None = None
    source: Annotated[str, AfterValidator(_source)] | None = None
    layout: Annotated[str, AfterValidator(_one_of("layout", LAYOUTS))] | None = None
    folder: Annotated[str, AfterValidator(_folder)] | None = None
    include: list[Pattern] = []
    exclude: list[Pattern] = []
    consumers: list[Annotated[str, AfterValidator(_one_of("consumer", CONSUMERS))]] = []
    tokenizer: Annotated[list[Annotated[str, AfterValidator(_tokenizer)]], BeforeValidator(_one_or_list)] = []
    enabled_by: list[Annotated[str, AfterValidator(_switch)]] = []
    needs: list[Annotated[str, AfterValidator(_name)]] = []
    kind: Text | None = None
    tags: list[Text] = []
    licence: Text | None = None
    gated: bool = False
    file: list[FileRow] = []


MODEL_KEYS = tuple(ModelRow.model_fields)
FILE_KEYS = tuple(FileRow.model_fields)


def read(raw: dict[str, Any]) -> tuple[ModelRow, dict[Location, str]]:
    """Give the row that *raw* is, without the keys that are wrong, and what is wrong with those, by location."""
    try:
        return ModelRow.model_validate(raw), {}
    except ValidationError as error:
        wrong = {found["loc"]: _told(dict(found)) for found in error.errors(include_url=False)}
    return ModelRow.model_validate(_without(raw, wrong)), wrong


def _without(raw: dict[str, Any], wrong: dict[Location, str]) -> dict[str, Any]:
    """Copy *raw* without the keys at the locations of *wrong*; file rows keep their place."""
    kept = dict(raw)
    if ("file",) in wrong:
        del kept["file"]
    if isinstance(kept.get("file"), list):
        kept["file"] = [dict(row) if isinstance(row, dict) else {} for row in kept["file"]]
    for location in wrong:
        if location[0] != "file":
            kept.pop(str(location[0]), None)
        elif len(location) > 2:  # noqa: PLR2004 - ("file", row, key)
            kept["file"][location[1]].pop(str(location[2]), None)
    return kept


def _told(found: dict[str, Any]) -> str:
    """Say in our words what pydantic found."""
    kind, value = found["type"], found["input"]
    if kind == "extra_forbidden":
        return _unknown_key(found["loc"])
    if kind == "value_error":
        return str(found["ctx"]["error"])
    return f"{shown(value)} is {_kind_of(value)}; expected {_EXPECTED[kind]}"


_EXPECTED = {
    "string_type": 'text in quotes: "…"',
    "list_type": 'a list: ["…"]',
    "bool_type": "true or false, without quotes",
    "model_type": "a table: [[model.file]]",
}


def _kind_of(value: object) -> Literal["true or false", "a number", "text", "a list", "a table", "a date"]:
    """Give TOML's word for the kind of *value*."""
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, (int, float)):
        return "a number"
    if isinstance(value, str):
        return "text"
    if isinstance(value, list):
        return "a list"
    return "a table" if isinstance(value, dict) else "a date"


def _unknown_key(location: Location) -> str:
    """Say where an unknown key belongs, or which was meant."""
    key = str(location[-1])
    own, other, place = (
        (FILE_KEYS, MODEL_KEYS, "[[model]], above its [[model.file]] rows")
        if location[0] == "file"
        else (MODEL_KEYS, FILE_KEYS, "a [[model.file]] row")
    )
    if key in other:
        return f"unknown key here; expected in {place}: move it there"
    hint = meant(key, own) if nearest(key, own) else f": {', '.join(own)}"
    return f"unknown key {shown(key)}; expected one of the keys of {_table(location)}{hint}"


def _table(location: Location) -> str:
    return "[[model.file]]" if location[0] == "file" else "[[model]]"
