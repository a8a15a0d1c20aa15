"""The ranks that met, held to rank 0: the odd ones, and what differs."""

from envguard.guard.listing import differences_of, digest_of_listing
from envguard.guard.notes import Agreement

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable, Dict, Iterable, List, Optional, Tuple

    from envguard.guard.notes import Member

_MOST_DIFFERENCES = 200


def agreement_of(first, listing, members, note):
    # type: (Member, str, Iterable[Member], Callable[[str], Optional[str]]) -> Agreement
    """Hold members to the first one, whose listing this is; ``note`` reads those of others.

    A snapshot's digest that only one of two knows proves nothing, and is not compared.
    """
    groups = {}  # type: Dict[Tuple[str, str], List[Member]]
    for member in members:
        if not is_same(first, member):
            groups.setdefault((member.listing, member.digest), []).append(member)
    if not groups:
        return Agreement("compliant")
    differences = []  # type: List[List[str]]
    words = []  # type: List[str]
    for odd in sorted(groups.values(), key=lambda each: each[0].rank):
        told = _told_of(first, listing, odd, note)
        differences.extend(told)
        words.append(_in_words(first, odd, told))
    reason = "not as rank 0 (%s): %s" % (first.host, "; ".join(words))
    return Agreement("drifted", reason, differences[:_MOST_DIFFERENCES])


def is_same(first, member):
    # type: (Member, Member) -> bool
    """Whether a member is what the first one is, as far as both know."""
    is_same_digest = not (member.digest and first.digest) or member.digest == first.digest
    return member.listing == first.listing and is_same_digest


def _told_of(first, listing, odd, note):
    # type: (Member, str, List[Member], Callable[[str], Optional[str]]) -> List[List[str]]
    """How a group differs: kind, package, what the first has, what these have, whose it is."""
    one, whose = odd[0], _people(odd)
    if one.listing == first.listing:
        why = whose + ": the same versions; their origins, builds or files differ"
        return [["hash-mismatch", "", first.digest, one.digest, why]]
    text = note("listing." + one.listing) or ""
    found = differences_of(listing, text) if digest_of_listing(text) == one.listing else []
    told = []  # type: List[List[str]]
    for name, own, other in found:
        kind = "version-mismatch" if own and other else "missing" if own else "unlisted"
        told.append(["interpreter-mismatch" if name == "python" else kind, name, own, other, whose])
    return told or [["hash-mismatch", "", first.listing, one.listing, whose]]


def _in_words(first, odd, told):
    # type: (Member, List[Member], List[List[str]]) -> str
    shown = [
        "%s %s, rank 0 has %s" % (name, other or "absent", own or "none")
        for _, name, own, other, _ in told[:3]
        if name
    ]
    shown += ["%d more" % (len(told) - 3)] if len(told) > 3 else []
    digests = (odd[0].listing, first.listing)
    if odd[0].listing == first.listing:
        digests = (odd[0].digest.replace("sha256:", ""), first.digest.replace("sha256:", ""))
    words = [", ".join(shown)] if shown else []
    return "%s: %s" % (_people(odd), "; ".join(words + ["digest %.12s, not %.12s" % digests]))


def ranks_text(ranks):
    # type: (Iterable[int]) -> str
    """``rank 3``, ``ranks 3, 5-7``."""
    spans = []  # type: List[List[int]]
    for rank in sorted(ranks):
        if spans and rank == spans[-1][1] + 1:
            spans[-1][1] = rank
        else:
            spans.append([rank, rank])
    shown = ["%d" % low if low == high else "%d-%d" % (low, high) for low, high in spans]
    if len(shown) > 20:
        shown = shown[:20] + ["%d more" % (len(shown) - 20)]
    return "%s %s" % ("rank" if shown == shown[:1] and "-" not in shown[0] else "ranks", ", ".join(shown))


def _people(members):
    # type: (List[Member]) -> str
    hosts = sorted({member.host for member in members})
    shown = ", ".join(hosts[:5]) + (", %d more" % (len(hosts) - 5) if len(hosts) > 5 else "")
    return "%s (%s)" % (ranks_text(member.rank for member in members), shown)
