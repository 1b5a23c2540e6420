/**
 * Runs one performer on a host, as the helper of an agent would, and prints what it answered: bundled by the tests and copied there.
 *
 * Owns: nothing of the agent but calling it. Usage: `driver.mjs BASE64-OF-JSON`, or `driver.mjs restore ID` as the timer calls it.
 */
import { appendFileSync } from "node:fs"
import { catalog, decodeAction } from "@signalbox/core/action/catalog.ts"
import { recoverChanges, releaseGuard, restoreChange } from "@signalbox/agent/perform/config/back.ts"
import { afterInterruption } from "@signalbox/agent/perform/interrupted.ts"
import type { Performing } from "@signalbox/agent/perform/Performer.ts"
import { performersFor } from "@signalbox/agent/perform/performers.ts"
import type { Surroundings } from "@signalbox/agent/perform/Surroundings.ts"
import { Schema } from "effect"

const Act = Schema.Struct({
  action: Schema.String,
  args: Schema.Record(Schema.String, Schema.Json),
  commandId: Schema.String,
  guardMillis: Schema.optionalKey(Schema.Int),
  /** The step of a configuration change at which the process is killed with -9. */
  killAt: Schema.optionalKey(Schema.String),
  timeoutMs: Schema.optionalKey(Schema.Int)
})
const Order = Schema.Union([
  Act,
  /** One after the other. */
  Schema.Struct({ all: Schema.Array(Act) }),
  Schema.Struct({ interrupted: Schema.String }),
  Schema.Struct({ recover: Schema.Literal(true), killAt: Schema.optionalKey(Schema.String) }),
  Schema.Struct({ release: Schema.String })
])

const script = process.argv[1] ?? ""
const own = (killAt?: string): Surroundings => ({
  stateDirectory: "/var/lib/signalbox-test",
  agentCommand: [process.execPath, script],
  ownPaths: ["/etc/signalbox-agent", script],
  onStep: (step) => {
    appendFileSync("/tmp/steps", `${step}\n`)
    if (step === killAt) process.kill(process.pid, "SIGKILL")
  }
})

const perform = async (text: string): Promise<unknown> => {
  const order = Schema.decodeUnknownSync(Schema.fromJsonString(Order))(text)
  if ("recover" in order) return recoverChanges(own(order.killAt))
  if ("release" in order) return releaseGuard(own(), order.release)
  if ("interrupted" in order) return (await afterInterruption(own(), order.interrupted)) ?? null
  if ("action" in order) return act(order)
  const answers: Array<unknown> = []
  for (const one of order.all) answers.push(await act(one))
  return answers
}

const act = async (order: typeof Act.Type): Promise<unknown> => {
  const decoded = decodeAction(order.action, order.args)
  if (decoded._tag === "Failure") throw new Error(decoded.failure)
  const { name, args } = decoded.success
  const of: Performing = {
    commandId: order.commandId,
    signal: AbortSignal.timeout(order.timeoutMs ?? catalog[name].timeoutMs),
    ...(order.guardMillis === undefined ? {} : { guardMillis: order.guardMillis })
  }
  const performer = performersFor(own(order.killAt))[name] as (args: unknown, of: Performing) => Promise<unknown> // of the same name
  return performer(args, of)
}

const [first = "", second = ""] = process.argv.slice(2)
const answer =
  first === "restore" ? await restoreChange(own(), second) : await perform(Buffer.from(first, "base64").toString())
process.stdout.write(`${JSON.stringify(answer)}\n`)
