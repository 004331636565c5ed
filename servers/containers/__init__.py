"""Servers in containers of their own, which others start: what each is given, and where it is asked."""

from servers.containers.engine import Engine, EngineError, Image, ServiceContainer
from servers.containers.hold import hold_services
from servers.containers.kinds import CONTAINERS, Container, Prepared
from servers.containers.process import ContainerProcess
from servers.containers.service import Service, ServicesError, read_services, services_folder, write_service
from servers.containers.takeover import Takeover

__all__ = [
    "CONTAINERS",
    "Container",
    "ContainerProcess",
    "Engine",
    "EngineError",
    "Image",
    "Prepared",
    "Service",
    "ServiceContainer",
    "ServicesError",
    "Takeover",
    "hold_services",
    "read_services",
    "services_folder",
    "write_service",
]
