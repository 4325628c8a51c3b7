"""The generated pages equal what the program prints."""

from __future__ import annotations

import importlib.metadata
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from seqloom.config import RunConfig
from seqloom.reference import COMMANDS, cli_page, config_page, write

ROOT = Path(__file__).parents[1]
STALE = "is stale: run `make docs` and commit what it writes"


def pinned(package: str) -> bool:
    """Whether the installed version is the one in constraints.txt: another typer prints help in another layout."""
    return f"\n{package}=={importlib.metadata.version(package)} " in (ROOT / "constraints.txt").read_text(encoding="utf-8").replace(
        "\n", " \n"
    )


needs_pinned_typer = pytest.mark.skipif(not pinned("typer"), reason="help is laid out by typer; this is not the version of constraints.txt")


@needs_pinned_typer
def test_the_page_on_commands_is_what_the_program_prints() -> None:
    assert (ROOT / "docs" / "cli.md").read_text(encoding="utf-8") == cli_page(), f"docs/cli.md {STALE}"


def test_the_page_on_settings_is_what_the_config_says() -> None:
    assert (ROOT / "docs" / "config.md").read_text(encoding="utf-8") == config_page(), f"docs/config.md {STALE}"


@pytest.mark.parametrize("command", [[], ["train"]])
def test_help_in_a_terminal_of_100_columns_stands_in_the_page(command: list[str]) -> None:
    environment = {**os.environ, "COLUMNS": "100"}
    result = subprocess.run(
        [sys.executable, "-m", "seqloom", *command, "--help"], capture_output=True, text=True, env=environment, check=True
    )
    assert result.stdout.rstrip() in cli_page()


def test_every_command_has_its_part() -> None:
    listed = re.findall(r"^  (\w+) +\w.*\.$", cli_page().partition("Commands:")[2].partition("```")[0], flags=re.MULTILINE)
    assert listed == list(COMMANDS)


def test_every_setting_stands_in_the_page_with_its_default() -> None:
    page = config_page()
    for name in RunConfig().training.model_dump():
        assert f"| `{name}` |" in page or f"`training.{name}`" in page
    assert "| `hold_out` | number > 0, < 0.5 | `0.1` |" in page
    assert "| `copy` | `true` or `false` | `false` |" in page
    assert "### `model.encoder`, kind `transformer`" in page


def test_both_pages_are_written(tmp_path: Path) -> None:
    assert [path.name for path in write(tmp_path)] == ["cli.md", "config.md"]
    assert (tmp_path / "config.md").read_text(encoding="utf-8") == config_page()
