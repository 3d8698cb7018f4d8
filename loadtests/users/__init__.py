"""The virtual people of a load test: viewers by push, viewers by LL-HLS, and a moderator."""
