// A WHIP presenter in a few lines, in a page of the platform's own origin whose session may present: H.264, as asked.
async ({ event }) => {
  const stream = await navigator.mediaDevices.getUserMedia({ video: true, audio: true });
  globalThis.drawn = stream.getVideoTracks()[0].drawn; // of this one; the page itself may have opened another
  const peer = (globalThis.presenter = new RTCPeerConnection());
  for (const track of stream.getTracks()) {
    const transceiver = peer.addTransceiver(track, { direction: "sendonly", streams: [stream] });
    if (track.kind !== "video") continue;
    const { codecs } = RTCRtpSender.getCapabilities("video");
    transceiver.setCodecPreferences(codecs.filter((codec) => codec.mimeType === "video/H264" || codec.mimeType === "video/rtx"));
    const parameters = transceiver.sender.getParameters();
    parameters.degradationPreference = "maintain-resolution";
    parameters.encodings[0].maxBitrate = 3_000_000;
    await transceiver.sender.setParameters(parameters);
  }
  await peer.setLocalDescription();
  const { csrf } = await (await fetch("/api/v1/session")).json();
  const answer = await fetch(`/whip/${event}`, {
    method: "POST",
    headers: { "content-type": "application/sdp", "x-csrf-token": csrf },
    body: peer.localDescription.sdp,
  });
  if (answer.status !== 201) throw new Error(`WHIP answered ${answer.status}: ${await answer.text()}`);
  await peer.setRemoteDescription({ type: "answer", sdp: await answer.text() });
  await new Promise((resolve, reject) => {
    peer.onconnectionstatechange = () => {
      if (peer.connectionState === "connected") resolve();
      if (peer.connectionState === "failed") reject(new Error("no connection"));
    };
  });
}
