// Runs before the scripts of a page that knows nothing of the tests, and tells what it does.

window.visit = {
  connections: [],
  sockets: [],
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

for (const [name, made] of [["RTCPeerConnection", "connections"], ["WebSocket", "sockets"]]) {
  window[name] = class extends window[name] {
    constructor(...settings) {
      super(...settings);
      visit[made].push(this);
    }
  };
}
if (navigator.mediaDevices) navigator.mediaDevices.getDisplayMedia = async () => visit.paintScreen();

addEventListener("securitypolicyviolation", ({ violatedDirective, blockedURI }) =>
  visit.faults.push(`${violatedDirective}: ${blockedURI}`));
addEventListener("error", ({ message }) => visit.faults.push(message));
addEventListener("unhandledrejection", ({ reason }) => visit.faults.push(String(reason)));
