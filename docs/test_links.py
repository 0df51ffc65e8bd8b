"""Follow the links between the pages: none leads nowhere, and the index leads everywhere."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token

ROOT = Path(__file__).resolve().parents[1]
INDEX = ROOT / "docs/index.md"
PAGES = [
    *ROOT.glob("*.md"),
    *ROOT.glob("docs/**/*.md"),
    *ROOT.glob("*/README.md"),
    *ROOT.glob("plugins/*/README.md"),
    *ROOT.glob("examples/third_party/*/README.md"),
]


def tokens(page: Path) -> Iterator[Token]:
    """Yield the tokens of a page, those inside of lines included."""
    for token in MarkdownIt().parse(page.read_text()):
        yield token
        yield from token.children or ()


def links(page: Path) -> list[str]:
    """Return where the links and pictures of a page lead."""
    found = [
        t.attrGet("href") or t.attrGet("src")
        for t in tokens(page)
        if t.type in {"link_open", "image"}
    ]
    return [str(link) for link in found if link]


def anchors(page: Path) -> set[str]:
    """Return the anchors that a page's headings get, as forges make them."""
    parsed = MarkdownIt().parse(page.read_text())
    titles = [after.content for token, after in pairwise(parsed) if token.type == "heading_open"]
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def problem(page: Path, link: str) -> str | None:
    """Say what is wrong with a link, if something is. Other sites are taken on trust."""
    parts = urlsplit(link)
    if parts.scheme:
        return None
    target = (page.parent / unquote(parts.path)).resolve() if parts.path else page
    if not target.exists():
        return f"{link} leads nowhere"
    if not target.is_relative_to(ROOT):
        return f"{link} leads out of the repository"
    if parts.fragment and parts.fragment not in anchors(target):
        return f"{link}: the page has no such heading"
    return None


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_of_the_page_leads_somewhere(page: Path) -> None:
    problems = [found for link in links(page) if (found := problem(page, link))]
    assert not problems, problems


def test_the_index_leads_to_every_page() -> None:
    linked = {(INDEX.parent / urlsplit(link).path).resolve() for link in links(INDEX)}
    lost = set(ROOT.glob("docs/**/*.md")) - linked - {INDEX}
    assert not lost, sorted(str(page.relative_to(ROOT)) for page in lost)
