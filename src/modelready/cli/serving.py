"""mirror: a folder or a cache, served as a Hub."""

from __future__ import annotations

import time
from pathlib import Path

import click

from modelready.errors import RequestError


@click.command(epilog="Example: modelready mirror ~/.cache/huggingface/hub --host 0.0.0.0  # then HF_ENDPOINT=http://…")
@click.argument("path", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--host", default="127.0.0.1", show_default=True, help="0.0.0.0 serves other machines too.")
@click.option("--port", default=8090, show_default=True, type=click.IntRange(0, 65535), help="0: any that is free.")
@click.option("--name", help="What PATH is called on the Hub, where it is one repository: org/name.")
def mirror(path: Path, host: str, port: int, name: str | None) -> int:
    """Serve the models in PATH (a Hub cache, folders org/name, or one repository) as a Hub."""
    from modelready.mirror import Mirror  # noqa: PLC0415 - --help must be quick

    try:
        served = Mirror.from_path(path, name=name, host=host, port=port)
        served.start()
    except (ValueError, OSError) as error:
        raise RequestError(f"{path} cannot be served: {error}", remedy="see `modelready mirror --help`") from error
    with served:
        for repo in served.repositories:
            click.echo(repo)
        for left_out in served.left_out:
            click.echo(f"not served: {left_out} (it leaves {path}, leads nowhere, or cannot be read)", err=True)
        click.echo(f"serving at {served.url}; use it with: export HF_ENDPOINT={served.url}")
        while True:
            time.sleep(1)
