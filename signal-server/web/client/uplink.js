// What one connection sends of the participant's uplink: sound first, then pictures as large as the
// rest of its share carries.

const SOUND_BPS = 40_000;
const LEAST_PICTURE_BPS = 60_000;
// How many bits a second a pixel takes to look well: a camera moves, a screen is mostly still.
const BITS_PER_PIXEL = { camera: 1.5, file: 1.5, screen: 0.15 };
// A screen is read, and needs more than a face.
const WEIGHTS = { camera: 1, file: 1, screen: 2 };
const MOST_SCALING = 4;

// sending: [{ source, kind, track, sender }]; share: bits a second
export async function limit(sending, share) {
  const of = (kind) => sending.filter((each) => each.track && each.kind === kind);
  const [sounds, pictures] = [of("audio"), of("video")];
  const rest = share - sounds.length * SOUND_BPS;
  const weights = pictures.reduce((sum, { source }) => sum + WEIGHTS[source], 0);
  for (const { sender } of sounds) await set(sender, { maxBitrate: SOUND_BPS });
  for (const { source, track, sender } of pictures) {
    const part = Math.floor((rest * WEIGHTS[source]) / weights);
    // A share that is too small for a picture is left to the sound.
    const active = part >= LEAST_PICTURE_BPS;
    const maxBitrate = Math.max(part, LEAST_PICTURE_BPS);
    const scaleResolutionDownBy = scaling(track, source, maxBitrate);
    await set(sender, { active, maxBitrate, scaleResolutionDownBy });
  }
}

// The factor by which each side of a picture becomes smaller.
function scaling(track, source, bps) {
  const { width = 640, height = 360 } = track.getSettings();
  const wanted = width * height * BITS_PER_PIXEL[source];
  const factor = Math.sqrt(wanted / bps);
  return Math.min(Math.max(1, Math.round(factor * 10) / 10), MOST_SCALING);
}

async function set(sender, values) {
  const parameters = sender.getParameters();
  // Some browsers have no encodings before the first negotiation; the next change sets them.
  const [encoding] = parameters.encodings ?? [];
  if (!encoding) return;
  const isSet = Object.entries(values).every(([name, value]) => encoding[name] === value);
  if (isSet) return;
  Object.assign(encoding, values);
  await sender.setParameters(parameters);
}
