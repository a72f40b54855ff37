from conductor._internal.terminal import one_line, printable


def test_printable_keeps_ordinary_text():
    for text in ("", "plain", "two\nlines\tand a tab", "äöü 漢字 🙂"):
        assert printable(text) == text


def test_printable_escapes_what_steers_a_terminal():
    cases = {
        "\x1b[31mred": "\\x1b[31mred",
        "a\u202eb": "a\\u202eb",
        "bell\x07": "bell\\x07",
        "back\rspace\x08": "back\\x0dspace\\x08",
        "\u2028": "\\u2028",
        "\x9b31m": "\\x9b31m",
        "lone \ud800": "lone \\ud800",
        "zero\u200bwidth": "zero\\u200bwidth",
    }
    for text, expected in cases.items():
        assert printable(text) == expected


def test_one_line_folds_white_space_and_control_characters():
    assert one_line("  a\n\tb\x1b[0mc \u202e d ") == "a b [0mc d"
