/** What the ids of agents and of their commands look like. Imports nothing but Schema: agents bundle it. */
import { Schema } from "effect"

export const AgentId = Schema.String.check(Schema.isMinLength(1), Schema.isMaxLength(100))
export const CommandId = Schema.String.check(Schema.isUUID())
