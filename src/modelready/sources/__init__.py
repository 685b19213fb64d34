"""Where bytes come from: each source resolves a model to a manifest, and says where its bytes are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, runtime_checkable

from modelready.errors import RequestError

if TYPE_CHECKING:
    import threading

    from modelready.environment import Settings
    from modelready.model import About, Manifest, Model
    from modelready.network.access import Access


class ModelSource(Protocol):
    """One kind of source."""

    def resolve(self, model: Model, revision: str | None = None) -> Manifest:
        """Give the files of *model*, at *revision* instead of the catalog's where it is given."""

    def access(self) -> Access:
        """Give how its bytes are asked for."""


@runtime_checkable
class Telling(Protocol):
    """A source that speaks of licences."""

    def about(self, model: Model) -> About | None:
        """Give what it says of *model* as a whole."""


class Sources:
    """The sources of one run: what one of them learned about a silent server serves all models."""

    def __init__(self, settings: Settings, stop: threading.Event | None = None) -> None:
        from modelready.sources.civitai import CivitaiSource  # noqa: PLC0415 - as the next line
        from modelready.sources.hub import HubSource  # noqa: PLC0415 - brings the network's libraries with it
        from modelready.sources.local import LocalSource  # noqa: PLC0415 - as above
        from modelready.sources.url import UrlSource  # noqa: PLC0415 - as above

        self._by_kind: dict[str, ModelSource] = {
            "hf": HubSource(settings, stop),
            "civitai": CivitaiSource(settings, stop),
            "url": UrlSource(settings, stop),
            "file": LocalSource(),
        }

    def about(self, model: Model) -> About | None:
        """
        Give what the source of *model* says of it as a whole; None where that kind of source says nothing.

        Raises: SourceError.
        """
        source = self.of(model)
        return source.about(model) if isinstance(source, Telling) else None

    def of(self, model: Model) -> ModelSource:
        """
        Give the source of *model*.

        Raises: RequestError, for a kind that nothing here can fetch from.
        """
        kind = model.source.kind
        if kind not in self._by_kind:
            known = ", ".join(f"{'https' if name == 'url' else name}:" for name in self._by_kind)
            raise RequestError(
                f"{model.name}: {model.source.text} cannot be fetched by this version; it fetches from {known}",
                remedy="bring its files by hand, and certify them by the sizes and digests in the catalog",
            )
        return self._by_kind[kind]
