/** Drives callers that each do one thing after the other, in three acts: warm up, wait for "go", measure. Shared by every child. */
import { once } from "node:events"

/**
 * @param {{ callers: number, seconds: number, one: (n: number, stream: string, version: number) => Promise<unknown> }} options
 */
export const load = async ({ callers, seconds, one }) => {
  let n = 0
  const mark = `${process.pid}-${Date.now().toString(36)}`
  const counts = Array.from({ length: callers }, () => 0)
  const drive = async (duration, times) => {
    const end = performance.now() + duration * 1000
    await Promise.all(
      Array.from({ length: callers }, async (_, caller) => {
        while (performance.now() < end) {
          const began = performance.now()
          const k = counts[caller]++
          await one(n++, `bench/${mark}-${caller}-${Math.floor(k / life)}`, k % life)
          times.push(performance.now() - began)
        }
      })
    )
  }
  await drive(1, [])
  process.stdout.write("ready\n")
  await once(process.stdin, "data")
  const times = []
  const began = performance.now()
  await drive(seconds, times)
  const took = (performance.now() - began) / 1000
  times.sort((a, b) => a - b)
  const at = (q) => times[Math.min(times.length - 1, Math.floor(q * times.length))]
  process.stdout.write(`${JSON.stringify({ perSecond: times.length / took, p50: at(0.5), p99: at(0.99) })}\n`)
}

/** Events per stream: as many as a task has. */
const life = 10

/** The payload of every append benchmark. */
export const payload = (n) => ({
  taskId: `task-20261120-143022-${n.toString(36).padStart(6, "0")}`,
  status: "running",
  report: {
    sessionId: "0b6ff2a7-3a3c-4b36-9f0e-0d4a2f2f8f11",
    inputTokens: n,
    answer: "The build is green again. žluťoučký 🚂"
  }
})
