// Reads the time out of every picture that a viewer's page presents: latency in ms, and `waiting` events after the first.
async ({ seconds }) => {
  const video = document.querySelector("video");
  const canvas = new OffscreenCanvas(640, 360);
  const context = canvas.getContext("2d", { willReadFrequently: true });
  const delays = [];
  let unread = 0, stalls = 0;
  video.addEventListener("waiting", () => { stalls += 1; });
  const end = performance.now() + seconds * 1000;
  while (performance.now() < end) {
    const shown = await Promise.race([
      new Promise((resolve) => video.requestVideoFrameCallback(() => resolve(true))),
      new Promise((resolve) => setTimeout(resolve, Math.max(0, end - performance.now()), false)),
    ]);
    if (!shown) break;
    const now = Date.now() % barcode.LIMIT;
    context.drawImage(video, 0, 0, 640, 360);
    const at = barcode.read(context.getImageData(0, 0, 640, 60 * 6));
    if (at === null) unread += 1;
    else delays.push((now - at + barcode.LIMIT) % barcode.LIMIT);
  }
  return { delays, unread, stalls };
}
