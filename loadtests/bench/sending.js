// What a presenter's page (publish.js) knows of its sending: estimate and size of the picture now.
async () => {
  const found = { estimate_bps: 0, width: 0, height: 0, fps: 0 };
  for (const report of (await globalThis.presenter.getStats()).values()) {
    if (report.type === "candidate-pair" && report.nominated) found.estimate_bps = report.availableOutgoingBitrate ?? 0;
    if (report.type === "outbound-rtp" && report.kind === "video") {
      found.width = report.frameWidth ?? 0;
      found.height = report.frameHeight ?? 0;
      found.fps = report.framesPerSecond ?? 0;
    }
  }
  return found;
}
