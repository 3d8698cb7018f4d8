/** What an answer that is no success says. */
import { Problem } from "../core/problem";

export async function problemOf(response: Response): Promise<Problem> {
  const text = await response.text().catch(() => "");
  try {
    const { code, detail, ...extra } = JSON.parse(text) as Record<string, unknown>;
    return new Problem(response.status, String(code ?? "internal"), String(detail ?? response.statusText), extra);
  } catch {
    return new Problem(response.status, "internal", response.statusText || `HTTP ${response.status}`);
  }
}
