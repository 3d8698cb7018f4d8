/** Full screen and picture in picture of the page's one stage; an iPhone knows only the video's own full screen. */
import { signal } from "@preact/signals";

export const isFullscreen = signal(false);

interface PhoneVideo extends HTMLVideoElement {
  webkitEnterFullscreen?(): void;
}

let stage: HTMLElement | null = null;
let video: PhoneVideo | null = null;

export function showOn(stageElement: HTMLElement, videoElement: HTMLVideoElement): void {
  stage = stageElement;
  video = videoElement;
  document.addEventListener("fullscreenchange", () => {
    isFullscreen.value = document.fullscreenElement === stage;
  });
}

export function canFullscreen(): boolean {
  return document.fullscreenEnabled || typeof video?.webkitEnterFullscreen === "function";
}

export function canPip(): boolean {
  return document.pictureInPictureEnabled === true;
}

export function toggleFullscreen(): void {
  if (document.fullscreenElement) void document.exitFullscreen();
  else if (document.fullscreenEnabled) void stage?.requestFullscreen().catch(ignore);
  else video?.webkitEnterFullscreen?.();
}

export function togglePip(): void {
  if (!canPip() || !video) return;
  if (document.pictureInPictureElement) void document.exitPictureInPicture();
  else void video.requestPictureInPicture().catch(ignore);
}

/** Without a gesture, or before the first picture, the browser declines: nothing to do about it. */
function ignore(): void {}
