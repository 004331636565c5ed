"""docs/FORMATS.md shows what is registered."""

from pathlib import Path

from exporters import all_exporters
from tailbed.formats import format_rows, markdown

DOCS = Path(__file__).parents[2] / "docs" / "FORMATS.md"


def test_the_docs_have_the_tables_of_what_is_registered() -> None:
    assert markdown() in DOCS.read_text(encoding="utf-8"), (
        "docs/FORMATS.md is out of date: put the output of 'tailbed formats --markdown' there"
    )


def test_every_exporter_has_its_row_and_a_runtime() -> None:
    rows = format_rows()
    assert [(row.framework, row.format) for row in rows] == [(each.framework, each.format) for each in all_exporters()]
    assert all("cpu" in row.devices and row.runtime for row in rows)
