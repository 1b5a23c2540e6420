/**
 * The output of a task as lines: bytes in, harmless lines out, within a fixed memory.
 *
 * Owns: decoding, line ends, progress bars (`\r`), the cap, numbering. Does not own: fetching (`follow.ts`), wrapping and drawing
 * (`task/detail.ts`), the formats of agents (the tool room's parsers, given as `parse`).
 * Invariants: a line keeps its number for ever, so that a reader who scrolled stays where they are while old lines fall off;
 * a line is cut at `longest`, the buffer at `most` lines.
 */
import type { Shown } from "@signalbox/core/tool/Tool.ts"
import { clean } from "../text.ts"

export interface LogLine {
  readonly number: number
  readonly text: string
  readonly kind: Shown["kind"] | "plain" | "stderr"
}

const most = 5000
const longest = 8192

/** Turns a line of an agent's structured output into what a person reads. */
export type Parse = (line: string) => ReadonlyArray<Shown>

export class LogLines {
  private lines: Array<LogLine> = []
  private next = 1
  private readonly rest = { out: "", err: "" }
  private readonly decoders = { out: new TextDecoder(), err: new TextDecoder() }
  private readonly parse: Parse | undefined
  /** The last, unfinished line of each stream is shown as it stands. */
  private partial: { readonly out?: LogLine; readonly err?: LogLine } = {}

  constructor(parse?: Parse) {
    this.parse = parse
  }

  get all(): ReadonlyArray<LogLine> {
    const { out, err } = this.partial
    return out === undefined && err === undefined
      ? this.lines
      : [...this.lines, ...(out === undefined ? [] : [out]), ...(err === undefined ? [] : [err])]
  }

  /** Numbers grow by one per line, so a line's place is found without a search. */
  get first(): number {
    return this.lines[0]?.number ?? this.next
  }

  push(stream: "out" | "err", chunk: Uint8Array): void {
    const parts = (this.rest[stream] + this.decoders[stream].decode(chunk, { stream: true })).split("\n")
    const rest = parts.pop() ?? ""
    for (const part of parts) this.add(stream, part)
    // What is past the cap of an endless line is never shown, so it need not be kept.
    this.rest[stream] = rest.length > longest * 4 ? rest.slice(0, longest * 2) + rest.slice(-longest) : rest
    this.partial = this.unfinished(stream)
    if (this.lines.length > most + 500) this.lines = this.lines.slice(-most)
  }

  /** The stream is over: an unfinished line is a line. */
  end(): void {
    for (const stream of ["out", "err"] as const) {
      const rest = this.rest[stream] + this.decoders[stream].decode()
      this.rest[stream] = ""
      if (rest !== "") this.add(stream, rest)
    }
    this.partial = {}
  }

  private unfinished(stream: "out" | "err"): { readonly out?: LogLine; readonly err?: LogLine } {
    const others: typeof this.partial = stream === "out" ? pick("err", this.partial.err) : pick("out", this.partial.out)
    const text = stream === "out" && this.parse !== undefined ? "" : tidy(this.rest[stream])
    if (text === "") return others
    const offset = stream === "err" && others.out !== undefined ? 1 : 0
    return { ...others, [stream]: { number: this.next + offset, text, kind: stream === "err" ? "stderr" : "plain" } }
  }

  private add(stream: "out" | "err", raw: string): void {
    const shown = stream === "out" ? this.parse?.(raw) : undefined
    if (shown === undefined) {
      this.lines.push({ number: this.next++, text: tidy(raw), kind: stream === "err" ? "stderr" : "plain" })
      return
    }
    for (const one of shown) {
      for (const text of one.text.slice(0, longest * 4).split("\n")) {
        this.lines.push({ number: this.next++, text: tidy(text), kind: one.kind })
      }
    }
  }
}

const pick = (stream: "out" | "err", line: LogLine | undefined): { readonly out?: LogLine; readonly err?: LogLine } =>
  line === undefined ? {} : { [stream]: line }

/** As a terminal leaves a line: what a carriage return wrote over is gone. */
const tidy = (raw: string): string => {
  const line = raw.endsWith("\r") ? raw.slice(0, -1) : raw
  const shown = line.slice(line.lastIndexOf("\r") + 1)
  return shown.length > longest ? clean(shown.slice(0, longest)) + " … cut" : clean(shown)
}
