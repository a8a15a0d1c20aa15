"""In what two runs differ, beside the contents of their environments and the facts of their machines."""

from __future__ import annotations

from collections.abc import Iterator

from envguard.domain.difference import FieldDifference, Value
from envguard.domain.receipt import Parameter, Receipt

_COMMIT_DIGITS = 10


def runs_apart(a: Receipt, b: Receipt) -> Iterator[FieldDifference]:
    """Yield the commit, the tree, the policy and each parameter that differ; what is not known is None.

    When a run was, and how it ended, is nothing in which runs are compared.
    """
    if a.commit != b.commit:
        yield FieldDifference("commit", _short(a.commit), _short(b.commit))
    if a.dirty is not None and b.dirty is not None and a.dirty != b.dirty:
        yield FieldDifference("tree", _tree(a.dirty), _tree(b.dirty))
    if _policy(a) != _policy(b):
        yield FieldDifference("policy", _policy(a), _policy(b))
    for name in sorted({*a.parameters, *b.parameters}):
        one, other = a.parameters.get(name), b.parameters.get(name)
        if one != other:
            yield FieldDifference(f"parameter {name}", _value(one), _value(other))


def _short(commit: str | None) -> str | None:
    return commit[:_COMMIT_DIGITS] if commit is not None else None


def _tree(is_dirty: bool) -> str:
    return "changed" if is_dirty else "clean"


def _policy(receipt: Receipt) -> str | None:
    policy = receipt.verdict.policy if receipt.verdict is not None else None
    if policy is None:
        return None
    return policy.name if policy.revision is None else f"{policy.name} r{policy.revision}"


def _value(value: Parameter) -> Value:
    return value if isinstance(value, int) or value is None else str(value)
