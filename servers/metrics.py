"""Reading a server's Prometheus metrics."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Self

_TIMEOUT_S: Final = 5.0


@dataclass(frozen=True)
class Metrics:
    """One scrape.

    Attributes:
        samples: name, labels and value of each.
    """

    samples: tuple[tuple[str, Mapping[str, str], float], ...]

    @classmethod
    def scrape(cls, url: str) -> Self | None:
        """Ask for the metrics once; None where the server does not answer within 5 s, or not with metrics."""
        import urllib3  # not at the module's top: the registry of stacks imports this module

        try:
            # Neither retries nor redirects, and a connection of its own.
            answer = urllib3.request("GET", url, retries=False, timeout=_TIMEOUT_S)
            return cls.parse(answer.data.decode()) if answer.status == 200 else None
        except (urllib3.exceptions.HTTPError, ValueError):
            return None

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read the text format.

        Raises:
            ValueError: it is not that.
        """
        from prometheus_client.parser import text_string_to_metric_families  # only where there are metrics to read

        families = text_string_to_metric_families(text)
        return cls(tuple((sample.name, sample.labels, sample.value) for each in families for sample in each.samples))

    def total(self, name: str, **labels: str) -> float | None:
        """Sum of all samples with this name and these labels, whatever others they have; None where there is none."""
        values = [value for named, has, value in self.samples if named == name and labels.items() <= has.items()]
        return sum(values) if values else None
