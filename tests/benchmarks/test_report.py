"""The table says each work once, each comparison in a line, and names machine and runs."""


def test_the_table_has_a_line_for_each_comparison(report, result):
    """The work is named once; the peak of memory comes last."""
    rows = report.table([result([1.0, 3.0], [4.0], [8.0], at_most=0.6)])

    assert [row[0] for row in rows] == ["work", "some work", "", "peak memory, any size"]
    assert rows[1][1:6] == ("program 1", "0.6 x", "0.50 x", "0.50 x", "2.00 (1.00-3.00)")
    assert rows[1][-1] == "kept"
    assert rows[2][1:4] == ("program 2", "", "0.25 x")
    assert rows[3][-2:] == ("80", "kept")


def test_missed_limits_are_named(report, result):
    """Nobody has to compare figures."""
    rows = report.table([result([5.0], [1.0], at_most=0.6, peak_bytes=400_000_000)])

    assert [row[-1] for row in rows[1:]] == ["missed", "missed"]


def test_work_with_its_own_limit_of_memory_is_no_part_of_the_peak(report, result):
    """A thousand models may take more than one file of any size."""
    large = result([1.0], [1.0], at_most=2.0, most_bytes=500_000_000, peak_bytes=400_000_000)

    rows = report.table([large, result([1.0], [1.0])])

    assert rows[-1][-2:] == ("80", "kept")


def test_lines_stand_below_each_other(report, result):
    """A terminal shows columns."""
    lines = report.lines(report.table([result([1.0], [2.0])]))

    assert len({line.index("program 1") for line in lines if "program 1" in line} | {lines[0].index("against")}) == 1


def test_the_document_names_machine_and_runs(report, result):
    """A figure without its machine means nothing."""
    text = report.markdown([result([1.0], [2.0], at_most=0.6)], {"cores": "2", "memory": "24 GiB"}, 3)

    assert text.startswith("# What it costs\n")
    assert "| some work | program 1 | 0.6 x | 0.50 x |" in text
    assert "| cores | 2 |" in text
    assert "of 3 runs" in text
    assert text.splitlines().count("## Where the time goes") == 1
    assert text.endswith(".\n")


def test_work_that_nobody_else_does_has_a_limit_of_its_own(report, result, figures):
    """It is told in milliseconds, and kept or missed by the median."""
    ours = result([0.010, 0.030, 0.012]).ours

    rows = report.table([figures.Result("an answer", ours, (), most_s=limit) for limit in (0.020, 0.011)])

    assert rows[1] == ("an answer", "", "20 ms", "", "", "12.00 (10.00-30.00) ms", "", "80", "kept")
    assert (rows[2][2], rows[2][-1]) == ("11 ms", "missed")
