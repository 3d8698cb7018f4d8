"""A process with a transcoder's manners and without its work, for faults that the real one does not have on demand.

Behaviour by the event's title: `works`; `exits` at once; `silent`: lives and says nothing; `dies-with-source`: exits when a
source is attached; `taken-over`: then connects to somewhere, under the real filter; `liar`: sends a part with another
epoch; `refuses` each source when its first sample comes, as one whose picture is too large.
"""

from __future__ import annotations

import argparse
import os
import selectors
import socket
import sys
import time

from ingest.confinement import confine
from ingest.control import (
    Air,
    Attach,
    Configure,
    Ready,
    Refused,
    Showing,
    Shown,
    Stats,
    Stop,
    decode_to_transcoder,
    encode_control,
    pack_output,
)
from plenum.media import Init, Part, Rendition, RenditionKind
from plenum.wire import pack_init, pack_part

PART_S = 0.05
PARTS_IN_SEGMENT = 5
RENDITIONS = (
    Rendition(0, "240p", RenditionKind.VIDEO, 350_000, "avc1.42c015", 90_000, width=426, height=240, fps=30.0),
    Rendition(1, "audio", RenditionKind.AUDIO, 128_000, "mp4a.40.2", 48_000, sample_rate=48_000, channels=2),
)


class Standin:
    def __init__(self, control: socket.socket, output: socket.socket) -> None:
        control.setblocking(True)
        self.control = control
        self.output = output
        self.parts = 0
        self.on_air: str | None = None
        self.settings: Configure | None = None
        self.plug: socket.socket | None = None

    def receive(self) -> object:
        packet, descriptors, _, _ = socket.recv_fds(self.control, 65536, 1)
        for descriptor in descriptors:
            if self.settings is not None and self.settings.title == "refuses":
                self.plug = socket.socket(fileno=descriptor)
            else:
                os.close(descriptor)
        if not packet:
            sys.exit(0)
        return decode_to_transcoder(packet)

    def say(self, message: Ready | Showing | Stats | Refused) -> None:
        self.control.send(encode_control(message))

    def run(self) -> None:
        settings = self.receive()
        assert isinstance(settings, Configure)
        self.settings = settings
        if settings.title == "exits":
            sys.exit(3)
        if settings.title != "silent":
            self.say(Ready(RENDITIONS, 30))
            for rendition in RENDITIONS:
                init = Init(rendition.id, settings.init_id, settings.epoch, b"init")
                self.output.sendall(pack_output(pack_init(init)))
        due = time.monotonic()
        with selectors.DefaultSelector() as selector:
            selector.register(self.control, selectors.EVENT_READ)
            while True:
                if selector.select(max(0.0, due - time.monotonic())):
                    self.obey(self.receive())
                elif settings.title != "silent":
                    due += PART_S
                    self.make()
                else:
                    due += 10

    def obey(self, message: object) -> None:
        match message:
            case Attach(source=source):
                if self.settings.title == "dies-with-source":
                    sys.exit(4)
                if self.settings.title == "taken-over":
                    confine("required")
                    socket.socket().connect(("127.0.0.1", 9))
                if self.plug is not None:
                    self.plug.recv(1)  # a refusal before the connection stands would be another case
                    self.say(Refused(source, "picture_too_large", "too large"))
            case Air(source=source) if source != self.on_air or not self.parts:
                self.on_air = source
                self.say(Showing(Shown.LIVE if source else Shown.SLATE, source or ""))
            case Stop():
                sys.exit(0)

    def make(self) -> None:
        segment, index = divmod(self.parts, PARTS_IN_SEGMENT)
        epoch = self.settings.epoch + (self.settings.title == "liar" and self.parts > 3)
        for rendition in RENDITIONS:
            part = Part(
                rendition=rendition.id,
                init_id=self.settings.init_id,
                epoch=epoch,
                msn=self.settings.first_msn + segment,
                index=index,
                start=round(self.parts * PART_S * rendition.timescale),
                duration=round(PART_S * rendition.timescale),
                wall_us=time.time_ns() // 1000,
                independent=index == 0,
                last=index == PARTS_IN_SEGMENT - 1,
                discontinuity=self.settings.discontinuity and self.parts == 0,
                data=b"x" * 200,
            )
            self.output.sendall(pack_output(pack_part(part)))
        self.parts += 1
        if self.parts % 20 == 0:
            self.say(Stats(self.parts, self.parts, 0, 0, 0.1))


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--control", type=int)
    parser.add_argument("--output", type=int)
    options, _ = parser.parse_known_args()  # how the real one shall log is of no concern
    Standin(socket.socket(fileno=options.control), socket.socket(fileno=options.output)).run()
