"""What an import has met so far, and how it is told."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from typing import Final

from eoagent.contracts.indexing import BuildReport
from eoagent_indexes.exchange.numbers import Decoded
from eoagent_indexes.parts import QuarantineRecord

__all__ = ["Tally"]

_MOST_RECORDS: Final = 10_000
_MOST_LINES: Final = 100


class Tally:
    """Counts rows by what became of them."""

    def __init__(self, unit: str, href: str, when: datetime) -> None:
        self.rows = 0
        """Rows that were looked at."""
        self.sound = 0
        """Rows that were written into segments."""
        self.there = 0
        """Rows whose id the index held before."""
        self.repeated = 0
        """Rows whose id an earlier row of the file has."""
        self.without_place = 0
        """Sound rows without a place."""
        self.records: list[QuarantineRecord] = []
        """Rows that were refused, up to a bound."""
        self._unit, self._href, self._when = unit, href, when
        self._reasons: Counter[str] = Counter()
        self._scaled = 0
        self._unread = 0
        self._rounding = 0.0

    @property
    def refused(self) -> int:
        """Rows that were refused."""
        return self._reasons.total()

    def refuse(self, row: int, name: str, reason: str) -> None:
        """Note a row that was refused.

        Args:
            row: its number in the file, from 0.
            name: its id, if it has one.
            reason: what is wrong with it.
        """
        self._reasons[reason] += 1
        if len(self.records) < _MOST_RECORDS:
            self.records.append(
                QuarantineRecord(
                    unit=f"{self._unit}#{row}",
                    item_id=name,
                    href=self._href,
                    reason=reason,
                    when=self._when,
                )
            )

    def note(self, decoded: Decoded, unread: int) -> None:
        """Note how vectors were brought to what is stored, and times that could not be read."""
        self._scaled += decoded.scaled
        self._unread += unread
        self._rounding = max(self._rounding, decoded.rounding)

    def report(
        self, version: int, *, added: int, seconds: float, said: tuple[str, ...]
    ) -> BuildReport:
        """Return what the import did.

        Args:
            version: the version that it committed.
            added: tiles that are new in it.
            seconds: how long it took.
            said: what was assumed of the file.
        """
        return BuildReport(
            version=version,
            items=self.rows,
            added=added,
            kept=self.there,
            skipped=self.skipped(),
            quarantined=self.lines(),
            without_place=self.without_place,
            seconds={"import": round(seconds, 3)},
            assumptions=(*said, *self.assumptions()),
            warnings=self.warnings(),
        )

    def skipped(self) -> dict[str, int]:
        """Return the rows left out, by reason."""
        found = dict(sorted(self._reasons.items()))
        if self.repeated:
            found["its id stands in an earlier row"] = self.repeated
        if self.there:
            found["its id is in the index already"] = self.there
        return found

    def lines(self) -> tuple[str, ...]:
        """Return the refused rows, each with its reason."""
        lines = [f"{own.item_id or own.unit}: {own.reason}" for own in self.records[:_MOST_LINES]]
        more = self.refused - len(lines)
        return (*lines, f"and {more} more") if more else tuple(lines)

    def assumptions(self) -> tuple[str, ...]:
        """Return what was done to the vectors."""
        said = []
        if self._scaled:
            said.append(f"{self._scaled} vectors were not of length 1 and were divided by theirs")
        if self._rounding > 0:
            said.append(
                f"vectors are kept as float16; rounding moved none by more than "
                f"{self._rounding:.1e}, so no cosine by more than that"
            )
        return tuple(said)

    def warnings(self) -> tuple[str, ...]:
        """Return what the reader should know."""
        said = []
        if self.refused:
            said.append(f"{self.refused} of {self.rows} rows were refused")
        if self.repeated:
            said.append(f"{self.repeated} rows repeat an id; the first of each was taken")
        if self.there:
            said.append(f"{self.there} ids were in the index already and stay as they are there")
        if self._unread:
            said.append(f"the time of {self._unread} rows could not be read; they have none")
        return tuple(said)
