"""What goes to the log, and what never does."""

import pytest

from plenum import log as logs

TICKET = "a-ticket-that-nobody-may-read"


@pytest.mark.parametrize("style", ["console", "json"])
def test_a_traceback_names_lines_and_no_values(style: str, capsys: pytest.CaptureFixture[str]) -> None:
    def serve(ticket: str) -> None:
        raise ValueError(len(ticket))

    logs.configure("test", style=style)  # type: ignore[arg-type]
    try:
        serve(TICKET)
    except ValueError:
        logs.get_logger("test").exception("unforeseen")
    said = capsys.readouterr().out
    assert "in serve" in said
    assert TICKET not in said
