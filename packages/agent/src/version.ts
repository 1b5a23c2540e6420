/** Of this agent: as package.json says, and told to the hub. */
export const version = "0.1.0"
