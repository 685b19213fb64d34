"""Is a certificate still true of this machine: what it proved is required to be here, unchanged."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from modelready import certificate, proving
from modelready.errors import RequestError
from modelready.layouts import looking
from modelready.model import Fault
from modelready.placing import locate

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from modelready.grounds import Requested
    from modelready.model import Model, PlacedFile, PlacedModel
    from modelready.proving import Proven

#: Files up to this size are read in any case: they are quickly read, and configurations are what people change.
_SMALL = 1 << 20
_PROVE = "run `modelready provision --certificate FILE` to bring what is missing and prove it anew"


@dataclass(frozen=True)
class Held:
    """
    What holding a certificate against this machine found.

    ``read``, ``remembered`` and ``by_size`` count files by how each was known to be the one that was certified.
    """

    models: tuple[str, ...] = ()
    read: int = 0
    remembered: int = 0
    by_size: int = 0
    faults: tuple[Fault, ...] = ()

    @property
    def is_true(self) -> bool:
        """Tell whether all that the certificate says holds here, and that is something."""
        return bool(self.models) and not self.faults

    @property
    def files(self) -> int:
        """Give the number of files that are what they were."""
        return self.read + self.remembered + self.by_size


@dataclass(frozen=True)
class _Claims:
    """What a certificate says: the models that it proved, and by model each file's digest and size."""

    result: str
    deselected: int
    proved: Mapping[str, Mapping[str, Any]]
    files: Mapping[str, Mapping[str, tuple[str, int | None]]]


def hold(path: Path, asked: Requested, *, reread: bool = False) -> Held:
    """
    Hold the certificate at *path* against what *asked* selects; the network is not asked.

    Small files are read, and those that were changed since they were read here; a larger one counts as unchanged where
    its digest is remembered, or where that is not known (on another machine's volume) its size is right. With *reread*
    every byte is read.
    Raises: RequestError, when *path* holds no certificate.
    """
    claims = _claims(path)
    models = {name: asked.selected[name] for name in claims.proved if name in asked.selected}
    faults = [*_of_the_whole(path, claims), *_of_requests(claims, asked)]
    if not models and not faults:
        faults.append(Fault(path.name, "proves none of the models that were asked about", _PROVE))
    counts = dict.fromkeys(("read", "remembered", "size"), 0)
    for model in models.values():
        found, how = _of_model(model, claims, asked, reread=reread)
        faults += found
        for one in how:
            counts[one] += 1
    return Held(tuple(models), counts["read"], counts["remembered"], counts["size"], tuple(faults))


# ---- what it says


def _claims(path: Path) -> _Claims:
    held = certificate.read(path)
    try:
        predicate: Any = held["predicate"]
        subjects: Any = held["subject"]
        ours = predicate["modelready"]
        files: dict[str, dict[str, tuple[str, int | None]]] = {}
        for one in subjects:
            model, _, name = str(one["name"]).partition("/")
            files.setdefault(model, {})[name] = (str(one["digest"]["sha256"]), one["annotations"].get("size"))
        proved = {str(one["name"]): one for one in ours["models"] if one["verdict"] == "proved"}
        return _Claims(str(predicate["result"]), int(ours["deselected"]), proved, files)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise RequestError(
            f"{path}: is no certificate of modelready (it lacks {error})", remedy="name one that --certificate wrote"
        ) from error


def _of_the_whole(path: Path, claims: _Claims) -> Iterator[Fault]:
    if claims.result != "PASSED":
        yield Fault(path.name, f"says {claims.result}, not PASSED: it proves nothing", _PROVE)
    elif not claims.proved:
        yield Fault(path.name, "proves no model", _PROVE)
    if claims.deselected:
        yield Fault(path.name, f"is of a run that left out {claims.deselected} checks (-k or -m)", _PROVE)


def _of_requests(claims: _Claims, asked: Requested) -> Iterator[Fault]:
    """Tell the models that are required here and were not proved, and those that no catalog knows any more."""
    for name, model in asked.required.items():
        if name not in claims.proved:
            why = f"is required here ({asked.decisions[name].because}), and the certificate does not prove it"
            yield Fault(name, why, _PROVE)
        elif (source := claims.proved[name].get("source")) != model.source.text:
            why = f"was certified from {source}, the catalog says {model.source.text} now"
            yield Fault(name, why, _PROVE)
    for name in claims.proved.keys() - asked.catalog.by_name.keys():
        yield Fault(name, "was certified, and no catalog here names it: nobody knows where it lies", "see --catalog")


# ---- what lies here


def _of_model(model: Model, claims: _Claims, asked: Requested, *, reread: bool) -> tuple[list[Fault], list[str]]:
    if model.layout == "folder" and model.folder is None:
        return [Fault(model.name, "its folder names a variable that is not set here", "set it")], []
    placed = locate(model, asked.ground)
    claimed = claims.files.get(model.name, {})
    by_path = {one.path: one for one in placed.files}
    unknown = [Fault(f"{model.name}/{path}", "was certified, and is not known here", _PROVE) for path in claimed]
    faults = [fault for fault, path in zip(unknown, claimed, strict=True) if path not in by_path]
    faults += [*_unproved(placed, claimed), *placed.faults]
    known = [by_path[path] for path in claimed if path in by_path]
    proven = _proven(known, asked, reread=reread)
    told = [_of_file(one, claimed[one.path], proven.get(one.path)) for one in known]
    faults += [Fault(f"{model.name}/{one.path}", why, _PROVE) for one, (why, _) in zip(known, told, strict=True) if why]
    return faults, [how for why, how in told if not why]


def _unproved(placed: PlacedModel, claimed: Mapping[str, object]) -> Iterator[Fault]:
    for one in placed.files:
        if not one.optional and one.path not in claimed:
            yield Fault(f"{placed.name}/{one.path}", "is required, and the certificate does not speak of it", _PROVE)


def _proven(files: Sequence[PlacedFile], asked: Requested, *, reread: bool) -> Mapping[str, Proven]:
    ledger = asked.ground.ledger
    if reread:
        return proving.prove(files, ledger, reread=True)
    known = proving.remembered(files, ledger)
    unknown = [one for one in files if one.path not in known]
    # Right in size, and yet another file than was read here once: only its bytes tell.
    changed = ledger.changed(one.place for one in unknown)
    read = [one for one in unknown if one.place in changed or (looking.size(one.place) or 0) <= _SMALL]
    return {**known, **proving.prove(read, ledger)}


def _of_file(placed: PlacedFile, claim: tuple[str, int | None], proven: Proven | None) -> tuple[str, str]:
    """Say what is wrong with a file, or nothing and how that is known."""
    sha256, size = claim
    here = looking.size(placed.place)
    if here is None or not looking.is_file(placed.place):
        return "is not here", ""
    if size is not None and here != size:
        return f"has {here:,} bytes, certified were {size:,}", ""
    if proven is None:
        return ("", "size") if size is not None else ("its size was not certified; try --reread", "")
    if proven.digests.get("sha256") != sha256:
        return f"its sha256 is {proven.digests.get('sha256', '?')[:12]}…, certified was {sha256[:12]}…", ""
    return "", proven.how
