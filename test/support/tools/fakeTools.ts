/**
 * The fake agents as tests use them.
 *
 * Owns: where they are, and their names. What they do is in `fake.pl` (marks in the prompt) and in each script.
 * They are perl and coreutils only: copy `fakeToolFiles` into one directory of a test host's PATH.
 */
import { fileURLToPath } from "node:url"

export const fakeToolsDirectory = fileURLToPath(new URL(".", import.meta.url))

/** `fake.pl` is what they share; it must lie beside them. */
export const fakeToolFiles = [
  "fake.pl",
  "claude",
  "codex",
  "gemini",
  "qwen",
  "opencode",
  "crush",
  "blackbox",
  "ollama"
] as const
