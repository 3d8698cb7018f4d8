// A camera and a microphone that show the time: getUserMedia of this page gives a canvas with the wall clock as a barcode
// over moving colours, and a quiet tone. Drawn at the rate of capture, so that the number is the moment of capture.
(() => {
  const WIDTH = 1280, HEIGHT = 720, FPS = 30;
  // What was drawn lately, for who wants to know what became of it: ten minutes.
  const MOST_DRAWN = 18_000;
  const film = () => {
    const canvas = document.createElement("canvas");
    canvas.width = WIDTH;
    canvas.height = HEIGHT;
    const context = canvas.getContext("2d", { alpha: false });
    const stream = canvas.captureStream(0);
    const [track] = stream.getVideoTracks();
    let frame = 0;
    const drawn = (track.drawn = []);
    const draw = () => {
      frame += 1;
      context.fillStyle = `hsl(${frame % 360} 40% 45%)`;
      context.fillRect(0, HEIGHT / 6, WIDTH, HEIGHT);
      for (let shape = 0; shape < 24; shape += 1) {
        context.fillStyle = `hsl(${shape * 15} 60% ${30 + shape}%)`;
        const x = (shape * 97 + frame * (1 + (shape % 5))) % WIDTH, y = 200 + ((shape * 61 + frame * (shape % 3)) % 480);
        context.fillRect(x, y, 60 + shape * 3, 40);
      }
      const now = Date.now() % barcode.LIMIT;
      barcode.draw(context, WIDTH, HEIGHT, now);
      track.requestFrame();
      drawn.push(now);
      if (drawn.length > MOST_DRAWN) drawn.shift();
    };
    draw();
    setInterval(draw, 1000 / FPS);
    return track;
  };
  const sound = () => {
    const audio = new AudioContext();
    const tone = new OscillatorNode(audio, { frequency: 440 });
    const quiet = new GainNode(audio, { gain: 0.05 });
    const out = audio.createMediaStreamDestination();
    tone.connect(quiet).connect(out);
    tone.start();
    void audio.resume();
    return out.stream.getAudioTracks()[0];
  };
  navigator.mediaDevices.getUserMedia = async ({ video, audio }) =>
    new MediaStream([...(video ? [film()] : []), ...(audio ? [sound()] : [])]);
})();
