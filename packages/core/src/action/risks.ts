/** The risks in their order: the names alone, for who builds no schemas (`Action.ts` does). */
export const risks = ["low", "medium", "high", "critical"] as const
