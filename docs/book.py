"""Stages the pages of the book for mdbook, with what they link to, at the places that they have in the project.

    python3 docs/book.py FOLDER

A link to what is not there ends it, with the page and the link.
"""

import os
import re
import shutil
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SUMMARY = ROOT / "docs/SUMMARY.md"
LINK = re.compile(r"(?<!\\)\]\(([^)\s#]+)(?:#[^)\s]*)?\)")


def links(page):
    """What a page links to within the project."""
    named = (it for it in LINK.findall(page.read_text()) if not re.match("[a-z]+:", it))
    return {Path(os.path.normpath(page.parent / it)) for it in named}


def stage(folder):
    pages = links(SUMMARY)
    missing = [(SUMMARY, it) for it in pages if not it.is_file()]
    for page in sorted(pages - {it for _, it in missing}):
        copy(page, folder)
        for target in links(page) - pages:
            if target.exists():
                copy(target, folder)
            else:
                missing.append((page, target))
    in_project = LINK.sub(lambda it: f"]({os.path.relpath(SUMMARY.parent / it[1], ROOT)})", SUMMARY.read_text())
    (folder / "SUMMARY.md").write_text(in_project)
    return [f"{page.relative_to(ROOT)}: {os.path.relpath(it, ROOT)} is not there" for page, it in missing]


def copy(path, folder):
    """A file, or a folder with all that is in it, and in each folder a page that lists what it holds."""
    place = folder / path.relative_to(ROOT)
    if path.is_dir():
        place.mkdir(parents=True, exist_ok=True)
        within = sorted(path.iterdir())
        names = (f"{it.name}/index.html" if it.is_dir() else it.name for it in within)
        (place / "index.html").write_text("".join(f'<a href="{it}">{it}</a><br>\n' for it in names))
        for it in within:
            copy(it, folder)
    else:
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, place)


if __name__ == "__main__":
    sys.exit("\n".join(stage(Path(sys.argv[1]))) or 0)
