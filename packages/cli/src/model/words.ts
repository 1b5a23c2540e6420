/** Models as people see them: numbered in one row, the current one marked, problems with their mend. Pure. */
import type { ProviderInfo } from "@signalbox/core/model/message.ts"
import { short } from "@signalbox/tui/format.ts"
import { oneLine } from "@signalbox/tui/text.ts"
import { table } from "../client/table.ts"

export const modelTable = (providers: ReadonlyArray<ProviderInfo>, current: string | null | undefined): string => {
  const models = providers.flatMap((provider) => provider.models)
  const problems = providers.flatMap((provider) =>
    provider.problem === null ? [] : [`${oneLine(provider.title, 60)}: ${oneLine(provider.problem, 400)}`]
  )
  const rows = models.map((model, at) => ({ ...model, number: String(at + 1), current: model.ref === current }))
  const unlisted = typeof current === "string" && !rows.some((row) => row.current)
  return [
    rows.length === 0
      ? problems.length > 0
        ? "No models."
        : "No models. Set GEMINI_API_KEY, ANTHROPIC_API_KEY, OPENAI_API_KEY or OLLAMA_HOST for the worker, then start it again."
      : table(
          [
            { title: "", cell: (row) => (row.current ? "*" : ""), color: () => "green" },
            { title: "NO", cell: (row) => row.number },
            { title: "MODEL", cell: (row) => row.ref, keep: true },
            { title: "TITLE", cell: (row) => row.title, flexible: true },
            { title: "WINDOW", cell: (row) => (row.window === null ? "" : short(row.window)) }
          ],
          rows
        ),
    ...(unlisted ? [`* ${oneLine(current, 200)} (not in the lists)`] : []),
    ...problems
  ].join("\n")
}
