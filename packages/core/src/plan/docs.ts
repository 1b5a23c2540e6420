/**
 * The page about the actions, made of the catalogue and the phrasebook: it cannot tell an action or a phrase that does not exist.
 *
 * Owns: the page's words and layout. Does not own: the file (`scripts/docs-actions.ts` writes it).
 */
import { Schema } from "effect"
import { type Action, type Risk } from "../action/Action.ts"
import { risks } from "../action/risks.ts"
import {
  AbsolutePath,
  DnsName,
  HttpUrl,
  Needle,
  NetworkName,
  PackageName,
  Sha256,
  Since,
  UnitName
} from "../action/arguments.ts"
import { type ActionName, actionNames, catalog } from "../action/catalog.ts"
import { argsSchema } from "../action/info.ts"
import { gateOf } from "./gate.ts"
import { longestInstruction } from "./events.ts"
import type { Pattern } from "./phrasebook/pattern.ts"
import { phrases } from "./phrasebook/phrases.ts"
import { readLimits } from "./phrasebook/read.ts"

type Entry = Omit<Action<never>, "args" | "raises" | "key">

const cell = (text: string): string => text.replaceAll("|", "\\|").replaceAll("\n", " ")
const object = (value: unknown): Schema.JsonObject =>
  value !== null && typeof value === "object" && !Array.isArray(value) ? (value as Schema.JsonObject) : {}

/** The shortest way to say it: what may be left out is left out. */
const said = (pattern: Pattern): string =>
  pattern
    .filter((part) => !part.optional)
    .map((part) =>
      part._tag === "Words"
        ? (part.oneOf[0] ?? []).join(" ")
        : part.kind === "quoted"
          ? `"${part.name.toUpperCase()}"`
          : (instead[part.kind] ?? part.name.toUpperCase())
    )
    .join(" ")
    .replaceAll(" 's ", "'s ")

/** Slots that take some words only: one of them says more than their name. */
const instead: { readonly [kind: string]: string } = { tells: "df -h" }

const examples = (name: ActionName): ReadonlyArray<string> => [
  ...new Set(phrases.filter(({ action }) => action === name).map(({ pattern }) => said(pattern)))
]

/** What a person reads instead of a pattern. */
const known: ReadonlyArray<readonly [schema: Schema.Codec<string>, words: string]> = [
  [UnitName, "systemd unit, like `nginx.service`"],
  [AbsolutePath, "absolute path without `..`"],
  [PackageName, "name of a Debian package"],
  [NetworkName, "host name or IP address"],
  [DnsName, "name in the DNS or IP address"],
  [HttpUrl, "http or https URL"],
  [Needle, "1 to 500 characters on one line"],
  [Since, "`today`, `yesterday`, like `2 hours ago`, or an ISO 8601 time"],
  [Sha256, "SHA-256 in hexadecimal digits"]
]
const wordsOf = (pattern: string): string =>
  known.find(([schema]) => object(Schema.toJsonSchemaDocument(schema).schema)["pattern"] === pattern)?.[1] ??
  `\`${pattern}\``

const kind = (property: Schema.JsonObject): string => {
  const { type, enum: values, minimum, maximum, minLength, maxLength, pattern, items } = property
  if (Array.isArray(values)) return values.map((value) => `\`${String(value)}\``).join(" ")
  if (type === "array") return `list of ${kind(object(items)) || "values"}`
  if (minimum !== undefined || maximum !== undefined)
    return `${String(type)}, ${String(minimum ?? 0)} to ${String(maximum)}`
  if (typeof pattern === "string") return wordsOf(pattern)
  if (maxLength !== undefined) return `${String(type)}, ${String(minLength ?? 0)} to ${String(maxLength)} characters`
  return String(type ?? "")
}

const seconds = (millis: number): string =>
  millis % 60_000 === 0 && millis > 60_000 ? `${millis / 60_000} min` : `${millis / 1000} s`

