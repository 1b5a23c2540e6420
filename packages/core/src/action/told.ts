/**
 * What whoever approves an action is told of it: whether it changes anything, what proves it, how it is taken back.
 *
 * Owns: these words, as a part of the catalogue by itself. Does not own: the rest of it (`catalog.ts`, which takes them from here).
 * Invariant: nothing is imported, because a proposal is shown by a command that begins at once and builds no schemas.
 */
export interface Told {
  readonly effect: "reads" | "acts"
  readonly proof: string
  readonly undo: string
}

const read: Told = { effect: "reads", proof: "what was read", undo: "nothing is changed" }
const act = (proof: string, undo: string): Told => ({ effect: "acts", proof, undo })

export const told = {
  "service.status": read,
  "service.list": read,
  "service.start": act(
    "the unit is active, still the same run a moment later, or has done its work and ended well, and began with the act; or it ran before, which is said. It is told, too, when it falls over within 10 s",
    "service.stop"
  ),
  "service.stop": act("the unit is inactive and its main process is gone", "service.start"),
  "service.restart": act(
    "the unit is active, still the same run a moment later, or has done its work and ended well, and its InvocationID has changed. It is told, too, when it falls over within 10 s",
    "none needed"
  ),
  "service.reload": act("the unit is active with the same InvocationID and the reload was done", "none"),
  "service.enable": act("the unit file is enabled", "service.disable"),
  "service.disable": act("the unit file is disabled", "service.enable"),
  "config.read": read,
  "config.validate": read,
  "config.write": act(
    "the validator agrees, the file has the new SHA-256, its service was reloaded and is active",
    "config.restore, and by itself when a check fails"
  ),
  "config.set": act(
    "the validator agrees, the key reads back with the new value, its service was reloaded and is active",
    "config.restore, and by itself when a check fails"
  ),
  "config.add-site": act(
    "nginx -t agrees, nginx was reloaded and is active, and it answers for the domain",
    "config.restore, and by itself when a check fails"
  ),
  "config.backups": read,
  "config.restore": act(
    "the file has the SHA-256 of the backup, the validator agrees, its service was reloaded and is active",
    "config.restore"
  ),
  "log.query": read,
  "system.info": read,
  "system.usage": read,
  "system.reboot": act("the agent is back with another boot id", "none"),
  "process.list": read,
  "process.signal": act("for TERM, KILL and INT: that very process is gone", "none"),
  "network.ping": read,
  "network.dns": read,
  "network.port": read,
  "network.http": read,
  "network.listening": read,
  "network.routes": read,
  "package.list": read,
  "package.upgradable": read,
  "package.install": act("dpkg says that each is installed, with its version", "none"),
  "package.update": act("dpkg says the new versions, and nothing that was to be upgraded is left", "none"),
  "file.list": read,
  "file.read": read,
  "file.disk-usage": read,
  "shell.run": act("none: the exit code and output are all there is", "none")
}

const byName = new Map<string, Told>(Object.entries(told))
/** Undefined: it is not in the catalogue. */
export const toldOf = (name: string): Told | undefined => byName.get(name)

/** What nobody knows may do anything. */
export const effectOf = (name: string): Told["effect"] => toldOf(name)?.effect ?? "acts"
