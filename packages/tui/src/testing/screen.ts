/**
 * A screen for tests: Ink writes to a real terminal emulator, so what a test reads is what a person would see.
 *
 * Owns: the emulator, the fake terminal streams, keys and waiting. Does not own: the program in a real terminal (`test/support/pane.ts`).
 * Invariant: no sleeps: a write is done only when the emulator has parsed it, so Ink's own flush is the barrier.
 */
import { PassThrough, Writable } from "node:stream"
import type { ReactNode } from "react"
import { render, type RenderOptions } from "ink"
import xterm from "@xterm/headless"
import { Unicode11Addon } from "@xterm/addon-unicode11"

class Out extends Writable {
  readonly isTTY = true
  readonly writes: Array<string> = []
  readonly term: InstanceType<typeof xterm.Terminal>
  columns: number
  rows: number
  onPaint = (): void => {}

  constructor(columns: number, rows: number) {
    super({ decodeStrings: false })
    this.columns = columns
    this.rows = rows
    // convertEol: a tty in raw mode still maps \n to \r\n
    this.term = new xterm.Terminal({ cols: columns, rows, allowProposedApi: true, convertEol: true })
    this.term.loadAddon(new Unicode11Addon() as never) // typed for the browser's terminal; the default tables give emoji one column
    this.term.unicode.activeVersion = "11"
  }

  override _write(chunk: string | Buffer, _encoding: string, done: () => void): void {
    const text = chunk.toString()
    if (text !== "") this.writes.push(text)
    this.term.write(text, () => {
      done()
      this.onPaint()
    })
  }
}

class In extends PassThrough {
  readonly isTTY = true
  raw = false
  setRawMode(on: boolean): this {
    this.raw = on
    return this
  }
  ref(): this {
    return this
  }
  unref(): this {
    return this
  }
}

export const keys = {
  up: "\x1b[A",
  down: "\x1b[B",
  right: "\x1b[C",
  left: "\x1b[D",
  pageUp: "\x1b[5~",
  pageDown: "\x1b[6~",
  home: "\x1b[H",
  end: "\x1b[F",
  enter: "\r",
  escape: "\x1b[27u",
  tab: "\t",
  shiftTab: "\x1b[Z",
  backspace: "\x7f",
  altEnter: "\x1b\r",
  altM: "\x1bm",
  ctrlC: "\x03",
  ctrlJ: "\n",
  ctrlO: "\x0f",
  ctrlP: "\x10",
  ctrlK: "\x0b",
  ctrlS: "\x13",
  ctrlU: "\x15"
}

// oxlint-disable-next-line no-control-regex
const fullClear = /\x1b\[[23]J|\x1b\[(?:1;1)?H\x1b\[0?J/u

export interface Cell {
  readonly text: string
  readonly colored: boolean
  readonly inverse: boolean
  readonly bold: boolean
}

export interface Screen {
  readonly app: ReturnType<typeof render>
  readonly stdout: Out
  readonly stdin: In
  readonly lines: () => ReadonlyArray<string>
  readonly text: () => string
  readonly cells: (y: number) => ReadonlyArray<Cell>
  readonly settled: () => Promise<void>
  readonly press: (...keys: ReadonlyArray<string>) => Promise<void>
  readonly paste: (text: string) => Promise<void>
  readonly resize: (columns: number, rows: number) => Promise<void>
  /** For what comes by itself: timers, streams. */
  readonly until: (test: (text: string) => boolean, ms?: number) => Promise<void>
  /** Written since the last call. */
  readonly bytes: () => string
  /** Since the first frame, the last resize or the last `bytes()`: no full clear, no frame taller than the screen. */
  readonly assertCalm: () => void
  readonly close: () => Promise<void>
}

export const open = async (
  node: ReactNode,
  columns = 80,
  rows = 24,
  options: Partial<RenderOptions> = {}
): Promise<Screen> => {
  const stdout = new Out(columns, rows)
  const stdin = new In()
  const app = render(node, {
    stdout,
    stdin,
    stderr: stdout,
    interactive: true,
    alternateScreen: true,
    incrementalRendering: true,
    exitOnCtrlC: false,
    patchConsole: false,
    maxFps: 1000,
    ...options
  })
  let from = 0
  const buffer = () => stdout.term.buffer.active
  const lineAt = (y: number) => buffer().getLine(buffer().viewportY + y)
  const lines = () => Array.from({ length: stdout.rows }, (_, y) => lineAt(y)?.translateToString(true) ?? "")
  const settled = async (): Promise<void> => {
    await new Promise((resolve) => setImmediate(resolve))
    await app.waitUntilRenderFlush()
  }
  const press = async (...all: ReadonlyArray<string>): Promise<void> => {
    for (const key of all) {
      stdin.write(key)
      await settled()
    }
  }
  await settled()
  return {
    app,
    stdout,
    stdin,
    lines,
    text: () => lines().join("\n"),
    cells: (y) =>
      Array.from({ length: stdout.columns }, (_, x) => {
        const cell = lineAt(y)?.getCell(x)
        return {
          text: cell?.getChars() ?? "",
          colored: cell !== undefined && !(cell.isFgDefault() && cell.isBgDefault()),
          inverse: cell !== undefined && cell.isInverse() !== 0,
          bold: cell !== undefined && cell.isBold() !== 0
        }
      }),
    settled,
    press,
    paste: (text) => press(`\x1b[200~${text}\x1b[201~`),
    resize: async (c, r) => {
      stdout.columns = c
      stdout.rows = r
      stdout.term.resize(c, r)
      stdout.emit("resize")
      await settled()
      from = stdout.writes.length
    },
    until: (test, ms = 60_000) =>
      new Promise<void>((resolve, reject) => {
        const end = (finish: () => void): void => {
          clearTimeout(timer)
          stdout.onPaint = () => {}
          finish()
        }
        const timer = setTimeout(() => end(() => reject(new Error("not seen:\n" + lines().join("\n")))), ms)
        stdout.onPaint = () => {
          if (test(lines().join("\n"))) end(resolve)
        }
        stdout.onPaint()
      }),
    bytes: () => {
      const written = stdout.writes.slice(from).join("")
      from = stdout.writes.length
      return written
    },
    assertCalm: () => {
      if (buffer().type !== "alternate") throw new Error("not on the alternate screen")
      if (buffer().baseY !== 0) throw new Error(`the frame scrolled by ${buffer().baseY}`)
      stdout.writes.slice(from).forEach((write, i) => {
        if (i + from > 0 && fullClear.test(write) && !write.includes("\x1b[?1049h"))
          throw new Error("full clear: " + JSON.stringify(write.slice(0, 60)))
        if (write.split("\n").length > stdout.rows)
          throw new Error(`a frame of ${write.split("\n").length} lines on ${stdout.rows} rows`)
      })
    },
    close: async () => {
      app.unmount()
      await app.waitUntilExit().catch(() => {})
    }
  }
}
