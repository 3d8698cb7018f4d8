// The numbers in `count` pictures from the first one within [low, high) on, as far as they come in `seconds`.
async ({ low, high, count, seconds }) => {
  const video = document.querySelector("video");
  const canvas = new OffscreenCanvas(640, 360);
  const context = canvas.getContext("2d", { willReadFrequently: true });
  const numbers = [];
  const until = performance.now() + seconds * 1000;
  while (performance.now() < until && numbers.length < count) {
    const shown = await Promise.race([
      new Promise((resolve) => video.requestVideoFrameCallback(() => resolve(true))),
      new Promise((resolve) => setTimeout(resolve, Math.max(0, until - performance.now()), false)),
    ]);
    if (!shown) break;
    context.drawImage(video, 0, 0, 640, 360);
    const number = barcode.read(context.getImageData(0, 0, 640, 60 * 6));
    if (number === null) continue;
    if (numbers.length > 0 || (number >= low && number < high)) numbers.push(number);
  }
  return numbers;
}
