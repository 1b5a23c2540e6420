/**
 * The hosts of a test file end with it (vitest setupFiles): nobody's agents knock at a hub that is gone while the next file runs.
 * When a test fails, what its hosts have to say is printed: they are gone when a person looks.
 */
import { afterAll, afterEach } from "vitest"
import { remove, said, started } from "./support.ts"

afterEach(async ({ task }) => {
  if (task.result?.state !== "fail") return
  const told = await Promise.all(started().map(async (name) => `\n--- host ${name} ---\n${await said(name)}`))
  process.stderr.write(`\n"${task.name}" failed; its hosts say:${told.join("")}\n`)
})

// Before the hooks of the file itself, and so after them: the last that is done.
afterAll(async () => {
  await Promise.all(started().map(remove))
})
