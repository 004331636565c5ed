"""Questions to the history in SQL."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tailbed.history.errors import HistoryError
from tailbed.history.store import opened


@dataclass(frozen=True)
class Answer:
    """The rows of an answer and their columns' names."""

    columns: list[str]
    rows: list[tuple[Any, ...]]


def ask(statement: str) -> Answer:
    """The answer to one SELECT statement over the table ``runs``, a row a run.

    It is asked of a copy in memory, from which neither files nor the network can be reached, so that a statement
    changes nothing and reads nothing else.

    Raises:
        HistoryError: it is not one such statement, it is wrong, or the history cannot be read.
    """
    import duckdb

    with opened() as database:
        database.execute("SET enable_external_access = false")
        database.execute("SET python_enable_replacements = false")
        database.execute("SET lock_configuration = true")
        try:
            statements = database.extract_statements(statement)
            if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
                raise HistoryError("--sql takes one SELECT statement, such as: SELECT DISTINCT name FROM runs")
            found = database.execute(statements[0])
            return Answer([column[0] for column in found.description or []], found.fetchall())
        except duckdb.Error as error:
            message = " ".join(str(error).split()).partition(" LINE 1:")[0]
            raise HistoryError(f"--sql: {message}") from error
