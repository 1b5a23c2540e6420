/**
 * Structured logs: one JSON object per line, on stderr for headless roles, in a file while a full-screen program owns the terminal.
 *
 * Owns: the shape of a line and where it goes. Does not own: what is logged.
 * Invariants: a line holds no known secret and no newline; a log that cannot be written never ends the program; files of one
 * role take at most `keep + 1` times `maxBytes`.
 */
import { appendFileSync, renameSync, statSync, writeSync } from "node:fs"
import { join } from "node:path"
import { type Fiber, Formatter, Layer, Logger, type LogLevel, References } from "effect"
import { Secrets } from "../config/secret.ts"

const MAX_LINE = 16_384

/** A logger whose lines go to `write`. */
export const jsonLines = (write: (line: string) => void): Logger.Logger<unknown, void> =>
  Logger.make((options) => write(format(options)))

const format = (options: Logger.Options<unknown>): string => {
  const { timestamp, level, message, cause, annotations, spans } = Logger.formatStructured.log(options)
  const line = Formatter.formatJson({
    at: timestamp,
    level: level.toLowerCase(),
    message: typeof message === "string" ? message.slice(0, MAX_LINE) : message,
    ...(cause === undefined ? {} : { cause: cause.slice(0, MAX_LINE) }),
    ...(Object.keys(annotations).length === 0 ? {} : { fields: annotations }),
    ...(Object.keys(spans).length === 0 ? {} : { spans })
  })
  return `${scrubbed(options.fiber, line)}\n`
}

const scrubbed = (fiber: Fiber.Fiber<unknown, unknown>, line: string): string => fiber.getRef(Secrets).scrub(line)

/** For headless roles. stdout stays free for data. */
export const stderrLogs = (level: LogLevel.LogLevel = "Info"): Layer.Layer<never> =>
  Layer.merge(Logger.layer([jsonLines(writeStderr)]), Layer.succeed(References.MinimumLogLevel, level))

export interface FileLogOptions {
  /** HOME/logs, which exists. */
  readonly directory: string
  /** "tui", "worker": one file each, so that rotation has one owner. */
  readonly role: string
  readonly maxBytes?: number
  readonly keep?: number
  readonly level?: LogLevel.LogLevel
}

/** For a role whose terminal is a screen. */
export const fileLogs = (options: FileLogOptions): Layer.Layer<never> =>
  Layer.merge(
    Logger.layer([jsonLines(rotatingFile(options))]),
    Layer.succeed(References.MinimumLogLevel, options.level ?? "Info")
  )

/** @returns a writer that appends whole lines and moves a full file to `.1`, `.1` to `.2` … before it grows past `maxBytes` */
export const rotatingFile = (options: FileLogOptions): ((line: string) => void) => {
  const file = join(options.directory, `${options.role}.log`)
  const limit = options.maxBytes ?? 5 * 1024 * 1024
  const keep = options.keep ?? 3
  return (line) => {
    quietly(() => {
      const size = statSync(file, { throwIfNoEntry: false })?.size ?? 0
      if (size > 0 && size + Buffer.byteLength(line) > limit)
        for (let n = keep; n >= 1; n--) quietly(() => renameSync(n === 1 ? file : `${file}.${n - 1}`, `${file}.${n}`))
      appendFileSync(file, line, { mode: 0o600 })
    })
  }
}

const writeStderr = (line: string): void => quietly(() => void writeSync(2, line))

/** A full disk or a closed pipe is no reason to stop the work that is logged. */
const quietly = (act: () => void): void => {
  try {
    act()
  } catch {}
}
