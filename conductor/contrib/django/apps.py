"""The app: checks the settings and imports the modules that declare workers."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec

from django.apps import AppConfig, apps
from django.conf import settings as django_settings
from django.core.checks import register
from django.core.signals import setting_changed
from django.utils.module_loading import module_has_submodule

from conductor.contrib.django.checks import check_deployment, check_settings
from conductor.contrib.django.configuration import django_options, forget_client
from conductor.errors import ConfigurationError
from conductor.worker.worker import default_registry

__all__ = ["ConductorConfig"]


class ConductorConfig(AppConfig):
    """Conductor in a Django project."""

    name = "conductor.contrib.django"
    label = "conductor"
    verbose_name = "Conductor"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register the checks, and import ``tasks.py`` and ``workers.py`` of each app that has them."""
        register(check_settings)
        register(check_deployment, deploy=True)
        setting_changed.connect(forget_client, dispatch_uid="conductor.forget_client")
        try:
            modules = django_options().worker_modules
        except ConfigurationError:
            return  # the system checks report it with a hint
        for app in apps.get_app_configs():
            if app is not self:  # this app's own tasks.py is a backend, which needs Django's Tasks framework
                for module in modules:
                    if module_has_submodule(app.module, module):
                        import_module(f"{app.name}.{module}")
        if getattr(django_settings, "TASKS", None) and (find_spec("django.tasks") or find_spec("django_tasks")):
            from conductor.contrib.django.tasks import task_workers  # the framework is optional

            for worker in task_workers():
                default_registry.add(worker)
