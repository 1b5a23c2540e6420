/**
 * The page about the tools, made of the table: it cannot tell a flag that does not exist.
 *
 * Owns: the page's words and layout. Does not own: the file (`scripts/docs-tools.ts` writes it).
 */
import { interactiveName } from "./interactive.ts"
import { propertiesOf } from "./params.ts"
import type { Tool } from "./Tool.ts"
import { builtInTools } from "./tools.ts"
import type { Schema } from "effect"

const sample = {
  command: "PROMPT",
  params: {},
  args: [],
  sessionId: "00000000-0000-4000-8000-000000000000"
}

/** The last line of the script is the program's own; the lines before are the same for all. */
const commandLine = (script: string): string =>
  (script.trimEnd().split("\n").at(-1) ?? "")
    .replace(/^exec /u, "")
    .replaceAll(/'([A-Za-z0-9_=./:-]+)'/gu, "$1")
    .replaceAll(sample.sessionId, "SESSION")

const cell = (text: string): string => text.replaceAll("|", "\\|").replaceAll("\n", " ")

const typeOf = (property: Schema.Json | undefined): string => {
  if (property === null || typeof property !== "object" || Array.isArray(property)) return ""
  const { type, enum: values, minimum, maximum } = property as Schema.JsonObject
  if (Array.isArray(values)) return values.map((value) => `\`${String(value)}\``).join(" ")
  if (type === "array") return "list of strings"
  if (minimum !== undefined || maximum !== undefined)
    return `${String(type)}, ${String(minimum ?? 0)} to ${String(maximum)}`
  return String(type)
}

const descriptionOf = (property: Schema.Json | undefined): string =>
  property !== null && typeof property === "object" && !Array.isArray(property)
    ? String((property as Schema.JsonObject)["description"] ?? "")
    : ""

const sessions: Readonly<Record<Tool["sessionId"], string>> = {
  chosen: "chosen by us before it starts",
  reported: "told by the tool when it starts",
  none: "none"
}

const section = (tool: Tool): string => {
  const launch = tool.launch(sample)
  const properties = Object.entries(propertiesOf(tool.params))
  const env = Object.entries(launch.env ?? {}).map(([name, value]) => `\`${name}=${value}\``)
  return [
    `## ${tool.name}`,
    "",
    `${tool.title}. ${tool.notes.join(" ")}`,
    "",
    ...(tool.binary === null
      ? []
      : [
          "```sh",
          `${commandLine(launch.script)} < prompt`,
          ...(tool.canResume
            ? [`${commandLine(tool.launch({ ...sample, resume: "SESSION" }).script)} < prompt   # resume`]
            : []),
          ...(Object.hasOwn(propertiesOf(tool.params), interactiveName)
            ? [`${commandLine(tool.launch({ ...sample, params: { [interactiveName]: true } }).script)}   # interactive`]
            : []),
          "```",
          "",
          `Program \`${tool.binary}\` · output \`${tool.format}\` · session id ${sessions[tool.sessionId]} · ${tool.canResume ? "can be resumed" : "cannot be resumed"}${env.length === 0 ? "" : ` · environment ${env.join(" ")}`}`,
          ""
        ]),
    ...(properties.length === 0
      ? ["No parameters.", ""]
      : [
          "| Parameter | Value | Meaning |",
          "|---|---|---|",
          ...properties.map(
            ([name, property]) => `| \`${name}\` | ${cell(typeOf(property))} | ${cell(descriptionOf(property))} |`
          ),
          ""
        ]),
    "| Exit code | Meaning |",
    "|---|---|",
    ...Object.entries(tool.exitCodes).map(([code, meaning]) => `| ${code} | ${cell(meaning)} |`),
    ""
  ].join("\n")
}

