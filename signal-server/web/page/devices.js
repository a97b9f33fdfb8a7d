// Camera and microphone, as far as they are available.

// Small enough for a call in which everybody sends to everybody.
const PICTURE = { width: { ideal: 640 }, height: { ideal: 360 }, frameRate: { ideal: 24 } };

// Opens both, or the available one. `reason` says why one is missing: "None", "Denied", "Busy" or
// "Insecure".
export async function openDevices() {
  if (!navigator.mediaDevices) return found([], "Insecure");
  const devices = await navigator.mediaDevices.enumerateDevices().catch(() => []);
  const has = (kind) => devices.some((device) => device.kind === kind);
  const [audio, video] = [has("audioinput"), has("videoinput")];
  let reason = audio && video ? undefined : "None";
  for (const wanted of [{ audio, video }, { audio }, { video }]) {
    if (!wanted.audio && !wanted.video) continue;
    try {
      return found((await open(wanted)).getTracks(), reason);
    } catch (error) {
      reason = reasonOf(error);
      // Whoever has refused even the microphone is not asked a third time.
      if (reason === "Denied" && !wanted.video) break;
    }
  }
  return found([], reason);
}

export async function openMicrophone() {
  return (await open({ audio: true })).getAudioTracks()[0];
}

export async function openCamera() {
  return (await open({ video: true })).getVideoTracks()[0];
}

export function reasonOf(error) {
  if (!navigator.mediaDevices) return "Insecure";
  switch (error.name) {
    case "NotAllowedError":
    case "SecurityError":
      return "Denied";
    case "NotFoundError":
    case "OverconstrainedError":
      return "None";
    default:
      return "Busy";
  }
}

function open({ audio = false, video = false }) {
  return navigator.mediaDevices.getUserMedia({ audio, video: video && PICTURE });
}

function found(tracks, reason) {
  const of = (kind) => tracks.find((track) => track.kind === kind);
  const [microphone, camera] = [of("audio"), of("video")];
  const withSound = camera ? "Both" : "Audio";
  const without = camera ? "Video" : "Watch";
  return { microphone, camera, reason, mode: microphone ? withSound : without };
}
