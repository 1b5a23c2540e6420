/** The parser of each output format: one table. */
import { claudeParser } from "./claude.ts"
import { codexParser } from "./codex.ts"
import { geminiParser } from "./gemini.ts"
import { opencodeParser } from "./opencode.ts"
import { qwenParser } from "./qwen.ts"
import { textParser } from "./text.ts"
import type { OutputFormat, OutputParser } from "../Tool.ts"

export const parsers: Readonly<Record<OutputFormat, OutputParser>> = {
  claude: claudeParser,
  codex: codexParser,
  gemini: geminiParser,
  qwen: qwenParser,
  opencode: opencodeParser,
  text: textParser
}
