// What getStats and the descriptions tell of a connection.

export async function describe(pc) {
  const stats = await pc.getStats();
  const all = [...stats.values()];
  const inbound = (kind) => all.filter((entry) => entry.type === "inbound-rtp" && entry.kind === kind);
  const sum = (entries, value) => entries.reduce((total, entry) => total + (value(entry) ?? 0), 0);
  const framesOf = {};
  for (const entry of inbound("video")) {
    const codec = stats.get(entry.codecId)?.mimeType;
    framesOf[codec] = (framesOf[codec] ?? 0) + entry.framesDecoded;
  }
  const transport = all.find((entry) => entry.type === "transport");
  // Firefox marks the pair instead.
  const pair = stats.get(transport?.selectedCandidatePairId) ?? all.find((entry) => entry.selected);
  return {
    state: pc.connectionState,
    framesDecoded: sum(inbound("video"), (entry) => entry.framesDecoded),
    framesOf,
    // Samples that came from the other side, not those made up for what is missing.
    // What the sound that was played amounts to: silence adds nothing.
    energy: sum(inbound("audio"), (entry) => entry.totalAudioEnergy),
    buffered: [(entry) => entry.jitterBufferDelay, (entry) => entry.jitterBufferEmittedCount].map(
      (value) => sum(inbound("audio"), value),
    ),
    // From 0 to 1, as the headers of the last packets tell.
    level: Math.max(0, ...levels(pc)),
    videoPacketsSent: sum(
      all.filter((entry) => entry.type === "outbound-rtp" && entry.kind === "video"),
      (entry) => entry.packetsSent,
    ),
    bytesReceived: sum(inbound("audio").concat(inbound("video")), (entry) => entry.bytesReceived),
    samplesHeard: sum(inbound("audio"), (entry) => entry.totalSamplesReceived - entry.concealedSamples),
    route: pair ? [pair.localCandidateId, pair.remoteCandidateId].map((id) => stats.get(id)?.candidateType) : [],
    iceCredentials: [pc.localDescription, pc.remoteDescription].map(
      (description) => description?.sdp.match(/^a=ice-ufrag:(.*)$/m)?.[1].trim() ?? "",
    ),
  };
}

function levels(pc) {
  const receivers = pc.getReceivers().filter(({ track }) => track.kind === "audio");
  return receivers.flatMap((receiver) => receiver.getSynchronizationSources()).map(({ audioLevel }) => audioLevel ?? 0);
}
