/** The icons, drawn on a 20 px grid with one stroke width. They are decoration: the control that holds one has a name. */
const PATHS = {
  up: "M10 4 4.5 10H8v6h4v-6h3.5z",
  check: "m4.5 10.5 3.5 3.5 7.5-8",
  cross: "m5.5 5.5 9 9m0-9-9 9",
  alert: "M10 3.5 2.5 16.5h15zM10 8.5v3.5m0 2v.1",
  copy: "M7.5 7.5h8v9h-8zM12.5 7.5v-4h-8v9h3",
  qr: "M3.5 3.5h5v5h-5zm8 0h5v5h-5zm-8 8h5v5h-5zm8 0h2v2h-2zm3 3h2v2h-2zm0-3h2m-5 5h2",
  people: "M7.5 9.5a2.8 2.8 0 1 0 0-5.6 2.8 2.8 0 0 0 0 5.6Zm-5 7c0-2.8 2.2-4.7 5-4.7s5 1.9 5 4.7m.5-7a2.5 2.5 0 1 0-.6-5m2 7.6c1.9.6 3.1 2.2 3.1 4.4",
  sun: "M10 13.500a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7ZM10 2v1.800m0 12.400V18M2 10h1.800m12.4 0H18M4.3 4.300l1.3 1.300m8.8 8.8 1.3 1.300m0-11.4-1.3 1.300m-8.8 8.8-1.3 1.3",
  moon: "M16.5 11.800A6.8 6.8 0 0 1 8.2 3.500a6.8 6.8 0 1 0 8.3 8.300Z",
  more: "M4.5 10h.1m5.4 0h.1m5.4 0h.1",
  external: "M8 4.500H4.500v11h11V12M11.5 4h4.500v4.500M16 4l-7 7",
  plus: "M10 4.500v11m-5.5-5.500h11",
  search: "M9 14.500a5.5 5.5 0 1 0 0-11 5.5 5.5 0 0 0 0 11Zm4-1.5 3.5 3.5",
  lock: "M5 9.500h10v7H5zm2.2 0V7a2.8 2.8 0 0 1 5.6 0v2.5",
  help: "M7.3 7.500a2.7 2.7 0 1 1 3.9 2.400c-.8.4-1.2.9-1.2 1.900m0 2.600v.1",
  play: "M6.5 4v12l9.5-6z",
  pause: "M5.5 4h3v12h-3zm6 0h3v12h-3z",
  sound: "M3.5 8v4h2.700l3.8 3.500v-11L6.2 8zM13 7.200a4 4 0 0 1 0 5.600m2.3-7.900a7.2 7.2 0 0 1 0 10.2",
  silent: "M3.5 8v4h2.700l3.8 3.500v-11L6.2 8zm9.7-.5 4.3 5m0-5-4.3 5",
  settings: "M3 6h7m4 0h3M3 14h3m4 0h7M10 6a2 2 0 1 0 4 0 2 2 0 0 0-4 0Zm-4 8a2 2 0 1 0 4 0 2 2 0 0 0-4 0Z",
  pip: "M2.5 4.500h15v11h-15zm8 5.500h4.500v3h-4.500z",
  expand: "M3.5 7.500v-4h4m5 0h4v4m0 5v4h-4m-5 0h-4v-4",
  shrink: "M7.5 3.500v4h-4m13 0h-4v-4m0 13v-4h4m-13 0h4v4",
  back: "M4.2 7.200a7 7 0 1 1-1 4.600M3.500 3.500v4h4M8 8.800v4.700m3-2.350a1.150 2.350 0 1 0 2.300 0a1.150 2.350 0 1 0-2.300 0Z",
  forward: "M15.800 7.200a7 7 0 1 0 1 4.600M16.500 3.500v4h-4M7 8.800v4.700m3-2.350a1.150 2.350 0 1 0 2.300 0a1.150 2.350 0 1 0-2.300 0Z",
  camera: "M2.5 5.500h10v9h-10zm10 3.3 5-2.800v8l-5-2.8",
  cameraOff: "M5 5.500h7.500v6.200M12.5 14.500h-10v-9m10 3.3 5-2.800v8l-5-2.800M2.5 2.500l15 15",
  mic: "M10 12.500a2.7 2.7 0 0 0 2.7-2.700V5.200a2.7 2.7 0 0 0-5.4 0v4.600a2.7 2.7 0 0 0 2.7 2.700Zm-5-3a5 5 0 0 0 10 0m-5 5v3m-2.5 0h5",
  micOff: "M7.3 7.300v2.500a2.7 2.7 0 0 0 4.4 2.100m1-2.400V5.200a2.7 2.7 0 0 0-5.2-1M5 9.500a5 5 0 0 0 8 4m2-4c0 .6-.1 1.1-.3 1.600M10 14.500v3m-2.5 0h5M2.5 2.500l15 15",
  screen: "M2.5 4h15v9.500h-15zM7 17h6m-3-3.500V17",
  offline: "M3 7.500a10.5 10.5 0 0 1 14 0M5.5 10.500a6.8 6.8 0 0 1 9 0M8 13.300a3 3 0 0 1 4 0m-2 2.600v.1M2.5 2.500l15 15",
} as const;

export type IconName = keyof typeof PATHS;

const FILLED: ReadonlySet<IconName> = new Set(["up", "play", "pause"]);

export function Icon({ name, size = 20 }: { name: IconName; size?: number }) {
  const paint = FILLED.has(name) ? { fill: "currentColor" } : { fill: "none", stroke: "currentColor" };
  return (
    <svg class="icon" width={size} height={size} viewBox="0 0 20 20" aria-hidden="true" {...paint}>
      <path d={PATHS[name]} stroke-width="1.6" stroke-linecap="round" stroke-linejoin="round" />
    </svg>
  );
}
