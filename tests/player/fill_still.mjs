// What the page would append: node fill_still.mjs PLAYER FOLDER FROM TO TIMESCALE [TO …] writes FOLDER/still-N.m4s, or nothing.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const [player, folder, timescale, from, ...ends] = process.argv.slice(2);
const { runnerImport } = await import(join(player, "node_modules/vite/dist/node/index.js"));
const { module } = await runnerImport(join(player, "src/media/still.ts"), { root: player, logLevel: "error", configFile: false });
const still = new module.Still();
still.follow(readFileSync(join(folder, "init.mp4")), readFileSync(join(folder, "last.m4s")));
let at = Number(from);
ends.map(Number).forEach((end, number) => {
  const bytes = still.fill(at, end, Number(timescale));
  if (bytes) writeFileSync(join(folder, `still-${number}.m4s`), bytes);
  at = end;
});
