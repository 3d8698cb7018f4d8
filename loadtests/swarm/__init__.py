"""Thousands of viewers in one or two processes, each checking every byte it is sent (see ../README.md, "Swarm").

No asyncio and no object for a message: non-blocking sockets, one epoll, and a comparison with what the first viewer got.
"""
