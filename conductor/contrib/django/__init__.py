"""Django (extra ``django``): add ``"conductor.contrib.django"`` to ``INSTALLED_APPS``.

CONDUCTOR = {"SERVER_URL": "http://localhost:8080/api"}            # settings.py
start_on_commit("order", {"order_id": order.pk})                   # a view, inside a transaction
python manage.py conductor_worker                                  # runs what tasks.py and workers.py declare
"""

from __future__ import annotations

from conductor._internal.installation import missing_package

try:
    from conductor.contrib.django.configuration import get_client
    from conductor.contrib.django.starts import start_on_commit
except ModuleNotFoundError as _error:
    if (_error.name or "").partition(".")[0] != "django":
        raise
    raise missing_package(_error, "conductor.contrib.django", "django") from None

__all__ = ["get_client", "start_on_commit"]
