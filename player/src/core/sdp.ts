/** The little the studio changes or asks of SDP. Lines end in CRLF (RFC 8866). */

/**
 * The answer with the sound we want to send: Opus in mono, without pauses in silence (the programme's clock wants a steady stream).
 * What we send is ruled by the fmtp of the answer (RFC 7587 6.1), so this is said to our own browser, not to the server.
 */
export function withSteadySound(answer: string): string {
  const opus = /^a=rtpmap:(\d+) opus\/48000/im.exec(answer)?.[1];
  if (!opus) return answer;
  const wanted = "stereo=0;usedtx=0;useinbandfec=1;maxaveragebitrate=64000";
  const fmtp = new RegExp(`^a=fmtp:${opus} .*$`, "m");
  if (!fmtp.test(answer)) {
    return answer.replace(new RegExp(`^a=rtpmap:${opus} .*$`, "m"), (line) => `${line}\r\na=fmtp:${opus} ${wanted}`);
  }
  return answer.replace(fmtp, (line) => {
    const [head = "", ...rest] = line.split(" ");
    const others = rest.join(" ").split(";").map((item) => item.trim());
    const kept = others.filter((item) => item && !/^(stereo|usedtx|useinbandfec|maxaveragebitrate)=/.test(item));
    return `${head} ${[...kept, wanted].join(";")}`;
  });
}

interface Codec {
  readonly mimeType: string;
  readonly sdpFmtpLine?: string;
}

/**
 * H.264 as the server decodes it (baseline, packetization mode 1), then VP8, then retransmission; the server takes the first it
 * knows. Others are left out: an offer may have no more than it needs.
 */
export function preferredCodecs<C extends Codec>(codecs: readonly C[]): C[] {
  const kind = (codec: C) => codec.mimeType.toLowerCase();
  const isBaseline = (codec: C) => /profile-level-id=42[0-9a-f]{4}/i.test(codec.sdpFmtpLine ?? "");
  const h264 = codecs.filter((c) => kind(c) === "video/h264" && /packetization-mode=1/.test(c.sdpFmtpLine ?? "") && isBaseline(c));
  const vp8 = codecs.filter((c) => kind(c) === "video/vp8");
  const rtx = codecs.filter((c) => kind(c) === "video/rtx");
  return h264.length + vp8.length > 0 ? [...h264, ...vp8, ...rtx] : [...codecs];
}
