/**
 * `do "…"` and `plan approve ID` in their plainest form, at once: no framework is loaded, so that what the fleet does in a moment is on the
 * screen in a moment.
 *
 * Owns: giving or approving, a proposal where nobody is there to be asked, waiting a moment for the end, printing what came of it. Does not
 * own: every other form, questions to a person, what takes longer: `main.ts` goes on with it from the start, because nothing was said, the
 * command id is the same, and approving twice is approving once.
 * Invariant: what is printed and the exit code are those of `do.ts`.
 */
import { readFileSync } from "node:fs"
import { askAt, type Order, type Where } from "../read/ask.ts"
import { ReadFailed } from "../read/definition.ts"
import { found } from "../read/now.ts"
import { flag, json, list, number, record, type Shape, table, text } from "../read/shape.ts"
import { begin } from "./begun.ts"
import { howToApprove, preview, widthOf } from "./print.ts"
import { isProposal } from "./proposal.ts"
import { ending, exitCode, targetText } from "./result-text.ts"

export interface Printed {
  readonly out: string
  readonly err: string
  readonly code: 0 | 1 | 2
}

/** Where it runs. */
export interface Here {
  readonly hubOf: () => Where | undefined
  readonly print: (printed: Printed) => void
  readonly momentMs: number
  /** Whether there is a person to be asked. */
  readonly asks: () => boolean
}

/** @returns false: it is for `main.ts`; nothing was said */
export const planNow = async (args: ReadonlyArray<string>, here: Partial<Here> = {}): Promise<boolean> => {
  const { hubOf, print, momentMs, asks } = { ...terminal, ...here }
  const order = understood(args)
  const where = order === undefined ? undefined : hubOf()
  if (order === undefined || where === undefined) return false
  const hub = askAt(where)
  try {
    const given = await order(hub)
    if (given === undefined) return false
    if (isProposal(given.plan) && !asks()) {
      const said = [preview(given.plan, widthOf(process.stderr)), `It waits for approval: ${howToApprove(given.plan)}`]
      print({ out: "", err: `${said.join("\n")}\n`, code: 2 })
      return true
    }
    if (!["approved", "running"].includes(given.plan.status)) return false
    const { planId } = given.plan
    const query = { stream: `plan/${planId}`, type: "PlanFinished", from: given.position + 1 }
    if (!(await hub.sees("/api/v1/events", query, '"type":"PlanFinished"', momentMs))) return false
    const { plan } = await hub.get(`/api/v1/plans/${planId}`, {}, isShown)
    const of = { planId, hosts: plan.steps.flat().length }
    const lines = plan.steps
      .flat()
      .flatMap((target) => (target.finishedAt === undefined ? [] : [targetText(target, of)]))
    print({
      out: lines.map((line) => `${line}\n`).join(""),
      err: `${planId}: ${ending(plan)}\n`,
      code: exitCode(plan, false)
    })
    return true
  } catch (error) {
    if (error instanceof ReadFailed) return false // main.ts asks again and has the sentence
    throw error
  }
}

const onTerminal = ({ out, err, code }: Printed): void => {
  process.stdout.write(out)
  process.stderr.write(err)
  process.exitCode = code
}
const terminal: Here = {
  hubOf: found,
  print: onTerminal,
  momentMs: 1_500,
  asks: () => process.stdin.isTTY && process.stderr.isTTY
}

const isGiven = record({ position: number, plan: record({ planId: text, status: text }) })
const target = record(
  { host: text, state: text },
  { summary: text, tookMs: number, proven: flag, data: json, finishedAt: text }
)
const isShown = record({
  plan: record({ status: text, steps: list(list(target)) }, { counts: table(number), reason: text })
})
const isApprovable = record({ plan: record({ hash: text, status: text }) })

type Given = typeof isGiven extends Shape<infer A> ? A : never

const understood = (args: ReadonlyArray<string>): ((hub: Order) => Promise<Given | undefined>) | undefined => {
  const [first, second, ...rest] = args
  if (args.some((word) => word === "" || word.startsWith("-"))) return undefined
  if (first === "do" && second !== undefined) return instruction([second, ...rest].join(" "))
  const [planId] = rest
  return first === "plan" && second === "approve" && planId !== undefined && rest.length === 1
    ? approval(planId)
    : undefined
}

/** The kernel's, where it gives one: to load node's own takes as long as half of what is asked for. */
const newId = (): string => {
  try {
    return readFileSync("/proc/sys/kernel/random/uuid", "utf8").trim()
  } catch {
    return process.getBuiltinModule("node:crypto").randomUUID()
  }
}

const instruction = (words: string) => (hub: Order) => {
  const commandId = newId()
  begin(commandId)
  return hub.post("/api/v1/plans", { commandId, text: words }, isGiven)
}

const approval = (planId: string) => async (hub: Order) => {
  const path = `/api/v1/plans/${encodeURIComponent(planId)}`
  const { plan } = await hub.get(path, {}, isApprovable)
  return plan.status === "proposed"
    ? hub.post(`${path}/approve`, { commandId: newId(), hash: plan.hash }, isGiven)
    : undefined
}
