/**
 * Completion scripts for shells: those of effect/cli, where it matters made exact.
 *
 * Owns: what must differ from effect's scripts. Does not own: the scripts themselves, the table of commands.
 * Invariant: a word counts by its place, so that "host list" is not completed like "list".
 */
import { Completions } from "effect/cli"

export const completionScript = (shell: Completions.Shell, command: Completions.CommandDescriptor): string => {
  const script = Completions.generate(command.name, shell, withGlobalFlags(command))
  return shell === "fish" ? exactFish(command.name, script) : script
}

/** effect's descriptors leave the global flags out. */
const withGlobalFlags = (command: Completions.CommandDescriptor): Completions.CommandDescriptor => ({
  ...command,
  flags: [
    ...command.flags,
    {
      name: "json",
      aliases: [],
      description: "Answer with one JSON document",
      type: { _tag: "Boolean" },
      negation: false
    },
    { name: "help", aliases: ["h"], description: "Show help", type: { _tag: "Boolean" }, negation: false }
  ],
  subcommands: command.subcommands.map(withGlobalFlags)
})

/**
 * effect asks fish whether a noun or verb was seen anywhere. The first such question of a condition is about the first word,
 * the second about the second.
 */
const exactFish = (name: string, script: string): string => {
  const word = `__${name}_word_is`
  const ask = (condition: string): string => {
    let n = 0
    return condition.replaceAll("__fish_seen_subcommand_from", () => `${word} ${++n}`)
  }
  const lines = script
    .split("\n")
    .map((line) =>
      line.replace(/^(complete -c \S+ -n ')([^']*)/u, (_, start: string, condition: string) => start + ask(condition))
    )
  const question = `function ${word}
  set -l words (commandline -opc | string match -v -- '-*')
  set -l at (math $argv[1] + 1)
  test (count $words) -ge $at; and contains -- $words[$at] $argv[2..-1]
end`
  return `${question}\n${lines.join("\n")}`
}
