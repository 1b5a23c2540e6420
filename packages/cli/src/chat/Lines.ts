/**
 * What a person types into `chat`, message by message.
 *
 * Owns: line editing with history (node:readline), bracketed paste, lines that end with a backslash, Ctrl-C and Ctrl-D.
 * Does not own: what the words mean (`interactive.ts`).
 * Invariants: a paste of many lines is one message, sent with Enter; nothing typed while a reply is written is shown in it or lost;
 * the history has at most 1,000 entries and is for its owner's eyes only.
 */
import { chmodSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { createInterface } from "node:readline"
import { Writable } from "node:stream"
import { Effect, Queue } from "effect"
import { homeDirectory } from "@signalbox/core/config/Home.ts"

export type Typed =
  | { readonly _tag: "Message"; readonly text: string }
  /** Ctrl-C. */
  | { readonly _tag: "Interrupt"; readonly empty: boolean }
  /** Ctrl-D, or the terminal is gone. */
  | { readonly _tag: "End" }

export interface Lines {
  /** Shows the prompt and waits. */
  readonly next: (prompt: string) => Effect.Effect<Typed>
  /** Waits for Ctrl-C while something else is shown. */
  readonly interrupted: Effect.Effect<void>
  /** Something else begins: Ctrl-C from before it does not count. */
  readonly begins: Effect.Effect<void>
  /** Forgets what was typed ahead: an answer must be given to a question that was seen. */
  readonly forget: Effect.Effect<void>
}

const historySize = 1000
const historyBytes = 256 * 1024
const more = "… "

export const openLines = Effect.gen(function* () {
  const file = join(yield* homeDirectory, "chat-history")
  const typed = yield* Queue.unbounded<Typed>()
  const signals = yield* Queue.unbounded<void>()
  const screen = makeScreen()
  const reader = yield* Effect.acquireRelease(
    Effect.sync(() =>
      createInterface({
        input: process.stdin,
        output: screen.output,
        terminal: true,
        history: readHistory(file),
        historySize,
        removeHistoryDuplicates: true
      })
    ),
    (one) =>
      Effect.sync(() => {
        bracketedPaste(false)
        one.close()
      })
  )
  bracketedPaste(true)
  let pasting = false
  let part: ReadonlyArray<string> = []
  let waiting = false
  const onKey = (_: unknown, key: { readonly name?: string } | undefined) => {
    if (key?.name === "paste-start") pasting = true
    if (key?.name === "paste-end") pasting = false
  }
  process.stdin.on("keypress", onKey)
  yield* Effect.addFinalizer(() => Effect.sync(() => process.stdin.removeListener("keypress", onKey)))
  reader.on("line", (line) => {
    const goesOn = !pasting && line.endsWith("\\")
    part = [...part, goesOn ? line.slice(0, -1) : line]
    if (pasting || goesOn) {
      if (waiting) {
        reader.setPrompt(more)
        reader.prompt()
      }
      return
    }
    const text = part.join("\n")
    part = []
    Queue.offerUnsafe(typed, { _tag: "Message", text })
  })
  reader.on("history", (history) => writeHistory(file, history))
  reader.on("SIGINT", () => {
    if (!waiting) return void Queue.offerUnsafe(signals, undefined)
    const empty = reader.line === "" && part.length === 0
    part = []
    reader.write(null, { ctrl: true, name: "e" })
    reader.write(null, { ctrl: true, name: "u" })
    process.stderr.write("\n")
    Queue.offerUnsafe(typed, { _tag: "Interrupt", empty })
  })
  reader.on("close", () => {
    Queue.offerUnsafe(typed, { _tag: "End" })
    Queue.offerUnsafe(signals, undefined)
  })
  const lines: Lines = {
    next: (prompt) =>
      Effect.gen(function* () {
        screen.mute(false)
        waiting = true
        reader.setPrompt(part.length > 0 ? more : prompt)
        if (Queue.sizeUnsafe(typed) === 0) reader.prompt(true)
        const one = yield* Queue.take(typed)
        waiting = false
        screen.mute(true)
        return one
      }),
    interrupted: Queue.take(signals),
    begins: Effect.asVoid(Queue.clear(signals)),
    forget: Effect.andThen(Queue.clear(typed), Effect.asVoid(Queue.clear(signals)))
  }
  return lines
})

const bracketedPaste = (on: boolean): void => {
  if (process.stderr.isTTY) process.stderr.write(on ? "\u001b[?2004h" : "\u001b[?2004l")
}

/** While a reply is written, what is typed ahead is not echoed into it. */
const makeScreen = () => {
  let muted = false
  const output = new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      if (!muted) process.stderr.write(chunk)
      done()
    }
  })
  Object.defineProperty(output, "columns", { get: () => process.stderr.columns ?? 80 })
  return { output, mute: (on: boolean) => void (muted = on) }
}

/** Newest first, as readline has it. What cannot be read is no history. */
const readHistory = (file: string): Array<string> => {
  try {
    return readFileSync(file, "utf8")
      .slice(-historyBytes)
      .split("\n")
      .filter((line) => line !== "")
      .slice(-historySize)
      .toReversed()
  } catch {
    return []
  }
}

/** A history that cannot be kept is no reason to stop talking. */
const writeHistory = (file: string, history: ReadonlyArray<string>): void => {
  try {
    const kept: Array<string> = []
    let bytes = 0
    for (const line of history.slice(0, historySize)) {
      bytes += Buffer.byteLength(line) + 1
      if (bytes > historyBytes) break
      kept.unshift(line.replaceAll(/[\r\n]/gu, " "))
    }
    writeFileSync(file, kept.map((line) => `${line}\n`).join(""), { mode: 0o600 })
    chmodSync(file, 0o600)
  } catch {
    return
  }
}
