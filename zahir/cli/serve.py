"""Serve the web app, and say what works on this machine and what is installed."""

from __future__ import annotations

from typing import Annotated

import typer

from zahir.cli.ask import home


def serve(
    host: Annotated[str | None, typer.Option(help="address to listen on (default: 127.0.0.1)")] = None,
    port: Annotated[int | None, typer.Option(envvar="PORT", help="0 takes a free one (default: 8000)")] = None,
    encoder: Annotated[str | None, typer.Option(help="NAME or NAME=PLACE (default: studio)")] = None,
    generator: Annotated[str | None, typer.Option(help="the same, several with commas (default: studio)")] = None,
    taste_model: Annotated[str | None, typer.Option(help="what learns from ratings (default: gaussian)")] = None,
    device: Annotated[str | None, typer.Option(help="cuda, cpu, ... (default: the best there is)")] = None,
    filter: Annotated[str | None, typer.Option(help="looks at every picture, such as nsfw (default: none)")] = None,
) -> None:
    """Start the web app, and its worker, and print its address."""
    from zahir.web.serve import serve as run
    from zahir.web.settings import load_settings

    home().mkdir(parents=True, exist_ok=True)
    chosen = {"encoder": encoder, "generator": generator, "taste_model": taste_model, "device": device}
    run(load_settings(home(), host=host, port=port, filter=filter, **chosen))


def doctor(
    port: Annotated[int, typer.Option(envvar="PORT", help="that serve would listen on")] = 8000,
) -> None:
    """Try every part on this machine; exit code 1 when the web app cannot run."""
    from zahir.doctor import examine

    broken = False
    for check in examine(home(), port=port):
        typer.echo(f"{check.state:8} {check.part:12} {' '.join([check.found, check.advice]).strip()}")
        broken = broken or check.state == "broken"
    raise typer.Exit(int(broken))


def plugins() -> None:
    """List encoders, taste models and generators, with the package each comes from."""
    from zahir.plugins import GROUPS, installed

    for group in GROUPS:
        for name, entry in installed(group).items():
            source = entry.dist
            typer.echo(f"{group:13} {name:14} {source.name if source else '?'} {source.version if source else ''}")
