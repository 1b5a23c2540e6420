/**
 * The stand-ins as a process, for trying the product by hand without keys: prints what to put into the environment.
 *
 *   npx node test/support/providers/main.ts [--port 48100] [anthropic] [gemini] [openai] [openrouter] [vllm] [ollama]
 *
 * On SIGUSR2 they tell what they counted. They answer as `answerOf` says: `say 50 words every 40`, `call NAME {…}`, `fault quota`, "the port is 80", "what is the port?".
 */
import { parseArgs } from "node:util"
import { type ProviderKind, startProvider } from "./stand-in.ts"

const kinds: ReadonlyArray<ProviderKind> = ["anthropic", "gemini", "openai", "openrouter", "vllm", "ollama"]
const { values, positionals } = parseArgs({
  options: { port: { type: "string", default: "0" } },
  allowPositionals: true
})
const unknown = positionals.filter((name) => !kinds.some((kind) => kind === name))
const first = Number(values.port)
if (unknown.length > 0 || !Number.isInteger(first) || first < 0 || first > 65_530) {
  process.stderr.write(`usage: main.ts [--port N] [${kinds.join("] [")}]\n`)
  process.exit(2)
}
const wanted = positionals.length === 0 ? kinds : kinds.filter((kind) => positionals.includes(kind))
const started = await Promise.all(
  wanted.map((kind, index) => startProvider(kind, { port: first === 0 ? 0 : first + index }))
)
/** What the reports of the product must agree with. */
const tell = () => {
  for (const provider of started)
    for (const [model, { requests, input, output, cached }] of provider.counted())
      process.stderr.write(
        `${provider.kind}/${model}: ${requests} requests, ${input} in (${cached} cached), ${output} out\n`
      )
}
process.on("SIGUSR2", tell)
const stop = () => void Promise.all(started.map((provider) => provider.close())).then(() => process.exit(0))
process.on("SIGINT", stop)
process.on("SIGTERM", stop)
for (const provider of started)
  for (const [name, value] of Object.entries(provider.env)) process.stdout.write(`export ${name}=${value}\n`)
