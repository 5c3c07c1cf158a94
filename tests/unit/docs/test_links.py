"""What the docs point to is there: files, headings, and paths that they name."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PAGES = [ROOT / "README.md", ROOT / "deploy/README.md", *sorted((ROOT / "docs").rglob("*.md"))]
MADE = {"tests/web/node_modules", "tests/web/openapi.d.ts"}
"""What the docs name and `make types` makes."""

SUFFIXES = "py|js|css|html|md|json|toml|yml|lock|txt|conf"

each_page = pytest.mark.parametrize("page", PAGES, ids=[str(page.relative_to(ROOT)) for page in PAGES])


def prose(page: Path) -> str:
    """A page without its blocks of code."""
    return re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)


def anchors(page: Path) -> set[str]:
    """The names that a page's headings can be linked by, as GitHub makes them."""
    found: set[str] = set()
    for heading in re.findall(r"^#{1,6} +(.+?) *#*$", prose(page), flags=re.MULTILINE):
        text = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading)
        name = re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-")
        count = sum(1 for one in found if re.fullmatch(rf"{re.escape(name)}(-\d+)?", one))
        found.add(f"{name}-{count}" if count else name)
    return found


def links(page: Path) -> list[str]:
    """Where a page's links and pictures lead, but for other hosts."""
    targets = re.findall(r"\]\(<?([^)\s>]+)>?(?: \"[^\"]*\")?\)", re.sub(r"`[^`\n]*`", "``", prose(page)))
    return [target for target in targets if not re.match(r"[a-z]+:", target)]


@each_page
def test_every_link_leads_somewhere(page: Path) -> None:
    for link in links(page):
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        assert target.is_relative_to(ROOT), link
        if anchor:
            assert anchor in anchors(target), link


@each_page
def test_every_path_that_is_named_exists(page: Path) -> None:
    paths = re.findall(rf"`((?:[\w.-]+/)+[\w.-]+\.(?:{SUFFIXES}))`", prose(page))
    there = {path for path in paths if (ROOT / path).exists() or (page.parent / path).exists()}
    assert set(paths) - there <= MADE


@each_page
def test_every_folder_of_the_code_that_is_named_exists(page: Path) -> None:
    folders = re.findall(r"`((?:service|models|training|export|tests|deploy|docs)/[\w./-]*)`", prose(page))
    assert {folder for folder in folders if not (ROOT / folder).exists()} <= MADE


def test_every_decision_has_its_own_number() -> None:
    numbers = [page.name[:4] for page in PAGES if page.parent.name == "decisions"]
    assert numbers == [f"{index:04}" for index in range(1, len(numbers) + 1)]


def test_the_names_of_headings_are_githubs(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    lines = [
        "# What is scored, and `why`?",
        "## A [link](x.md) & more",
        "```",
        "# no heading",
        "```",
        *["## Twice"] * 2,
    ]
    page.write_text("\n".join(lines))
    assert anchors(page) == {"what-is-scored-and-why", "a-link--more", "twice", "twice-1"}
