"""What the network's libraries write to logs: never the query of an address, which may sign it."""

from __future__ import annotations

import logging


class _WithoutQueries(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        if isinstance(record.args, tuple):
            record.args = tuple(_short(one) for one in record.args)
        return True


def hide_queries() -> None:
    """Keep queries out of what urllib3 tells of each request, for a program that listens."""
    logger = logging.getLogger("urllib3.connectionpool")
    if not any(isinstance(one, _WithoutQueries) for one in logger.filters):
        logger.addFilter(_WithoutQueries())


def _short(value: object) -> object:
    return f"{value.partition('?')[0]}?…" if isinstance(value, str) and "?" in value else value
