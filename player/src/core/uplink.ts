/** The presenter's own signal, from two looks at the browser's WebRTC statistics. */

export interface UplinkSample {
  readonly atMs: number;
  readonly bytesSent: number;
  readonly packetsSent: number;
  readonly packetsLost: number;
  readonly frames: number;
  readonly width: number;
  readonly height: number;
  readonly roundTripS: number | null;
  readonly limitedBy: string;
  /** Feedback from the other side, on the pair in use. */
  readonly bytesReceived: number;
}

export interface Uplink {
  readonly bitrateBps: number;
  readonly width: number;
  readonly height: number;
  readonly fps: number;
  readonly roundTripMs: number | null;
  /** 0 to 1, of the packets sent since the sample before. */
  readonly loss: number;
  /** `cpu` or `bandwidth` while the browser sends less than it was asked for. */
  readonly limitedBy: "cpu" | "bandwidth" | null;
}

type Stat = Readonly<Record<string, unknown>>;

function number(stat: Stat, key: string): number {
  const value = stat[key];
  return typeof value === "number" ? value : 0;
}

/** Adds up what goes out, and takes what the other side reports back (RTCP receiver reports). */
export function sampleOf(stats: Iterable<Stat>, atMs: number): UplinkSample {
  let sample: UplinkSample = {
    atMs,
    bytesSent: 0,
    packetsSent: 0,
    packetsLost: 0,
    frames: 0,
    width: 0,
    height: 0,
    roundTripS: null,
    limitedBy: "none",
    bytesReceived: 0,
  };
  for (const stat of stats) {
    if (stat["type"] === "outbound-rtp") sample = withOutbound(sample, stat);
    else if (stat["type"] === "remote-inbound-rtp") sample = { ...sample, packetsLost: sample.packetsLost + number(stat, "packetsLost") };
    else if (stat["type"] === "candidate-pair" && stat["nominated"] === true) sample = withPair(sample, stat);
  }
  return sample;
}

function withOutbound(sample: UplinkSample, stat: Stat): UplinkSample {
  const counted = {
    ...sample,
    bytesSent: sample.bytesSent + number(stat, "bytesSent") + number(stat, "headerBytesSent"),
    packetsSent: sample.packetsSent + number(stat, "packetsSent"),
  };
  if (stat["kind"] !== "video") return counted;
  return {
    ...counted,
    frames: number(stat, "framesEncoded"),
    width: number(stat, "frameWidth"),
    height: number(stat, "frameHeight"),
    limitedBy: String(stat["qualityLimitationReason"] ?? "none"),
  };
}

function withPair(sample: UplinkSample, stat: Stat): UplinkSample {
  const roundTripS = typeof stat["currentRoundTripTime"] === "number" ? stat["currentRoundTripTime"] : sample.roundTripS;
  return { ...sample, roundTripS, bytesReceived: sample.bytesReceived + number(stat, "bytesReceived") };
}

/** Null where the two do not belong to one connection, or no time passed between them. */
export function uplinkBetween(before: UplinkSample, now: UplinkSample): Uplink | null {
  const seconds = (now.atMs - before.atMs) / 1000;
  if (seconds <= 0 || now.bytesSent < before.bytesSent) return null;
  const sent = now.packetsSent - before.packetsSent;
  const lost = Math.max(0, now.packetsLost - before.packetsLost);
  return {
    bitrateBps: ((now.bytesSent - before.bytesSent) * 8) / seconds,
    width: now.width,
    height: now.height,
    fps: Math.max(0, now.frames - before.frames) / seconds,
    roundTripMs: now.roundTripS === null ? null : now.roundTripS * 1000,
    loss: sent > 0 ? Math.min(1, lost / sent) : 0,
    limitedBy: now.limitedBy === "cpu" || now.limitedBy === "bandwidth" ? now.limitedBy : null,
  };
}
