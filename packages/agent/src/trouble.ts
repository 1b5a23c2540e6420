/** What ends a subcommand with one sentence for people: what happened, why, the mend. */
export class Trouble extends Error {
  override readonly name = "Trouble"
}

export const reasonOf = (cause: unknown): string =>
  cause instanceof Error
    ? cause.message === "" && "code" in cause
      ? String(cause.code)
      : cause.message
    : String(cause)

export const codeOf = (cause: unknown): string => (cause instanceof Error && "code" in cause ? String(cause.code) : "")

/** To the journal, which adds the time. */
export const say = (text: string): void => void process.stderr.write(`${text}\n`)
