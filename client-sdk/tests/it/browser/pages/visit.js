// Runs before the scripts of a page that knows nothing of the tests, and tells what it does.

window.visit = {
  connections: [],
  configuration: {}, // what those are configured with beside the settings of the page
  sockets: [],
  notices: [], // the texts of all that were shown
  unplugged: new Set(), // of "audio" and "video"
  tracks: [], // of cameras and microphones
  faults: [], // what its policy has refused, and errors that nobody has caught

  // Of each open connection: decoded pictures, and the energy of the sound that was played.
  async media() {
    const open = this.connections.filter((pc) => pc.connectionState === "connected");
    return Promise.all(open.map(async (pc) => {
      const inbound = [...(await pc.getStats()).values()].filter(({ type }) => type === "inbound-rtp");
      const sum = (kind, value) =>
        inbound.filter((entry) => entry.kind === kind).reduce((all, entry) => all + (entry[value] ?? 0), 0);
      return [sum("video", "framesDecoded"), sum("audio", "totalAudioEnergy")];
    }));
  },

  // As if its network had gone: neither side hears of the end of a socket.
  loseSocket() {
    const socket = this.sockets.at(-1);
    const { onclose } = socket;
    socket.onclose = socket.onmessage = null;
    socket.close(4000);
    onclose({ code: 1006 });
  },

  // As if the server had given up its seat while it was away.
  loseSeat() {
    this.sockets.at(-1).onclose({ code: 4510 });
  },

  // As a person does it who pulls or pushes a plug.
  unplug(kind) {
    this.unplugged.add(kind);
    const live = this.tracks.filter((track) => track.kind === kind && track.readyState === "live");
    for (const track of live) {
      track.stop();
      track.dispatchEvent(new Event("ended"));
    }
    navigator.mediaDevices.dispatchEvent(new Event("devicechange"));
  },

  plugIn(kind) {
    this.unplugged.delete(kind);
    navigator.mediaDevices.dispatchEvent(new Event("devicechange"));
  },

  // The names of the devices whose tracks its first connection sends, by their kinds.
  sent() {
    const senders = this.connections[0].getSenders().filter(({ track }) => track);
    return Object.fromEntries(senders.map(({ track }) => [track.kind, track.getSettings().deviceId]));
  },

  // The most that all connections together may send, in bits a second.
  uplink() {
    const senders = this.connections.flatMap((pc) => pc.getSenders()).filter(({ track }) => track);
    const encodings = senders.flatMap((sender) => sender.getParameters().encodings);
    return encodings.filter(({ active }) => active)
      .reduce((sum, { maxBitrate }) => sum + (maxBitrate ?? Infinity), 0);
  },

  paintScreen() {
    const canvas = Object.assign(document.createElement("canvas"), { width: 640, height: 360 });
    // One that is nowhere is not painted in a tab behind another.
    canvas.style.position = "fixed";
    document.body.append(canvas);
    const brush = canvas.getContext("2d");
    let painted = 0;
    setInterval(() => {
      painted += 1;
      brush.fillStyle = `hsl(${(painted * 10) % 360} 80% 50%)`;
      brush.fillRect(0, 0, 640, 360);
    }, 66);
    return canvas.captureStream(15);
  },
};

window.RTCPeerConnection = class extends RTCPeerConnection {
  constructor(configuration) {
    super({ ...configuration, ...visit.configuration });
    visit.connections.push(this);
  }

  setConfiguration(configuration) {
    super.setConfiguration({ ...configuration, ...visit.configuration });
  }
};
window.WebSocket = class extends WebSocket {
  constructor(...settings) {
    super(...settings);
    visit.sockets.push(this);
  }
};

if (navigator.mediaDevices) {
  const devices = navigator.mediaDevices;
  const { getUserMedia, enumerateDevices } = MediaDevices.prototype;
  devices.getDisplayMedia = async () => visit.paintScreen();
  devices.getUserMedia = async (wanted) => {
    if ([...visit.unplugged].some((kind) => wanted[kind])) {
      throw new DOMException("unplugged", "NotFoundError");
    }
    const stream = await getUserMedia.call(devices, wanted);
    visit.tracks.push(...stream.getTracks());
    return stream;
  };
  devices.enumerateDevices = async () => {
    const isThere = ({ kind }) => ![...visit.unplugged].some((gone) => kind === `${gone}input`);
    return (await enumerateDevices.call(devices)).filter(isThere);
  };
}

addEventListener("DOMContentLoaded", () => {
  const noticed = (changes) => visit.notices.push(
    ...changes.flatMap(({ addedNodes }) => [...addedNodes].map((it) => it.textContent)));
  const notices = document.getElementById("notices");
  if (notices) new MutationObserver(noticed).observe(notices, { childList: true });
});

addEventListener("securitypolicyviolation", ({ violatedDirective, blockedURI }) =>
  visit.faults.push(`${violatedDirective}: ${blockedURI}`));
addEventListener("error", ({ message }) => visit.faults.push(message));
addEventListener("unhandledrejection", ({ reason }) => visit.faults.push(String(reason)));
