/**
 * The real program on a real terminal: one private tmux server per test.
 *
 * Owns: starting, keys, screens, the exit code. Does not own: what runs.
 * Invariants: the pane outlives the program, so that the terminal's modes and the exit code can be read after it; waiting is on
 * what is seen, with a deadline.
 */
import { execFile } from "node:child_process"
import { promisify } from "node:util"

const run = promisify(execFile)
const target = "=t:"

export class Pane {
  private readonly socket: string

  constructor(name: string) {
    this.socket = `${name}-${process.pid}`
  }

  readonly tmux = async (...args: ReadonlyArray<string>): Promise<string> => {
    const env = { ...process.env, TMUX: "", LC_ALL: "C.UTF-8" }
    return (await run("tmux", ["-L", this.socket, "-f", "/dev/null", ...args], { env })).stdout
  }

  readonly start = (
    argv: ReadonlyArray<string>,
    columns = 100,
    rows = 30,
    env: Readonly<Record<string, string>> = {}
  ): Promise<string> => {
    const variables = Object.entries(env).flatMap(([name, value]) => ["-e", `${name}=${value}`])
    const session = ["new-session", "-d", "-s", "t", "-x", String(columns), "-y", String(rows), ...variables]
    // a Ctrl-C that the program does not read reaches the shell, too
    const program = ["sh", "-c", `trap : INT; "$@"; echo "exit $?"; exec sleep 600`, "sh", ...argv]
    return this.tmux("start-server", ";", "set", "-g", "escape-time", "0", ";", ...session, ...program)
  }

  readonly screen = (): Promise<string> => this.tmux("capture-pane", "-p", "-t", target)
  /** By name: Enter, C-c, Escape, Up. */
  readonly keys = (...names: ReadonlyArray<string>): Promise<string> => this.tmux("send-keys", "-t", target, ...names)
  readonly type = (text: string): Promise<string> => this.tmux("send-keys", "-t", target, "-l", "--", text)
  /** Bracketed, where the program asked for it. */
  readonly paste = async (text: string): Promise<void> => {
    await this.tmux("set-buffer", "-b", "x", text)
    await this.tmux("paste-buffer", "-p", "-d", "-b", "x", "-t", target)
  }
  readonly resize = (columns: number, rows: number): Promise<string> =>
    this.tmux("resize-window", "-t", target, "-x", String(columns), "-y", String(rows))
  /** #{alternate_on} #{cursor_flag} #{wrap_flag} #{mouse_any_flag} */
  readonly info = async (format: string): Promise<string> =>
    (await this.tmux("display-message", "-p", "-t", target, format)).trim()

  readonly until = async (test: RegExp, ms = 60_000): Promise<string> => {
    for (const end = Date.now() + ms; ; await new Promise((resolve) => setTimeout(resolve, 40))) {
      const shot = await this.screen()
      if (test.test(shot)) return shot
      if (Date.now() > end) throw new Error(`did not see ${String(test)} in:\n${shot}`)
    }
  }
  /** The program's exit code, when it has ended. `#{pane_dead_status}` of tmux 3.3a is not to be trusted. */
  readonly ended = async (): Promise<number> => {
    const shot = await this.until(/^exit \d+/mu)
    return Number(/^exit (\d+)/mu.exec(shot)?.[1])
  }
  readonly stop = (): Promise<unknown> => this.tmux("kill-server").catch(() => undefined)
}
