"""Long runs that show one promise each, with figures: `python -m loadtests run NAME` (see ../README.md).

A scenario is a module with `TITLE`, `add_options(parser)` and `async run(options, show) -> list[Figure]`; the table below
names them all.
"""
