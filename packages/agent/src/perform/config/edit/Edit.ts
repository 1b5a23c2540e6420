/**
 * One value in a text of configuration: read it, set it, leave everything else byte for byte.
 *
 * Owns: the interface of the formats, and the errors in words. Does not own: files (`perform.ts`).
 * Invariants: `set` changes one statement or adds one; where it is not clear which one is meant it refuses and says what it found.
 */
import { Refused } from "../../outcome.ts"
import type { Format } from "../kinds.ts"
import { editLines } from "./lines.ts"
import { editNginx } from "./nginx.ts"
import { editSshd } from "./sshd.ts"

export interface Setting {
  readonly key: string
  readonly value: string
  readonly section?: string
}

export interface Edited {
  readonly text: string
  /** The value before; null: the statement was not there. */
  readonly was: string | null
}

export interface Edits {
  /** @throws Refused */
  readonly set: (text: string, setting: Setting) => Edited
  /** What the key says in the section; null: nothing. */
  readonly get: (text: string, of: Omit<Setting, "value">) => string | null
}

const formats: Readonly<Record<Format, Edits>> = {
  nginx: editNginx,
  sshd: editSshd,
  unit: editLines({ sections: true, comments: "none" }),
  php: editLines({ sections: true, comments: "; anywhere" }),
  mysql: editLines({ sections: true, comments: "# anywhere" }),
  ini: editLines({ sections: true, comments: "unknown" }),
  assignments: editLines({ sections: false, comments: "unknown" }),
  shell: editLines({ sections: false, comments: "# anywhere", shell: true })
}

/** Sets the value and reads it back: an edit that does not say what it was told to say is never used. */
export const edit = (format: Format, text: string, setting: Setting): Edited => {
  const edited = formats[format].set(text, setting)
  const back = formats[format].get(edited.text, setting)
  if (back !== setting.value)
    throw new Refused({
      why: `${setting.key} would read back as ${JSON.stringify(back)} and not as ${JSON.stringify(setting.value)}: this value does not fit into one statement of this file.`
    })
  return edited
}

export const valueOf = (format: Format, text: string, of: Omit<Setting, "value">): string | null =>
  formats[format].get(text, of)
