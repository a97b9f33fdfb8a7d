// What every page has, however it negotiates: a seat in a room, a connection to each other participant, and an account
// of what comes in. The messages are those of the API document, in its first protocol version.

import { openMedia, paintScreen } from "./media.js";
import { describe } from "./statistics.js";

export class Call {
  me = null;
  present = new Set();
  peers = new Map();
  elements = new Map();
  stream = new MediaStream();
  messages = [];
  refusals = [];
  isClosed = false;
  connectionsMade = 0;
  offersSent = 0;
  offersReceived = 0;

  // Joins by number and password; `media` lists what to send, `policy` is an iceTransportPolicy, and `codec`
  // what video has to be sent with.
  async enter({ server, room, password, name, media, codec, policy }) {
    this.codec = codec;
    this.stream = await openMedia(media);
    const response = await fetch(`${server}/api/webrtc/rooms/${room}/join`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ password, display_name: name }),
    });
    const answer = await response.json();
    if (!answer.success) {
      throw new Error(`${answer.code}: ${answer.message}`);
    }
    const { ws_token: token, ice_servers: iceServers } = answer.data;
    this.configuration = { iceServers, iceTransportPolicy: policy };
    const address = `${server.replace(/^http/, "ws")}/ws/webrtc/rooms/${room}?token=${encodeURIComponent(token)}`;
    this.socket = new WebSocket(address);
    return new Promise((entered, refused) => {
      this.socket.onmessage = ({ data }) => {
        this.receive(JSON.parse(data));
        entered(this.me);
      };
      this.socket.onclose = ({ code }) => refused(new Error(`closed with ${code}`));
    });
  }

  // Each message is handled as soon as it comes, also while an earlier one still is.
  async receive(message) {
    switch (message.type) {
      case "joined":
        this.me = message.participant_id;
        message.participants.forEach(({ id }) => this.present.add(id));
        return this.joined(message.participants.map(({ id }) => id));
      case "peer_joined":
        this.present.add(message.participant.id);
        return this.arrived(message.participant.id);
      case "peer_left":
        this.present.delete(message.participant_id);
        this.peers.get(message.participant_id)?.pc.close();
        this.peers.delete(message.participant_id);
        return;
      case "offer":
        this.offersReceived += 1;
        return this.offered(message.from, message.sdp);
      case "answer":
        return this.answered(message.from, message.sdp);
      case "candidate":
        return this.peers.get(message.from)?.pc.addIceCandidate(message.candidate);
      case "room_closed":
        this.isClosed = true;
        return;
      case "error":
        this.refusals.push(message.code);
    }
  }

  // Makes a connection that sends what this page has; an earlier one to the same participant is merely forgotten.
  connect(id) {
    const pc = new RTCPeerConnection(this.configuration);
    this.connectionsMade += 1;
    for (const track of this.stream.getTracks()) {
      pc.addTrack(track, this.stream);
    }
    this.chooseCodec(pc);
    pc.onicecandidate = ({ candidate }) => candidate && this.send({ type: "candidate", to: id, candidate });
    pc.ontrack = ({ streams: [stream] }) => this.show(id, stream);
    pc.ondatachannel = ({ channel }) =>
      channel.protocol === "named" ? this.carryNamed(id, channel) : this.carry(id, channel);
    const peer = { pc, channel: null, named: {} };
    this.peers.set(id, peer);
    return peer;
  }

  // What a page sends is not chosen by setCodecPreferences, which says what it would like to receive.
  chooseCodec(pc) {
    const sender = pc.getSenders().find((sender) => sender.track?.kind === "video");
    if (this.codec && sender) {
      const { codecs } = RTCRtpSender.getCapabilities("video");
      const parameters = sender.getParameters();
      parameters.encodings[0].codec = codecs.find(({ mimeType }) => mimeType === this.codec);
      sender.setParameters(parameters);
    }
  }

  // As the API document does it: one element for each participant, which plays the stream that came last. Sound is
  // decoded only while something plays it.
  show(id, stream) {
    let element = this.elements.get(id);
    if (!element) {
      element = document.createElement("video");
      element.autoplay = true;
      document.body.append(element);
      this.elements.set(id, element);
      countPictures(element);
    }
    element.srcObject = stream;
  }

  carry(id, channel) {
    this.peers.get(id).channel = channel;
    channel.binaryType = "arraybuffer";
    channel.onmessage = ({ data }) => {
      const text = typeof data === "string" ? data : new TextDecoder().decode(data);
      this.messages.push([id, text]);
    };
  }

  // Says back whatever comes.
  carryNamed(id, channel) {
    this.peers.get(id).named[channel.label] = channel;
    channel.binaryType = "arraybuffer";
    channel.onmessage = ({ data }) => channel.send(data);
  }

  openNamed(id, label, options) {
    this.carryNamed(id, this.peers.get(id).pc.createDataChannel(label, options));
  }

  closeNamed(id, label) {
    this.peers.get(id).named[label].close();
  }

  send(message) {
    if (message.type === "offer") {
      this.offersSent += 1;
    }
    this.socket.send(JSON.stringify(message));
  }

  sendData(id, text) {
    this.peers.get(id).channel.send(text);
  }

  // Shows a screen of that size to everybody: in place of the camera where there is one, else beside the sound.
  async shareScreen(width, height) {
    const stream = paintScreen(width, height);
    const [track] = stream.getVideoTracks();
    for (const [id, { pc }] of this.peers) {
      const sender = pc.getSenders().find((sender) => sender.track?.kind === "video");
      if (sender) {
        await sender.replaceTrack(track);
      } else {
        pc.addTrack(track, stream);
        await this.trackAdded(id);
      }
    }
  }

  async stopScreen() {
    const [camera] = this.stream.getVideoTracks();
    for (const { pc } of this.peers.values()) {
      const sender = pc.getSenders().find((sender) => sender.track?.kind === "video");
      await sender.replaceTrack(camera ?? null);
    }
  }

  // What that participant's element has played last: a third of a second at 48 kHz.
  hear(id) {
    const peer = this.peers.get(id);
    if (!peer.ear) {
      const context = new AudioContext({ sampleRate: 48000 });
      peer.ear = new AnalyserNode(context, { fftSize: 16384 });
      context.createMediaStreamSource(this.elements.get(id).srcObject).connect(peer.ear);
    }
    const samples = new Float32Array(peer.ear.fftSize);
    peer.ear.getFloatTimeDomainData(samples);
    return [...samples];
  }

  async report() {
    const peers = {};
    for (const [id, { pc, channel, named }] of this.peers) {
      const channels = Object.fromEntries(Object.values(named).map((each) => [each.label, describeChannel(each)]));
      const canSend = channel?.readyState === "open";
      peers[id] = { ...(await describe(pc)), shown: describeElement(this.elements.get(id)), canSend, channels };
    }
    const { messages, refusals, isClosed, connectionsMade, offersSent, offersReceived } = this;
    const counts = { connectionsMade, offersSent, offersReceived };
    return { present: [...this.present], peers, messages, refusals, isClosed, ...counts };
  }
}

