/** Ticks for media/composer.ts, from a worker: a browser slows the timers of a page that nobody looks at, but not those of its workers. */
const EVERY_MS = 16;

setInterval(() => postMessage(null), EVERY_MS);
