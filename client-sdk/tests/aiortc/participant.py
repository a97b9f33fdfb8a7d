"""A participant on aiortc, written from the API document alone: protocol version 1.

    participant.py SERVER ROOM PASSWORD [audio] [video]

It prints a report as a line of JSON now and then, and reads commands: `say TEXT` and `share`.
"""

import asyncio
import json
import sys
from fractions import Fraction

import aiohttp
import aioice.ice
from aiortc import RTCPeerConnection, RTCSessionDescription, VideoStreamTrack
from aiortc.mediastreams import AudioStreamTrack, MediaStreamError
from aiortc.sdp import candidate_from_sdp
from av import VideoFrame

# The others are on this machine alone, and perhaps without a network.
aioice.ice.get_host_addresses = lambda use_ipv4, use_ipv6: ["127.0.0.1"]


class Screen(VideoStreamTrack):
    """Pictures of 640x360 that differ."""

    shade = 0

    async def recv(self):
        pts, time_base = await self.next_timestamp()
        self.shade = (self.shade + 5) % 256
        frame = VideoFrame(width=640, height=360)
        for plane in frame.planes:
            plane.update(bytes([self.shade]) * plane.buffer_size)
        frame.pts, frame.time_base = pts, Fraction(time_base)
        return frame


class Participant:
    def __init__(self, media):
        self.media = media
        self.id = None
        self.peers = {}
        self.channels = {}
        self.readers = set()
        self.received = {"audio": 0, "video": 0}
        self.messages = []

    async def enter(self, http, server, room, password):
        url = f"{server}/api/webrtc/rooms/{room}/join"
        answer = await http.post(url, json={"password": password, "display_name": "aiortc"})
        token = (await answer.json())["data"]["ws_token"]
        self.socket = await http.ws_connect(
            f"{server.replace('http', 'ws', 1)}/ws/webrtc/rooms/{room}", params={"token": token}
        )

    async def take_part(self):
        async for frame in self.socket:
            message = json.loads(frame.data)
            match message["type"]:
                case "joined":
                    self.id = message["participant_id"]
                    for other in message["participants"]:
                        await self.call(other["id"])
                case "peer_left":
                    await self.peers.pop(message["participant_id"]).close()
                case "offer":
                    await self.offered(message["from"], message["sdp"])
                case "answer":
                    answer = RTCSessionDescription(sdp=message["sdp"], type="answer")
                    await self.peers[message["from"]].setRemoteDescription(answer)
                case "candidate":
                    await self.add_candidate(message["from"], message["candidate"])

    def connect(self, other):
        pc = self.peers[other] = RTCPeerConnection()
        pc.on("track", self.receive)
        pc.on("datachannel", lambda channel: self.carry(other, channel))
        if "audio" in self.media:
            pc.addTrack(AudioStreamTrack())
        if "video" in self.media:
            pc.addTrack(VideoStreamTrack())
        return pc

    async def call(self, other):
        pc = self.connect(other)
        self.carry(other, pc.createDataChannel("chat"))
        for kind in {"audio", "video"} - set(self.media):
            pc.addTransceiver(kind, direction="recvonly")
        await self.offer(other)

    async def offer(self, other):
        pc = self.peers[other]
        await pc.setLocalDescription(await pc.createOffer())
        await self.send(type="offer", to=other, sdp=pc.localDescription.sdp)

    async def offered(self, other, sdp):
        pc = self.peers.get(other) or self.connect(other)
        await pc.setRemoteDescription(RTCSessionDescription(sdp=sdp, type="offer"))
        await pc.setLocalDescription(await pc.createAnswer())
        await self.send(type="answer", to=other, sdp=pc.localDescription.sdp)

    async def add_candidate(self, other, told):
        candidate = candidate_from_sdp(told["candidate"].removeprefix("candidate:"))
        candidate.sdpMid, candidate.sdpMLineIndex = told.get("sdpMid"), told.get("sdpMLineIndex")
        await self.peers[other].addIceCandidate(candidate)

    def carry(self, other, channel):
        self.channels[other] = channel
        channel.on("message", lambda data: self.messages.append(as_text(data)))

    def receive(self, track):
        async def read():
            try:
                while True:
                    await track.recv()
                    self.received[track.kind] += 1
            except MediaStreamError:
                pass

        self.readers.add(asyncio.ensure_future(read()))

    async def share(self):
        """Shows a screen in place of the camera, or offers one, as section 5 of the document says."""
        for other, pc in self.peers.items():
            senders = [sender for sender in pc.getSenders() if sender.track and sender.kind == "video"]
            if senders:
                senders[0].replaceTrack(Screen())
            else:
                pc.addTrack(Screen())
                await self.offer(other)

    def say(self, text):
        for channel in self.channels.values():
            channel.send(text)

    async def send(self, **message):
        await self.socket.send_json(message)

    async def report(self):
        while True:
            can_send = any(channel.readyState == "open" for channel in self.channels.values())
            report = {"id": self.id, "messages": self.messages, "can_send": can_send}
            report["tracks"] = len(self.readers)
            print(json.dumps(report | self.received), flush=True)
            await asyncio.sleep(0.2)

    async def obey(self):
        loop = asyncio.get_running_loop()
        while line := await loop.run_in_executor(None, sys.stdin.readline):
            match line.strip().split(" ", 1):
                case ["share"]:
                    await self.share()
                case ["say", text]:
                    self.say(text)


def as_text(data):
    return data if isinstance(data, str) else data.decode()


async def main():
    server, room, password, *media = sys.argv[1:]
    participant = Participant(media)
    async with aiohttp.ClientSession() as http:
        await participant.enter(http, server, room, password)
        # A participant ends when nobody tells it anything any more.
        tasks = [participant.take_part(), participant.report(), participant.obey()]
        tasks = [asyncio.ensure_future(task) for task in tasks]
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for pc in participant.peers.values():
            await pc.close()
        for task in done:
            task.result()


asyncio.run(main())
