"""Imported first by each process of ``processes``: models can be imported only after Django's setup."""

from __future__ import annotations

import django

from conductor.worker import in_child

if in_child.importing:
    django.setup()
