// The numbers in the pictures shown during some seconds, from the first within [low, high) on: it is waited for `wait` seconds.
async ({ low, high, wait, seconds }) => {
  const video = document.querySelector("video");
  const canvas = new OffscreenCanvas(640, 360);
  const context = canvas.getContext("2d", { willReadFrequently: true });
  const numbers = [];
  let until = performance.now() + wait * 1000, arrived = false;
  while (performance.now() < until) {
    const shown = await Promise.race([
      new Promise((resolve) => video.requestVideoFrameCallback(() => resolve(true))),
      new Promise((resolve) => setTimeout(resolve, Math.max(0, until - performance.now()), false)),
    ]);
    if (!shown) break;
    context.drawImage(video, 0, 0, 640, 360);
    const number = barcode.read(context.getImageData(0, 0, 640, 60 * 6));
    if (number === null) continue;
    if (!arrived && number >= low && number < high) {
      arrived = true;
      until = performance.now() + seconds * 1000;
    }
    if (arrived) numbers.push(number);
  }
  return numbers;
}
