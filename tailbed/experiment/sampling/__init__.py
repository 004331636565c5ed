"""What the machine and the server's processes show of themselves while a run is measured, once a second."""

from tailbed.experiment.sampling.probe import Probe, Reading
from tailbed.experiment.sampling.reduction import mean_work, resources, steal, throttles
from tailbed.experiment.sampling.sampler import Sampler, dear_probes_of, probes_of
from tailbed.experiment.sampling.samples import NAME, Samples, SamplesError, read, write

__all__ = [
    "NAME",
    "Probe",
    "Reading",
    "Sampler",
    "Samples",
    "SamplesError",
    "dear_probes_of",
    "mean_work",
    "probes_of",
    "read",
    "resources",
    "steal",
    "throttles",
    "write",
]
