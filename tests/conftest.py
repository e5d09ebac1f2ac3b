"""Shapes are checked at run time in tests; no test touches a real home."""

import os
import tempfile

os.environ.setdefault("ZAHIR_HOME", tempfile.mkdtemp(prefix="zahir-test-"))

import jaxtyping
import pytest
from jaxtyping import install_import_hook

# numba kernels carry no shapes and break under the hook; so they are left out
install_import_hook(
    [
        "zahir.space",
        "zahir.steer",
        "zahir.shell",
        "zahir.interactions",
        "zahir.media",
        "zahir.taste_file",
        "zahir.strangers",
        "zahir.travel",
        "zahir.filters",
        "zahir.taste",
        "zahir.evaluate",
    ],
    "beartype.beartype",
)


@pytest.fixture
def unchecked():
    """Shape checks off: for the messages that a user sees, who has none."""
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", False)
