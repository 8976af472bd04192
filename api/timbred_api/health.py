"""How the daemon itself does."""

from __future__ import annotations

from timbred_api import status
from timbred_api.engine import Engine
from timbred_api.operation import Operation
from timbred_api.schemas import NoParameters
from timbred_api.schemas_status import Health, Status


async def get_status(engine: Engine, parameters: NoParameters) -> Status:
    """Says what is indexed, pending, failed and offline, and what timbred is doing."""
    return await status.read_status(engine, parameters)


async def check_health(engine: Engine, parameters: NoParameters) -> Health:
    """Says that timbred answers."""
    return Health(status="ok")


OPERATIONS: tuple[Operation, ...] = (
    Operation("get_status", "GET", "/v1/status", NoParameters, Status, get_status),
    Operation("check_health", "GET", "/healthz", NoParameters, Health, check_health),
)
