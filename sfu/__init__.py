"""Delivery on a front or an edge: one upstream feed per event, the live window, push to viewers, LL-HLS for everybody else."""
