import { expect, it } from "vitest"
import { mustBe } from "./words.ts"

it("what a schema expects is said as a person would", () => {
  expect(
    [
      "Expected a value between 1 and 9",
      "Expected a string representing a finite number",
      "Expected a value with a length of at least 1",
      "Expected a value with a length of at least 3",
      "Expected a value with a length of at most 200",
      "An instruction has at most 10,000 characters"
    ].map(mustBe)
  ).toEqual([
    "must be a value between 1 and 9",
    "must be a number",
    "must not be empty",
    "must not be shorter than 3",
    "must not be longer than 200",
    "An instruction has at most 10,000 characters"
  ])
})
