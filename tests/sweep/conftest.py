"""What the tests of sweeps share."""

from __future__ import annotations

import pytest


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    """The sweep file, and the tables that it leaves if nothing is killed."""
    from sweep_scenes import undisturbed, write_scene  # which need the extra of sweeps

    folder = tmp_path_factory.mktemp("scene")
    file = write_scene(folder)
    return file, undisturbed(file, folder / "undisturbed")
