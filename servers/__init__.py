"""Artifact -> endpoint: serving stacks, one folder each, and the runtimes below our own."""

from servers.deployment import Deployment, Settings
from servers.endpoint import Endpoint
from servers.errors import ProcessError, ServerError
from servers.oip.client import Client, connect
from servers.oip.errors import EndpointError, OipError
from servers.oip.metadata import ModelMetadata
from servers.process import SupervisedProcess
from servers.stack import STACKS, Launch, Stack
from servers.start import RunningServer, start
from servers.times import ServerTimes, mean_times

__all__ = [
    "STACKS",
    "Client",
    "Deployment",
    "Endpoint",
    "EndpointError",
    "Launch",
    "ModelMetadata",
    "OipError",
    "ProcessError",
    "RunningServer",
    "ServerError",
    "ServerTimes",
    "Settings",
    "Stack",
    "SupervisedProcess",
    "connect",
    "mean_times",
    "start",
]
