/** `signalbox kill`: short for `signalbox task kill`. */
export { kill as command } from "./task.ts"
