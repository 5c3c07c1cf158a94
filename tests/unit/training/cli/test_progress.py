from training.cli.progress import LINE_EVERY_S, Lines, task_bars


def test_without_a_terminal_a_line_says_now_and_then_how_far_it_is(capsys):
    now = [0.0]
    lines = Lines("frames", clock=lambda: now[0])
    lines.begin("scoring: 01", 3)
    lines.advance()
    now[0] = LINE_EVERY_S
    lines.advance()
    lines.advance()
    assert capsys.readouterr().err.splitlines() == ["scoring: 01: 3 frames", "scoring: 01: 2 of 3 frames"]


def test_lines_take_the_place_of_bars_where_there_is_no_terminal():
    with task_bars() as progress:  # under pytest, standard output is no terminal
        assert isinstance(progress, Lines)
