/** What the id of a log looks like: a UUID, safe as a word of a shell and as a directory. Apart, because clients read it without a database. */
import { Schema } from "effect"

export const LogId = Schema.String.check(Schema.isUUID())
