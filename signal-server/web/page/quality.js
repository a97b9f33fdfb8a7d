// What the connections to the peers measure, by getStats.

export class Quality {
  #before = new Map(); // peer id -> the totals of the last time

  // Returns for each connected peer, by its id, { route, roundTripMs, receivedKbps, sentKbps,
  // lossPercent, codecs, size }; values that are not known yet are undefined.
  async measure(peers) {
    const open = [...peers.values()].filter(({ connection }) => connection?.state === "connected");
    const entries = open.map(async ({ id, connection }) => {
      const statistics = [...(await connection.pc.getStats()).values()];
      return [id, statistics];
    });
    const before = this.#before;
    this.#before = new Map();
    const measured = new Map();
    for (const [id, statistics] of await Promise.all(entries)) {
      const totals = totalsOf(statistics);
      this.#before.set(id, totals);
      measured.set(id, { ...routeOf(statistics), ...rates(before.get(id), totals),
        ...mediaOf(statistics) });
    }
    return measured;
  }
}

function totalsOf(statistics) {
  const sum = (type, name) => statistics
    .filter((entry) => entry.type === type)
    .reduce((all, entry) => all + (entry[name] ?? 0), 0);
  return {
    time: performance.now(),
    received: sum("inbound-rtp", "bytesReceived"),
    sent: sum("outbound-rtp", "bytesSent"),
    arrived: sum("inbound-rtp", "packetsReceived"),
    lost: sum("inbound-rtp", "packetsLost"),
  };
}

function rates(before, now) {
  if (!before) return {};
  const since = (name) => Math.max(now[name] - before[name], 0);
  const kbps = (name) => Math.round((since(name) * 8) / since("time"));
  const packets = since("arrived") + since("lost");
  const lossPercent = packets > 0 ? (100 * since("lost")) / packets : undefined;
  return { receivedKbps: kbps("received"), sentKbps: kbps("sent"), lossPercent };
}

function routeOf(statistics) {
  const find = (id) => statistics.find((entry) => entry.id === id);
  const chosen = statistics.find(({ type }) => type === "transport")?.selectedCandidatePairId;
  const isUsed = ({ type, nominated, state }) =>
    type === "candidate-pair" && nominated && state === "succeeded";
  const pair = chosen ? find(chosen) : statistics.find(isUsed);
  if (!pair) return {};
  const ends = [find(pair.localCandidateId), find(pair.remoteCandidateId)];
  const isRelayed = ends.some((end) => end?.candidateType === "relay");
  const seconds = pair.currentRoundTripTime;
  return {
    route: isRelayed ? "relayed" : "direct",
    roundTripMs: seconds === undefined ? undefined : Math.round(seconds * 1000),
  };
}

function mediaOf(statistics) {
  const inbound = statistics.filter(({ type }) => type === "inbound-rtp");
  const used = new Set(inbound.map(({ codecId }) => codecId));
  const codecs = statistics.filter(({ type, id }) => type === "codec" && used.has(id))
    .map(({ mimeType }) => mimeType.split("/")[1]);
  const { frameWidth, frameHeight } = inbound.find((entry) => entry.frameWidth) ?? {};
  const size = frameWidth ? `${frameWidth} × ${frameHeight}` : undefined;
  return { codecs: [...new Set(codecs)], size };
}
