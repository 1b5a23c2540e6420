/**
 * Where this installation lies: the directory with `migrations/` and the workspace's package.json.
 *
 * Owns: finding it from TypeScript sources (packages/core/src/config) and from a bundle (packages/cli/dist) alike.
 */
import { existsSync, readFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { Schema } from "effect"

/** The program was copied out of its installation. */
export class RootNotFound extends Schema.TaggedError<RootNotFound>()("RootNotFound", { from: Schema.String }) {
  override get message(): string {
    return `The installation around ${this.from} is not complete: no migrations directory was found above it. Install it again.`
  }
}

export interface Root {
  readonly directory: string
  readonly migrations: string
  readonly version: string
}

const Package = Schema.fromJsonString(Schema.Struct({ name: Schema.String, version: Schema.String }))
const decodePackage = Schema.decodeUnknownOption(Package)

/** @param from directory to begin at; the one of this file (or bundle) unless a test says otherwise @throws RootNotFound */
export const installationRoot = (from: string = import.meta.dirname): Root => {
  for (let at = from; ; at = dirname(at)) {
    const file = join(at, "package.json")
    const migrations = join(at, "migrations")
    if (existsSync(migrations) && existsSync(file)) {
      const found = decodePackage(readFileSync(file, "utf8"))
      if (found._tag === "Some" && found.value.name === "signalbox")
        return { directory: at, migrations, version: found.value.version }
    }
    if (dirname(at) === at) throw new RootNotFound({ from })
  }
}
