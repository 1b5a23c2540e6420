/**
 * How fast a task starts on a real host over SSH, against doing it by hand. Needs root (the fleet).
 *
 * Both sides start the same command, which says when it runs, by one clock; a connection that is open all the time brings the
 * message, so that nobody who asks "has it started?" takes part of the two cores from what is measured. Before each of them the
 * machine is left alone for a moment: what one side does after its start is not done during the other's.
 */
import { type ChildProcess, execFile, spawn } from "node:child_process"
import { createInterface } from "node:readline"
import { join } from "node:path"
import { promisify } from "node:util"
import { type FleetHost, host } from "../test/fleet/support.ts"
import { type Home, hubFetch, until } from "../test/support/signalbox.ts"
import { add, create, withWorker } from "./support-hosts.ts"
import { type Row, median, millis, quantile } from "./support.ts"

const run = promisify(execFile)
const samples = 40
const warmUps = 15
const restMs = 300

export const rows = (): Promise<ReadonlyArray<Row>> => withWorker(launching)

const launching = async (home: Home): Promise<ReadonlyArray<Row>> => {
  const box = await host("launch")
  await add(home, box, (samples + warmUps) * 2)
  const control = join(home.path, "control")
  const byHand = (command: string): Promise<unknown> => run("ssh", [...sshOptions(box, control), command])
  await byHand("tmux new-session -d -s keep sleep 3600") // the connection and the tmux server are warm
  const starts = await listen(box)
  try {
    const [ours, hand]: [Array<number>, Array<number>] = [[], []]
    for (let n = 0; n < samples + warmUps; n++) {
      await rest()
      const a = await timed(starts, `ours-${n}`, (command) => create(home, box.name, command))
      await recorded(home, a.made)
      await rest()
      const b = await timed(starts, `hand-${n}`, (command) => byHand(`tmux new-session -d -s hand-${n} '${command}'`))
      if (n < warmUps) continue
      ours.push(a.ms)
      hand.push(b.ms)
    }
    const ratio = median(ours) / median(hand)
    const shown = (times: ReadonlyArray<number>): string =>
      `p50 ${millis(median(times))}, p90 ${millis(quantile(times, 0.9))}`
    return [
      {
        what: "task created by HTTP → its process runs on an SSH host, connection warm, against `ssh -o ControlMaster` + `tmux new-session -d`",
        ours: shown(ours),
        against: shown(hand),
        ratio,
        target: "≤ 1.5×",
        ok: ratio <= 1.5
      }
    ]
  } finally {
    starts.stop()
  }
}

const rest = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, restMs))

/** From the wish to the moment that the started process writes down. */
const timed = async <A>(
  starts: Starts,
  name: string,
  begin: (command: string) => Promise<A>
): Promise<{ readonly ms: number; readonly made: A }> => {
  const told = starts.of(name)
  const began = performance.timeOrigin + performance.now()
  const made = await begin(`date "+${name} %s%N" >/root/starts; exec sleep 300`)
  return { ms: (await told) - began, made }
}

/** What follows a start of ours (its event, its read models) is over. */
const recorded = async (home: Home, taskId: string): Promise<void> => {
  await until(`${taskId} is recorded as running`, 20_000, async () => {
    const answer = await hubFetch(home, `/api/v1/tasks/${taskId}`)
    return /"status":"(running|waiting)"/.test(await answer.text()) ? true : undefined
  })
}

interface Starts {
  /** Milliseconds since 1970, when the process of this name has written them. */
  readonly of: (name: string) => Promise<number>
  readonly stop: () => void
}

/** A named pipe on the host whose lines come over a connection of its own. */
const listen = async (box: FleetHost): Promise<Starts> => {
  const waiting = new Map<string, (at: number) => void>()
  const reading = "rm -f /root/starts; mkfifo /root/starts && exec 3<>/root/starts && echo listening && exec cat <&3"
  const child: ChildProcess = spawn("ssh", [...sshOptions(box), reading], { stdio: ["ignore", "pipe", "inherit"] })
  if (child.stdout === null) throw new Error("ssh has no output")
  const lines = createInterface({ input: child.stdout })
  const listening = new Promise<void>((resolve, reject) => {
    child.once("exit", (code) => reject(new Error(`the connection that tells of starts ended with ${code}`)))
    lines.on("line", (line) => {
      const [name = "", nanos] = line.split(" ")
      if (name === "listening") resolve()
      else waiting.get(name)?.(Number(nanos) / 1e6)
    })
  })
  await listening
  return {
    of: (name) =>
      new Promise((resolve, reject) => {
        const timer = setTimeout(() => reject(new Error(`${name} did not start within 20 s`)), 20_000)
        waiting.set(name, (at) => {
          clearTimeout(timer)
          resolve(at)
        })
      }),
    stop: () => child.kill()
  }
}

/** @param control of the connection that is shared, as a person would have it */
const sshOptions = (box: FleetHost, control?: string): ReadonlyArray<string> =>
  [
    "BatchMode=yes",
    "StrictHostKeyChecking=no",
    "UserKnownHostsFile=/dev/null",
    "LogLevel=ERROR",
    ...(control === undefined ? [] : ["ControlMaster=auto", `ControlPath=${control}`, "ControlPersist=60"])
  ]
    .flatMap((option) => ["-o", option])
    .concat("-i", box.keyFile, `root@${box.address}`)
