/** A long task on a host outlives its worker, its network and its database, and not a byte of what it said is lost or doubled. */
import { afterAll, beforeAll, expect, it } from "vitest"
import { type Home, type Role, dispose, makeHome, signalbox, start, startHub, until } from "../support/signalbox.ts"
import { showLogsOnFailure } from "../support/logs.ts"
import { type TestServer, startServer } from "../support/postgres-server.ts"
import { type FleetHost, cut, heal, host, ssh } from "./support.ts"
import { addHost, createTask, hasStatus, sha256, showTask } from "./tasks.ts"

let server: TestServer
let box: FleetHost
let home: Home

beforeAll(async () => {
  ;[server, box] = await Promise.all([startServer(), host("cable")])
  home = await makeHome({ database: server.url })
  await startHub(home)
})
afterAll(async () => {
  await dispose(home)
  await server.stop()
})

const lines = 2000
/** 2,000 lines in 90 s, to stdout and to a file; every tenth line is written in two halves that cut a character in the middle. */
const talker = `exec perl -MTime::HiRes=sleep -e '
  open my $copy, ">:raw", "/root/said" or die; binmode STDOUT;
  sub say2 { my $b = shift; syswrite STDOUT, $b; syswrite $copy, $b }
  for my $n (1 .. ${lines}) {
    my $line = "$n žluťoučký kůň 漢字かな 🚂🚦 " . ("é" x ($n % 60)) . "\\n";
    if ($n % 10) { say2($line) } else { my $at = index($line, "\\xf0") + 2; say2(substr $line, 0, $at); sleep 0.01; say2(substr $line, $at) }
    sleep 0.045;
  }
  exit 0'`

it("a task of 90 s outlives kill -9 of the worker, 20 s without cable and a restart of Postgres, byte for byte", async () => {
  showLogsOnFailure(home)
  const first = await start(home, "worker")
  await addHost(home, box)
  const taskId = await createTask(home, box.name, "shell", talker)
  await hasStatus(home, taskId, "running", 60_000)
  const follower = await start(home, "task", "logs", "-f", taskId)

  await stored(taskId, 200)
  await first.kill9()
  const second = await start(home, "worker")
  await stored(taskId, 500)

  await cut(box.name)
  const before = await storedLines(taskId)
  await without(20_000)
  expect((await showTask(home, taskId)).status).toBe("running")
  expect(await storedLines(taskId)).toBeLessThan(before + 100) // the cable really was out
  await heal(box.name)
  await stored(taskId, before + 400) // and what was said meanwhile came after

  await server.restart()
  await stored(taskId, 1700)

  const waited = await signalbox(home, "task", "wait", taskId)
  expect(waited.code).toBe(0)
  const [logs, said, task] = await Promise.all([
    signalbox(home, "task", "logs", taskId),
    ssh(box.name, "sha256sum /root/said; wc -lc /root/said"),
    showTask(home, taskId)
  ])
  const [digest, , count, bytes] = said.trim().split(/\s+/)
  expect(Number(count)).toBe(lines)
  expect(sha256(logs.bytes)).toBe(digest)
  expect(task).toMatchObject({
    status: "succeeded",
    exitCode: 0,
    output: { out: { bytes: Number(bytes), sha256: digest } }
  })
  expect(await follower.ended).toBe(0)
  expect(sha256(follower.stdout())).toBe(digest)
  await expectAlive(second)
})

const storedLines = async (taskId: string): Promise<number> =>
  (await signalbox(home, "task", "logs", taskId)).stdout.split("\n").length - 1

const stored = (taskId: string, count: number) =>
  until(`${count} lines of ${taskId} are stored`, 180_000, async () =>
    (await storedLines(taskId)) >= count ? true : undefined
  )

/** The world's time, not ours: the cable stays out this long. */
const without = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

const expectAlive = async (role: Role): Promise<void> => {
  expect(await Promise.race([role.ended, Promise.resolve("alive")])).toBe("alive")
}
