/**
 * What performers must know of the agent that they are part of.
 *
 * Owns: the shape. Does not own: where an installation puts things (agent's configuration).
 */
export interface Surroundings {
  /** Backups and journals of configuration changes: made with mode 0700 when it is not there. */
  readonly stateDirectory: string
  /** What starts this agent, absolute paths: `restore ID` is added for the restore by itself. */
  readonly agentCommand: ReadonlyArray<string>
  /** Keys, receipts, programs and settings of the agent: no action reads or writes them. */
  readonly ownPaths: ReadonlyArray<string>
  /** Where configuration may be changed; tests use a directory of their own. */
  readonly configRoots?: ReadonlyArray<string>
  /** Told the name of each step of a configuration change when it is about to begin: crash tests end the process there. */
  readonly onStep?: (step: string) => void
}
