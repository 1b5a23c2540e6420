/** graphile-worker on an idle system: `graphile.mjs URL SAMPLES`; one job at a time, from `addJob` to the task's first line. */
import { run } from "graphile-worker"

const [url = "", samples = "200"] = process.argv.slice(2)
let started
const runner = await run({
  connectionString: url,
  concurrency: 4,
  noHandleSignals: true,
  logger: { scope: () => undefined, error: console.error, warn: () => {}, info: () => {}, debug: () => {} },
  taskList: { ping: async () => started?.(performance.now()) }
}).catch(async () => {
  // The logger's shape differs between versions; the default one writes to stderr only.
  return run({
    connectionString: url,
    concurrency: 4,
    noHandleSignals: true,
    taskList: { ping: async () => started?.(performance.now()) }
  })
})
const times = []
for (let n = 0; n < Number(samples) + 20; n++) {
  const arrived = new Promise((resolve) => (started = resolve))
  const began = performance.now()
  await runner.addJob("ping", { n })
  const took = (await arrived) - began
  if (n >= 20) times.push(took)
  await new Promise((resolve) => setTimeout(resolve, 25))
}
await runner.stop()
process.stdout.write(`${JSON.stringify(times)}\n`)
