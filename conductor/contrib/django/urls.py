"""``path("conductor/", include("conductor.contrib.django.urls"))``: the health view, as ``conductor:health``."""

from __future__ import annotations

from django.urls import path

from conductor.contrib.django.views import health

__all__ = ["app_name", "urlpatterns"]

app_name = "conductor"
urlpatterns = [path("health/", health, name="health")]
