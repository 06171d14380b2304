/** What stands in the place of a secret that has come back. */
export const markOf = (name: string): string => `[secret ${name}]`;
