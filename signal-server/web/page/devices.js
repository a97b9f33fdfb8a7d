// Camera and microphone, as far as they are available.

// Small enough for a call in which everybody sends to everybody.
const PICTURE = { width: { ideal: 640 }, height: { ideal: 360 }, frameRate: { ideal: 24 } };

// Opens both, or the available one. `reason` says why one is missing: "None", "Denied", "Busy" or
// "Insecure". What is `off`, of "microphone" and "camera", stays so: the camera is not opened, and
// the microphone is muted.
export async function openDevices(off = []) {
  if (!navigator.mediaDevices) return found([], "Insecure", off);
  const devices = await navigator.mediaDevices.enumerateDevices().catch(() => []);
  const has = (kind) => devices.some((device) => device.kind === kind);
  const [audio, hasCamera] = [has("audioinput"), has("videoinput")];
  const video = hasCamera && !off.includes("camera");
  let reason = audio && hasCamera ? undefined : "None";
  for (const wanted of [{ audio, video }, { audio }, { video }]) {
    if (!wanted.audio && !wanted.video) continue;
    try {
      return found((await open(wanted)).getTracks(), reason, off);
    } catch (error) {
      reason = reasonOf(error);
      // Whoever has refused even the microphone is not asked a third time.
      if (reason === "Denied" && !wanted.video) break;
    }
  }
  return found([], reason, off);
}

// Opens a "microphone" or "camera": the one with that id, or another one if it is gone.
export async function openDevice(kind, deviceId) {
  const use = (device) => open(kind === "microphone" ? { audio: device } : { video: device });
  const chosen = { deviceId: { exact: deviceId } };
  const stream = await (deviceId ? use(chosen).catch(() => use(true)) : use(true));
  return stream.getTracks()[0];
}

// The devices to choose from, by "camera", "microphone" and "speaker". Before the browser has
// allowed any use, they have neither ids nor names.
export async function listDevices() {
  const devices = (await navigator.mediaDevices?.enumerateDevices().catch(() => [])) ?? [];
  const of = (kind) => devices.filter((device) => device.kind === kind && device.deviceId);
  return {
    camera: of("videoinput"), microphone: of("audioinput"), speaker: of("audiooutput"),
  };
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
  const picture = video && { ...PICTURE, ...(video === true ? {} : video) };
  return navigator.mediaDevices.getUserMedia({ audio, video: picture });
}

function found(tracks, reason, off) {
  const of = (kind) => tracks.find((track) => track.kind === kind);
  const [microphone, camera] = [of("audio"), of("video")];
  if (microphone && off.includes("microphone")) microphone.enabled = false;
  const withSound = camera ? "Both" : "Audio";
  const without = camera ? "Video" : "Watch";
  return { microphone, camera, off, reason, mode: microphone ? withSound : without };
}