function describeChannel({ readyState, ordered, maxRetransmits, maxPacketLifeTime }) {
  return { state: readyState, ordered, maxRetransmits, maxPacketLifeTime };
}

// What a participant's element plays, by what it is told and what it has painted.
function describeElement(element) {
  const stream = element?.srcObject;
  const kinds = (stream?.getTracks() ?? []).map(({ kind }) => kind);
  // Firefox counts in its playback quality none of the pictures of a stream.
  const frames = Math.max(element?.getVideoPlaybackQuality().totalVideoFrames ?? 0, element?.pictures ?? 0);
  return { stream: stream?.id, kinds: kinds.sort(), frames, brightness: brightness(element) };
}

// From 0, which is black, to 255.
function brightness(element) {
  const canvas = new OffscreenCanvas(8, 8);
  const brush = canvas.getContext("2d");
  if (!element?.videoWidth) {
    return 0;
  }
  brush.drawImage(element, 0, 0, 8, 8);
  const shades = brush.getImageData(0, 0, 8, 8).data.filter((_, index) => index % 4 < 3);
  return Math.round(shades.reduce((sum, shade) => sum + shade, 0) / shades.length);
}

function countPictures(element) {
  element.pictures = 0;
  const count = () => {
    element.pictures += 1;
    element.requestVideoFrameCallback(count);
  };
  element.requestVideoFrameCallback(count);
}