const section = (name: ActionName): string => {
  const entry: Entry = catalog[name]
  const schema = object(argsSchema(name))
  const required = Array.isArray(schema["required"]) ? schema["required"] : []
  const args = Object.entries(object(schema["properties"]))
  const phrasings = examples(name)
  const reads = entry.effect === "reads"
  const line = [
    reads ? "reads" : "acts",
    `risk ${entry.risk}`,
    entry.privilege === "root" ? "carried out by root's helper" : "carried out without rights",
    `at most ${seconds(entry.timeoutMs)}`,
    ...(entry.optIn === true ? ["off until a host allows it"] : [])
  ].join(" · ")
  return [
    `### ${name}`,
    "",
    entry.description,
    "",
    `${line[0]?.toUpperCase() ?? ""}${line.slice(1)}.`,
    "",
    ...(reads
      ? []
      : [
          ...(entry.before === undefined ? [] : [`- Looked at before: \`${entry.before}\``]),
          `- Proof: ${entry.proof}`,
          `- Taken back by: ${entry.undo}`,
          ""
        ]),
    ...(args.length === 0
      ? []
      : [
          "| Argument | | Value |",
          "|---|---|---|",
          ...args.map(
            ([arg, property]) =>
              `| \`${arg}\` | ${required.includes(arg) ? "" : "optional"} | ${cell(kind(object(property)))} |`
          ),
          ""
        ]),
    phrasings.length === 0
      ? "The phrasebook has no words for it: a model or a draft proposes it."
      : `Said like: ${phrasings.map((one) => `*${cell(one)}*`).join(" · ")}`,
    ""
  ].join("\n")
}

const groups: ReadonlyArray<readonly [prefix: string, title: string]> = [
  ["service", "Services"],
  ["config", "Configuration"],
  ["log", "Logs"],
  ["system", "System"],
  ["process", "Processes"],
  ["network", "Network"],
  ["package", "Packages"],
  ["file", "Files"],
  ["shell", "Free text"]
]

const head = `# Actions

<!-- Made by \`npx tsx scripts/docs-actions.ts\` of packages/core/src/action/catalog.ts. Do not edit. -->

What a plan may hold. \`signalbox do "…"\` turns words into these by the phrasebook, or by a model where that does not understand;
\`POST /api/v1/plans\` takes them as a draft. Nothing else ever reaches a host, and arguments that do not fit are refused twice: by the
hub before a plan is shown, by the host's agent before it acts. The phrasebook reads up to ${readLimits.characters} characters (${readLimits.words} words), a model up to
${longestInstruction.toLocaleString("en-US")} characters; with two readings nothing is chosen. A command that is not only asked to tell something (\`df -h\`, \`uptime\`) stands in quotes.

The risk is that of the action itself. Arguments (sshd, network, the agent's own files), targets tagged \`prod\`, many targets, hosts that
have not been heard of, and the machine of the hub or its database raise it; \`signalbox do --dry-run\` shows it with each reason.

| Risk | Who agrees |
|---|---|
`

const who = (risk: Risk): string => {
  const { approval, typed, role, minutes } = gateOf({ risk, steps: [] })
  const reads = risk === "low" ? "nobody, when it only reads; else " : ""
  const second = approval === "second" ? ", somebody else than who asked for it unless there is one account alone" : ""
  return `${reads}an account with the role ${role} or above${typed ? ", who types the short code" : ""}${second}; within ${minutes} minutes`
}

export const actionsPage = (): string => {
  const rest = actionNames.filter((name) => !groups.some(([prefix]) => name.startsWith(`${prefix}.`)))
  if (rest.length > 0) throw new Error(`These actions have no group on the page: ${rest.join(" ")}`)
  const sections = groups.map(([prefix, title]) => {
    const own = actionNames.filter((name) => name.startsWith(`${prefix}.`))
    return [`## ${title}`, "", ...own.map(section)].join("\n")
  })
  const rows = actionNames.map((name) => {
    const entry: Entry = catalog[name]
    return `| [\`${name}\`](#${name.replaceAll(".", "")}) | ${cell(entry.title)} | ${entry.risk} |`
  })
  const gates = risks.map((risk) => `| ${risk} | ${who(risk)} |`)
  const table = ["| Action | | Risk |", "|---|---|---|", ...rows]
  return `${head}${gates.join("\n")}\n\n${table.join("\n")}\n\n${sections.join("\n")}`
}
