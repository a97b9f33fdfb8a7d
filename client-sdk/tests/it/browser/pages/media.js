// What a page can send: the browser's fake microphone and camera, or a canvas in the place of a screen.

export async function openMedia(media) {
  const wanted = {};
  if (media.includes("audio")) {
    wanted.audio = true;
  }
  if (media.includes("video")) {
    wanted.video = { width: 320, height: 240, frameRate: 15 };
  }
  return media.length > 0 ? navigator.mediaDevices.getUserMedia(wanted) : new MediaStream();
}

export function paintScreen(width, height) {
  const canvas = document.createElement("canvas");
  Object.assign(canvas, { width, height });
  document.body.append(canvas);
  const brush = canvas.getContext("2d");
  let painted = 0;
  setInterval(() => {
    painted += 1;
    brush.fillStyle = `hsl(${(painted * 10) % 360} 80% 50%)`;
    brush.fillRect(0, 0, width, height);
  }, 66);
  const stream = canvas.captureStream(15);
  // Sharp rather than smooth, so that the browser keeps the size.
  stream.getVideoTracks()[0].contentHint = "detail";
  return stream;
}
