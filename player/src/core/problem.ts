/** An error the API answered: an RFC 9457 problem with our stable `code`. Code `offline` (status 0): no answer at all. */
export class Problem extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    /** Further members of the problem document, such as `field` or `on_air`. */
    readonly extra: Readonly<Record<string, unknown>> = {},
  ) {
    super(message);
  }
}
