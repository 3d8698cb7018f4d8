"""One producer who publishes the load test's own questions at once, so that they can be seen and voted on."""

from __future__ import annotations

import gevent
from locust import task
from locust.exception import StopUser

from loadtests.users import options
from loadtests.users.board import Board
from loadtests.users.entrance import Entrance
from loadtests.users.viewer import Person


class Moderator(Person):
    """Publishes; other people's questions are left alone."""

    fixed_count = 1

    def entrance(self) -> Entrance:
        entrance = options.producer_entrance(options.of(self.environment))
        if entrance is None:
            raise StopUser  # no producer link was given: a person at the console moderates
        return entrance

    def prepare(self, board: Board) -> None:
        board.on_pending = lambda question, _text: self.greenlets.spawn(board.publish, question)

    @task
    def wait(self) -> None:
        gevent.sleep(1)
