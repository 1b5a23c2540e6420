/**
 * How Node is started for the agent's processes, so that they are small: measured, see bench and the test of the bundle.
 *
 * Lite mode leaves out the optimizing compiler, which an agent that waits most of its time does not miss (8 MB less); the young generation
 * is small; one malloc arena serves all threads, and what was read and compiled at the start is given back to the system at once
 * (6 MB less), as is what a command needed when it is done. Resident with all of it, over TLS: 52 MB on Node 20, 58 MB on Node 24, whose
 * program alone is 42 MB.
 */
export const nodeFlags = ["--lite-mode", "--expose-gc", "--max-semi-space-size=1", "--max-old-space-size=64"]
/** Where Node keeps what it has compiled, from 22 on: a second start compiles nothing. Beside the process's own state, so nobody else's. */
export const compiledIn = (state: string): Readonly<Record<string, string>> => ({
  NODE_COMPILE_CACHE: `${state}/compiled`
})

export const nodeEnvironment = {
  MALLOC_ARENA_MAX: "1",
  MALLOC_MMAP_THRESHOLD_: "32768",
  MALLOC_TRIM_THRESHOLD_: "32768"
}
