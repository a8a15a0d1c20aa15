"""Who speaks with a machine's identity: one agent after another, or two at once, where its state was copied.

Rules
1. A speaker is one state folder on one running system. A new one takes the machine over where its numbers
   go on: after a boot, or where a disk moved.
2. One that was silent while another spoke, and then goes on with numbers of its own, was not followed by the
   other: both are there. So is one whose numbers are behind, and who goes on with them while the last does.
3. Then both are refused and told of each other, and nothing that either says is kept, until one has been
   silent for several intervals: the other is then the machine.
4. A message that comes late, or again, is no sign of anything: only what goes on is.
5. Agents that do not say who they are have their numbers alone.
"""

from __future__ import annotations

import msgspec

SILENT_INTERVALS = 3
"""After so many, a speaker is taken for gone."""


class Speaker(msgspec.Struct, frozen=True, array_like=True):
    """Somebody with the machine's secret."""

    key: str
    """What it calls itself: the same until the next boot, and another on every copy."""
    host: str
    """What its host calls itself."""
    address: str
    """From where it was heard last."""
    seq: int
    at_s: float


class Speakers(msgspec.Struct, frozen=True, array_like=True):
    """Those that were heard last."""

    last: Speaker
    """The one whose words count."""
    other: Speaker | None = None
    """The one before it, or one that was refused."""
    is_answered: bool = False
    """The last one has spoken since the other did."""
    are_two: bool = False

    @property
    def both(self) -> tuple[Speaker, ...]:
        """All that are known, in an order that does not depend on who spoke last."""
        known = (self.last,) if self.other is None else (self.last, self.other)
        return tuple(sorted(known, key=lambda each: (each.host, each.address, each.key)))

    @property
    def names(self) -> str:
        """Both, in words."""
        return " and ".join(f"`{each.host}` ({each.address})" for each in self.both)


def hear(before: Speakers | None, speaker: Speaker, *, is_late: bool, gone_after_s: float) -> Speakers | None:
    """Answer who speaks for a machine after this; None where nobody is known to."""
    if before is None:
        return None if is_late else Speakers(speaker)
    if before.are_two:
        return _of_two(before, speaker, gone_after_s)
    if speaker.key == before.last.key:
        return before if is_late else _goes_on(before, speaker)
    other = before.other
    if other is None or other.key != speaker.key:
        return Speakers(before.last, speaker) if is_late else Speakers(speaker, before.last, is_answered=True)
    if speaker.seq <= other.seq:
        return before  # late, or said before
    return Speakers(before.last, speaker, is_answered=False, are_two=before.is_answered)


def _goes_on(before: Speakers, speaker: Speaker) -> Speakers:
    return Speakers(speaker, before.other, is_answered=before.other is not None)


def _of_two(before: Speakers, speaker: Speaker, gone_after_s: float) -> Speakers:
    pair = [each for each in (before.last, before.other) if each is not None and each.key != speaker.key]
    present = [each for each in pair if speaker.at_s - each.at_s <= gone_after_s]
    if not present:
        return Speakers(speaker)
    return Speakers(speaker, present[0], are_two=True)


def encode_speakers(speakers: Speakers) -> str:
    """Answer them as they are kept."""
    return msgspec.json.encode(speakers).decode()


def decode_speakers(text: str) -> Speakers:
    """Answer them from what was kept."""
    return msgspec.json.decode(text, type=Speakers)
