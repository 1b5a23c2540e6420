/** `signalbox list`: short for `signalbox task list`. */
export { list as command } from "./task.ts"
