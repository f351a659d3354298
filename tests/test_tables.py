"""Tables: aligned columns, escaped cells."""

from analytic.tables import as_html, as_text


def test_columns_are_aligned_and_lines_end_where_words_do() -> None:
    assert as_text(["a", "long"], [["value", "x"], ["", "y"]]) == "a      long\nvalue  x\n       y"


def test_cells_are_escaped() -> None:
    assert as_html(["<"], [["a & b"]], "c < d") == (
        "<table><caption>c &lt; d</caption><thead><tr><th>&lt;</th></tr></thead>"
        "<tbody><tr><td>a &amp; b</td></tr></tbody></table>"
    )
