"""What is stored of many cases, asked for a few thousand keys at a time and put together by case."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Row, Select

from tasks.store.lookups import chunks


def rows_of(connection: Connection, query: Select[Any], ids: Collection[int], **more: Any) -> Iterator[Row[Any]]:
    """Yield the rows of a query by its list `ids` and what `more` it asks for; of no ids, nothing is asked."""
    for some in chunks(ids):
        yield from connection.execute(query, {"ids": some, **more}).all()


def by_case(rows: Iterable[Row[Any]]) -> Mapping[int, Sequence[Row[Any]]]:
    """Put rows together by their first column, in their order."""
    found: dict[int, list[Row[Any]]] = defaultdict(list)
    for row in rows:
        found[row[0]].append(row)
    return found
