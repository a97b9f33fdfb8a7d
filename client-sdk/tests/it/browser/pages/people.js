// Drawn people, in place of what the camera of a test shows.

const PEOPLE = {
  Alice: { wall: ["#8fabcb", "#bfd0e3"], skin: "#e8b48e", hair: "#3c2a21", shirt: "#2b4b70" },
  "小红": { wall: ["#efdcc6", "#c99c76"], skin: "#c68d62", hair: "#1d1a18", shirt: "#8a3d43" },
  Bob: { wall: ["#cde2d5", "#8cb39c"], skin: "#eec6a4", hair: "#6b4221", shirt: "#2c634c" },
};

function showPerson(name) {
  const { getUserMedia } = navigator.mediaDevices;
  navigator.mediaDevices.getUserMedia = async (wanted) => {
    const stream = await getUserMedia.call(navigator.mediaDevices, wanted);
    const camera = stream.getVideoTracks()[0];
    if (!camera) return stream;
    camera.stop();
    const [drawn] = drawing(PEOPLE[name]).captureStream(10).getVideoTracks();
    return new MediaStream([...stream.getAudioTracks(), drawn]);
  };
}

function drawing(person) {
  const canvas = Object.assign(document.createElement("canvas"), { width: 640, height: 360 });
  // One that is nowhere is not painted in a tab behind another.
  canvas.style.cssText = "position: fixed; left: -999px";
  document.documentElement.append(canvas);
  const brush = canvas.getContext("2d");
  setInterval(() => draw(brush, person), 100);
  return canvas;
}

function draw(brush, { wall, skin, hair, shirt }) {
  const ellipse = (color, x, y, width, height, from = 0, to = 2 * Math.PI) => {
    brush.fillStyle = color;
    brush.beginPath();
    brush.ellipse(x, y, width, height, 0, from, to);
    brush.fill();
  };
  const light = brush.createLinearGradient(0, 0, 640, 360);
  light.addColorStop(0, wall[0]);
  light.addColorStop(1, wall[1]);
  brush.fillStyle = light;
  brush.fillRect(0, 0, 640, 360);
  brush.fillStyle = "rgb(255 255 255 / 35%)";
  brush.fillRect(455, 50, 130, 150);
  ellipse(shirt, 320, 400, 190, 150);
  brush.fillStyle = skin;
  brush.fillRect(288, 205, 64, 60);
  ellipse(hair, 320, 145, 84, 90);
  ellipse(skin, 320, 165, 74, 84);
  ellipse(hair, 320, 120, 84, 62, Math.PI, 2 * Math.PI);
  ellipse("#231f1d", 292, 162, 6, 6);
  ellipse("#231f1d", 348, 162, 6, 6);
  brush.strokeStyle = "#7c3b35";
  brush.lineWidth = 4;
  brush.beginPath();
  brush.arc(320, 186, 26, 0.15 * Math.PI, 0.85 * Math.PI);
  brush.stroke();
}
