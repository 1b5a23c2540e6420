/** Appends single events through the log: `append.ts URL CALLERS SECONDS`. */
import { randomUUID } from "node:crypto"
import { Effect, ManagedRuntime } from "effect"
import { EventLog } from "@signalbox/core/log/EventLog.ts"
import { logLayer } from "../support.ts"
import { load, payload } from "./load.mjs"

const [url = "", callers = "64", seconds = "5"] = process.argv.slice(2)
const runtime = ManagedRuntime.make(logLayer(url))
const log = await runtime.runPromise(EventLog)
await load({
  callers: Number(callers),
  seconds: Number(seconds),
  one: (n: number, stream: string, version: number) =>
    Effect.runPromise(
      log.append({
        stream,
        expected: version,
        commandId: randomUUID(),
        actor: "bench",
        events: [{ type: "BenchHappened", data: payload(n) }]
      })
    )
})
await runtime.dispose()
