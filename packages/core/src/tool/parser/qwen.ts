/**
 * The stream of `qwen --output-format=stream-json`: Claude's shape, but `input_tokens` counts cached input already (it is the
 * prompt's count of the API), errors come as `error.message`, and there is no cost.
 */
import { makeClaudeParser } from "./claude.ts"

export const qwenParser = makeClaudeParser({ inputIncludesCache: true })
