"""A service whose end date is reached: one alert instead of those of its balances."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from decimal import Decimal

from mailworker.crm.records import Service
from mailworker.rules.balance_history import Reading, SeenBalance

#: The end of a service is alerted like the expiry of a balance of this type.
SERVICE = "*service"
PREFIX = "service:"


def end_of(service: Service) -> Reading | None:
    """The end of a service as a balance that expires; None where it has none."""
    if service.ends_at is None:
        return None
    name = service.service_uuid
    return Reading(f"{PREFIX}{name}", name, SERVICE, "", Decimal(0), service.ends_at)


def has_ended(service: Service, now: datetime) -> bool:
    """Whether its end is reached; the engine may have forgotten its account by then."""
    return service.ends_at is not None and service.ends_at <= now


def of_service(service: Service, seen: Iterable[SeenBalance], *, ended: bool) -> Iterator[SeenBalance]:
    """Its balances that get alerts: of an ended service only its end, for its balances ended with it."""
    for one in seen:
        if (one.type == SERVICE) != ended:
            continue
        if ended or not service.is_over:  # else it is the customer's no more, whatever its account holds
            yield one
