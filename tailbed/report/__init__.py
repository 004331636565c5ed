"""The report page: one self-contained HTML file that shows what was measured, and on what evidence."""

from tailbed.report.page import write_report

__all__ = ["write_report"]
