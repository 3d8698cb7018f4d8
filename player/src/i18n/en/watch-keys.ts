/** The keys of the watch page. */
export const en = {
  title: "Keyboard",
  on: "Single-key shortcuts",
  onMeans: "Switch them off if you use speech input or if they get in your way.",
  playPause: "Play or pause",
  mute: "Sound on or off",
  full: "Full screen",
  pip: "Picture in picture",
  live: "Go to live",
  ask: "Ask a question",
  vote: "Vote for the question in focus",
  help: "This help",
  or: "or",
  space: "Space",
  end: "End",
};
