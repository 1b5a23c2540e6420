/**
 * What Ink does not know of the terminal: auto-wrap, the mouse, handing the terminal to a child, pausing to the shell.
 *
 * Owns: modes and their restoration, the mouse reports, the hand-over. Does not own: raw mode, alternate screen, keys (Ink).
 * Invariants: every mode that is switched on is switched off by the same effect, so that signals and exceptions restore it too;
 * while a child has the terminal this process reads not one byte of it.
 */
import { useEffect, useLayoutEffect, useRef } from "react"
import { useStdin, useStdout } from "ink"

export interface Modes {
  readonly enter: string
  readonly leave: string
}
/** One wrong width then costs a character at the edge and not the whole frame. */
export const noWrap: Modes = { enter: "\x1b[?7l", leave: "\x1b[?7h" }
export const mouseReports: Modes = { enter: "\x1b[?1002h\x1b[?1006h", leave: "\x1b[?1006l\x1b[?1002l" }

/** Ink draws from where the cursor is, on its own screen too: whoever had the terminal may have left it in the middle of a line. */
export const firstColumn = "\r"

export const useModes = ({ enter, leave }: Modes): void => {
  const { stdout } = useStdout()
  useEffect(() => {
    if (enter === "") return undefined
    stdout.write(enter)
    return () => {
      stdout.write(leave)
    }
  }, [enter, leave, stdout])
}

export interface Mouse {
  readonly kind: "down" | "up" | "move" | "wheel"
  readonly x: number
  readonly y: number
  /** Rows, for the wheel. */
  readonly dy: number
}

export const useMouse = (handler: (mouse: Mouse) => void): void => {
  const { stdin } = useStdin()
  const latest = useRef(handler)
  useLayoutEffect(() => {
    latest.current = handler
  })
  useEffect(() => {
    const tap = (chunk: string | Buffer): void => {
      for (const mouse of mouseIn(chunk.toString())) latest.current(mouse)
    }
    stdin.on("data", tap)
    return () => {
      stdin.off("data", tap)
    }
  }, [stdin])
}

// oxlint-disable-next-line no-control-regex
const report = /\x1b\[<(\d{1,4});(\d{1,5});(\d{1,5})([Mm])/gu

export const mouseIn = (chunk: string): ReadonlyArray<Mouse> =>
  Array.from(chunk.matchAll(report), ([, code, x, y, end]): Mouse => {
    const b = Number(code)
    const at = { x: Number(x) - 1, y: Number(y) - 1 }
    if ((b & 64) !== 0) return { kind: "wheel", dy: (b & 1) !== 0 ? 3 : -3, ...at }
    return { kind: (b & 32) !== 0 ? "move" : end === "M" ? "down" : "up", dy: 0, ...at }
  })

/**
 * Lets `run` have the terminal: `suspendTerminal(() => handOver(stdin, stdout, modes, run))`. Ink alone merely unrefs stdin and
 * this process would go on eating keys that are meant for the child.
 */
export const handOver = async (
  stdin: NodeJS.ReadableStream,
  stdout: NodeJS.WritableStream,
  modes: Modes,
  run: () => Promise<void>
): Promise<void> => {
  // The very same functions go back, or the effects that put them there could not take them away again.
  const taps = stdin.rawListeners("data").filter((tap): tap is (chunk: Buffer) => void => typeof tap === "function")
  for (const tap of taps) stdin.off("data", tap)
  await turn()
  stdin.pause() // Ink's 'readable' listener is gone only on the next tick, and only then does pause() stop the reading
  await turn()
  stdout.write(modes.leave)
  try {
    await run()
  } finally {
    while (stdin.read() !== null); // late answers of the terminal to the child's questions
    for (const tap of taps) stdin.on("data", tap)
    stdout.write(modes.enter + firstColumn)
  }
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

/** Ctrl-z: the whole job stops, as a shell expects; resolves when it goes on. */
export const stopJob = (): Promise<void> =>
  new Promise((resolve) => {
    process.once("SIGCONT", () => resolve())
    process.kill(0, "SIGTSTP")
  })

/** Stopped by somebody else, the shell has set the terminal's modes meanwhile: they are taken anew when it goes on. */
export const useContinued = (again: () => Promise<void>): void => {
  useEffect(() => {
    const taken = async (): Promise<void> => {
      // refused while it is lent to a child or stopped by ctrl-z: whoever lent it takes it back
      await again().catch(() => {})
    }
    process.on("SIGCONT", taken)
    return () => {
      process.off("SIGCONT", taken)
    }
  }, [again])
}

/** OSC 52: the terminal's own clipboard, also over SSH. */
export const clipboard = (text: string): string => `\x1b]52;c;${Buffer.from(text).toString("base64")}\x07`
