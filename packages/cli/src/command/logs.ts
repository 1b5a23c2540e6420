/** `signalbox logs`: short for `signalbox task logs`. */
export { logs as command } from "./task.ts"
