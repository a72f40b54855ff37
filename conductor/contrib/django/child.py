"""Imported first by each worker process: models can be imported only after ``django.setup()``."""

from __future__ import annotations

import django

from conductor.worker import in_child

if in_child.importing:
    django.setup()
