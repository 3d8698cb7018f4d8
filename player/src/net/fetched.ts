/**
 * Files of the page that are fetched when it comes to them, also after they did not come once.
 *
 * What surprises: browsers of before 2026 remember that a module did not come until the page is loaded anew, and refuse it from memory
 * (https://github.com/whatwg/html/issues/6768). Under another address they ask again; Chromium's error names the one that failed.
 */

const ADDRESS = /https?:\/\/\S+\.js/;

export async function fetched<File>(
  file: () => Promise<File>,
  load: (address: string) => Promise<File> = (address) => import(/* @vite-ignore */ address),
): Promise<File> {
  try {
    return await file();
  } catch (error) {
    const address = ADDRESS.exec(String(error))?.[0];
    if (!address) throw error;
    return load(`${address}?again=${Date.now()}`);
  }
}
