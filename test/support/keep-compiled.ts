/**
 * Imported last, it keeps what a child has compiled for those after it (`temporary.ts` says where): a process that is killed does not.
 */
import { flushCompileCache } from "node:module"

flushCompileCache()
