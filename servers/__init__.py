"""Artifact -> endpoint: serving stacks, one folder each, and the runtimes below our own."""

from servers.deployment import Deployment, Settings
from servers.endpoint import Endpoint, Endpoints
from servers.errors import EndpointError, MessageError, ProcessError, ServerError
from servers.oip.errors import OipError
from servers.oip.metadata import ModelMetadata
from servers.process import SupervisedProcess
from servers.protocols import Client, connect
from servers.running import RunningServer, ServerProcess
from servers.stack import Launch, Stack
from servers.stacks import STACKS
from servers.start import start
from servers.times import ServerTimes, mean_times

__all__ = [
    "STACKS",
    "Client",
    "Deployment",
    "Endpoint",
    "EndpointError",
    "Endpoints",
    "Launch",
    "MessageError",
    "ModelMetadata",
    "OipError",
    "ProcessError",
    "RunningServer",
    "ServerError",
    "ServerProcess",
    "ServerTimes",
    "Settings",
    "Stack",
    "SupervisedProcess",
    "connect",
    "mean_times",
    "start",
]
