"""What a machine must hold: TOML catalogs, read and judged as a whole."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from modelready import catalog_texts, clashes, packaged, switches
from modelready.errors import CatalogFaults, RequestError
from modelready.patterns import matches, matches_one, meant

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from modelready.catalog_models import Draft
    from modelready.catalog_texts import CatalogFault, CatalogText
    from modelready.model import Model


@dataclass(frozen=True)
class Catalog:
    """All models of all catalogs, the files they were read from, and the sha256 of each of those."""

    models: tuple[Model, ...]
    paths: tuple[Path, ...]
    digests: Mapping[Path, str] = field(default_factory=dict)

    @cached_property
    def by_name(self) -> dict[str, Model]:
        """Give the models by their name."""
        return {model.name: model for model in self.models}

    def named(self, name: str) -> Model:
        """
        Give the model called *name*.

        Raises: RequestError, naming the nearest one.
        """
        if name not in self.by_name:
            remedy = f"expected one of {switches.some(self.by_name)}{meant(name, self.by_name)}"
            raise RequestError(f"no model is called {name!r}", remedy=remedy)
        return self.by_name[name]

    def select(self, globs: Sequence[str], *, option: str = "--model") -> tuple[Model, ...]:
        """
        Give the models whose names match one of *globs*, or all if there are none.

        Raises: RequestError, for a glob that matches no model.
        """
        names = list(self.by_name)
        wrong = [glob for glob in globs if not any(matches_one(name, glob) for name in names)]
        if wrong:
            told = (switches.no_model(glob, names, named_by=f"{option} ") for glob in wrong)
            raise RequestError("\n".join(told), remedy="")
        return tuple(model for model in self.models if not globs or matches(model.name, globs))


def default_paths(given: Sequence[Path | str], environ: Mapping[str, str], cwd: Path) -> tuple[Path, ...]:
    """
    Give the catalogs to read: those *given*, else MODELREADY_CATALOG, else ``./catalogs``, else the shipped ones.

    Raises: RequestError, if there are none at all.
    """
    if given:
        return tuple(map(Path, given))
    if named := [part for part in environ.get("MODELREADY_CATALOG", "").split(os.pathsep) if part.strip()]:
        return tuple(map(Path, named))
    if (cwd / "catalogs").is_dir():
        return (cwd / "catalogs",)
    try:
        return (packaged.folder("catalogs"),)
    except ModuleNotFoundError as error:
        raise RequestError(
            "there is no catalog here; expected ./catalogs", remedy="name one with --catalog PATH"
        ) from error


def tokenizer_place(model: Model, text: str) -> tuple[str, str]:
    """Give the name of the model that brings the tokenizer *text*, and its folder there."""
    name, _, folder = text.rpartition(":")
    return name or model.name, folder


def read(paths: Sequence[Path], *, environ: Mapping[str, str], cwd: Path, require: Sequence[str] = ()) -> Catalog:
    """
    Read the catalogs at *paths*, files or folders of ``*.toml``; relative folders in them start at *cwd*.

    *require* are globs of models that this machine must hold whatever the switches say: only a required model needs
    the variables its folder names.

    Raises: CatalogFaults, with everything that is wrong in all of them.
    """
    # Late: pydantic comes with it.
    from modelready import catalog_models  # noqa: PLC0415 - see above

    cwd = cwd.absolute()
    texts, faults = catalog_texts.gather(paths, cwd)
    drafts: list[Draft] = []
    for text in texts:
        found, wrong = catalog_models.drafts(text)
        drafts += found
        faults += wrong
        faults += (fault for draft in found for fault in catalog_models.inner_faults(draft, cwd))
    faults += _name_faults(drafts)
    placed, wrong = _placed(drafts, environ=environ, cwd=cwd, require=require)
    faults += [*wrong, *_clash_faults(placed)]
    if not faults and not placed:
        faults = [catalog_texts.CatalogFault(text.shown, 1, "", _EMPTY) for text in texts] or [_nothing()]
    if faults:
        raise CatalogFaults(_in_order(faults, texts))
    return Catalog(
        models=tuple(model for _, model in placed),
        paths=tuple(text.path for text in texts),
        digests={text.path: text.digest for text in texts},
    )


_EMPTY = "holds no [[model]]; expected at least one: write it, or name another catalog with --catalog"


def _nothing() -> CatalogFault:
    return catalog_texts.CatalogFault("--catalog", 0, "", "names no catalog; expected a TOML file or a folder of them")


def _in_order(faults: Sequence[CatalogFault], texts: Sequence[CatalogText]) -> list[str]:
    """Give *faults* as lines in the order in which a reader of the catalogs meets them."""
    order = {text.shown: index for index, text in enumerate(texts)}
    inside = sorted(faults, key=lambda fault: (order.get(fault.file, -1), fault.line))
    return list(dict.fromkeys(map(str, inside)))


def _name_faults(drafts: Sequence[Draft]) -> Iterator[CatalogFault]:
    """Tell names that stand twice, and those that are meant for a model and name none."""
    first: dict[str, Draft] = {}
    for draft in drafts:
        name = draft.row.name
        if name is not None and first.setdefault(name, draft) is not draft:
            message = f"{name!r} is already the model at {first[name].place}; expected a name of its own: rename one"
            yield draft.fault("name", message=message)
    for draft in drafts:
        for index, name in enumerate(draft.row.needs):
            if name not in first:
                yield draft.fault("needs", index, message=_no_such_model(name, first))
        yield from _tokenizer_faults(draft, first)


def _tokenizer_faults(draft: Draft, names: Mapping[str, Draft]) -> Iterator[CatalogFault]:
    for index, text in enumerate(draft.row.tokenizer):
        name = text.rpartition(":")[0]
        if name and name not in names:
            yield draft.fault("tokenizer", index, message=_no_such_model(name, names))


def _no_such_model(name: str, names: Mapping[str, Draft]) -> str:
    return f"no catalog has a model {name!r}; expected the name of one{meant(name, names)}"


def _placed(
    drafts: Sequence[Draft], *, environ: Mapping[str, str], cwd: Path, require: Sequence[str]
) -> tuple[list[tuple[Draft, Model]], list[CatalogFault]]:
    """Give the models with their folders; tell the required ones whose folder names a variable without a value."""
    from modelready import catalog_models  # noqa: PLC0415 - pydantic comes with it

    built = [(draft, model) for draft in drafts if (model := catalog_models.model(draft, cwd))]
    decisions = switches.likely([model for _, model in built], environ, require)
    complete = catalog_models.with_defaults(environ)
    placed: list[tuple[Draft, Model]] = []
    faults: list[CatalogFault] = []
    for draft, model in built:
        decision = decisions[model.name]
        folder = None
        if model.layout == "folder":
            folder = catalog_models.folder(catalog_models.written_folder(draft), complete, cwd)
            if folder is None and decision.is_required and not draft.has_wrong("enabled_by"):
                faults.append(catalog_models.folder_fault(draft, complete, decision.because))
        placed.append((draft, replace(model, folder=folder)))
    return placed, faults


def _clash_faults(placed: Sequence[tuple[Draft, Model]]) -> Iterator[CatalogFault]:
    """Tell the models of which two would write one path differently."""
    # Of a name that stands twice only the first counts here: the second is told already.
    unique = {model.name: (draft, model) for draft, model in reversed(placed)}
    claimed = (claim for _, model in reversed(unique.values()) for claim in clashes.claims(model))
    for claim, earlier, why in clashes.find(claimed):
        draft, other = unique[claim.model][0], unique[earlier.model][0]
        message = (
            f"{claim.path!r} would be written to {claim.place}, and so would {earlier.path!r} of {earlier.model!r} "
            f"({other.place}): {why}; expected one writer: change folder or save_as"
        )
        yield draft.fault(*_location(draft, claim), message=message)


def _location(draft: Draft, claim: clashes.Claim) -> tuple[str | int, ...]:
    """Give where the row of *claim* says where its file goes."""
    for index, file in enumerate(draft.row.file):
        if file.path == claim.path:
            return ("file", index, "save_as" if file.save_as else "path")
    return ("folder",) if draft.row.folder else ("name",)
