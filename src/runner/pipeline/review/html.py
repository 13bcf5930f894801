"""A document as one self-contained HTML file, in the dress of the report."""

from __future__ import annotations

from runner.pipeline.review.document import Document
from runner.report.page import templates


def html(document: Document) -> str:
    """The whole document; nothing is left out, and nothing in it acts."""
    page: str = templates().get_template("review.html").render(document=document)
    return page
