"""`plenum run` as a process of its own, with all of its children; one platform for every look at it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from loadtests.running_platform import Platform

SECRET = "a very good secret from a file"

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def platform(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Platform]:
    folder = tmp_path_factory.mktemp("run")
    (folder / "secret").write_text(SECRET + "\n")
    running = Platform(folder / "data", env={"PLENUM_AUTH__SECRET_FILE": str(folder / "secret")})
    await running.start()
    yield running
    await running.stop()


async def test_the_platform_runs_with_its_secret_in_a_file(platform: Platform) -> None:
    assert platform.find("deploy.process front")
    assert not (platform.data_dir / "secret.key").exists()
