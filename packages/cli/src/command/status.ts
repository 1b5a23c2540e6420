/** `signalbox status [NAME]`: the whole at a glance, or one host or task. */
import * as reads from "../read/table.ts"
import { reading } from "./reading.ts"

export const command = reading(reads.status)
