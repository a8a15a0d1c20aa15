"""Properties of RECORD, one class per rule."""

from __future__ import annotations

import base64
import csv
import hashlib
import io

from hypothesis import given
from hypothesis import strategies as st

from envguard.inventory.record_file import RecordError, Row, parse_record

names = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=12)
contents = st.binary(max_size=20)
algorithms = st.sampled_from(["sha256", "sha384", "sha512"])


def written(rows: list[tuple[str, str, bytes]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n", quoting=csv.QUOTE_ALL)
    for name, algorithm, content in rows:
        digest = base64.urlsafe_b64encode(hashlib.new(algorithm, content).digest()).rstrip(b"=").decode()
        writer.writerow([name, f"{algorithm}={digest}", str(len(content))])
    return text.getvalue()


class TestWhatWasWrittenIsRead:
    """With Python's own CSV writer, which pip uses too."""

    @given(st.lists(st.tuples(names, algorithms, contents)))
    def test_rows(self, rows: list[tuple[str, str, bytes]]) -> None:
        rows = [*rows, ("last.py", "sha256", b"")]
        found = list(parse_record(io.StringIO(written(rows), newline="")))
        read = [row for row in found if isinstance(row, Row)]
        assert read == found
        expected = [row for row in rows if not row[0].lower().endswith((".pyc", ".pyo"))]
        assert [(row.place, row.algorithm, row.size_bytes) for row in read] == [
            (name, algorithm, len(content)) for name, algorithm, content in expected
        ]
        assert [row.digest for row in read] == [
            hashlib.new(algorithm, content).digest() for _, algorithm, content in expected
        ]


class TestAnyTextIsReadOrRefused:
    """Nothing but :class:`RecordError` comes out, whatever is in the file."""

    @given(st.text(st.characters(), max_size=200))
    def test_text(self, text: str) -> None:
        try:
            rows = list(parse_record(io.StringIO(text, newline="")))
        except RecordError:
            return
        assert all("\0" not in row.place and row.place for row in rows if isinstance(row, Row))
