"""The metrics of several processes, as one."""

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from deploy.admin import _Merged

ONE = """# HELP plenum_edge_viewers Viewers.
# TYPE plenum_edge_viewers gauge
plenum_edge_viewers{event="demo"} 3
# HELP plenum_rejected_total Turned away.
# TYPE plenum_rejected_total counter
plenum_rejected_total{reason="x"} 2
# HELP plenum_build_info Version.
# TYPE plenum_build_info gauge
plenum_build_info{version="1"} 1
# HELP process_open_fds Files.
# TYPE process_open_fds gauge
process_open_fds 10
"""


def values(texts: dict[str, str]) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    registry = CollectorRegistry()
    registry.register(_Merged(texts))
    found = {}
    for family in text_string_to_metric_families(generate_latest(registry).decode()):
        for sample in family.samples:
            found[sample.name, tuple(sorted(sample.labels.items()))] = sample.value
    return found


def test_what_means_the_same_is_summed_and_a_process_stays_itself() -> None:
    merged = values({"front-0": ONE, "front-1": ONE})
    assert merged["plenum_edge_viewers", (("event", "demo"),)] == 6
    assert merged["plenum_rejected_total", (("reason", "x"),)] == 4
    assert merged["plenum_build_info", (("version", "1"),)] == 1
    assert merged["process_open_fds", (("process", "front-0"),)] == 10
    assert merged["process_open_fds", (("process", "front-1"),)] == 10


def test_a_histogram_keeps_its_buckets() -> None:
    text = """# HELP plenum_part_seconds Time.
# TYPE plenum_part_seconds histogram
plenum_part_seconds_bucket{le="0.1"} 1
plenum_part_seconds_bucket{le="+Inf"} 2
plenum_part_seconds_count 2
plenum_part_seconds_sum 1.5
"""
    merged = values({"a": text, "b": text})
    assert merged["plenum_part_seconds_bucket", (("le", "0.1"),)] == 2
    assert merged["plenum_part_seconds_sum", ()] == 3
