"""docs/STACKS.md shows what is registered."""

from pathlib import Path

from servers import STACKS
from tailbed.formats import format_rows
from tailbed.stacks import markdown, stack_rows

DOCS = Path(__file__).parents[2] / "docs" / "STACKS.md"


def test_the_docs_have_the_tables_of_what_is_registered() -> None:
    assert markdown() in DOCS.read_text(encoding="utf-8"), (
        "docs/STACKS.md is out of date: put the output of 'tailbed stacks --markdown' there"
    )


def test_every_stack_has_its_row_and_what_computes_each_format() -> None:
    rows = stack_rows()
    assert [row.name for row in rows] == STACKS.names()
    known = {row.format for row in format_rows()}
    for row in rows:
        assert row.serves, f"{row.name} serves something"
        assert row.serves.keys() <= known
        assert row.ports


def test_stacks_that_serve_alike_share_a_column() -> None:
    table = markdown().split("\n\n")[1].splitlines()
    heading, *_ = table
    assert "| fastapi, grpc" in heading
    assert len({line.count("|") for line in table}) == 1
