"""Show on stderr how far long work is: a bar on a terminal, a line every few seconds elsewhere."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from eoagent.contracts.progress import Progress

__all__ = ["progress_bar"]

_EVERY_S = 5.0


@contextmanager
def progress_bar() -> Iterator[Progress]:
    """Yield what long work is to report to."""
    from rich.console import Console
    from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bar

    from eoagent.app.plaintext import printable

    console = Console(stderr=True, highlight=False)
    if not console.is_terminal:
        yield _Lines()
        return
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), TimeElapsedColumn())
    with Bar(*columns, console=console, transient=True) as bar:
        task = bar.add_task("", total=1.0)

        def show(done: float, what: str) -> None:
            bar.update(task, completed=done, description=printable(what)[:80])

        yield show


class _Lines:
    """Says a line every few seconds."""

    def __init__(self) -> None:
        self._speaks_at = time.monotonic() + _EVERY_S

    def __call__(self, done: float, what: str) -> None:
        """Report the share done and what is being done."""
        import typer

        from eoagent.app.plaintext import printable

        now = time.monotonic()
        if now >= self._speaks_at:
            self._speaks_at = now + _EVERY_S
            typer.echo(f"  {done:.0%} {printable(what)[:160]}", err=True)
