"""Approval: which calls are asked about first, and what one approval covers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from eoagent.contracts.price import Price
from eoagent.contracts.record import Record

__all__ = ["NOT_APPROVED", "Approval", "Policy", "needs_approval", "question_about", "within"]

NOT_APPROVED: Final = "not approved"
"""What the error of a call begins with that the user said no to."""
_WRITES: Final = " writes '"
"""How the price of a call that writes a file says so; the path is checked when the tool starts."""
_ROUNDING: Final = 1e-9
"""What adding seconds in another order may differ by."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """Up to where a run goes without asking."""

    max_bytes: int = 500_000_000
    """Bytes read over the network."""
    max_scenes: int = 200
    """Images opened over the network."""
    max_seconds: float = 120.0
    """Time that tools state beforehand, seconds."""
    outward: bool = True
    """Whether everything that writes outside the store or sends something out is asked about."""
    may_write: bool = False
    """Whether files may be written without asking: the user named the folder that they go to."""


class Approval(Record):
    """What the user is asked before a run goes on: one yes covers all of it."""

    reason: str
    """Why it is asked: what exceeds the policy."""
    price: Price
    """What the run takes in all, with what it took already."""
    tools: tuple[str, ...]
    """Tools that wait for the answer, one name a call."""


def needs_approval(price: Price, policy: Policy) -> str:
    """Return why a price is to be approved first, or an empty text where it is not."""
    reasons = []
    if price.scenes > policy.max_scenes:
        reasons.append(f"{price.scenes:,} scenes are opened, more than {policy.max_scenes:,}")
    if price.bytes > policy.max_bytes:
        read, limit = Price(bytes=price.bytes), Price(bytes=policy.max_bytes)
        most = "at most " if price.is_upper_bound else ""
        reasons.append(f"{most}{read.text}, more than {limit.text.removesuffix(' to read')}")
    if price.seconds > policy.max_seconds:
        took = Price(seconds=price.seconds).text
        reasons.append(f"{took}, more than {policy.max_seconds:g} s")
    outward = tuple(t for t in price.outward if not (policy.may_write and _WRITES in t))
    if outward and policy.outward:
        reasons.append(Price(outward=outward).text)
    return "; ".join(reasons)


def within(price: Price, approved: Price) -> bool:
    """Return whether an approval covers a price: no part of it is larger or not named."""
    return (
        price.scenes <= approved.scenes
        and price.bytes <= approved.bytes
        and price.seconds <= approved.seconds * (1 + _ROUNDING)
        and price.tokens <= approved.tokens
        and set(price.outward) <= set(approved.outward)
    )


def question_about(price: Price, *, spent: Price, approved: Price, policy: Policy) -> str:
    """Return why the user is to be asked before calls of this price, or an empty text.

    Limits hold for the run as a whole: many calls that are small each add up. An approval covers
    the run up to the total that was shown, so that a plan is asked about once, and again only when
    it turns out to take more.

    Args:
        price: what the next calls take together.
        spent: the sum of the prices of all calls that were let through in this run.
        approved: the total that the user approved last; an empty price where nothing was.
        policy: up to where nobody is asked.
    """
    total = spent + price
    if price == Price() or within(total, approved):
        return ""
    return needs_approval(total, policy)
