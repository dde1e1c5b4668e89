"""An answer as its reader holds it: text, figures and evidence, and how to keep it."""

from __future__ import annotations

import secrets
import shutil
from pathlib import Path
from typing import Final

from eoagent.app.report import page, render_fragment, section
from eoagent.contracts.answer import AnswerArtifact, AnswerRecord, AnswerStep, Status, Usage
from eoagent.contracts.errors import NotFound, SourceError
from eoagent.contracts.figure import Figure
from eoagent.contracts.store import ArtifactStore, Origins
from eoagent.io.atomic import disk_errors, make_folder, publish, write_atomic
from eoagent.io.previews import MapMaker

__all__ = ["Answer"]

_ELSEWHERE: Final = "free some space, or save into another folder (--out)"


class Answer:
    """The answer to a question, with everything that stands behind it."""

    def __init__(self, record: AnswerRecord, store: ArtifactStore, origins: Origins) -> None:
        self.record = record
        """The whole answer as a record; `answer.json` is its JSON."""
        self.maps = MapMaker(store, origins)
        """Draws the artifacts."""
        self._store = store
        self._section = ""

    @property
    def status(self) -> Status:
        """`answered`, `partial`, `clarify` or `cannot_answer`."""
        return self.record.status

    @property
    def text(self) -> str:
        """The rendered text."""
        return self.record.text

    @property
    def results(self) -> tuple[Figure, ...]:
        """The figures that answer, in the question's order."""
        return self.record.results

    @property
    def figures(self) -> tuple[Figure, ...]:
        """All figures of the run."""
        return self.record.figures

    @property
    def artifacts(self) -> tuple[AnswerArtifact, ...]:
        """All artifacts of the run."""
        return self.record.artifacts

    @property
    def steps(self) -> tuple[AnswerStep, ...]:
        """The steps as they were run."""
        return self.record.steps

    @property
    def assumptions(self) -> tuple[str, ...]:
        """Choices that change the result."""
        return self.record.assumptions

    @property
    def warnings(self) -> tuple[str, ...]:
        """What the reader should know about the quality."""
        return self.record.warnings

    @property
    def usage(self) -> Usage:
        """Calls, tokens, cost and seconds."""
        return self.record.usage

    @property
    def unverified(self) -> tuple[str, ...]:
        """Numbers in the text that no figure stands behind."""
        return self.record.unverified

    def save(self, folder: Path | str) -> Path:
        """Write `answer.json`, `report.html` and the artifacts' files; return the folder.

        Each file appears whole or not at all, `answer.json` last. The report opens without a
        network and without the other files. What else the folder holds stays.

        Raises:
            SourceError: if the folder cannot be written, or a file of the store is damaged.
        """
        root = Path(folder).expanduser().absolute()
        try:
            return self._save(root)
        except SourceError as error:
            if not Path(error.href).is_relative_to(root):
                raise
            raise SourceError(str(error), href=error.href, hint=_ELSEWHERE) from error

    def _save(self, root: Path) -> Path:
        with disk_errors(root):
            make_folder(root / "artifacts")
        kept = tuple(self._copy(artifact, root) for artifact in self.record.artifacts)
        record = self.record.model_copy(update={"artifacts": kept})
        report = page(f"eoagent: {record.question}", [self.section()])
        write_atomic(root / "report.html", report.encode())
        write_atomic(root / "answer.json", record.document().encode())
        return root

    def to_json(self) -> str:
        """Return the answer as one JSON document, that of `answer.json`."""
        return self.record.document()

    def section(self) -> str:
        """Return the answer's part of a report; its maps are drawn once."""
        if not self._section:
            self._section = section(self.record, self.maps)
        return self._section

    def _copy(self, artifact: AnswerArtifact, root: Path) -> AnswerArtifact:
        try:
            stored = self._store.get(artifact.id)
            source = self._store.locate(stored.path) if stored.path else None
        except NotFound:  # pruned since
            return artifact
        name = artifact.id.replace(":", "-")
        if source is None:
            relative = f"artifacts/{name}.json"
            write_atomic(root / relative, stored.model_dump_json(indent=2).encode())
        else:
            relative = f"artifacts/{name}{source.suffix}"
            _copy_whole(source, root / relative)
        return artifact.model_copy(update={"path": relative})

    def _repr_html_(self) -> str:
        """Show text, map and evidence in a notebook."""
        return render_fragment(self.record, self.maps)

    def __repr__(self) -> str:
        return f"Answer(status={self.status!r}, text={self.text!r})"


def _copy_whole(source: Path, target: Path) -> None:
    """Copy a file so that the target has its old bytes or all of the new ones."""
    part = target.with_name(f".{secrets.token_hex(8)}.part")
    with disk_errors(target):
        try:
            shutil.copyfile(source, part)
            publish(part, target)
        finally:
            part.unlink(missing_ok=True)
