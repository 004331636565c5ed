"""What was served: artifacts, what their precisions buy, and the images of containers."""

from __future__ import annotations

from tailbed.artifact_comparison import compare_artifacts
from tailbed.report.section import Section
from tailbed.report.source import Source
from tailbed.results.identity import Identity


def prepare(source: Source) -> Section | None:
    """Artifacts and images; None where neither is known. What a study of precisions says is not said again."""
    summary = source.summary
    contained = [each for each in summary.deployments if each.image is not None]
    if not summary.artifacts and not contained:
        return None
    compared = [] if source.study else compare_artifacts(summary)
    gains = [(source.names[Identity.of(row.cell)], row) for row in compared if row.gain is not None]
    return Section("What was served", {"gains": gains, "contained": contained})
