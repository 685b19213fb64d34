"""The downloads asked for, running and done."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from modelready.downloads.infos import ModelInfo
    from modelready.downloads.manager import UnifiedModelDownloadManager

__all__ = ["ModelInfo", "UnifiedModelDownloadManager"]


def __getattr__(name: str) -> Any:
    """Import what is asked for, and only then: what stands below the manager is imported from here too."""
    if name == "ModelInfo":
        from modelready.downloads.infos import ModelInfo  # noqa: PLC0415 - see above

        return ModelInfo
    if name == "UnifiedModelDownloadManager":
        from modelready.downloads.manager import UnifiedModelDownloadManager  # noqa: PLC0415 - see above

        return UnifiedModelDownloadManager
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
