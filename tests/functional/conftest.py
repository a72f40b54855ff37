import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from stub import Stub


@pytest.fixture
def stub():
    one = Stub().start()
    yield one
    one.stop()
