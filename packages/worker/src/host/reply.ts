/**
 * Reading what our scripts answer. Login files may have printed anything before it, so an answer is framed.
 *
 * Owns: finding the frame, safe ids, quoting for /bin/sh. Does not own: what the lines mean (`Runner.ts`, `check.ts`).
 * Invariant: an answer without its end is no answer.
 */
export const frameStart = "@signalbox"
export const frameEnd = "@end"

/** The lines between the marks, or undefined when either mark is missing. Noise may come before and after. */
export const framed = (bytes: Uint8Array): ReadonlyArray<string> | undefined => {
  const lines = new TextDecoder().decode(bytes).split("\n")
  const start = lines.indexOf(frameStart)
  const end = lines.indexOf(frameEnd, start + 1)
  return start < 0 || end < 0 ? undefined : lines.slice(start + 1, end)
}

/** Safe as a directory, a tmux session and a word of a shell. */
export const isTaskId = (id: string): boolean => /^[A-Za-z0-9][A-Za-z0-9_-]{0,99}$/u.test(id)

/** One word for /bin/sh, whatever is in it. */
export const quote = (word: string): string => `'${word.replaceAll("'", `'\\''`)}'`

/** The end of what a failed script said, fit for a sentence. */
export const lastWords = (err: Uint8Array): string =>
  new TextDecoder()
    .decode(err.subarray(-2_000))
    .split("\n")
    .map((line) => line.replace(/[\p{Cc}]/gu, " ").trim())
    .filter((line) => line !== "")
    .slice(-2)
    .join("; ")
    .slice(-300)
