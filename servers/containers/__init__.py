"""Servers in containers of their own, which others start: what each is given, and where it is asked."""

from servers.containers.container import CONTAINERS, Container, Prepared
from servers.containers.service import Service, ServicesError, read_services, services_folder, write_service

__all__ = [
    "CONTAINERS",
    "Container",
    "Prepared",
    "Service",
    "ServicesError",
    "read_services",
    "services_folder",
    "write_service",
]
