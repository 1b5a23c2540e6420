/**
 * How Node is started for the agent's processes, so that they are small: measured, see bench and the test of the bundle.
 *
 * Lite mode leaves out the optimizing compiler, which an agent that waits most of its time does not miss (8 MB less); the young generation
 * is small, and one malloc arena serves all threads.
 */
export const nodeFlags = ["--lite-mode", "--max-semi-space-size=1", "--max-old-space-size=64"]
export const nodeEnvironment = { MALLOC_ARENA_MAX: "1" }