const head = `# Tools

<!-- Made by \`npx tsx scripts/docs-tools.ts\` of packages/core/src/tool/tools.ts. Do not edit. -->

A task names a tool; its command is the prompt. Parameters are a JSON object (\`--params '{"model":"opus"}'\`) that is checked
before anything starts: an unknown or impossible one is refused with a sentence. The prompt reaches every agent on its standard
input, byte for byte; context comes first, an empty line between. Nothing a person wrote is ever shell text, except for \`shell\`.

Before an agent starts, the marks of an agent that may have started *us* are removed from the environment (CLAUDECODE,
CODEX_SANDBOX and the like; settings and keys stay), \`NO_COLOR=1\` is set, and the usual places of installers are appended to
PATH (\`~/.local/bin\`, \`~/.opencode/bin\`, \`~/go/bin\` …). A prompt can never be answered on a terminal, because there is none
(but for \`interactive\`, below): what would need permission is denied by the agent, unless its parameters allow it. The tools
named \`…-full\` allow everything.

Tokens are reported alike for all: input is all that the models read, cached or not; cached is the part of it that came from the
vendor's cache. For a resumed Codex session the numbers are those of the whole session, because that is what Codex tells.

## Interactive tasks

With \`--params '{"interactive":true}'\` a tool that has this parameter runs on a terminal of its own, 200 columns by 50 rows until
somebody attaches: an agent with its own screen instead of its stream, its prompt as an argument (at most 131,071 bytes). What
the terminal shows, escape sequences and echo included, is the task's output, byte for byte.

- \`signalbox task attach ID\` joins the terminal: keys reach the program. \`Ctrl-b d\` leaves it running.
- \`signalbox task message ID TEXT\` types TEXT and Enter, once; in the terminal \`m\`, and in the detail of a task that asks \`y\` and
  \`n\`. Messages are typed in their order. Line breaks are typed as Enter, or as one paste where the program asks to be told of
  pastes. Control characters are refused: they are keys, and keys are for \`task attach\`. A program that reads whole lines takes at
  most 4,095 bytes of one; a longer one is not typed, and \`task show\` and the log say so.
- The terminal belongs to the task and not to tmux: when tmux ends, the task, its output, its exit code and its messages go on,
  and only attaching is lost. The host needs perl (perl-base).
- Tokens and cost are not known, nor the session, unless we chose its id: an interactive Claude or Qwen task can be resumed.
`

const ownTools = `## Tools of your own

Any command-line program can be a tool:

\`\`\`json
{
  "name": "aider",
  "title": "Aider",
  "binary": "aider",
  "prompt": "file",
  "argv": ["--message-file={prompt}", "--yes-always", "--no-pretty", ["--model", "{model}"], ["--dark-mode", "{?dark}"]],
  "format": "text",
  "params": {
    "type": "object",
    "properties": {
      "model": { "type": "string", "description": "Model name." },
      "dark": { "type": "boolean", "description": "Dark colors." }
    },
    "additionalProperties": false
  },
  "defaults": { "timeoutMs": 3600000, "maxTasks": 2 }
}
\`\`\`

- \`prompt\`: \`stdin\`; \`argument\` (\`{prompt}\` stands for it, at most 131,071 bytes); \`file\` (\`{prompt}\` is the name of a private
  file that is removed afterwards).
- \`{prompt}\`, \`{session}\` and \`{parameter}\` become part of exactly one argument, whatever they hold. A list within \`argv\` is a
  group: it is left out when a parameter in it is absent, and repeated for each element of a list. \`{?parameter}\` makes no
  argument but keeps its group only when the parameter is true.
- \`resume\`: the arguments that continue a session, with \`{session}\`. Without it the tool cannot be resumed.
- \`format\`: \`text\`, or the format of the agent whose stream it speaks: \`claude\`, \`codex\`, \`gemini\`, \`qwen\`, \`opencode\`.
- \`env\`, \`versionArgs\`, \`exitCodes\`, \`merge\` (errors and output in one) and \`defaults\` are optional.
- A built-in tool cannot be redefined.
`

export const toolsPage = (): string => [head, ...Object.values(builtInTools).map(section), ownTools].join("\n")
