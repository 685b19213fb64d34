"""
A download script as rows: its ``hf_download``, ``civitai_download`` and ``verify_download`` lines, and the switches.

It is read, never run. What a line means is what such scripts agree on: ``hf_download REPO FILE DESTINATION``,
``civitai_download VERSION DESTINATION``, ``verify_download FILE MIN_SIZE_IN_MIB``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from modelready import switches
from modelready.adopting import conditions, structure
from modelready.adopting.folders import of_comfyui
from modelready.adopting.rows import Adopted, File, Row, slug
from modelready.adopting.words import Token, tokens

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_HELPERS = frozenset({"hf_download", "civitai_download", "verify_download"})
_ENDS = frozenset({"\n", ";", "&", "|", ";;", ";&", ";;&"})
_ASSIGNED = re.compile(r"([A-Za-z_]\w*)=(.*)", re.DOTALL)
_WITH_DEFAULT = re.compile(r"\$\{(\w+):?[-=]([^}]*)\}")
_REFERENCE = re.compile(r"\$(?:(\w+)|\{(\w+)(?::?[-=]([^}]*))?\})")
_VERSION = re.compile(r"(?:\D*/models/)?(\d+)(?:\?\S*?fileId=(\d+)\S*|\?\S*)?")
_MODELS_DIR = "${MODELS_DIR}"
_MOST_STEPS = 10
_NOT_PINNED = "the script names no revisions, so what main means today is brought: `modelready lock` pins it"


@dataclass
class _Frame:
    """An ``if``, ``case``, loop or function that is open: the switches that it adds, and what it could not say."""

    kind: str
    lines: tuple[str, ...] = ()
    unclear: str = ""
    word: str = ""  # of a case
    is_ignored: bool = False


@dataclass(frozen=True)
class _Download:
    """One file that the script brings."""

    source: str
    path: str
    to: str
    lines: tuple[str, ...]
    unclear: tuple[str, ...]


@dataclass
class _Reader:
    """Walks over the tokens of a script."""

    tokens: Sequence[Token]
    at: int = 0
    frames: list[_Frame] = field(default_factory=list)
    values: dict[str, str] = field(default_factory=dict)
    defaults: dict[str, str] = field(default_factory=dict)
    downloads: list[_Download] = field(default_factory=list)
    least: dict[str, int] = field(default_factory=dict)
    unknown: list[str] = field(default_factory=list)
    chosen: str = ""  # NAME=VALUE of the choice that is read just now, or why none could be made

    def read(self) -> None:
        while self.at < len(self.tokens):
            token = self.tokens[self.at]
            if token.is_mark:
                self._mark(token)
            else:
                self._statement(token)

    # ---- what begins and ends

    def _mark(self, token: Token) -> None:
        self.at += 1
        if token.text in {";;", ";&", ";;&"} and self._top("case"):
            self._arm()

    def _statement(self, token: Token) -> None:
        begin = {"if": self._if, "elif": self._elif, "else": self._else, "case": self._case}
        if token.text in begin:
            begin[token.text](token)
        elif token.text in {"fi", "esac", "done", "}"}:
            self._close({"fi": "if", "esac": "case", "done": "loop", "}": "braces"}[token.text])
        elif token.text in {"for", "while", "until", "select"}:
            self.at += 1
            self.frames.append(_Frame("loop"))
        elif token.text == "{":
            self.at += 1
            self.frames.append(_Frame("braces"))
        elif token.text in {"then", "do", "!"}:
            self.at += 1
        elif self._is_function(token):
            self._function()
        else:
            self._list()

    def _if(self, token: Token) -> None:
        self.at += 1
        self.frames.append(self._tested(token, "if"))

    def _elif(self, token: Token) -> None:
        self._close("if")
        self.frames.append(self._tested(token, "if"))

    def _else(self, token: Token) -> None:
        frame = self._top("if")
        self.at += 1
        if frame is None:
            return
        told = frame.lines or (frame.unclear,)
        is_idle = not frame.lines and not frame.unclear
        frame.unclear = "" if is_idle else f"line {token.line}: brought where {' and '.join(told)} does not hold"
        frame.lines = ()

    def _tested(self, token: Token, kind: str) -> _Frame:
        condition = self._until({"then"})
        self._look_for_checks(condition)
        if any(one.text in _HELPERS for one in condition):
            return _Frame(kind)
        return self._frame(kind, condition, token.line)

    def _frame(self, kind: str, condition: Sequence[Token], line: int) -> _Frame:
        lines = conditions.switches(condition, self.defaults)
        if lines is None:
            text = " ".join(one.text for one in condition if one.text != "\n")
            return _Frame(kind, unclear=f"line {line}: brought only if {text[:100]}")
        return _Frame(kind, lines)

    def _case(self, _token: Token) -> None:
        self.at += 1
        head = self._until({"in"})
        self.frames.append(_Frame("case", word=head[0].text if head else ""))
        self._arm()

    def _arm(self) -> None:
        """Read the patterns of the next arm of a case: up to the closing parenthesis, or ``esac``."""
        frame = self._top("case")
        patterns: list[str] = []
        while self.at < len(self.tokens) and self.tokens[self.at].text != "esac":
            token = self.tokens[self.at]
            self.at += 1
            if token.is_mark and token.text == ")":
                break
            if not token.is_mark:
                patterns.append(token.text)
        if frame is None or not patterns:
            return
        lines = conditions.choice(frame.word, patterns, self.defaults)
        line = self.tokens[self.at - 1].line
        frame.lines = lines or ()
        frame.unclear = "" if lines else f"line {line}: brought only where {frame.word} is {'|'.join(patterns)}"

    def _close(self, kind: str) -> None:
        self.at += 1
        place = next((place for place in reversed(range(len(self.frames))) if self.frames[place].kind == kind), None)
        if place is not None:
            del self.frames[place:]

    def _top(self, kind: str) -> _Frame | None:
        return self.frames[-1] if self.frames and self.frames[-1].kind == kind else None

    def _is_function(self, token: Token) -> bool:
        following = [one.text for one in self.tokens[self.at + 1 : self.at + 3]]
        return token.text == "function" or following == ["(", ")"]

    def _function(self) -> None:
        head = self._until({"{"})
        names = [one.text for one in head if one.text not in {"function", "(", ")", "\n"}]
        self.frames.append(_Frame("braces", is_ignored=bool(_HELPERS.intersection(names))))

    def _until(self, words: set[str]) -> list[Token]:
        found: list[Token] = []
        while self.at < len(self.tokens):
            token = self.tokens[self.at]
            self.at += 1
            if token.text in words and not token.is_mark:
                break
            found.append(token)
        while found and found[-1].is_mark and found[-1].text in {"\n", ";"}:
            found.pop()
        return found

    # ---- commands

    def _list(self) -> None:
        """Read commands joined by ``&&`` and ``||`` up to the end of the line; a test before ``&&`` is a condition."""
        before = len(self.frames)
        for command, joint in self._commands():
            first = command[0].text if command else ""
            if joint == "{":
                inside = _joined(self.frames[before:])
                del self.frames[before:]
                self.frames.append(inside)
                return
            if first in {"[", "[[", "test"} and joint == "&&":
                self.frames.append(self._frame("test", command, command[0].line))
            elif first:
                self._command(command)
        del self.frames[before:]

    def _commands(self) -> Iterator[tuple[list[Token], str]]:
        command: list[Token] = []
        is_bracket = False
        while self.at < len(self.tokens):
            token = self.tokens[self.at]
            is_end = token.is_mark and token.text in _ENDS
            if is_end or (token.text in {"}", "fi", "done", "esac"} and not command):
                break
            self.at += 1
            is_bracket = token.text == "[[" or (is_bracket and token.text != "]]")
            if token.text == "{" and not command:
                yield [], "{"
                return
            if token.is_mark and token.text in {"&&", "||"} and not is_bracket:
                yield command, token.text
                command = []
                self._skip_lines()
            else:
                command.append(token)
        yield command, ""

    def _skip_lines(self) -> None:
        while self.at < len(self.tokens) and self.tokens[self.at].text == "\n":
            self.at += 1

    def _command(self, command: Sequence[Token]) -> None:
        words = [one.text for one in command if not one.is_mark]
        while words and words[0] in {"!", "export", "local", "readonly", "declare", "time", ":"}:
            words = words[1:]
        if any(frame.is_ignored for frame in self.frames) or not words:
            return
        if words[0] in _HELPERS:
            self._helper(words[0], words[1:], command[0].line)
            return
        for word in words:
            self._assign(word)

    def _helper(self, name: str, words: Sequence[str], line: int) -> None:
        """Read a line of a helper; where it names a choice (``x-$QUANT.gguf``), once for each of its values."""
        act = {"hf_download": self._hf, "civitai_download": self._civitai, "verify_download": self._verify}[name]
        choice = self._choice(words)
        values = self._values_of(choice)
        if not values:
            default = self.defaults.get(choice)
            self.chosen = f"line {line}: taken with {choice}={default}: no case says its values" if default else ""
            act([self._resolved(word) for word in words], line)
        for value in values:
            self.chosen, self.values[choice] = f"{choice}={value}", value
            act([self._resolved(word) for word in words], line)
            del self.values[choice]
        self.chosen = ""

    def _choice(self, words: Sequence[str]) -> str:
        """Give the variable in *words* whose value the script leaves to its caller; nothing where there is none."""
        named = (found[1] or found[2] for word in words for found in _REFERENCE.finditer(word))
        open_names = (name for name in named if name != "MODELS_DIR" and name not in self.values)
        return next((name for name in open_names if name in self.defaults or self._values_of(name)), "")

    def _values_of(self, name: str) -> tuple[str, ...]:
        """Give the values that the switches around allow *name*; none where they say nothing of it."""
        lines = [switches.parse(line) for frame in self.frames for line in frame.lines]
        return next((line.values for line in reversed(lines) if line.names == (name,)), ()) if name else ()

    def _narrowed(self, line: str) -> str:
        """Give the switch *line* with the one value that was chosen of its variable."""
        name, _, value = self.chosen.partition("=")
        known = switches.parse(line)
        if not value or known.names != (name,) or value not in known.values:
            return line
        return f"{name}:-{known.default}={value}" if known.default else f"{name}={value}"

    def _assign(self, word: str) -> None:
        if found := _WITH_DEFAULT.fullmatch(word):  # : "${A:=default}"
            self.defaults[found[1]] = found[2]
        elif (found := _ASSIGNED.fullmatch(word)) and found[1] != "MODELS_DIR":
            own = _WITH_DEFAULT.fullmatch(found[2])
            if own and own[1] == found[1]:
                self.defaults[found[1]] = own[2]
            else:
                self.values[found[1]] = self._resolved(found[2])

    def _look_for_checks(self, condition: Sequence[Token]) -> None:
        """Read `if ! verify_download …; then`, and downloads there."""
        places = [place for place, one in enumerate(condition) if one.text in _HELPERS]
        for place in places:
            rest = condition[place:]
            end = next((index for index, one in enumerate(rest) if one.is_mark), len(rest))
            self._command(rest[:end])

    def _resolved(self, word: str) -> str:
        for _ in range(_MOST_STEPS):
            changed = _REFERENCE.sub(self._value, word)
            if changed == word:
                break
            word = changed
        return word

    def _value(self, found: re.Match[str]) -> str:
        name = found[1] or found[2]
        if name == "MODELS_DIR":
            return _MODELS_DIR
        return self.values.get(name) or self.defaults.get(name) or found[3] or found[0]

    def _hf(self, arguments: list[str], line: int) -> None:
        if len(arguments) < 2:  # noqa: PLR2004 - REPO FILE
            self._left_out(line, "hf_download", "expected REPO FILE DESTINATION")
            return
        repo, path, *rest = arguments
        self._download(f"hf:{repo}", path, rest[0] if rest else f"{_MODELS_DIR}/{path.rpartition('/')[2]}", line)

    def _civitai(self, arguments: list[str], line: int) -> None:
        version = next((found for one in arguments if (found := _VERSION.fullmatch(one))), None)
        places = [one for one in arguments if not _VERSION.fullmatch(one)]
        to = next((one for one in places if structure.is_weight(one) or "/" in one), "")
        if version is None or not to:
            self._left_out(line, "civitai_download", "expected VERSION DESTINATION")
            return
        name = next((one for one in places if one != to and structure.is_weight(one)), "")
        to = f"{to.rstrip('/')}/{name}" if name and not structure.is_weight(to) else to
        source = f"civitai:{version[1]}?fileId={version[2]}" if version[2] else f"civitai:{version[1]}"
        self._download(source, to.rpartition("/")[2], to, line)

    def _verify(self, arguments: list[str], line: int) -> None:
        if len(arguments) < 2 or not re.fullmatch(r"[0-9]{1,9}", arguments[1]):  # noqa: PLR2004 - FILE MIB
            self._left_out(line, "verify_download", "expected FILE MIN_SIZE_IN_MIB")
            return
        self.least[arguments[0]] = int(arguments[1])

    def _download(self, source: str, path: str, to: str, line: int) -> None:
        if unset := _REFERENCE.search(f"{source} {path} {to}".replace(_MODELS_DIR, "")):
            self._left_out(line, path, f"nothing says what {unset[0]} is")
            return
        lines = tuple(dict.fromkeys(self._narrowed(one) for frame in self.frames for one in frame.lines))
        told = [frame.unclear for frame in self.frames] + [self.chosen if self.chosen.startswith("line ") else ""]
        unclear = tuple(filter(None, told))
        self.downloads.append(_Download(source, path, to, lines, unclear))

    def _left_out(self, line: int, what: str, why: str) -> None:
        if not any(frame.kind in {"braces", "loop"} for frame in self.frames) or what == "verify_download":
            self.unknown.append(f"line {line}: {what}: {why}: left out")
        elif "$" in why:
            self.unknown.append(f"line {line}: {what}: {why} (it is in a loop or a function): left out")


def _joined(frames: Sequence[_Frame]) -> _Frame:
    """Give the frame of ``{ … }`` after the tests that *frames* are."""
    told = [frame.unclear for frame in frames if frame.unclear]
    return _Frame("braces", tuple(line for frame in frames for line in frame.lines), " and ".join(told))


def adopt(text: str) -> Adopted:
    """Give the rows of the download script *text*: files of one source and one switch are one model."""
    reader = _Reader(list(tokens(text)))
    reader.read()
    groups: dict[tuple[str, tuple[str, ...], tuple[str, ...], str], list[_Download]] = {}
    for one in dict.fromkeys(reader.downloads):
        groups.setdefault((one.source, one.lines, one.unclear, _folder(one.to)), []).append(one)
    rows = tuple(_row(files, reader.least) for files in groups.values())
    places = {one.to for one in reader.downloads}
    unchecked = [f"verify_download {to}: the script does not bring it" for to in reader.least if to not in places]
    unpinned = [_NOT_PINNED] if any(row.source.startswith("hf:") for row in rows) else []
    return Adopted(rows, (*reader.unknown, *unchecked, *unpinned))


def _row(files: Sequence[_Download], least: Mapping[str, int]) -> Row:
    first = files[0]
    folder = _folder(first.to)
    brought = tuple(_file(one, folder, least) for one in files)
    base = brought[0].save_as or brought[0].path
    name = first.source.removeprefix("hf:").rpartition("/")[2] if len(files) > 1 else base.rpartition("/")[2]
    is_sorted = folder == _MODELS_DIR and "/" in base
    return Row(
        name=slug(name if len(files) > 1 else name.rpartition(".")[0] or name),
        source=first.source,
        layout="folder",
        folder=folder,
        consumers=of_comfyui(base) if is_sorted else (),
        enabled_by=first.lines,
        files=brought,
        unknown=first.unclear,
    )


def _file(one: _Download, folder: str, least: Mapping[str, int]) -> File:
    save_as = one.to.removeprefix(f"{folder}/")
    file = File(one.path, save_as=save_as if save_as != one.path else "")
    return replace(file, min_size=f"{least[one.to]} MiB") if one.to in least else file


def _folder(to: str) -> str:
    return _MODELS_DIR if to.startswith(f"{_MODELS_DIR}/") else to.rpartition("/")[0] or "."
