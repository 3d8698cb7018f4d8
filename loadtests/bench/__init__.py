"""Benchmarks: what a part of the platform costs beside a peer, how late the picture is. Figures go to RESULTS.md."""
