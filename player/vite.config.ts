/**
 * Builds the four pages into dist/. Everything that is not a page carries its content's hash in its name, so that
 * player/assets.py may call it immutable. `PLENUM_DEV_SERVER=http://127.0.0.1:8080 npm run dev` serves the pages with
 * hot reload in front of a running Plenum.
 */
import { defineConfig, type ProxyOptions } from "vite";

const PAGES = ["index", "watch", "studio", "console"] as const;

declare const process: { env: Record<string, string | undefined> };

const behind = process.env["PLENUM_DEV_SERVER"];
const proxied: Record<string, ProxyOptions> = behind
  ? Object.fromEntries(["/api", "/qna", "/live", "/whip", "/j"].map((path) => [path, { target: behind, ws: true }]))
  : {};

export default defineConfig({
  build: {
    target: "es2022",
    // The polyfill is an inline script, which our CSP forbids; every browser of the target knows modulepreload.
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
    rolldownOptions: { input: Object.fromEntries(PAGES.map((page) => [page, `${page}.html`])) },
  },
  server: { host: "127.0.0.1", proxy: proxied },
  appType: "mpa",
});
